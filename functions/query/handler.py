"""POST /v1/tasks/{id}/query and POST /v1/tasks/{id}/transaction: parse, one service call, map."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from postern.edges import clients, http, roots, snapshots
from postern.edges.database_token import RoleTokens, TaskTokens
from postern.edges.guarded import guarded
from postern.edges.invocation import Invocation, invoked
from postern.edges.lookup_database import LookupDatabase
from postern.edges.postgres.connect import role_connections
from postern.edges.postgres.sessions import KeptSession, task_connections
from postern.edges.seal_keys import seal_keys
from postern.edges.settings import require
from postern.edges.statement_routes import route_of
from postern.edges.watermark import DynamoWatermarks
from postern.identity.context import parse_principal
from postern.services.admission import Admission
from postern.services.gate import Gate
from postern.services.journal import Journal
from postern.services.run_statements import RunStatements
from postern.services.statement_texts import StatementTexts
from postern.services.stopwatch import Stopwatch
from postern.types import TaskId
from postern.world.lookup_call import LOOKUP_ROLE


def respond(event: http.Event, run: RunStatements, watch: Stopwatch) -> http.Response:
    principal = parse_principal(http.authorizer_context(event), now_s=run.clock.now_us() // 1_000_000)
    route = route_of(event)
    task_id, call = TaskId(http.path_parameter(event, "id")), route.call(event)
    # What was given has no name here: its rows are gone before the body, which has them too, becomes text.
    body = route.body(run.run(principal, task_id, call, watch), now_s=run.clock.now_us() // 1_000_000)
    return http.answer(200, body)


@cache
def services() -> RunStatements:
    parts = roots.parts("query")
    tokens = TaskTokens(clients.sts(parts.session), require(os.environ, "POSTERN_CONNECT_ROLE_ARN"))
    keys = seal_keys(parts.session, parts.settings, os.environ)
    texts = StatementTexts(parts.settings.statement_text, parts.settings.log, keys)
    lookup = role_connections(RoleTokens(parts.session, LOOKUP_ROLE).mint, LOOKUP_ROLE)
    threads = ThreadPoolExecutor(max_workers=1, thread_name_prefix="beside")
    return RunStatements(
        admission=Admission(
            parts.policy, parts.tasks, roots.rates(parts), parts.identifiers, parts.clock, _gate(parts), threads
        ),
        tasks=parts.tasks,
        journal=Journal(parts.records, parts.clock, parts.settings.log, texts),
        database=KeptSession(task_connections(tokens.mint)),
        tokens=LookupDatabase(lookup),
        clock=parts.clock,
        threads=threads,
    )


def _gate(parts: roots.Parts) -> Gate:
    # The client of the state table: a start makes none for one read.
    watermarks = DynamoWatermarks(clients.dynamodb(parts.session), parts.settings.log_table)
    settings = parts.settings
    return Gate(watermarks, parts.clock, settings.log, settings.max_staleness_s, settings.epoch_ends_s)


def handler(event: dict[str, Any], context: LambdaContext) -> http.Response:
    return invoked("query", event, context, _answer)


def _answer(event: http.Event, told: Invocation) -> http.Response:
    run = services()
    watch = told.stopwatch(run.clock)
    return guarded(lambda: respond(event, run, watch), told, watch)


snapshots.prepare(lambda: services().admission.policy.load())
