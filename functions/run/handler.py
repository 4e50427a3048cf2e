"""Runs an approved task's statements, once, or tries those of one that waits; `tasks` invokes it and does not wait."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from postern.edges import roots
from postern.edges.invocation import Invocation, invoked
from postern.edges.run_root import run_parts
from postern.errors import PosternError
from postern.services.run_services import RunServices, make_run_services
from postern.services.stopwatch import Stopwatch
from postern.types import TaskId


def respond(event: Mapping[str, Any], services: RunServices, watch: Stopwatch) -> dict[str, Any]:
    """What came of it. Nobody waits for the answer: it goes into the function's own log."""
    try:
        match event.get("action"):
            case "run":
                run = services.run.run(TaskId(event["task_id"]), watch)
                return {"status": run.state.value, "error": run.error}
            case "dry_run":
                dry_run = services.dry_run.run(TaskId(event["task_id"]), TaskId(event["dry_run_id"]), watch)
                return {"status": dry_run.state.value, "error": dry_run.error}
    except PosternError as error:
        return {"status": "refused", "error": error.code}
    raise ValueError(f"action: expected run or dry_run, got {event.get('action')!r}")


@cache
def services() -> RunServices:
    return make_run_services(run_parts(roots.parts("run"), os.environ))


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return invoked("run", event, context, _answer)


def _answer(event: Mapping[str, Any], told: Invocation) -> dict[str, Any]:
    made = services()
    answer = respond(event, made, told.stopwatch(made.clock))
    told.came_to(answer["status"], answer["error"])
    return answer
