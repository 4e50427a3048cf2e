"""Tasks: open, list, look at, approve, try, end; and what anyone may read. API Gateway has matched the route."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from postern.edges import clients, http, roots, snapshots
from postern.edges.guarded import guarded
from postern.edges.invocation import Invocation, invoked
from postern.edges.open_tasks import DynamoOpenTasks
from postern.edges.provisioner import LambdaProvisioner
from postern.edges.public import PUBLIC, public_answer
from postern.edges.row_estimates import LambdaEstimator
from postern.edges.run_store import DynamoRuns
from postern.edges.runner import LambdaRunner
from postern.edges.settings import require
from postern.edges.task_routes import ROUTES
from postern.identity.context import parse_principal
from postern.services.task_services import TaskParts, TaskServices, make_task_services


def respond(event: http.Event, services: TaskServices) -> http.Response:
    if event["resource"] in PUBLIC:
        return public_answer(event, services.policy)
    who = parse_principal(http.authorizer_context(event), now_s=services.clock.now_us() // 1_000_000)
    return http.json_answer(*ROUTES[event["httpMethod"], event["resource"]](event, who, services))


@cache
def services() -> TaskServices:
    p = roots.parts("tasks")
    provision, run = require(os.environ, "POSTERN_PROVISION_FUNCTION"), require(os.environ, "POSTERN_RUN_FUNCTION")
    runner = LambdaRunner(clients.functions(p.session), run)
    parts = TaskParts(
        policy=p.policy,
        tasks=p.tasks,
        records=p.records,
        identifiers=p.identifiers,
        clock=p.clock,
        announcer=p.announcer,
        rates=roots.rates(p),
        denials=roots.denials(p),
        open_tasks=DynamoOpenTasks(clients.dynamodb(p.session), p.settings.table),
        approvals=roots.approvals(p),
        runs=DynamoRuns(clients.dynamodb(p.session), p.settings.table),
        provisioner=LambdaProvisioner(clients.functions(p.session), provision),
        runner=runner,
        dry_runner=runner,
        estimator=LambdaEstimator(clients.estimates(p.session), provision),
        statement_text=p.settings.statement_text,
    )
    return make_task_services(parts)


def handler(event: dict[str, Any], context: LambdaContext) -> http.Response:
    return invoked("tasks", event, context, _answer)


def _answer(event: http.Event, told: Invocation) -> http.Response:
    made = services()
    return guarded(lambda: respond(event, made), told, told.stopwatch(made.clock))


snapshots.prepare(lambda: services().policy.load())
