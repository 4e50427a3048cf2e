"""Revocations: take access away, hold a database, look at what stands, give it back. Reaches no database itself."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from postern.denial_ports import Denials
from postern.edges import http, revocation_contract
from postern.edges.guarded import guarded
from postern.edges.invocation import Invocation, invoked
from postern.edges.revoke_root import revoke_parts, threads
from postern.identity.context import parse_principal
from postern.ports import Clock
from postern.services.mark_tasks import MarkTasks
from postern.services.operators import Operators
from postern.services.rebuild_tasks import RebuildTasks
from postern.services.release import Lift, Release
from postern.services.revoke import RevocationRequest, Revoke
from postern.services.stopwatch import Stopwatch
from postern.services.tear_down_tasks import TearDownTasks
from postern.services.told_events import ToldEvents
from postern.types import CommandId, Principal

MARGIN_S = 1.0  # for the answer


@dataclass(frozen=True, slots=True)
class Services:
    """What the routes call."""

    revoke: Revoke
    release: Release
    operators: Operators
    denials: Denials
    clock: Clock


def _revoke(event: http.Event, who: Principal, services: Services, watch: Stopwatch) -> http.Response:
    body = http.parse_body(http.raw_body(event), revocation_contract.REVOCATION)
    request = RevocationRequest(revocation_contract.revoked_of(body), body.reason, body.expires_s)
    answer = revocation_contract.revocation_answer(services.revoke.run(who, request, watch))
    return http.json_answer(200 if answer.whole and not answer.remaining else 202, answer)


def _list(event: http.Event, who: Principal, services: Services, watch: Stopwatch) -> http.Response:  # noqa: ARG001
    standing = [denial for denial in services.denials.all() if denial.stands]
    seen = services.operators.seen(who, standing)
    return http.json_answer(200, revocation_contract.revocations_answer(seen))


def _release(event: http.Event, who: Principal, services: Services, watch: Stopwatch) -> http.Response:
    released = services.release.run(who, CommandId(http.path_parameter(event, "id")), watch)
    return http.json_answer(200, revocation_contract.release_answer(released))


ROUTES: dict[tuple[str, str], Callable[[http.Event, Principal, Services, Stopwatch], http.Response]] = {
    ("POST", "/v1/revocations"): _revoke,
    ("GET", "/v1/revocations"): _list,
    ("DELETE", "/v1/revocations/{id}"): _release,
}


def respond(event: http.Event, services: Services, watch: Stopwatch) -> http.Response:
    who = parse_principal(http.authorizer_context(event), now_s=services.clock.now_us() // 1_000_000)
    return ROUTES[event["httpMethod"], event["resource"]](event, who, services, watch)


@cache
def services() -> Services:
    p = revoke_parts(os.environ)
    c = p.common
    operators = Operators(c.policy, p.denials, c.clock)
    revoke = Revoke(
        operators,
        c.policy,
        c.tasks,
        p.denials,
        ToldEvents(c.records, p.denials),
        MarkTasks(p.open_tasks, p.denials, threads),
        TearDownTasks(c.tasks, p.provisioner, c.clock, threads),
        TearDownTasks(c.tasks, p.hold_provisioner, c.clock, threads),
        c.identifiers,
        c.clock,
    )
    rebuild = RebuildTasks(c.policy, c.tasks, p.open_tasks, p.hold_provisioner, p.rates, c.clock, threads)
    release = Release(operators, p.denials, Lift(p.denials, c.records, c.identifiers, c.clock), rebuild)
    return Services(revoke, release, operators, p.denials, c.clock)


def handler(event: dict[str, Any], context: LambdaContext) -> http.Response:
    return invoked("revoke", event, context, _answer)


def _answer(event: http.Event, told: Invocation) -> http.Response:
    made = services()
    watch = told.stopwatch(made.clock, margin_s=MARGIN_S)
    return guarded(lambda: respond(event, made, watch), told, watch)
