"""What holds for every route behind the authorizer, whichever function serves it."""

from __future__ import annotations

import importlib
import json
from dataclasses import replace
from typing import Any

import pytest

from postern.edges import invocation
from postern.identity.context import format_principal
from postern_local.model import Route
from tests.support.domain import AGENT, NOW_S
from tests.support.fake_clock import FakeClock
from tests.support.stack import project_deployment
from tests.support.telling import Context


class Untouched:
    """Services of any function; whoever goes further than to the clock, and to its log's name, is found out."""

    clock = FakeClock(at_us=NOW_S * 1_000_000)
    log = "log"

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"the function used {name} before it knew who calls")


PRINCIPAL = format_principal(AGENT)
EXPIRED = format_principal(replace(AGENT, expires_at_s=NOW_S))
CONTEXTS: dict[str, dict[str, Any] | None] = {
    "expired in this second": {"principal": EXPIRED},
    "no authorizer": None,
    "authorizer without a principal": {"principalId": AGENT.id},
    "no text": {"principal": json.loads(PRINCIPAL)},
    "not strict": {"principal": PRINCIPAL + " x"},
    "a field more": {"principal": PRINCIPAL[:-1] + ',"admin":true}'},
    "a field twice": {"principal": PRINCIPAL[:-1] + ',"issuer":"ci"}'},
}


@pytest.mark.parametrize("given", CONTEXTS.values(), ids=CONTEXTS.keys())
def test_refuses_an_event_without_a_valid_unexpired_principal(given: dict[str, Any] | None, monkeypatch):
    """The authorizer may have let the call through in the token's last second, or not at all."""
    monkeypatch.setattr(invocation, "_prepare", lambda _: False)  # what it silences is the tests' as well
    routes = [route for route in project_deployment().api.routes if route.authorizer is not None]
    answers = {f"{route.method} {route.path}": _answer(route, given, monkeypatch) for route in routes}

    assert answers
    assert {route: told for route, told in answers.items() if not _is_refused(told)} == {}


def _answer(route: Route, given: dict[str, Any] | None, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    function = importlib.import_module(f"functions.{route.function.removeprefix('postern-')}.handler")
    monkeypatch.setattr(function, "services", Untouched)
    event = {
        "httpMethod": route.method,
        "resource": route.path,
        "path": route.path,
        "headers": {"Content-Type": "application/json"},
        "multiValueHeaders": {"Content-Type": ["application/json"]},
        "pathParameters": {"id": "0199a0b0c0d07000800000000000000a", "command_id": "x"},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "body": "{}",
        "isBase64Encoded": False,
        "requestContext": {"authorizer": given},
    }
    try:
        return function.handler(event, Context())
    except Exception as error:
        error.add_note(f"{route.method} {route.path}")
        raise


def _is_refused(answer: dict[str, Any]) -> bool:
    codes = {"token.expired", "token.malformed", "token.missing"}
    return answer["statusCode"] == 401 and json.loads(answer["body"])["code"] in codes
