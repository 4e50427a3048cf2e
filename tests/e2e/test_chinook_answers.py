"""Ordinary analytical SQL gives exactly the database's own answer, through token, policy, guard, views and JSON."""

from __future__ import annotations

import json

import pytest

from postern_local.demo.caller import Caller
from postern_local.stack import Stack
from tests.e2e.queries import ORDERED, UNORDERED
from tests.support import direct


def run(agent: Caller, task: str, sql: str):
    return agent.call("POST", f"/v1/tasks/{task}/query", {"sql": sql})


@pytest.mark.parametrize("sql", ORDERED.values(), ids=ORDERED.keys())
def test_gives_the_databases_own_answer_in_its_own_order(chinook: Stack, agent: Caller, task: str, sql: str):
    reply = run(agent, task, sql)
    assert reply.status == 200, reply.body
    names, rows = direct.answer(chinook.ready.databases["chinook"], sql)
    assert [column["name"] for column in reply.body["columns"]] == names
    assert reply.body["rows"] == rows
    assert (reply.body["row_count"], reply.body["truncated"]) == (len(rows), False)
    assert reply.body["masked"] == []


@pytest.mark.parametrize("sql", UNORDERED.values(), ids=UNORDERED.keys())
def test_gives_the_databases_own_rows(chinook: Stack, agent: Caller, task: str, sql: str):
    reply = run(agent, task, sql)
    assert reply.status == 200, reply.body
    names, rows = direct.answer(chinook.ready.databases["chinook"], sql)
    assert [column["name"] for column in reply.body["columns"]] == names
    assert sorted(map(json.dumps, reply.body["rows"])) == sorted(map(json.dumps, rows))


def test_there_are_enough_of_them():
    assert len(ORDERED) + len(UNORDERED) >= 40
