"""Signing in from end to end: what the gate says of it, the local issuer's page, and the token at the gate."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import requests

from postern_local.demo import cast
from postern_local.issuer.pkce import challenge_of
from postern_local.stack import Stack
from tests.support.issuer_site import VERIFIER

S = 20


@pytest.fixture(scope="module")
def described(shop: Stack) -> dict[str, Any]:
    """The one issuer's entry in the gate's own list, and where the issuer's endpoints are."""
    metadata = requests.get(f"{shop.ready.api}/.well-known/oauth-protected-resource", timeout=S).json()
    (entry,) = metadata["postern_sign_in"]
    found: dict[str, Any] = requests.get(f"{entry['issuer']}/.well-known/openid-configuration", timeout=S).json()
    return {**entry, **found}


def page_request(page: requests.Response) -> str:
    return page.text.partition('name="request" value="')[2].partition('"')[0]


def by_code(shop: Stack, described: dict[str, Any], person: int) -> dict[str, Any]:
    """What a browser does, with no browser."""
    asked = {
        "response_type": "code",
        "client_id": described["client_id"],
        "redirect_uri": f"{shop.ready.api}/console/callback",
        "scope": " ".join(described["scopes"]),
        "state": "s",
        "code_challenge": challenge_of(VERIFIER),
        "code_challenge_method": "S256",
    }
    page = requests.get(described["authorization_endpoint"], asked, timeout=S)
    chosen = {"request": page_request(page), "person": str(person)}
    back = requests.post(f"{described['issuer']}/choose", chosen, allow_redirects=False, timeout=S).headers["Location"]
    redeemed = {
        "grant_type": "authorization_code",
        "client_id": described["client_id"],
        "code": back.partition("code=")[2].partition("&")[0],
        "redirect_uri": asked["redirect_uri"],
        "code_verifier": VERIFIER,
    }
    answer: dict[str, Any] = requests.post(described["token_endpoint"], redeemed, timeout=S).json()
    return answer


def principal(shop: Stack, token: str) -> requests.Response:
    return requests.get(f"{shop.ready.api}/v1/principal", headers={"Authorization": f"Bearer {token}"}, timeout=S)


RIGHTS = {
    "person:erin": {"approve": ["shop"], "revoke": ["shop"], "audit": []},
    "person:olga": {"approve": [], "revoke": ["shop"], "audit": []},
    "person:ava": {"approve": [], "revoke": [], "audit": ["shop"]},
    cast.AGENT.sub: {"approve": [], "revoke": [], "audit": []},
}


@pytest.mark.parametrize("sub", RIGHTS)
def test_whoever_signs_in_is_told_who_they_are_and_what_they_may(
    shop: Stack, described: dict[str, Any], sub: str
) -> None:
    number = [person.sub for person in cast.PEOPLE].index(sub)
    answer = by_code(shop, described, number)
    told = principal(shop, answer[described["token"]])
    assert told.status_code == 200, told.text
    body = told.json()
    assert (body["principal"], body["may"]) == (f"ci|{sub}", RIGHTS[sub])
    assert told.headers["Cache-Control"] == "no-store"


def test_the_token_that_is_for_the_client_is_not_for_the_gate(shop: Stack, described: dict[str, Any]) -> None:
    refused = principal(shop, by_code(shop, described, 0)["id_token"])
    assert (refused.status_code, refused.json()["code"]) == (401, "token.audience")


def test_a_program_with_a_secret_is_let_in_as_whom_it_stands_for(shop: Stack, described: dict[str, Any]) -> None:
    secrets = json.loads((Path(shop.ready.state) / "issuer" / "clients.json").read_text())
    ((client, secret),) = secrets.items()
    granted = requests.post(
        described["token_endpoint"], {"grant_type": "client_credentials"}, auth=(client, secret), timeout=S
    )
    body = principal(shop, granted.json()["access_token"]).json()
    assert (body["subject"], body["on_behalf_of"], body["groups"]) == (cast.AGENT.sub, "dana", ["agents"])


def test_without_a_token_nobody_is_told_anything(shop: Stack) -> None:
    answer = requests.get(f"{shop.ready.api}/v1/principal", timeout=S)
    assert (answer.status_code, answer.json()["code"]) == (401, "token.missing")


def test_the_resource_for_mcp_is_described_beside_the_gates(shop: Stack) -> None:
    metadata = requests.get(f"{shop.ready.api}/.well-known/oauth-protected-resource/mcp", timeout=S).json()
    assert metadata["resource"] == f"{shop.ready.api}/mcp"
    assert metadata["authorization_servers"] == [shop.ready.issuer]
    assert metadata["scopes_supported"] == ["openid"]
