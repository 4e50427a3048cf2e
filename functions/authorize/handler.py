"""The authorizer: lets a call through as the principal that its token names, or refuses it with a code."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from postern.edges import authorizer, snapshots
from postern.edges.authorizer_table import AuthorizerTable
from postern.edges.invocation import Invocation, invoked
from postern.edges.issuers_file import load_issuers
from postern.edges.jwks import IssuerKeys
from postern.edges.system import SystemClock
from postern.errors import Unauthenticated
from postern.services.authorize import Authorize, Call

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def respond(event: Mapping[str, Any], services: Authorize, told: Invocation) -> dict[str, Any]:
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
        told.code = error.code
        told.log.warning("refused", extra={"detail": error.detail})  # what was expected: nothing of the token
        return authorizer.deny(error.code)


def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    return invoked("authorize", event, context, lambda asked, told: respond(asked, _services(), told))


@cache
def _services() -> Authorize:
    clock, table = SystemClock(), AuthorizerTable(os.environ)
    return Authorize(load_issuers(os.environ), IssuerKeys(clock, table), table, clock)


snapshots.prepare(_services)
