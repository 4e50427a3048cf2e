"""The log's table: one contract, run on the fake and on DynamoDB as the local server has it; then its failures."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from postern.edges.log_table import DynamoLogTable
from postern.errors import IntegrityError, StateUnavailable
from postern.log_ports import Head, LogTable, empty_head
from postern.tlog.hashing import leaf_hash
from postern_local.aws.server import AwsServer
from tests.support.aws import client, unique
from tests.support.log_fakes import LogStore, MemoryLogTable
from tests.support.scripted import Scripted

LOG = "prod-2026"
FIRST = Head(LOG, 3, leaf_hash(b"3"), is_applied=False)
SECOND = Head(LOG, 5, leaf_hash(b"5"), is_applied=False)


@pytest.fixture(scope="module")
def dynamodb(aws: AwsServer) -> Any:
    return client(aws, "dynamodb")


@pytest.fixture(params=["memory", "dynamodb"])
def table(request: pytest.FixtureRequest) -> LogTable:
    """An empty table."""
    if request.param == "memory":
        return MemoryLogTable(LogStore())
    dynamodb, name = request.getfixturevalue("dynamodb"), unique("log")
    dynamodb.create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return DynamoLogTable(dynamodb, name)


def begun(table: LogTable, head: Head = FIRST) -> Head:
    """The table with this head, applied."""
    assert table.commit(empty_head(LOG), head)
    table.mark_applied(head)
    return replace(head, is_applied=True)


class TestContract:
    def test_a_log_that_has_not_begun_has_the_empty_head(self, table):
        assert table.head(LOG) == empty_head(LOG)

    @pytest.mark.parametrize("is_closed", [False, True])
    def test_a_committed_head_stands_as_it_was_given(self, table, is_closed):
        new = replace(FIRST, is_closed=is_closed)
        assert table.commit(empty_head(LOG), new)
        assert table.head(LOG) == new

    def test_a_log_begins_once(self, table):
        begun(table)
        assert not table.commit(empty_head(LOG), SECOND)
        assert table.head(LOG) == replace(FIRST, is_applied=True)

    def test_the_head_moves_on_from_an_applied_one(self, table):
        head = begun(table)
        assert table.commit(head, SECOND)
        assert table.head(LOG) == SECOND

    @pytest.mark.parametrize(
        "expected",
        [
            pytest.param(replace(FIRST, size=4), id="another size"),
            pytest.param(replace(FIRST, root=leaf_hash(b"x")), id="another root"),
        ],
    )
    def test_the_head_does_not_move_from_another_than_stands(self, table, expected):
        head = begun(table)
        assert not table.commit(expected, SECOND)
        assert table.head(LOG) == head

    def test_the_head_does_not_move_from_one_that_is_not_applied(self, table):
        assert table.commit(empty_head(LOG), FIRST)
        assert not table.commit(replace(FIRST, is_applied=True), SECOND)
        assert table.head(LOG) == FIRST

    def test_of_two_from_the_same_head_one_succeeds(self, table):
        head = begun(table)
        assert table.commit(head, SECOND)
        assert not table.commit(head, replace(SECOND, root=leaf_hash(b"other")))
        assert table.head(LOG) == SECOND

    def test_marking_is_without_effect_on_another_head_and_may_be_done_again(self, table):
        table.mark_applied(FIRST)
        assert table.head(LOG) == empty_head(LOG)
        head = begun(table)
        assert table.commit(head, SECOND)
        table.mark_applied(FIRST)
        table.mark_applied(replace(SECOND, root=leaf_hash(b"other")))
        assert table.head(LOG) == SECOND
        table.mark_applied(SECOND)
        table.mark_applied(SECOND)
        assert table.head(LOG) == replace(SECOND, is_applied=True)

    def test_a_mark_keeps_that_the_log_is_closed(self, table):
        head = begun(table, replace(FIRST, is_closed=True))
        assert table.head(LOG) == head

    def test_logs_have_heads_of_their_own(self, table):
        begun(table)
        assert table.head("prod-2027") == empty_head("prod-2027")

    @pytest.mark.parametrize("count", [0, 1, 25, 26, 101])
    def test_positions_are_found_for_the_keys_that_have_one(self, table, count):
        places = {f"wal/v1/{LOG}/{n}": n for n in range(count)}
        table.put_positions(places)
        assert table.positions([*places, "wal/v1/other"]) == places

    def test_a_key_asked_for_twice_is_answered_once(self, table):
        table.put_positions({"wal/a": 0})
        assert table.positions(["wal/a", "wal/a"]) == {"wal/a": 0}

    @pytest.mark.parametrize("key", ["wal/☃ +%", "wal/\n\x01", "w" * 1024, "wal/" + "é" * 510])
    def test_any_key_that_S3_takes_has_a_position(self, table, key):  # noqa: N802 - a name
        table.put_positions({key: 7})
        assert table.positions([key]) == {key: 7}

    def test_positions_may_be_written_again(self, table):
        for _ in range(2):
            table.put_positions({"wal/a": 2**53})
        assert table.positions(["wal/a"]) == {"wal/a": 2**53}


def failure(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code}}, "X")


def scripted(*answers: Any) -> tuple[DynamoLogTable, Scripted, list[float]]:
    dynamodb, pauses = Scripted(list(answers)), []
    return DynamoLogTable(dynamodb, "t", pause=pauses.append), dynamodb, pauses


class TestDynamo:
    def test_every_read_is_strongly_consistent(self):
        table, dynamodb, _ = scripted({}, {"Responses": {}})
        table.head(LOG)
        table.positions(["wal/a"])
        (_, head), (_, places) = dynamodb.asked
        assert head["ConsistentRead"] is True
        assert places["RequestItems"]["t"]["ConsistentRead"] is True

    def test_what_the_table_did_not_get_to_is_asked_for_again(self):
        rest = {"t": {"Keys": [{"pk": {"S": "entry#wal/b"}}], "ConsistentRead": True}}
        found = [{"t": [{"pk": {"S": f"entry#wal/{one}"}, "place": {"N": n}}]} for one, n in (("a", "1"), ("b", "2"))]
        table, dynamodb, pauses = scripted(
            {"Responses": found[0], "UnprocessedKeys": rest}, {"Responses": found[1], "UnprocessedKeys": {}}
        )
        assert table.positions(["wal/a", "wal/b"]) == {"wal/a": 1, "wal/b": 2}
        assert dynamodb.asked[1][1]["RequestItems"] == rest
        assert pauses == [0.05]

    def test_what_the_table_did_not_get_to_is_written_again(self):
        rest = {"t": [{"PutRequest": {"Item": {"pk": {"S": "entry#wal/b"}, "place": {"N": "2"}}}}]}
        table, dynamodb, _ = scripted({"UnprocessedItems": rest}, {})
        table.put_positions({"wal/a": 1, "wal/b": 2})
        assert dynamodb.asked[1][1]["RequestItems"] == rest

    @pytest.mark.parametrize("call", ["read", "write"])
    def test_a_table_that_stays_throttled_is_unavailable_and_nothing_is_taken_for_absent(self, call):
        reads = {"Responses": {}, "UnprocessedKeys": {"t": {"Keys": [{"pk": {"S": "entry#wal/a"}}]}}}
        answer = reads if call == "read" else {"UnprocessedItems": {"t": [{}]}}
        table, dynamodb, pauses = scripted(*[answer] * 5)
        with pytest.raises(StateUnavailable):
            table.positions(["wal/a"]) if call == "read" else table.put_positions({"wal/a": 1})
        assert (len(dynamodb.asked), pauses) == (5, [0.05, 0.1, 0.2, 0.4])

    @pytest.mark.parametrize(
        "error",
        [
            pytest.param(failure("ProvisionedThroughputExceededException"), id="throttled"),
            pytest.param(failure("TransactionConflictException"), id="a transaction in the way"),
            pytest.param(failure("InternalServerError"), id="their fault"),
            pytest.param(failure("AccessDeniedException"), id="no right"),
            pytest.param(ReadTimeoutError(endpoint_url="dynamodb"), id="no answer"),
        ],
    )
    @pytest.mark.parametrize(
        "call",
        [
            pytest.param(lambda table: table.head(LOG), id="head"),
            pytest.param(lambda table: table.commit(FIRST, SECOND), id="commit"),
            pytest.param(lambda table: table.mark_applied(FIRST), id="mark"),
            pytest.param(lambda table: table.positions(["wal/a"]), id="positions"),
            pytest.param(lambda table: table.put_positions({"wal/a": 1}), id="put"),
        ],
    )
    def test_a_failure_is_never_an_answer(self, call, error):
        table, _, _ = scripted(error)
        with pytest.raises(StateUnavailable):
            call(table)

    @pytest.mark.parametrize(
        "change",
        [
            pytest.param({"size": {"N": "03"}}, id="size with a leading zero"),
            pytest.param({"size": {"N": "-3"}}, id="size below zero"),
            pytest.param({"size": {"N": "3.0"}}, id="size with a fraction"),
            pytest.param({"size": {"S": "3"}}, id="size as text"),
            pytest.param({"root": {"S": "ab"}}, id="short root"),
            pytest.param({"root": {"S": "AB" * 32}}, id="root in capitals"),
            pytest.param({"applied": {"S": "true"}}, id="applied as text"),
            pytest.param({"closed": {"NULL": True}}, id="closed as nothing"),
        ],
    )
    def test_a_head_of_another_form_is_not_read(self, change):
        good = {
            "size": {"N": "3"},
            "root": {"S": FIRST.root.hex()},
            "applied": {"BOOL": False},
            "closed": {"BOOL": False},
        }
        assert scripted({"Item": good})[0].head(LOG) == FIRST
        with pytest.raises(IntegrityError):
            scripted({"Item": good | change})[0].head(LOG)
