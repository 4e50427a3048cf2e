"""What a stack's issuer offers follows from the policy layer; sign-in through a real socket gives tokens that hold."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests

from postern_local.demo import cast
from postern_local.issuer import Issuer, Offer
from postern_local.issuer.clients import Client, Grant
from postern_local.issuer.groups import Groups
from postern_local.issuer.pkce import challenge_of
from postern_local.policy_layer import PolicyLayer, read_policy
from postern_local.sign_in_offer import AGENT, CLIENTS_FILE, make_offer
from tests.support.issuer_site import VERIFIER

GATEWAY = "http://127.0.0.1:5000"
DEMO = Path(cast.__file__).parent / "policy"


@pytest.fixture(scope="module")
def demo() -> PolicyLayer:
    return read_policy(DEMO, region="us-east-1")


def layer(folder: Path, **entry: str) -> PolicyLayer:
    """The demo's layer with another entry for the local issuer."""
    fields = {"name": "ci", "issuer": "local", "audience": "us", "require": "{sub: a}", **entry}
    text = "issuers:\n- " + "\n  ".join(f"{name}: {value}" for name, value in fields.items())
    for path in DEMO.rglob("*"):
        if path.is_file():
            target = folder / path.relative_to(DEMO)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    (folder / "issuers.yaml").write_text(text)
    return read_policy(folder, region="us-east-1")


def clients(offer: Offer) -> dict[str, Client]:
    return {client.id: client for client in offer.clients}


def test_the_demos_clients_are_those_that_its_layer_names(demo: PolicyLayer, tmp_path: Path) -> None:
    offer = make_offer(demo, GATEWAY, tmp_path, cast.PEOPLE, cast.AGENT)
    found = clients(offer)
    assert found.keys() == {"postern-console", "postern-cli", "postern-agent"}
    assert found["postern-console"].redirect_uris == tuple(
        f"{GATEWAY}{path}" for path in ("/console", "/console/", "/console/callback")
    )
    assert found["postern-console"].grants == {Grant.CODE, Grant.REFRESH}
    assert found["postern-cli"].grants == {Grant.DEVICE, Grant.REFRESH}
    assert (found["postern-cli"].redirect_uris, found["postern-cli"].secret) == ((), None)
    assert found["postern-agent"].grants == {Grant.CREDENTIALS}
    assert (offer.audience, offer.people) == ("postern", cast.PEOPLE)
    roles = {"agents": "agent", "approvers": "approver", "operators": "operator", "auditors": "auditor"}
    assert offer.groups == Groups({name: {"role": role} for name, role in roles.items()})


def test_a_group_that_hangs_on_what_nobody_can_choose_is_not_offered(tmp_path: Path) -> None:
    rules = "[{name: deep, when: {/a/b: c}}, {name: one, when: {sub: a}}, {name: flat, when: {a: [x, y], b: 1}}]"
    offer = make_offer(layer(tmp_path, groups=rules), GATEWAY, tmp_path, (), None)
    assert offer.groups == Groups({"flat": {"a": "x", "b": 1}})


def test_everyone_of_the_demos_cast_is_in_a_group_of_its_layer(demo: PolicyLayer) -> None:
    (rules,) = demo.bundle.issuers
    for person in cast.PEOPLE:
        assert [group for group in rules.groups if person.claims["role"] in group.when[0].any_of], person.sub
        assert all(pattern.matches(person.sub) for pattern in rules.match)


def test_the_agents_secret_is_kept_for_its_owner_alone(demo: PolicyLayer, tmp_path: Path) -> None:
    first = clients(make_offer(demo, GATEWAY, tmp_path, (), None))[AGENT].secret
    kept = tmp_path / CLIENTS_FILE
    assert kept.stat().st_mode & 0o777 == 0o600
    assert json.loads(kept.read_text()) == {AGENT: first}
    assert clients(make_offer(demo, GATEWAY, tmp_path, (), None))[AGENT].secret != first


@pytest.mark.parametrize(
    ("sign_in", "console", "cli"),
    [
        ("{client_id: web, device_client_id: cli}", "web", "cli"),
        ("{client_id: web}", "web", "web"),
        ("{client_id: us, token: id_token}", "us", "us"),
    ],
    ids=["two", "one for both", "an ID token's"],
)
def test_another_layers_clients_are_those_that_it_names(tmp_path: Path, sign_in: str, console: str, cli: str) -> None:
    found = clients(make_offer(layer(tmp_path, sign_in=sign_in), GATEWAY, tmp_path, (), None))
    assert found.keys() == {console, cli, AGENT}
    assert Grant.CODE in found[console].grants
    assert f"{GATEWAY}/console/callback" in found[console].redirect_uris
    assert Grant.DEVICE in found[cli].grants


def test_a_layer_that_names_none_has_the_usual_ones_and_its_own_groups_claim(tmp_path: Path) -> None:
    offer = make_offer(layer(tmp_path, groups_claim="teams"), GATEWAY, tmp_path, (), None)
    assert clients(offer).keys() == {"postern-console", "postern-cli", AGENT}
    assert offer.groups == Groups({}, "teams")


def test_scopes_that_the_layer_asks_for_are_known(tmp_path: Path) -> None:
    offer = make_offer(layer(tmp_path, sign_in="{client_id: web, scopes: ['api://x']}"), GATEWAY, tmp_path, (), None)
    assert offer.scopes == {"api://x"}


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory, demo: PolicyLayer) -> Iterator[Issuer]:
    folder = tmp_path_factory.mktemp("issuer")
    with Issuer.start(folder) as running:
        running.offer(make_offer(demo, GATEWAY, folder, cast.PEOPLE, cast.AGENT))
        yield running


def verified(issuer: Issuer, token: str, audience: str) -> dict[str, Any]:
    key = jwt.PyJWKClient(f"{issuer.url}/jwks.json").get_signing_key_from_jwt(token)
    claims: dict[str, Any] = jwt.decode(token, key, algorithms=["RS256"], audience=audience, issuer=issuer.url)
    return claims


def page_request(page: str) -> str:
    return page.partition('name="request" value="')[2].partition('"')[0]


def test_a_code_from_a_real_page_gives_signed_tokens(issuer: Issuer) -> None:
    asked = {
        "response_type": "code",
        "client_id": "postern-console",
        "redirect_uri": f"{GATEWAY}/console/callback",
        "scope": "openid",
        "code_challenge": challenge_of(VERIFIER),
        "code_challenge_method": "S256",
    }
    page = requests.get(f"{issuer.url}/authorize", asked, timeout=10)
    chosen = {"request": page_request(page.text), "person": "0"}
    own = {"Origin": issuer.url}
    back = requests.post(f"{issuer.url}/choose", chosen, headers=own, allow_redirects=False, timeout=10)
    code = back.headers["Location"].partition("code=")[2].partition("&")[0]
    answer = requests.post(
        f"{issuer.url}/token",
        {
            "grant_type": "authorization_code",
            "client_id": "postern-console",
            "code": code,
            "redirect_uri": asked["redirect_uri"],
            "code_verifier": VERIFIER,
        },
        headers={"Origin": GATEWAY},
        timeout=10,
    )
    assert answer.headers["Access-Control-Allow-Origin"] == GATEWAY
    body = answer.json()
    about = verified(issuer, body["access_token"], "postern")
    assert (about["sub"], about["role"], about["exp"] - about["iat"]) == ("person:erin", "approver", 3600)
    assert verified(issuer, body["id_token"], "postern-console")["sub"] == "person:erin"


def test_the_agents_own_token_is_signed_for_whom_it_stands_for(issuer: Issuer) -> None:
    secret = json.loads((issuer.key_path.parent / CLIENTS_FILE).read_text())[AGENT]
    answer = requests.post(
        f"{issuer.url}/token", {"grant_type": "client_credentials"}, auth=(AGENT, secret), timeout=10
    ).json()
    about = verified(issuer, answer["access_token"], "postern")
    assert (about["sub"], about["actor"], about["client_id"]) == (cast.AGENT.sub, "dana", AGENT)


@pytest.mark.parametrize("path", ["openid-configuration", "oauth-authorization-server"])
def test_what_discovery_names_is_there(issuer: Issuer, path: str) -> None:
    """OpenID Connect Discovery 1.0 section 3, RFC 8414 section 2, RFC 8628 section 4, RFC 9207 section 3."""
    described = requests.get(f"{issuer.url}/.well-known/{path}", timeout=10).json()
    assert described["issuer"] == issuer.url
    asked: dict[str, Callable[..., requests.Response]] = {
        "authorization_endpoint": requests.get,
        "token_endpoint": requests.post,
        "device_authorization_endpoint": requests.post,
        "jwks_uri": requests.get,
    }
    for name, ask in asked.items():
        assert described[name].startswith(f"{issuer.url}/")
        assert ask(described[name], timeout=10).status_code != 404, name
    assert described["response_types_supported"] == ["code"]
    assert described["code_challenge_methods_supported"] == ["S256"]
    assert described["authorization_response_iss_parameter_supported"] is True
    assert set(described["grant_types_supported"]) == {str(grant) for grant in Grant}
    assert described["scopes_supported"] == ["email", "offline_access", "openid", "profile"]


def test_before_there_is_a_gate_nobody_can_sign_in(tmp_path: Path) -> None:
    with Issuer.start(tmp_path) as alone:
        page = requests.get(f"{alone.url}/authorize?client_id=postern-console", timeout=10)
        answer = requests.post(f"{alone.url}/token", {"grant_type": "client_credentials"}, timeout=10)
    assert (page.status_code, answer.json()["error"]) == (400, "invalid_client")
