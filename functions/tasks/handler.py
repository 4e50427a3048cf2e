"""Tasks: open, list, look at, end; and what anyone may read. API Gateway has matched the route already."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from postern.edges import clients, contract, http, presenters, roots
from postern.edges.guarded import guarded
from postern.edges.provisioner import LambdaProvisioner
from postern.edges.public import PUBLIC, public_answer
from postern.edges.settings import require
from postern.identity.context import parse_principal
from postern.ports import Clock, PolicySource
from postern.services.end_task import EndTask
from postern.services.open_task import OpenTask
from postern.services.read_tasks import ReadTasks
from postern.services.stopwatch import Stopwatch
from postern.types import Principal, Task, TaskId


@dataclass(frozen=True, slots=True)
class Services:
    """What the routes call."""

    open: OpenTask
    read: ReadTasks
    end: EndTask
    policy: PolicySource
    clock: Clock


def _open(event: http.Event, who: Principal, services: Services) -> Task:
    body = http.parse_body(http.raw_body(event), contract.OPEN_TASK)
    return services.open.run(who, presenters.task_request(body))


ROUTES: dict[tuple[str, str], Callable[[http.Event, Principal, Services], object]] = {
    ("POST", "/v1/tasks"): lambda event, who, to: presenters.task_answer(_open(event, who, to)),
    ("GET", "/v1/tasks"): lambda _, who, to: presenters.tasks_answer(to.read.all(who)),
    ("GET", "/v1/tasks/{id}"): lambda event, who, to: presenters.task_answer(to.read.one(who, _id(event))),
    ("DELETE", "/v1/tasks/{id}"): lambda event, who, to: presenters.task_answer(to.end.run(who, _id(event))),
    ("GET", "/v1/tasks/{id}/schema"): lambda event, who, to: presenters.schema_answer(to.read.one(who, _id(event))),
}


def respond(event: http.Event, services: Services) -> http.Response:
    if event["resource"] in PUBLIC:
        return public_answer(event, services.policy)
    who = parse_principal(http.authorizer_context(event), now_s=services.clock.now_us() // 1_000_000)
    body = ROUTES[event["httpMethod"], event["resource"]](event, who, services)
    return http.json_answer(201 if event["httpMethod"] == "POST" else 200, body)


def _id(event: http.Event) -> TaskId:
    return TaskId(http.path_parameter(event, "id"))


@cache
def services() -> tuple[Services, Logger]:
    parts = roots.parts("tasks")
    provisioner = LambdaProvisioner(clients.functions(parts.session), require(os.environ, "POSTERN_PROVISION_FUNCTION"))
    read = ReadTasks(parts.tasks, parts.clock)
    opening = OpenTask(parts.policy, parts.tasks, parts.records, provisioner, parts.identifiers, parts.clock)
    made = Services(opening, read, EndTask(read, parts.tasks, provisioner), parts.policy, parts.clock)
    return made, Logger(service="tasks")


def handler(event: dict[str, Any], context: LambdaContext) -> http.Response:
    made, logger = services()
    watch = Stopwatch(made.clock, budget_s=context.get_remaining_time_in_millis() / 1000)
    return guarded(lambda: respond(event, made), logger, watch, context.aws_request_id)
