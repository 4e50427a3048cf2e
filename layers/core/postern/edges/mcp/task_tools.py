"""The tools about tasks: each a call of the API, or two, and the answer in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from postern.edges import contract
from postern.edges.mcp import arguments, task_text
from postern.edges.mcp.api import Api, ApiAnswer
from postern.edges.mcp.expected import expect
from postern.edges.mcp.fence import Draw
from postern.edges.mcp.jsonrpc import encode
from postern.edges.mcp.problems import problem_answer
from postern.edges.mcp.tool_answer import ToolAnswer

MOST_LISTED = 20  # tasks: each with its whole scope, and all of it may be put before a model


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a tool works with: the API with the caller's token, where people decide, and markers for fences."""

    api: Api
    console: str
    draw: Draw


def open_task(asked: contract.OpenTaskBody, here: Surroundings) -> ToolAnswer:
    return _task(here.api.call("POST", "/v1/tasks", encode(_body(asked))), here)


def end_task(asked: arguments.EndTaskArguments, here: Surroundings) -> ToolAnswer:
    return _task(here.api.call("DELETE", f"/v1/tasks/{asked.task_id}"), here)


def task_status(asked: arguments.TaskStatusArguments, here: Surroundings) -> ToolAnswer:
    if asked.task_id is not msgspec.UNSET:
        return _task(here.api.call("GET", f"/v1/tasks/{asked.task_id}"), here, looked_only=True)
    answer = here.api.call("GET", "/v1/tasks")
    if answer.is_problem:
        return problem_answer(answer)
    expect(answer, contract.TasksAnswer, looked_only=True)
    every = answer.body["tasks"]
    newest = every[:MOST_LISTED]
    told = {"tasks": newest, "next": "Name one as task_id to see more of it.", "retry_after_s": None}
    return ToolAnswer(task_text.tasks_text(newest, older=len(every) - len(newest)), told)


def describe(asked: arguments.DescribeArguments, here: Surroundings) -> ToolAnswer:
    shown = here.api.call("GET", f"/v1/tasks/{asked.task_id}")
    if shown.is_problem:
        return problem_answer(shown)
    expect(shown, contract.TaskAnswer, looked_only=True)
    schema = here.api.call("GET", f"/v1/tasks/{asked.task_id}/schema")
    if schema.is_problem:
        return problem_answer(schema)
    expect(schema, contract.SchemaAnswer, looked_only=True)
    return _described(shown.body, schema.body)


def _described(task: Any, schema: Any) -> ToolAnswer:  # noqa: ANN401 - the API's objects
    scope = {table["table"]: table for table in task["scope"]}
    next_step, wait_s = task_text.next_of(task)
    told = {
        **{name: task[name] for name in ("task_id", "state", "database", "expires_at", "lookup", "budgets")},
        "tables": [
            {**table, "actions": scope[table["table"]]["actions"], "row_filter": scope[table["table"]]["row_filter"]}
            for table in schema["tables"]
            if table["table"] in scope
        ],
        "next": "Call query." if task["state"] == "active" else next_step,
        "retry_after_s": wait_s,
    }
    return ToolAnswer(task_text.described_text(told), told)


def _task(answer: ApiAnswer, here: Surroundings, *, looked_only: bool = False) -> ToolAnswer:
    if answer.is_problem:
        return problem_answer(answer)
    expect(answer, contract.TaskAnswer, looked_only=looked_only)
    next_step, wait_s = task_text.next_of(answer.body)
    told = {**answer.body, "next": next_step, "retry_after_s": wait_s}
    return ToolAnswer(task_text.task_text(answer.body, here.console), told)


def _body(asked: contract.OpenTaskBody) -> dict[str, Any]:
    body: dict[str, Any] = msgspec.to_builtins(asked)
    return {name: value for name, value in body.items() if value is not None}
