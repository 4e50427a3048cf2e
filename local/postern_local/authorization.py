"""What API Gateway makes of an authorizer's result. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from postern_local.iam import (
    Allowed,
    Caller,
    Policy,
    PolicyError,
    PolicyKind,
    PolicySet,
    Request,
    evaluate,
    parse_policy,
)

_ACTION = "execute-api:Invoke"


class MalformedAuthorization(Exception):
    """Raised when an authorizer's result is not of the documented form: nobody passes."""


@dataclass(frozen=True, slots=True)
class Authorization:
    """Whether the call may go on, and the context that goes with it, all text."""

    allowed: bool
    context: Mapping[str, str]


def parse_authorization(payload: bytes, method_arn: str) -> Authorization:
    """Decides a call by the policy in the result. Raises `MalformedAuthorization`."""
    try:
        result = json.loads(payload)
    except ValueError as error:
        raise MalformedAuthorization("result: expected JSON") from error
    if not isinstance(result, dict) or not isinstance(result.get("principalId"), str):
        raise MalformedAuthorization("result: expected an object with principalId")
    decision = evaluate(
        PolicySet(identity=(_policy(result.get("policyDocument")),)),
        Request(Caller(arn=f"authorizer:{result['principalId']}", account=""), _ACTION, method_arn),
    )
    return Authorization(
        allowed=isinstance(decision, Allowed),
        context={**_context(result.get("context") or {}), "principalId": result["principalId"]},
    )


def _policy(document: object) -> Policy:
    if not isinstance(document, dict):
        raise MalformedAuthorization(f"policyDocument: expected an object, got {type(document).__name__}")
    try:
        return parse_policy(document, kind=PolicyKind.IDENTITY, name="authorizer")
    except PolicyError as error:
        raise MalformedAuthorization(str(error)) from error


def _context(context: Any) -> dict[str, str]:  # noqa: ANN401 - of any shape until it was looked at
    if not isinstance(context, dict):
        raise MalformedAuthorization(f"context: expected an object, got {type(context).__name__}")
    texts = {}
    for name, value in context.items():
        if isinstance(value, bool):
            texts[name] = "true" if value else "false"
        elif isinstance(value, (str, int, float)):
            texts[name] = str(value)
        else:  # API Gateway takes no lists, objects or null here
            raise MalformedAuthorization(f"context: {name}: expected text, a number or a boolean")
    return texts
