"""API Gateway's REQUEST authorizer, payload 1.0: events in, IAM policies out.

Refusals are policies too, with the code in the context: the gateway response ACCESS_DENIED makes a 401
problem of it, which the bare `Unauthorized` convention could not, since it carries no code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from postern.identity.context import format_principal
from postern.types import Principal

_VERSION = "2012-10-17"


def authorization_headers(event: Mapping[str, Any]) -> tuple[str, ...]:
    """Every `Authorization` header of the request, the name in any case."""
    sent = event.get("multiValueHeaders") or {name: [value] for name, value in (event.get("headers") or {}).items()}
    return tuple(value for name, values in sent.items() if name.lower() == "authorization" for value in values)


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
