"""Postern's tools over MCP. It holds no right: each tool asks Postern's own API with the caller's token."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from postern.clock_ports import Clock
from postern.edges import http
from postern.edges.guarded import guarded
from postern.edges.invocation import Invocation, invoked
from postern.edges.mcp import transport
from postern.edges.mcp.address import Address, address_of
from postern.edges.mcp.bearer import bearer_token
from postern.edges.mcp.https_api import HttpsApi, KeptConnection
from postern.edges.mcp.methods import Caller
from postern.edges.mcp.task_tools import Surroundings
from postern.edges.system import SystemClock
from postern.identity.context import parse_principal

MARGIN_S = 1.0  # for our answer, once the API's is there or its time is up


@dataclass(frozen=True, slots=True)
class Services:
    """`connection` gives one for each address, of which there is one."""

    connection: Callable[[Address], KeptConnection]
    clock: Clock


def respond(event: http.Event, services: Services, told: Invocation, left_s: Callable[[], float]) -> http.Response:
    # The gateway has verified the token. The API verifies it again: who it is matters to it alone.
    parse_principal(http.authorizer_context(event), now_s=services.clock.now_us() // 1_000_000)
    address = address_of(event, os.environ)
    api = HttpsApi(services.connection(address), bearer_token(event), left_s)
    here = Surroundings(api, f"{address.url}/console", partial(secrets.token_hex, 8))
    return transport.respond(event, address.origin, Caller(here, partial(setattr, told, "code"), told.failed))


@cache
def services() -> Services:
    clock = SystemClock()
    return Services(cache(partial(KeptConnection, clock=clock)), clock)


def handler(event: dict[str, Any], context: LambdaContext) -> http.Response:
    return invoked("mcp", event, context, _answer)


def _answer(event: http.Event, told: Invocation) -> http.Response:
    made = services()
    watch = told.stopwatch(made.clock, margin_s=MARGIN_S)
    return guarded(lambda: respond(event, made, told, watch.left_s), told, watch)
