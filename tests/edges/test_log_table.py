"""The log's table: what DynamoDB may answer otherwise. The contract is in tests/contract."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from postern.edges.log_table import DynamoLogTable
from postern.errors import IntegrityError, StateUnavailable
from postern.log_ports import Head
from postern.tlog.hashing import leaf_hash
from tests.support.scripted import Scripted

LOG = "prod-2026"
FIRST = Head(LOG, 3, leaf_hash(b"3"), is_applied=False)
SECOND = Head(LOG, 5, leaf_hash(b"5"), is_applied=False)


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
