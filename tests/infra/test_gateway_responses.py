"""What the gateway says by itself: problem bodies whose codes are documented, and the headers clients act on."""

from __future__ import annotations

import json

import pytest

from postern.errors import CODES
from postern.identity.issuers import ALGORITHMS
from postern_local.model import Api
from tests.support.stack import project_deployment


@pytest.fixture(scope="module")
def api() -> Api:
    return project_deployment().api


def test_every_answer_of_the_gateway_is_a_problem_with_a_documented_code(api: Api) -> None:
    for kind, response in api.responses.items():
        body = json.loads(response.body)
        assert response.headers["Content-Type"] == "application/problem+json", kind
        assert body["code"] in CODES or body["code"] == "$context.authorizer.code", kind
        assert body["type"] == f"urn:postern:error:{body['code']}", kind
        assert body.get("status") == response.status, kind
        assert body["detail"], kind
        assert body["request_id"] == "$context.requestId", kind


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("UNAUTHORIZED", 401, "token.missing"),
        ("ACCESS_DENIED", 401, "$context.authorizer.code"),
        ("AUTHORIZER_CONFIGURATION_ERROR", 503, "authorizer.unavailable"),
        ("AUTHORIZER_FAILURE", 503, "authorizer.unavailable"),
        ("MISSING_AUTHENTICATION_TOKEN", 404, "request.path"),
        ("REQUEST_TOO_LARGE", 413, "request.too_large"),
        ("THROTTLED", 429, "rate.requests"),
        ("WAF_FILTERED", 403, "request.filtered"),
        ("INTEGRATION_TIMEOUT", 504, "gateway.timeout"),
        ("INTEGRATION_FAILURE", 502, "internal"),
        ("DEFAULT_4XX", None, "request.invalid"),
        ("DEFAULT_5XX", None, "internal"),
    ],
)
def test_maps_what_goes_wrong(kind: str, status: int | None, code: str, api: Api) -> None:
    assert api.responses[kind].status == status
    assert json.loads(api.responses[kind].body)["code"] == code


@pytest.mark.parametrize("kind", ["UNAUTHORIZED", "ACCESS_DENIED"])
def test_says_how_to_authenticate(kind: str, api: Api) -> None:
    challenge = api.responses[kind].headers["WWW-Authenticate"]
    algorithms = challenge.partition('algs="')[2].rstrip('"').split()

    assert challenge.startswith("Bearer")
    assert ", DPoP " in challenge
    assert set(algorithms) == ALGORITHMS


@pytest.mark.parametrize("kind", ["UNAUTHORIZED", "ACCESS_DENIED"])
def test_says_where_to_sign_in_once_it_was_told_its_own_address(kind: str, api: Api) -> None:
    """The API cannot name its own address: it would have to stand before itself."""
    told = project_deployment(ApiAddress="https://postern.example").api.responses[kind].headers["WWW-Authenticate"]
    metadata = ' resource_metadata="https://postern.example/.well-known/oauth-protected-resource/mcp"'

    assert metadata in told.partition(", DPoP")[0]
    before = api.responses[kind].headers["WWW-Authenticate"]
    assert told.replace(f",{metadata}", "").replace(metadata, "") == before


@pytest.mark.parametrize("kind", ["THROTTLED", "AUTHORIZER_CONFIGURATION_ERROR", "AUTHORIZER_FAILURE"])
def test_says_when_to_come_back(kind: str, api: Api) -> None:
    assert int(api.responses[kind].headers["Retry-After"]) > 0
