"""What a caller sees of the whole stack over HTTP, beside answers and faults."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request

import pytest

from postern_local.demo.caller import Caller
from tests.support import direct


def get(url: str, headers: dict[str, str] | None = None):
    request = urllib.request.Request(url, headers=headers or {})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, dict(answer.headers), json.load(answer)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, dict(refused.headers), json.load(refused)


def query(agent, task, sql, **body):
    return agent.call("POST", f"/v1/tasks/{task}/query", {"sql": sql, **body})


def test_anyone_may_read_health_contract_and_issuers(chinook):
    assert get(f"{chinook.ready.api}/healthz")[::2] == (200, {"status": "ok"})
    assert get(f"{chinook.ready.api}/openapi.json")[2]["openapi"] == "3.1.0"
    metadata = get(f"{chinook.ready.api}/.well-known/oauth-protected-resource")[2]
    assert metadata["authorization_servers"] == [chinook.ready.issuer]
    assert metadata["bearer_methods_supported"] == ["header"]


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        pytest.param({}, "token.missing", id="none"),
        pytest.param({"Authorization": "Bearer x"}, "token.malformed", id="malformed"),
        pytest.param({"Authorization": "Basic eDp5"}, None, id="basic"),
    ],
)
def test_a_call_without_a_good_token_is_challenged(chinook, headers, code):
    status, sent, body = get(f"{chinook.ready.api}/v1/tasks", headers)
    assert status == body["status"] == 401
    assert sent["WWW-Authenticate"].startswith("Bearer")
    assert sent["Content-Type"] == "application/problem+json"
    assert code is None or body["code"] == code


def test_a_stranger_of_the_same_issuer_is_refused(chinook):
    stranger = Caller(chinook.ready, "repo:elsewhere/x:main", {"role": "agent"})
    refused = stranger.call("GET", "/v1/tasks")
    assert (refused.status, refused.body["code"]) == (401, "token.rules")


def test_policy_names_each_part_it_refused_and_tells_not_whether_it_exists(chinook):
    intern = Caller(chinook.ready, "repo:acme/music:intern", {"role": "intern"})
    access = [{"tables": ["album", "customer", "employee", "no_such_table"], "actions": ["select", "delete"]}]
    refused = intern.call("POST", "/v1/tasks", {"database": "chinook", "purpose": "look", "access": access})
    assert refused.status == 403
    by_what = {one["what"]: one["reason"] for one in refused.body["refusals"]}
    reasons = {
        reason.replace(table, "TABLE")
        for table in ("customer", "employee", "no_such_table")
        for what, reason in by_what.items()
        if table in what and "select" in what
    }
    assert len(reasons) == 1
    assert not any("album" in what and "select" in what for what in by_what)


def test_a_long_task_waits_for_a_person(agent):
    access = [{"tables": ["album"], "actions": ["select"]}]
    opened = agent.call(
        "POST", "/v1/tasks", {"database": "chinook", "purpose": "look", "access": access, "ttl_s": 7200}
    )
    assert (opened.status, opened.body["state"]) == (201, "pending_approval")
    task = opened.body["task_id"]
    assert query(agent, task, "SELECT 1").body["code"] == "task.state"
    ended = agent.call("DELETE", f"/v1/tasks/{task}")
    assert (ended.status, ended.body["state"]) == (200, "ended")


def test_another_principal_sees_nothing_of_a_task(chinook, agent, task):
    other = Caller(chinook.ready, "repo:acme/other:main", {"role": "agent"})
    for reply in (
        other.call("GET", f"/v1/tasks/{task}"),
        other.call("GET", f"/v1/tasks/{task}/schema"),
        other.call("DELETE", f"/v1/tasks/{task}"),
        query(other, task, "SELECT 1"),
        other.call("GET", "/v1/tasks/0199a0b0c0d07000800000000000000a"),
    ):
        assert (reply.status, reply.body["code"]) == (404, "task.unknown")
    assert task not in {one["task_id"] for one in other.call("GET", "/v1/tasks").body["tasks"]}
    assert task in {one["task_id"] for one in agent.call("GET", "/v1/tasks").body["tasks"]}


def test_the_schema_lists_columns_types_and_masks(agent, task):
    tables = {table["table"]: table for table in agent.call("GET", f"/v1/tasks/{task}/schema").body["tables"]}
    columns = {column["name"]: column for column in tables["public.customer"]["columns"]}
    email = {"name": "email", "type": "text", "class": "pii.email", "mask": "email", "insert": False, "update": False}
    assert columns["email"] == email
    assert tables["public.customer"]["key"] == ["customer_id"]
    assert columns["country"]["mask"] is None
    assert "public.employee" not in tables


def test_parameters_arrive_as_they_were_sent(agent, task):
    sql = "SELECT $1::numeric, $2::text, $3::int[], $4::jsonb, $5::bool, $6::text, $7::numeric"
    params = ["1.10", "it's; --", [1, None, 3], {"a": [1.50, "é"]}, True, None]
    reply = query(agent, task, sql, params=[*params, 0.30000000000000004])
    assert reply.status == 200, reply.body
    assert reply.body["rows"] == [
        ["1.10", "it's; --", [1, None, 3], {"a": [1.50, "é"]}, True, None, "0.30000000000000004"]
    ]


def test_rows_stop_at_the_bound_and_are_counted(chinook, agent, task):
    reply = query(agent, task, "SELECT track_id FROM track ORDER BY track_id", max_rows=5)
    assert (reply.body["rows"], reply.body["truncated"]) == ([[1], [2], [3], [4], [5]], True)
    left = query(agent, task, "SELECT 1").body["remaining"]["rows"]
    assert left == reply.body["remaining"]["rows"] - 1


@pytest.mark.parametrize(
    ("sql", "status", "code"),
    [
        pytest.param("SELECT repeat('x', n) FROM (SELECT 50000000 AS n) s", 413, "answer.too_large", id="a-huge-value"),
        pytest.param("SELECT nothing FROM track", 422, "sql.failed", id="no-such-column"),
        pytest.param("SELECT 1 / 0", 422, "sql.failed", id="division-by-zero"),
        pytest.param("SELEKT", 422, "sql.syntax", id="syntax"),
        pytest.param("SELECT * FROM employee", 403, "guard.relation", id="hidden-table"),
    ],
)
def test_a_statement_that_cannot_be_delivered_gets_its_code(agent, task, sql, status, code):
    reply = query(agent, task, sql)
    assert (reply.status, reply.body["code"]) == (status, code)
    assert reply.body["command_id"]
    assert query(agent, task, "SELECT 1").status == 200


def test_a_statement_too_long_for_a_record_runs_and_is_on_record_whole(agent, task):
    numbers = ", ".join(str(n) for n in range(9000))
    reply = query(agent, task, f"SELECT count(*) FROM track WHERE track_id IN ({numbers})")
    assert (reply.status, reply.body["rows"]) == (200, [[3503]])


def test_a_big_answer_is_cut_at_its_bytes(agent, task):
    reply = query(agent, task, "SELECT repeat('x', 10000) FROM generate_series(1, 1000)", max_rows=100_000)
    assert (reply.status, reply.body["truncated"]) == (200, True)
    assert 400 <= reply.body["row_count"] <= 500


def test_a_retry_with_the_same_key_is_a_command_of_its_own_and_another_body_is_refused(chinook, agent, task):
    keyed = KeyedCaller(chinook.ready, agent.sub, agent.claims)
    first = keyed.call("POST", f"/v1/tasks/{task}/query", {"sql": "SELECT 1"})
    again = keyed.call("POST", f"/v1/tasks/{task}/query", {"sql": "SELECT 1"})
    other = keyed.call("POST", f"/v1/tasks/{task}/query", {"sql": "SELECT 2"})
    assert (first.status, again.status) == (200, 200)
    assert first.body["command_id"] != again.body["command_id"]
    assert (other.status, other.body["code"]) == (422, "idempotency.reused")


class KeyedCaller(Caller):
    """Sends one Idempotency-Key with every call."""

    def headers(self) -> dict[str, str]:
        return {**super().headers(), "Idempotency-Key": "only-once"}


def test_budgets_are_exact_when_statements_run_at_once(agent):
    access = [{"tables": ["album"], "actions": ["select"]}]
    body = {"database": "chinook", "purpose": "race", "access": access, "max_statements": 6, "max_rows": 40}
    task = agent.call("POST", "/v1/tasks", body).body["task_id"]
    replies = []

    def run() -> None:
        replies.append(query(agent, task, "SELECT album_id FROM album", max_rows=9))

    threads = [threading.Thread(target=run) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    delivered = sum(reply.body["row_count"] for reply in replies if reply.status == 200)
    assert delivered == 40
    assert {reply.status for reply in replies} == {200, 429}
    final = agent.call("DELETE", f"/v1/tasks/{task}").body
    assert final["budgets"]["rows"] == 0
    assert sum(reply.status == 200 for reply in replies) == 6 - final["budgets"]["statements"]


def test_masked_columns_are_masked_by_every_way_of_asking(chinook, agent, task):
    raw = {row[0] for row in direct.answer(chinook.ready.databases["chinook"], "SELECT email FROM customer")[1]}
    raw |= {row[0] for row in direct.answer(chinook.ready.databases["chinook"], "SELECT address FROM customer")[1]}
    asked = [
        "SELECT * FROM customer",
        "SELECT email AS country FROM customer",
        "SELECT c FROM customer c",
        "SELECT row_to_json(c) FROM customer c",
        "SELECT string_agg(email, ',') FROM customer",
        "SELECT array_agg(billing_address) FROM invoice",
        "SELECT customer_id, substr(email, 1, 20) || address FROM customer",
        "SELECT convert_to(email, 'UTF8') FROM customer",
        "WITH x AS (SELECT email e FROM customer) SELECT max(e), min(e) FROM x",
        "SELECT email FROM customer WHERE email LIKE '%@gmail.com'",
    ]
    delivered = "\n".join(json.dumps(query(agent, task, sql).body) for sql in asked)
    assert [value for value in raw if value in delivered] == []


def test_a_lifetime_out_of_bounds_is_refused(agent):
    access = [{"tables": ["album"], "actions": ["select"]}]
    body = {"database": "chinook", "purpose": "short", "access": access, "ttl_s": 1}
    refused = agent.call("POST", "/v1/tasks", body)
    assert (refused.status, refused.body["code"]) == (400, "request.invalid")
    assert "ttl_s" in refused.body["detail"]
