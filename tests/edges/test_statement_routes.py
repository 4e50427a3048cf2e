"""What the two calls that carry SQL parse to, and what a retry of a write is shown."""

from __future__ import annotations

import json

import pytest

from postern.edges.statement_routes import QUERY, TRANSACTION, route_of
from postern.errors import BadRequest
from postern.ports import Finished, Lookup, Parameter
from postern.types import CommandId

RECORDED = {
    "status": "ok",
    "writes": True,
    "settled": True,
    "statements": [
        {
            "command_id": "c1",
            "row_count": 2,
            "affected": 2,
            "receipt": {
                "intent_sha256": "a" * 64,
                "outcome_sha256": "b" * 64,
                "settled_sha256": "c" * 64,
                "log": "prod-2026",
            },
        }
    ],
}


def event(body: object, **headers: str) -> dict[str, object]:
    return {"body": json.dumps(body), "multiValueHeaders": {name: [value] for name, value in headers.items()}}


def test_a_query_is_a_call_of_one_statement():
    call = QUERY.call(event({"sql": "SELECT $1", "params": [7], "max_rows": 3}))
    [statement] = call.statements
    assert (statement.sql, statement.parameters, statement.max_rows) == ("SELECT $1", (Parameter("7"),), 3)
    assert call.idempotency is None


def test_a_transaction_keeps_the_order_of_its_statements():
    call = TRANSACTION.call(event({"statements": [{"sql": "SELECT 1"}, {"sql": "SELECT 2"}]}))
    assert [one.sql for one in call.statements] == ["SELECT 1", "SELECT 2"]
    assert (call.wanted.statements, call.wanted.rows, call.wanted.lookups) == (2, 20_000, 0)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"statements": []}, id="none"),
        pytest.param({"statements": [{"sql": "SELECT 1"}] * 51}, id="too-many"),
        pytest.param({"statements": [{"sql": "SELECT 1", "wait": True}]}, id="unknown-field"),
        pytest.param({"sql": "SELECT 1"}, id="a-query"),
    ],
)
def test_refuses_a_transaction_of_another_shape(body):
    with pytest.raises(BadRequest):
        TRANSACTION.call(event(body))


def test_a_key_stands_for_the_call_and_its_body():
    key = {"Idempotency-Key": "k"}
    body = {"statements": [{"sql": "SELECT 1"}]}
    first, again = (TRANSACTION.call(event(body, **key)).idempotency for _ in range(2))
    other = TRANSACTION.call(event({"statements": [{"sql": "SELECT 2"}]}, **key)).idempotency
    assert first == again
    assert first.body_hmac != other.body_hmac


def test_a_parameter_of_just_lookup_and_value_is_a_lookup():
    params = [{"lookup": "pii.email", "value": "ann@example.com"}, {"lookup": "x", "value": "y", "z": 1}, None]
    call = QUERY.call(event({"sql": "SELECT 1", "params": params}))
    sought, other, null = call.statements[0].parameters
    assert isinstance(sought, Lookup)
    assert (sought.class_name, sought.value.reveal()) == ("pii.email", "ann@example.com")
    assert "ann" not in repr(sought)
    assert isinstance(other, Parameter)
    assert null == Parameter(None)
    assert call.statements[0].lookups == {1: "pii.email"}
    assert call.wanted.lookups == 1


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({"lookup": "pii.email", "value": 7}, id="number"),
        pytest.param({"lookup": None, "value": "x"}, id="no-class"),
        pytest.param({"lookup": "pii.email", "value": "a\0b"}, id="nul"),
        pytest.param({"lookup": "pii.email", "value": "x" * 10_001}, id="long"),
    ],
)
def test_refuses_a_lookup_of_another_form_and_names_its_place(value):
    with pytest.raises(BadRequest) as caught:
        QUERY.call(event({"sql": "SELECT 1", "params": [1, value]}))
    assert caught.value.detail.startswith("params[1]: ")


@pytest.mark.parametrize(
    ("resource", "route"),
    [("/v1/tasks/{id}/query", QUERY), ("/v1/tasks/{id}/transaction", TRANSACTION)],
    ids=["query", "transaction"],
)
def test_the_path_tells_which_call_it_is(resource, route):
    assert route_of({"resource": resource}) is route


def test_a_replayed_write_shows_its_records_and_no_rows():
    body = json.loads(QUERY.body(Finished(CommandId("c1"), RECORDED), now_s=0))
    assert (body["command_id"], body["affected"], body["replayed"], body["settled"]) == ("c1", 2, True, True)
    assert (body["rows"], body["row_count"], body["truncated"], body["remaining"]) == ([], 2, True, None)
    assert body["receipt"] == {**RECORDED["statements"][0]["receipt"], "digest_key": None}  # type: ignore[index]


def test_a_replayed_transaction_shows_each_statement():
    body = json.loads(TRANSACTION.body(Finished(CommandId("c1"), RECORDED), now_s=0))
    assert [one["command_id"] for one in body["statements"]] == ["c1"]
    assert body["replayed"]


def test_refuses_more_lookups_than_a_call_has_time_for():
    lookup = {"lookup": "pii.email", "value": "x"}
    body = {"statements": [{"sql": "SELECT 1", "params": [lookup] * 251}] * 2}
    with pytest.raises(BadRequest):
        TRANSACTION.call(event(body))


def test_a_number_that_no_decimal_can_hold_is_the_callers_error():
    with pytest.raises(BadRequest):
        QUERY.call({"body": '{"sql": "SELECT 1", "params": [1e-999999999999999999999]}', "multiValueHeaders": {}})
