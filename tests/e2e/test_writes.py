"""Writes, transactions and lookups over the whole stack, and what is on record of them."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import boto3
import pytest

from postern_local.demo.caller import Caller, Reply
from postern_local.stack import Stack
from tests.support import direct

WRITES = ["delete", "insert", "select", "update"]
_numbers = itertools.count(1000)


@dataclass(frozen=True, slots=True)
class KeyedCaller(Caller):
    """Sends an Idempotency-Key with every call, where it has one."""

    key: str | None = None

    def headers(self) -> dict[str, str]:
        return Caller.headers(self) | ({} if self.key is None else {"Idempotency-Key": self.key})


@dataclass
class Clerk:
    """A clerk with one task."""

    chinook: Stack
    task: str = ""
    key: str | None = None

    def call(self, method: str, path: str, body: object | None = None) -> Reply:
        caller = KeyedCaller(self.chinook.ready, "repo:acme/music:desk", {"role": "clerk"}, self.key)
        return caller.call(method, path, body)

    def open(self, **changes: object) -> Reply:
        access = [{"tables": ["genre", "playlist", "playlist_track"], "actions": WRITES}]
        body = {"database": "chinook", "purpose": "keep the lists", "access": access} | changes
        return self.call("POST", "/v1/tasks", body)

    def query(self, sql: str, *params: object, **body: object) -> Reply:
        return self.call("POST", f"/v1/tasks/{self.task}/query", {"sql": sql, "params": list(params), **body})

    def transaction(self, *statements: object) -> Reply:
        bodies = [{"sql": one} if isinstance(one, str) else one for one in statements]
        return self.call("POST", f"/v1/tasks/{self.task}/transaction", {"statements": bodies})


@pytest.fixture
def clerk(chinook: Stack) -> Iterator[Clerk]:
    clerk = Clerk(chinook)
    opened = clerk.open()
    assert opened.status == 201, opened.body
    clerk.task = opened.body["task_id"]
    yield clerk
    clerk.key = None
    assert clerk.call("DELETE", f"/v1/tasks/{clerk.task}").status == 200


@pytest.fixture
def number() -> int:
    """A key that no row of Chinook has."""
    return next(_numbers)


def stored(chinook: Stack, sql: str) -> list[tuple]:
    return [tuple(row) for row in direct.answer(chinook.ready.databases["chinook"], sql)[1]]


def records(chinook: Stack, command_id: str) -> list[dict]:
    """What is on record of a command, in the order of its keys."""
    s3 = boto3.client(
        "s3",
        endpoint_url=chinook.ready.aws,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=chinook.ready.bucket, Prefix="wal/")
    keys = [one["Key"] for page in pages for one in page.get("Contents", []) if command_id in one["Key"]]
    return [json.load(s3.get_object(Bucket=chinook.ready.bucket, Key=key)["Body"]) for key in sorted(keys)]


def test_a_row_is_written_and_on_record_in_three_steps(chinook, clerk, number):
    reply = clerk.query("INSERT INTO genre (genre_id, name) VALUES ($1, $2) RETURNING genre_id, name", number, "Choro")
    assert reply.status == 200, reply.body
    assert (reply.body["rows"], reply.body["affected"], reply.body["settled"]) == ([[number, "Choro"]], 1, True)
    assert stored(chinook, f"SELECT name FROM genre WHERE genre_id = {number}") == [("Choro",)]
    intent, outcome, settled = records(chinook, reply.body["command_id"])
    assert (intent["type"], outcome["status"], settled["status"]) == ("intent", "pending", "committed")
    assert outcome["transaction"]["system_identifier"].isdigit()
    assert reply.body["remaining"]["affected"] == 9_999


def test_rows_are_changed_and_removed(chinook, clerk, number):
    assert clerk.query(f"INSERT INTO playlist VALUES ({number}, 'a'), ({number} + 500, 'b')").body["affected"] == 2
    changed = clerk.query("UPDATE playlist SET name = upper(name) WHERE playlist_id >= $1 RETURNING name", number)
    assert changed.status == 200, changed.body
    assert sorted(changed.body["rows"]) == [["A"], ["B"]]
    removed = clerk.query("DELETE FROM playlist p USING genre g WHERE p.playlist_id >= $1 AND g.genre_id = 1", number)
    assert removed.body["affected"] == 2
    assert stored(chinook, f"SELECT * FROM playlist WHERE playlist_id >= {number}") == []


def test_statements_of_a_transaction_stand_together(chinook, clerk, number):
    reply = clerk.transaction(
        {"sql": "INSERT INTO playlist VALUES ($1, 'both')", "params": [number]},
        {"sql": "INSERT INTO playlist_track SELECT $1, track_id FROM playlist_track LIMIT 3", "params": [number]},
        {"sql": "SELECT count(*) FROM playlist_track WHERE playlist_id = $1", "params": [number]},
    )
    assert reply.status == 200, reply.body
    assert [one["affected"] for one in reply.body["statements"]] == [1, 3, None]
    assert reply.body["statements"][2]["rows"] == [[3]]
    assert reply.body["settled"] is True
    assert stored(chinook, f"SELECT count(*) FROM playlist_track WHERE playlist_id = {number}") == [(3,)]
    first, second, third = (records(chinook, one["command_id"]) for one in reply.body["statements"])
    assert first[1]["transaction"]["xid"] == second[1]["transaction"]["xid"] == third[1]["transaction"]["xid"]
    assert first[0]["transaction"]["id"] == third[0]["transaction"]["id"]


def test_a_statement_that_fails_undoes_those_before_it(chinook, clerk, number):
    reply = clerk.transaction(
        f"INSERT INTO genre VALUES ({number}, 'undone')", "INSERT INTO genre VALUES (1, 'taken already')"
    )
    assert (reply.status, reply.body["code"], reply.body["sqlstate"]) == (422, "sql.failed", "23505")
    assert reply.body["detail"].startswith("statements[1]: ")
    assert "taken already" not in json.dumps(reply.body)
    assert stored(chinook, f"SELECT * FROM genre WHERE genre_id = {number}") == []
    assert records(chinook, reply.body["command_id"])[1]["status"] == "failed"


def test_a_refused_statement_keeps_the_others_from_running(chinook, clerk, number):
    reply = clerk.transaction(f"INSERT INTO genre VALUES ({number}, 'x')", "SELECT * FROM employee")
    assert (reply.status, reply.body["code"]) == (403, "guard.relation")
    assert stored(chinook, f"SELECT * FROM genre WHERE genre_id = {number}") == []


def test_a_key_writes_once(chinook, clerk, number):
    clerk.key = f"write-{number}"
    sql = f"INSERT INTO genre VALUES ({number}, 'once') RETURNING name"
    first, again = clerk.query(sql), clerk.query(sql)
    assert (first.status, again.status) == (200, 200)
    assert (first.body["replayed"], again.body["replayed"]) == (False, True)
    assert again.body["command_id"] == first.body["command_id"]
    assert (again.body["affected"], again.body["rows"], again.body["truncated"]) == (1, [], True)
    for name in ("intent_sha256", "outcome_sha256", "settled_sha256", "log"):
        assert again.body["receipt"][name] == first.body["receipt"][name] is not None
    other = clerk.query(sql.replace("once", "twice"))
    assert (other.status, other.body["code"]) == (422, "idempotency.reused")
    # The same statement as a transaction is another call, though it were the same bytes.
    assert clerk.transaction(sql).body["code"] == "idempotency.reused"


def test_a_failed_write_may_be_sent_again_under_its_key(chinook, clerk, number):
    clerk.key = f"retry-{number}"
    sql = f"INSERT INTO playlist_track VALUES ({number}, 1)"
    assert clerk.query(sql).status == 422  # no such playlist yet
    clerk.key = None
    assert clerk.query(f"INSERT INTO playlist VALUES ({number}, 'late')").status == 200
    clerk.key = f"retry-{number}"
    assert clerk.query(sql).body["affected"] == 1


def test_no_more_rows_are_written_than_the_budget_holds(chinook, clerk, number):
    clerk.call("DELETE", f"/v1/tasks/{clerk.task}")
    clerk.task = clerk.open(max_affected=3).body["task_id"]
    assert clerk.query(f"INSERT INTO playlist VALUES ({number}, 'a'), ({number} + 500, 'b')").status == 200
    many = clerk.query("DELETE FROM playlist_track WHERE playlist_id = 1")
    assert (many.status, many.body["code"]) == (429, "budget.affected")
    hidden = clerk.query(
        "WITH gone AS (DELETE FROM playlist_track WHERE playlist_id = 1 RETURNING 1) SELECT count(*) FROM gone"
    )
    assert (hidden.status, hidden.body["code"]) == (429, "budget.affected")
    assert stored(chinook, "SELECT count(*) > 3000 FROM playlist_track WHERE playlist_id = 1") == [(True,)]
    assert clerk.query(f"DELETE FROM playlist WHERE playlist_id = {number}").body["remaining"]["affected"] == 0


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        pytest.param("INSERT INTO artist VALUES (999, 'x')", "guard.", id="table-not-granted"),
        pytest.param("INSERT INTO genre VALUES (1, 'x') ON CONFLICT (genre_id) DO UPDATE SET name = 'x'", "guard.",
                     id="takes-over"),
        pytest.param("UPDATE genre SET name = 'tok_0123456789abcdef'", "guard.write_back", id="a-token"),
        pytest.param("TRUNCATE genre", "guard.kind", id="truncate"),
        pytest.param("MERGE INTO genre USING playlist ON true WHEN MATCHED THEN DELETE", "guard.kind", id="merge"),
    ],
)  # fmt: skip
def test_refuses_what_no_write_may_do(clerk, sql, code):
    reply = clerk.query(sql)
    assert reply.status == 403, reply.body
    assert reply.body["code"].startswith(code)


def test_a_read_cannot_be_made_to_write(chinook, clerk):
    before = stored(chinook, "SELECT count(*) FROM genre")
    reply = clerk.query("WITH gone AS (DELETE FROM genre WHERE genre_id > 900 RETURNING 1) SELECT count(*) FROM gone")
    assert reply.status == 200, reply.body
    assert stored(chinook, "SELECT count(*) FROM genre WHERE genre_id > 900") == [(0,)]
    assert before != []


def test_a_table_whose_masked_columns_must_be_given_cannot_be_inserted_into(clerk):
    access = [{"tables": ["customer"], "actions": ["insert", "select"]}]
    reply = clerk.open(access=access)
    assert (reply.status, reply.body["code"]) == (403, "policy.writes")
    assert "last_name" in json.dumps(reply.body)


@pytest.fixture
def seeker(chinook: Stack) -> Iterator[Clerk]:
    seeker = Clerk(chinook)
    access = [{"tables": ["customer", "invoice"], "actions": ["select"]}]
    opened = seeker.open(access=access, lookup=["ref.person"], max_lookups=3)
    assert (opened.status, opened.body.get("lookup")) == (201, ["ref.person"]), opened.body
    seeker.task = opened.body["task_id"]
    yield seeker
    seeker.call("DELETE", f"/v1/tasks/{seeker.task}")


def looked_up(value: str, class_name: str = "ref.person") -> dict[str, str]:
    return {"lookup": class_name, "value": value}


def test_a_customer_is_found_by_a_name_that_the_agent_was_told(chinook, seeker):
    [(wanted, name)] = stored(chinook, "SELECT customer_id, last_name FROM customer ORDER BY customer_id LIMIT 1")
    reply = seeker.query("SELECT customer_id, last_name FROM customer WHERE last_name = $1", looked_up(name))
    assert reply.status == 200, reply.body
    [[found, token]] = reply.body["rows"]
    assert found == wanted
    assert token.startswith("tok_")
    assert reply.body["remaining"]["lookups"] == 2
    [intent, outcome] = records(chinook, reply.body["command_id"])
    assert intent["statement"]["lookups"] == [{"class": "ref.person", "parameter": 1}]
    assert name not in json.dumps([intent, outcome], ensure_ascii=False)


def test_a_lookup_among_others_and_one_that_nobody_has(seeker):
    sql = "SELECT count(*) FROM customer WHERE last_name IN ($1, $2) AND country = $3"
    reply = seeker.query(sql, looked_up("nobody of that name"), looked_up("nor of this"), "Brazil")
    assert (reply.status, reply.body["rows"]) == (200, [[0]])
    assert seeker.query(sql, looked_up("a"), looked_up("b"), "Brazil").body["code"] == "budget.lookups"


@pytest.mark.parametrize(
    ("sql", "parameter", "code"),
    [
        pytest.param("SELECT $1 FROM customer", looked_up("x"), "guard.lookup", id="echoed"),
        pytest.param("SELECT 1 FROM customer WHERE last_name > $1", looked_up("x"), "guard.lookup", id="ordered"),
        pytest.param("SELECT 1 FROM customer WHERE city = $1", looked_up("x"), "guard.lookup", id="other-column"),
        pytest.param("SELECT 1 FROM customer WHERE email = $1", looked_up("x", "pii.email"), "guard.lookup",
                     id="class-not-granted"),
    ],
)  # fmt: skip
def test_refuses_a_lookup_that_is_more_than_a_comparison(seeker, sql, parameter, code):
    reply = seeker.query(sql, parameter)
    assert (reply.status, reply.body["code"]) == (403, code), reply.body


def test_a_class_that_may_not_be_looked_up_is_refused_when_the_task_opens(clerk):
    access = [{"tables": ["customer"], "actions": ["select"]}]
    reply = clerk.open(access=access, lookup=["pii.email"])
    assert reply.status == 403
    assert "lookup pii.email" in {one["what"] for one in reply.body["refusals"]}


def test_a_statement_whose_session_is_ended_answers_at_once(chinook, seeker):
    """As a failover or the end of a task does it: with its code, and without keeping the function busy."""
    replies: list[Reply] = []
    slow = "SELECT count(*) FROM invoice a, invoice b, customer c WHERE a.total + b.total > c.customer_id"
    asking = threading.Thread(target=lambda: replies.append(seeker.query(slow)))
    asking.start()
    end = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE usename LIKE 'task!_%' ESCAPE '!' AND state = 'active' AND query LIKE '%invoice a%'"
    )
    assert any(stored(chinook, end) for _ in range(2000))
    asking.join()
    assert (replies[0].status, replies[0].body["code"]) == (503, "database.lost")
    assert records(chinook, replies[0].body["command_id"])[1]["status"] == "lost"
    assert seeker.query("SELECT 1").status == 200
