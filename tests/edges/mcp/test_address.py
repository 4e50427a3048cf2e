"""Where a token is sent: where the deployment says, or the stage that the gateway names; nobody else has a say."""

from __future__ import annotations

from typing import Any

import pytest

from postern.edges.mcp.address import address_of
from postern.errors import PolicyUnavailable
from tests.support.mcp import event

DOMAIN = {"POSTERN_API_DOMAIN": "execute-api.eu-central-1.amazonaws.com"}
OF_THE_STAGE = "https://abc123.execute-api.eu-central-1.amazonaws.com/live"


def test_is_the_stages_own_where_the_deployment_names_none() -> None:
    address = address_of(event(b"{}"), DOMAIN)
    assert address.url == OF_THE_STAGE
    assert address.origin == OF_THE_STAGE.removesuffix("/live")


@pytest.mark.parametrize(
    ("told", "origin"),
    [
        ("https://postern.example", "https://postern.example"),
        ("https://postern.example:8443/a/b/", "https://postern.example:8443"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
    ],
)
def test_is_what_the_deployment_says(told: str, origin: str) -> None:
    address = address_of(event(b"{}"), {**DOMAIN, "POSTERN_API_ADDRESS": told})
    assert (address.url, address.origin) == (told.removesuffix("/"), origin)


LIES = {
    "Host": {"Host": "evil.example"},
    "Forwarded": {"Forwarded": "host=evil.example;proto=http"},
    "X-Forwarded-Host": {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http", "X-Forwarded-Port": "1"},
    "X-Original-URL": {"X-Original-URL": "https://evil.example/", "X-Rewrite-URL": "/evil"},
    "an API's id": {"x-apigw-api-id": "evil"},
}


@pytest.mark.parametrize("headers", LIES.values(), ids=LIES.keys())
def test_no_header_has_a_say(headers: dict[str, str]) -> None:
    given = event(b'{"host": "evil.example"}', headers)
    given["queryStringParameters"] = {"host": "evil.example"}
    assert address_of(given, DOMAIN).url == OF_THE_STAGE


@pytest.mark.parametrize(
    "told",
    [
        *("http://postern.example", "http://169.254.169.254", "ftp://x", "https://", "https://a@b", "//x", "x"),
        *("https://a b", "https://a/..%2f", "https://a?x", "https://a#x", "https://a:99999", "https://a\r\nHost: b"),
    ],
)
def test_refuses_an_address_that_is_none(told: str) -> None:
    with pytest.raises(PolicyUnavailable):
        address_of(event(b"{}"), {**DOMAIN, "POSTERN_API_ADDRESS": told})


@pytest.mark.parametrize(
    "context",
    [{}, {"apiId": "a.evil.example/", "stage": "live"}, {"apiId": "abc", "stage": "../x"}, {"apiId": None, "stage": 1}],
    ids=["nothing", "a domain as id", "a path as stage", "no texts"],
)
def test_refuses_a_context_that_names_no_stage(context: dict[str, Any]) -> None:
    with pytest.raises(PolicyUnavailable):
        address_of({"requestContext": context}, DOMAIN)


def test_refuses_to_guess() -> None:
    with pytest.raises(PolicyUnavailable):
        address_of(event(b"{}"), {})
