"""Inspect: what the log's records say, to auditors and to whom they are about. It can only read."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from os import environ
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from postern.edges import http, record_contract, record_requests
from postern.edges.guarded import guarded
from postern.edges.inspect_root import inspect_parts
from postern.edges.invocation import Invocation, invoked
from postern.identity.context import parse_principal
from postern.ports import Clock
from postern.services.audit_rights import AuditRights
from postern.services.search_records import SearchRecords
from postern.services.stopwatch import Stopwatch


@dataclass(frozen=True, slots=True)
class Services:
    """What the route calls; `log` is the one that this deployment writes."""

    search: SearchRecords
    log: str
    clock: Clock


def respond(event: http.Event, services: Services, watch: Stopwatch) -> http.Response:
    who = parse_principal(http.authorizer_context(event), now_s=services.clock.now_us() // 1_000_000)
    query = record_requests.record_query(event, services.log)
    place = record_requests.place(event, query, who)
    page = services.search.run(who, query, place, record_requests.limit(event), watch)
    cursor = None if page.next is None else record_requests.format_cursor(page.next, query, who)
    return http.json_answer(200, record_contract.records_answer(query.log, page, cursor))


@cache
def services() -> Services:
    p = inspect_parts(environ)
    rights = AuditRights(p.policy, p.denials, p.clock)
    return Services(SearchRecords(rights, p.table, p.buckets, p.keys, p.deployment), p.log, p.clock)


def handler(event: dict[str, Any], context: LambdaContext) -> http.Response:
    return invoked("inspect", event, context, _answer)


def _answer(event: http.Event, told: Invocation) -> http.Response:
    made = services()
    watch = told.stopwatch(made.clock)
    return guarded(lambda: respond(event, made, watch), told, watch)
