"""One contract, run on the fake that service tests use and on KMS and DynamoDB."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from postern.edges.seal_items import encryption_context
from postern.edges.seal_keys import KmsSealKeys
from postern.edges.seal_table import DynamoSealTable
from postern.errors import EvidenceUnavailable, StateUnavailable
from postern.seal_ports import SealKeys, SealTable
from postern.types import CommandId, Erasure, TaskId
from tests.support.domain import TASK_ID
from tests.support.places import Place, places
from tests.support.seals import FakeSeals

OTHER = TaskId("0199a0b0c0d07000800000000000000b")
ERASURE = Erasure(1_790_000_000_000_000, "ann", "Art. 17")
EVENT = CommandId("0199a0b0-c0d0-7000-8000-00000000000e")


@dataclass
class Aws:
    """An empty seal table, and a seal key."""

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


def aws_at(place: Place) -> Aws:
    return Aws(place.client("dynamodb"), place.client("kms"), place.seal_key(), place.seal_table())


@pytest.fixture(params=places("kms"))
def sealing(request: pytest.FixtureRequest) -> Aws:
    return aws_at(request.getfixturevalue(request.param))


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


@pytest.fixture(params=["fake", *places("kms")])
def both(request: pytest.FixtureRequest) -> Both:
    if request.param == "fake":
        fake = FakeSeals()
        return Both(fake, fake, None)
    aws = aws_at(request.getfixturevalue(request.param))
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


def test_what_is_kept_is_wrapped_and_opens_in_its_context_alone(sealing):
    made = sealing.environment().key_of(TASK_ID)
    wrapped = sealing.seals().wrapped(TASK_ID, made.id)
    context = encryption_context("shop", "prod-2026", TASK_ID)
    assert context == {"deployment": "shop", "log": "prod-2026", "task": TASK_ID}
    assert sealing.kms.decrypt(CiphertextBlob=wrapped, EncryptionContext=context)["Plaintext"] == made.key
    for name in context:
        with pytest.raises(ClientError):
            sealing.kms.decrypt(CiphertextBlob=wrapped, EncryptionContext={**context, name: "other"})
    assert made.key not in b"".join(
        repr(item).encode() for item in sealing.dynamodb.scan(TableName=sealing.table)["Items"]
    )
    assert made.key not in wrapped


def test_nothing_is_told_of_a_key_that_is_gone(sealing):
    key = sealing.environment().key_of(TASK_ID).id
    table = sealing.seals()
    table.mark_erased(TASK_ID, ERASURE)
    table.delete_keys(TASK_ID)
    assert table.wrapped(TASK_ID, key) is None


def test_deletes_more_keys_than_one_answer_of_the_table_holds(sealing):
    # An answer ends at 1 MB.
    for n, length in enumerate((300_000, 390_000, 390_000, 390_000)):
        item = {"pk": {"S": f"seal#{TASK_ID}"}, "sk": {"S": f"{n:032}"}, "wrapped": {"B": bytes(length)}}
        sealing.dynamodb.put_item(TableName=sealing.table, Item=item)
    table = sealing.seals()
    table.mark_erased(TASK_ID, ERASURE)
    assert len(table.delete_keys(TASK_ID)) == 4
    assert not table.has_keys(TASK_ID)


def test_forgets_the_keys_of_tasks_long_not_seen(sealing):
    environment = sealing.environment()
    first = environment.key_of(TASK_ID)
    for n in range(20):
        environment.key_of(TaskId(f"{n:032x}"))
    assert environment.key_of(TASK_ID) != first


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"kms_key": "arn:sealing:kms:us-east-1:123456789012:key/absent"}, id="kms"),
        pytest.param({"table": "absent"}, id="table"),
    ],
)
def test_no_key_where_either_is_away(sealing, change):
    with pytest.raises(EvidenceUnavailable):
        sealing.environment(**change).key_of(TASK_ID)


@pytest.mark.parametrize("call", ["erasure", "has_keys", "delete_keys"])
def test_says_where_the_table_is_away(sealing, call):
    with pytest.raises(StateUnavailable):
        getattr(DynamoSealTable(sealing.dynamodb, "absent"), call)(TASK_ID)


def test_marks_nothing_where_the_table_is_away(sealing):
    with pytest.raises(StateUnavailable):
        DynamoSealTable(sealing.dynamodb, "absent").mark_erased(TASK_ID, ERASURE)
