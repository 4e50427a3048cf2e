"""One contract, run on the fake that service tests use and on KMS and DynamoDB as moto answers for them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from postern.edges.seal_items import encryption_context
from postern.edges.seal_keys import KmsSealKeys, seal_keys
from postern.edges.seal_table import DynamoSealTable
from postern.errors import EvidenceUnavailable, PolicyUnavailable, StateUnavailable
from postern.seal_ports import SealKeys, SealTable
from postern.types import CommandId, Erasure, StatementText, TaskId
from tests.support.aws import unique
from tests.support.domain import TASK_ID
from tests.support.seals import FakeSeals

OTHER = TaskId("0199a0b0c0d07000800000000000000b")
ERASURE = Erasure(1_790_000_000_000_000, "ann", "Art. 17")
EVENT = CommandId("0199a0b0-c0d0-7000-8000-00000000000e")


@dataclass
class Aws:
    """A seal table of its own, and a seal key."""

    dynamodb: Any
    kms: Any
    key: str
    table: str

    def environment(self, **changes: str) -> KmsSealKeys:
        """An execution environment: what it holds in memory is its own."""
        names = {"table": self.table, "kms_key": self.key, "deployment": "shop", "log": "prod-2026"} | changes
        return KmsSealKeys(self.kms, self.dynamodb, **names)

    def seals(self) -> DynamoSealTable:
        return DynamoSealTable(self.dynamodb, self.table)


@pytest.fixture(scope="module")
def clients() -> Iterator[tuple[Any, Any, str]]:
    with mock_aws(), pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        kms: Any = boto3.client("kms", region_name="us-east-1")
        yield boto3.client("dynamodb", region_name="us-east-1"), kms, kms.create_key()["KeyMetadata"]["Arn"]


@pytest.fixture
def aws(clients: tuple[Any, Any, str]) -> Aws:
    dynamodb, kms, key = clients
    table = unique("seals")
    dynamodb.create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": one, "AttributeType": "S"} for one in ("pk", "sk")],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    )
    return Aws(dynamodb, kms, key, table)


@dataclass
class Both:
    """The keys of one environment and the table; `restart` gives another environment."""

    keys: SealKeys
    table: SealTable
    aws: Aws | None

    def restart(self) -> SealKeys:
        if self.aws is not None:
            return self.aws.environment()
        assert isinstance(self.keys, FakeSeals)
        self.keys.forget()
        return self.keys


@pytest.fixture(params=["fake", "aws"])
def both(request: pytest.FixtureRequest) -> Both:
    if request.param == "fake":
        fake = FakeSeals()
        return Both(fake, fake, None)
    aws = request.getfixturevalue("aws")
    return Both(aws.environment(), aws.seals(), aws)


def test_an_environment_keeps_one_key_a_task(both):
    first = both.keys.key_of(TASK_ID)
    assert both.keys.key_of(TASK_ID) == first
    assert len(first.key) == 32
    assert both.keys.key_of(OTHER).key != first.key


def test_another_environment_has_a_key_of_its_own(both):
    first = both.keys.key_of(TASK_ID)
    again = both.restart().key_of(TASK_ID)
    assert (again.id != first.id, again.key != first.key) == (True, True)


def test_tells_whether_a_task_has_keys(both):
    assert not both.table.has_keys(TASK_ID)
    both.keys.key_of(TASK_ID)
    assert both.table.has_keys(TASK_ID)
    assert not both.table.has_keys(OTHER)


def test_deletes_the_keys_of_one_task(both):
    ids = {both.keys.key_of(TASK_ID).id, both.restart().key_of(TASK_ID).id}
    both.keys.key_of(OTHER)
    both.table.mark_erased(TASK_ID, ERASURE)
    assert set(both.table.delete_keys(TASK_ID)) == ids
    assert not both.table.has_keys(TASK_ID)
    assert both.table.has_keys(OTHER)


def test_tells_of_all_that_ever_were_when_asked_again(both):
    ids = (both.keys.key_of(TASK_ID).id,)
    both.table.mark_erased(TASK_ID, ERASURE)
    assert both.table.delete_keys(TASK_ID) == both.table.delete_keys(TASK_ID) == ids


def test_a_marked_task_gets_no_new_key(both):
    both.table.mark_erased(TASK_ID, ERASURE)
    with pytest.raises(EvidenceUnavailable):
        both.restart().key_of(TASK_ID)
    assert not both.table.has_keys(TASK_ID)
    both.restart().key_of(OTHER)


def test_the_first_mark_stands(both):
    assert both.table.erasure(TASK_ID) is None
    assert both.table.mark_erased(TASK_ID, ERASURE) == ERASURE
    assert both.table.mark_erased(TASK_ID, replace(ERASURE, reason="another", at_us=1)) == ERASURE
    assert both.table.erasure(TASK_ID) == ERASURE


def test_the_mark_keeps_its_event(both):
    key = both.keys.key_of(TASK_ID).id
    both.table.mark_erased(TASK_ID, ERASURE)
    both.table.delete_keys(TASK_ID)
    both.table.finish_erasure(TASK_ID, EVENT)
    assert both.table.erasure(TASK_ID) == replace(ERASURE, key_ids=(key,), event_id=EVENT)


def test_what_is_kept_is_wrapped_and_opens_in_its_context_alone(aws):
    made = aws.environment().key_of(TASK_ID)
    wrapped = aws.seals().wrapped(TASK_ID, made.id)
    context = encryption_context("shop", "prod-2026", TASK_ID)
    assert context == {"deployment": "shop", "log": "prod-2026", "task": TASK_ID}
    assert aws.kms.decrypt(CiphertextBlob=wrapped, EncryptionContext=context)["Plaintext"] == made.key
    for name in context:
        with pytest.raises(ClientError):
            aws.kms.decrypt(CiphertextBlob=wrapped, EncryptionContext={**context, name: "other"})
    assert made.key not in b"".join(repr(item).encode() for item in aws.dynamodb.scan(TableName=aws.table)["Items"])
    assert made.key not in wrapped


def test_nothing_is_told_of_a_key_that_is_gone(aws):
    key = aws.environment().key_of(TASK_ID).id
    table = aws.seals()
    table.mark_erased(TASK_ID, ERASURE)
    table.delete_keys(TASK_ID)
    assert table.wrapped(TASK_ID, key) is None


def test_deletes_more_keys_than_one_answer_of_the_table_holds(aws):
    # An answer ends at 1 MB.
    for n, length in enumerate((300_000, 390_000, 390_000, 390_000)):
        item = {"pk": {"S": f"seal#{TASK_ID}"}, "sk": {"S": f"{n:032}"}, "wrapped": {"B": bytes(length)}}
        aws.dynamodb.put_item(TableName=aws.table, Item=item)
    table = aws.seals()
    table.mark_erased(TASK_ID, ERASURE)
    assert len(table.delete_keys(TASK_ID)) == 4
    assert not table.has_keys(TASK_ID)


def test_forgets_the_keys_of_tasks_long_not_seen(aws):
    environment = aws.environment()
    first = environment.key_of(TASK_ID)
    for n in range(20):
        environment.key_of(TaskId(f"{n:032x}"))
    assert environment.key_of(TASK_ID) != first


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"kms_key": "arn:aws:kms:us-east-1:123456789012:key/absent"}, id="kms"),
        pytest.param({"table": "absent"}, id="table"),
    ],
)
def test_no_key_where_either_is_away(aws, change):
    with pytest.raises(EvidenceUnavailable):
        aws.environment(**change).key_of(TASK_ID)


@pytest.mark.parametrize("call", ["erasure", "has_keys", "delete_keys"])
def test_says_where_the_table_is_away(aws, call):
    with pytest.raises(StateUnavailable):
        getattr(DynamoSealTable(aws.dynamodb, "absent"), call)(TASK_ID)


def test_marks_nothing_where_the_table_is_away(aws):
    with pytest.raises(StateUnavailable):
        DynamoSealTable(aws.dynamodb, "absent").mark_erased(TASK_ID, ERASURE)


ENVIRONMENT = {"POSTERN_SEAL_TABLE": "seals", "POSTERN_SEAL_KEY": "arn:aws:kms:us-east-1:123456789012:key/k"}


def settings(mode: StatementText) -> Any:
    return SimpleNamespace(statement_text=mode, deployment="shop", log="prod-2026")


def test_a_deployment_that_seals_gets_its_keys_where_its_environment_says(clients):
    made = seal_keys(boto3.Session(region_name="us-east-1"), settings(StatementText.SEALED), ENVIRONMENT)
    assert made is not None
    assert (made.table, made.kms_key) == tuple(ENVIRONMENT.values())
    assert (made.deployment, made.log) == ("shop", "prod-2026")


@pytest.mark.parametrize("name", ENVIRONMENT)
def test_a_deployment_that_seals_does_not_start_without_table_or_key(clients, name):
    less = {other: value for other, value in ENVIRONMENT.items() if other != name}
    with pytest.raises(PolicyUnavailable, match=name):
        seal_keys(boto3.Session(region_name="us-east-1"), settings(StatementText.SEALED), less)


@pytest.mark.parametrize("mode", [StatementText.FULL, StatementText.NORMALIZED])
def test_a_deployment_that_does_not_seal_needs_neither(mode):
    assert seal_keys(boto3.Session(region_name="us-east-1"), settings(mode), {}) is None
