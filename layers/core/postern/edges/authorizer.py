"""API Gateway's REQUEST authorizer, payload 1.0: events in, IAM policies out.

Refusals are policies too, with the code in the context: the gateway response ACCESS_DENIED makes a 401
problem of it, which the bare `Unauthorized` convention could not, since it carries no code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from postern.identity.context import format_principal
from postern.identity.issuer_url import is_loopback
from postern.types import Principal

_VERSION = "2012-10-17"


def headers(event: Mapping[str, Any], wanted: str) -> tuple[str, ...]:
    """Every header of that name, which is in lower case and may have been sent in any."""
    sent = event.get("multiValueHeaders") or {name: [value] for name, value in (event.get("headers") or {}).items()}
    return tuple(value for name, values in sent.items() if name.lower() == wanted for value in values)


def request_url(event: Mapping[str, Any]) -> str:
    """The URL that the caller used, without its query.

    From the gateway's own context: the domain through which it found this API (its own or a custom one), and the
    path with the stage or the custom domain's base path. `Host` and `X-Forwarded-*` are the caller's to choose.
    The gateway speaks https; on the loopback interface the local stack's speaks http.
    """
    context = event.get("requestContext") or {}
    host, path = context.get("domainName", ""), context.get("path", "")
    scheme = "http" if is_loopback(f"http://{host}") else "https"
    return f"{scheme}://{host}{path}"


def allow(principal: Principal, event: Mapping[str, Any]) -> dict[str, Any]:
    """A policy for this one call: results are not cached, so a wider one would serve nobody but a thief.

    A path with `*`, `?` or `${` in it can make the resource mean more or nothing; more is bounded by this call.
    """
    return _answer(principal.id, "Allow", event["methodArn"], {"principal": format_principal(principal)})


def deny(code: str) -> dict[str, Any]:
    """A policy that refuses everything, whatever the path holds, and tells the code alone."""
    return _answer("nobody", "Deny", "*", {"code": code})


def _answer(principal_id: str, effect: str, resource: str, context: Mapping[str, str]) -> dict[str, Any]:
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource}
    return {
        "principalId": principal_id,
        "policyDocument": {"Version": _VERSION, "Statement": [statement]},
        "context": dict(context),
    }
