"""The authorizer: lets a call through as the principal that its token names, or refuses it with a code."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from functools import cache
from typing import Any

from postern.edges import authorizer
from postern.edges.authorizer_table import AuthorizerTable
from postern.edges.issuers_file import load_issuers
from postern.edges.jwks import IssuerKeys
from postern.edges.system import SystemClock
from postern.errors import Unauthenticated
from postern.services.authorize import Authorize, Call

_log = logging.getLogger(__name__)


def respond(event: Mapping[str, Any], services: Authorize) -> dict[str, Any]:
    """The policy for one call.

    What is not the token's fault, such as an issuer without keys, raises: API Gateway then answers 503 and
    nobody passes. A 401 would make the caller throw a good token away.
    """
    call = Call(
        authorization=authorizer.headers(event, "authorization"),
        proofs=authorizer.headers(event, "dpop"),
        method=event.get("httpMethod", ""),
        url=authorizer.request_url(event),
    )
    try:
        return authorizer.allow(services.run(call), event)
    except Unauthenticated as error:
        _log.warning("refused: %s", error)  # says what was expected, and holds nothing of the token
        return authorizer.deny(error.code)


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001
    return respond(event, _services())


@cache
def _services() -> Authorize:
    clock, table = SystemClock(), AuthorizerTable(os.environ)
    return Authorize(load_issuers(os.environ), IssuerKeys(clock, table), table, clock)
