"""What an auditor, an agent and an operator see of one task, over HTTP, by the rights of the functions' own roles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from postern_local.demo.caller import Caller
from postern_local.demo.cast import AGENT, PEOPLE
from postern_local.stack import Stack
from tests.support.stack import wait_until

PERSON = {person.sub.removeprefix("person:"): person for person in PEOPLE}


def caller(shop: Stack, name: str) -> Caller:
    return Caller(shop.ready, PERSON[name].sub, PERSON[name].claims)


@pytest.fixture(scope="module")
def agent(shop: Stack) -> Caller:
    return Caller(shop.ready, AGENT.sub, AGENT.claims)


@pytest.fixture(scope="module")
def task(agent: Caller) -> str:
    """A task with a statement that ran and one that was refused."""
    access = [{"tables": ["public.customers"], "actions": ["select"]}]
    opened = agent.call("POST", "/v1/tasks", {"database": "shop", "purpose": "look at records", "access": access})
    assert opened.status == 201, opened.body
    task = str(opened.body["task_id"])
    ran = [agent.call("POST", f"/v1/tasks/{task}/query", {"sql": f"SELECT count(*) FROM {table}"}) for table in TABLES]
    assert [one.status for one in ran] == [200, 403]
    return task


TABLES = ("public.customers", "public.payroll")
TIMELINE = [
    *(("event", "grant"), ("intent", "provision"), ("outcome", "provision")),
    *(("intent", "statement"), ("outcome", "statement"), ("intent", "statement")),
]


def timeline(body: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(one["record"]["type"], one["record"]["kind"]) for one in body["records"]]


def test_a_tasks_timeline_is_its_agents_and_its_auditors_and_nobody_elses(shop: Stack, agent: Caller, task: str):
    path = f"/v1/records?task={task}&order=asc"
    auditor, operator = caller(shop, "ava"), caller(shop, "olga")
    wait_until(lambda: len(auditor.call("GET", path).body["records"]) == len(TIMELINE))

    assert timeline(agent.call("GET", path).body) == timeline(auditor.call("GET", path).body) == TIMELINE
    assert operator.call("GET", path).body["records"] == []
    refused = auditor.call("GET", f"{path}&code=guard.relation").body
    assert timeline(refused) == [("intent", "statement")]


def test_a_live_task_is_seen_by_operators_and_auditors_with_what_is_left_of_it(shop: Stack, agent: Caller, task: str):
    for name, may_revoke in (("olga", True), ("ava", False)):
        (seen,) = (
            one
            for one in caller(shop, name).call("GET", "/v1/tasks?state=live").body["tasks"]
            if one["task_id"] == task
        )
        assert (seen["purpose"], seen["may_revoke"]) == ("look at records", may_revoke)
        assert seen["budgets"]["granted"]["statements"] - seen["budgets"]["left"]["statements"] in (1, 2)
    assert agent.call("GET", "/v1/tasks?state=live").body == {"tasks": [], "next": None}


def test_anyone_is_told_how_the_log_is(shop: Stack, task: str):
    told = Caller(shop.ready, "nobody", {}).call("GET", "/v1/log").body

    assert told["size"] == int(told["checkpoint"].split("\n")[1])
    assert told.keys() == {"origin", "keys", "checkpoint", "size", "watermark", "cosigned"}
    assert told["cosigned"] is None
