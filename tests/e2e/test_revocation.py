"""Taking access away, and holding a database, over the whole stack: what stands before, and what is left after."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
import pytest

from postern_local.demo.caller import Caller, Reply
from postern_local.stack import Stack
from tests.support import direct

# Every row with every other, four times over: it would run for hours, and holds nothing that a guard objects to.
HEAVY = "SELECT count(*) FROM orders a, orders b, orders c, orders d WHERE a.id + b.id + c.id + d.id = -1"
NOTHING = {"sessions": 0, "schemas": 0, "roles": 0, "keys": 0}


@dataclass
class Site:
    """A stack with an agent and an operator."""

    stack: Stack
    agent: Caller
    operator: Caller

    def open(self) -> Reply:
        access = [{"tables": ["orders"], "actions": ["select"]}]
        return self.agent.call("POST", "/v1/tasks", {"database": "shop", "purpose": "look", "access": access})

    def query(self, task: str, sql: str = "SELECT count(*) FROM orders") -> Reply:
        return self.agent.call("POST", f"/v1/tasks/{task}/query", {"sql": sql})

    def revoke(self, **what: object) -> Reply:
        return self.operator.call("POST", "/v1/revocations", {"reason": "drill", **what})

    def lift(self, revocation: Reply) -> Reply:
        return self.operator.call("DELETE", f"/v1/revocations/{revocation.body['id']}")

    def ask(self, sql: str) -> object:
        return direct.answer(self.stack.ready.databases["shop"], sql)[1]

    def records(self) -> list[dict[str, Any]]:
        """Everything on record."""
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
        s3, bucket = boto3.client("s3", endpoint_url=self.stack.ready.aws, **keys), self.stack.ready.bucket
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="wal/")
        stored = [one["Key"] for page in pages for one in page.get("Contents", [])]
        return [json.load(s3.get_object(Bucket=bucket, Key=key)["Body"]) for key in stored]

    def remains(self, task: str) -> object:
        return self.ask(
            f"SELECT (SELECT count(*) FROM pg_roles WHERE rolname = 'task_{task}'),"
            f" (SELECT count(*) FROM pg_namespace WHERE nspname = 'task_{task}'),"
            f" (SELECT count(*) FROM pg_stat_activity WHERE usename = 'task_{task}')"
        )

    @contextmanager
    def lifted_after(self, revocation: Reply) -> Iterator[None]:
        try:
            yield
        finally:
            self.lift(revocation)


@pytest.fixture
def site(shop: Stack, request: pytest.FixtureRequest) -> Site:
    # An agent of the test's own: a denial must find no other test's tasks.
    name = request.node.name.replace("_", "-")[:60].rstrip("-")
    agent = Caller(shop.ready, f"repo:acme/shop:{name}", {"role": "agent"})
    return Site(shop, agent, Caller(shop.ready, "person:olga", {"role": "approver"}))


def test_a_statement_in_flight_dies_with_its_task_and_delivers_nothing(site):
    task = site.open().body["task_id"]
    running = f"SELECT count(*) FROM pg_stat_activity WHERE usename = 'task_{task}' AND query LIKE '%orders a%'"
    with ThreadPoolExecutor(1) as threads:
        asked = threads.submit(site.query, task, HEAVY)
        while site.ask(running) != [[1]]:
            assert not asked.done(), asked.result()
        revoked = site.revoke(task=task, reason="ask ann@example.com")
        answer = asked.result()
    assert (answer.status, answer.body["code"]) == (409, "task.revoked")
    assert "rows" not in answer.body
    assert revoked.status == 200, revoked.body
    assert revoked.body["reason"] == "ask [detected:email]"
    [ended] = revoked.body["tasks"]
    assert (ended["state"], ended["terminated"], ended["left"]) == ("revoked", 1, NOTHING)
    steps = ended["steps"]
    assert 0 <= steps["nologin_ms"] <= steps["terminated_ms"] <= steps["dropped_ms"] <= steps["verified_ms"]
    assert site.remains(task) == [[0, 0, 0]]
    assert site.query(task).body["code"] == "task.revoked"
    records = site.records()
    [event] = [one for one in records if one["id"] == revoked.body["id"]]
    assert event["revocation"]["of"] == {"kind": "task", "name": task}
    [outcome] = [one for one in records if one["id"] == answer.body["command_id"] and one["type"] == "outcome"]
    assert (outcome["status"], outcome["error"], outcome["rows"]) == ("stopped", "task.revoked", 0)
    teardowns = [one for one in records if one["kind"] == "teardown" and one["task"]["id"] == task]
    [intent] = [one for one in teardowns if one["type"] == "intent"]
    [proof] = [one for one in teardowns if one["type"] == "outcome"]
    assert (intent["by"], proof["left"], proof["steps"]) == ("revocation", NOTHING, steps)


def test_a_denied_principal_loses_its_tasks_and_opens_no_other_until_it_is_lifted(site):
    tasks = [site.open().body["task_id"] for _ in range(2)]
    denied = site.revoke(principal=f"ci|{site.agent.sub}")
    with site.lifted_after(denied):
        assert denied.status == 200, denied.body
        assert {one["task_id"] for one in denied.body["tasks"]} == set(tasks)
        assert [site.remains(task) for task in tasks] == [[[0, 0, 0]]] * 2
        refused = site.open()
        assert (refused.status, refused.body["code"]) == (409, "task.revoked")
        listed = site.operator.call("GET", "/v1/revocations").body["revocations"]
        assert [one["name"] for one in listed if one["id"] == denied.body["id"]] == [f"ci|{site.agent.sub}"]
    assert site.open().status == 201


def test_who_is_no_operator_takes_nothing_away(site):
    task = site.open().body["task_id"]
    assert site.agent.call("POST", "/v1/revocations", {"task": task, "reason": "x"}).status == 403
    assert site.agent.call("GET", "/v1/revocations").status == 403
    agent = Caller(site.stack.ready, "person:olga", {"role": "approver", "actor": "olga"})
    assert agent.call("POST", "/v1/revocations", {"task": task, "reason": "x"}).status == 403
    assert site.query(task).status == 200


def test_a_held_database_has_no_world_and_its_tasks_go_on_once_it_is_released(site):
    task = site.open().body["task_id"]
    assert site.query(task).status == 200
    held = site.revoke(database="shop", hold=True)
    with site.lifted_after(held):
        assert held.status == 200, held.body
        assert site.ask("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'task\\_%'") == [[0]]
        for refused in (site.query(task), site.open()):
            assert (refused.status, refused.body["code"]) == (503, "database.held")
        assert site.agent.call("GET", f"/v1/tasks/{task}").body["state"] == "suspended"
    again = site.query(task)
    assert (again.status, again.body["rows"]) == (200, [[12000]]), again.body
    seen = site.agent.call("GET", f"/v1/tasks/{task}").body
    assert (seen["state"], seen["worlds"]) == ("active", 2)
