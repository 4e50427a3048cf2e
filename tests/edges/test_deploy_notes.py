"""One contract for the note of a deployment, run on the fake and on DynamoDB as moto answers for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from postern.audit.deploy_bodies import Deployed
from postern.deploy_ports import DeployNote, DeployNotes
from postern.edges.deploy_items import DynamoDeployNotes
from postern.errors import StateUnavailable
from postern.types import CommandId, Sha256Hex
from tests.support.deploys import MemoryDeployNotes

ONE, TWO, THREE, FOUR = (Sha256Hex(digit * 64) for digit in "1234")
AFTER = Deployed("0.1.0+1", ONE, TWO, THREE, {"/opt/ca/é.pem": FOUR})
NOTE = DeployNote(CommandId("019aab11-5d00-7000-8000-000000000001"), 1_790_000_000_000_000, AFTER, None, "d-ABC")


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with mock_aws(), pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        client = boto3.client("dynamodb", region_name="us-east-1")
        client.create_table(
            TableName="log",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        )
        yield client


@pytest.fixture(params=["memory", "dynamodb"])
def notes(request: pytest.FixtureRequest) -> Iterator[DeployNotes]:
    if request.param == "memory":
        yield MemoryDeployNotes()
        return
    client = request.getfixturevalue("client")
    yield DynamoDeployNotes(client, "log", "shop")
    client.delete_item(TableName="log", Key={"pk": {"S": "deploy#shop"}})


def test_is_none_before_the_first(notes: DeployNotes) -> None:
    assert notes.get() is None


def test_gives_back_what_was_put(notes: DeployNotes) -> None:
    later = replace(NOTE, before=AFTER, deployment_id=None, is_recorded=True, revision=1)

    for note in (NOTE, later):
        assert notes.put(note)
        assert notes.get() == note


@pytest.mark.parametrize("revision", [0, 2], ids=["the same", "one further"])
def test_is_changed_only_from_the_revision_before(notes: DeployNotes, revision: int) -> None:
    notes.put(NOTE)

    assert not notes.put(replace(NOTE, deployment_id="d-OTHER", revision=revision))
    assert notes.get() == NOTE


def test_a_later_revision_is_not_put_where_there_is_none(notes: DeployNotes) -> None:
    assert not notes.put(replace(NOTE, revision=1))
    assert notes.get() is None


def test_a_note_of_a_later_version_is_read(client: Any) -> None:
    """After a rollback the function of before finds what the one after it wrote."""
    notes = DynamoDeployNotes(client, "log", "later")
    notes.put(NOTE)
    item = client.get_item(TableName="log", Key={"pk": {"S": "deploy#later"}})["Item"]
    item["doc"]["S"] = item["doc"]["S"][:-1] + ',"added":{"by":"a later version"}}'
    client.put_item(TableName="log", Item=item)

    assert notes.get() == NOTE


def test_a_table_that_is_not_there_is_away(client: Any) -> None:
    notes = DynamoDeployNotes(client, "nowhere", "shop")

    with pytest.raises(StateUnavailable):
        notes.get()
    with pytest.raises(StateUnavailable):
        notes.put(NOTE)
