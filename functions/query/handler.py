"""POST /v1/tasks/{id}/query: parse, one service call, map."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from postern.audit.bodies import sha256_hex
from postern.edges import clients, contract, http, presenters, roots
from postern.edges.database_token import TaskTokens
from postern.edges.guarded import guarded
from postern.edges.postgres.sessions import KeptSession, task_connections
from postern.edges.settings import require
from postern.identity.context import parse_principal
from postern.ports import IdempotencyKey
from postern.services.run_query import QueryCall, RunQuery
from postern.services.stopwatch import Stopwatch
from postern.types import TaskId
from postern.values import to_parameters


def respond(event: http.Event, query: RunQuery, watch: Stopwatch) -> http.Response:
    principal = parse_principal(http.authorizer_context(event), now_s=query.clock.now_us() // 1_000_000)
    raw = http.raw_body(event)
    body = http.parse_body(raw, contract.QUERY)
    key = http.idempotency_key(event)
    held = None if key is None else IdempotencyKey(key, sha256_hex(raw))
    call = QueryCall(body.sql, to_parameters(body.params), body.max_rows, held)
    answer = query.run(principal, TaskId(http.path_parameter(event, "id")), call, watch)
    now_s = query.clock.now_us() // 1_000_000
    return http.answer(200, presenters.query_answer(answer, now_s=now_s), {"Server-Timing": watch.server_timing()})


@cache
def services() -> tuple[RunQuery, Logger]:
    parts = roots.parts("query")
    tokens = TaskTokens(clients.sts(parts.session), require(os.environ, "POSTERN_CONNECT_ROLE_ARN"))
    return RunQuery(
        policy=parts.policy,
        tasks=parts.tasks,
        records=parts.records,
        database=KeptSession(task_connections(tokens.mint)),
        identifiers=parts.identifiers,
        clock=parts.clock,
        log=parts.settings.log,
        threads=ThreadPoolExecutor(max_workers=1, thread_name_prefix="record"),
    ), Logger(service="query")


def handler(event: dict[str, Any], context: LambdaContext) -> http.Response:
    query, logger = services()
    watch = Stopwatch(query.clock, budget_s=context.get_remaining_time_in_millis() / 1000)
    return guarded(lambda: respond(event, query, watch), logger, watch, context.aws_request_id)
