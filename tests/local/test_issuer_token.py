"""The token endpoint: who may ask for what (RFC 6749 sections 2.3, 4.4, 5.2, 6; RFC 9700 section 4.14)."""

from __future__ import annotations

import base64
from urllib.parse import quote_plus

import pytest

from tests.support.issuer_site import CODE, DEVICE, FORM, REDIRECT, SECRET, VERIFIER, Browser, claims_of

GRANTED = {"grant_type": "client_credentials"}


@pytest.fixture
def browser() -> Browser:
    return Browser()


def basic(client_id: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{quote_plus(client_id)}:{quote_plus(secret)}".encode()).decode()


def refresh(browser: Browser, token: str, **changed: str) -> tuple[int, dict[str, str]]:
    sent = {"grant_type": "refresh_token", "client_id": "console", "refresh_token": token, **changed}
    answer = browser.token(**sent)
    return answer.status, answer.json


def signed_in(browser: Browser, scope: str = "openid offline_access") -> str:
    token: str = browser.redeem(browser.code(scope=scope)).json["refresh_token"]
    return token


@pytest.mark.parametrize("way", ["header", "form"])
def test_a_client_with_a_secret_gets_a_token_for_whom_it_stands_for(browser: Browser, way: str) -> None:
    if way == "header":
        answer = browser.post("/token", {**GRANTED, "scope": "shop"}, Authorization=basic("agent", SECRET))
    else:
        answer = browser.token(**GRANTED, scope="shop", client_id="agent", client_secret=SECRET)
    body = answer.json
    assert answer.status == 200
    assert claims_of(body.pop("access_token")) == {
        "role": "agent",
        "client_id": "agent",
        "scope": "shop",
        "sub": "repo:acme/shop",
        "aud": "postern",
        "ttl_s": 3600,
    }
    assert body == {"token_type": "Bearer", "expires_in": 3600, "scope": "shop"}  # RFC 6749 4.4.3: nothing to refresh


STRANGERS = {
    "no secret": ({"client_id": "agent"}, ""),
    "another secret": ({"client_id": "agent", "client_secret": "x"}, ""),
    "an empty header": ({}, basic("agent", "")),
    "another secret in the header": ({}, basic("agent", "x")),
    "nobody": ({}, ""),
    "an unknown client": ({"client_id": "evil", "client_secret": SECRET}, ""),
    "both ways": ({"client_id": "agent", "client_secret": SECRET}, basic("agent", SECRET)),
    "two clients": ({"client_id": "console"}, basic("agent", SECRET)),
    "another scheme": ({"client_id": "agent"}, "Bearer x"),
    "no base64": ({}, "Basic !!!!"),
    "no text": ({}, "Basic " + base64.b64encode(b"\xff:\xff").decode()),
    "no colon": ({}, "Basic " + base64.b64encode(b"agent").decode()),
    "a public client with a secret": ({"client_id": "console", "client_secret": "x"}, ""),
    "a public client with an empty one in the header": ({}, basic("console", "")),
}


@pytest.mark.parametrize(("sent", "header"), STRANGERS.values(), ids=STRANGERS.keys())
def test_who_is_not_who_it_says_gets_nothing(browser: Browser, sent: dict[str, str], header: str) -> None:
    answer = browser.post("/token", {**GRANTED, **sent}, Authorization=header)
    assert answer.error == (401, "invalid_client")
    assert answer.header("WWW-Authenticate") == ('Basic realm="token"' if header else None)
    assert SECRET not in answer.text


UNENTITLED = {
    "a public client for itself": {"grant_type": "client_credentials", "client_id": "console"},
    "an agent's for a person by code": {"grant_type": CODE, "client_id": "agent", "client_secret": SECRET},
    "an agent's by refresh": {"grant_type": "refresh_token", "client_id": "agent", "client_secret": SECRET},
    "a device's by code": {"grant_type": CODE, "client_id": "cli"},
    "a page's by device": {"grant_type": DEVICE, "client_id": "console"},
}


@pytest.mark.parametrize("sent", UNENTITLED.values(), ids=UNENTITLED.keys())
def test_a_client_uses_its_own_grants_only(browser: Browser, sent: dict[str, str]) -> None:
    assert browser.token(**sent).error == (400, "unauthorized_client")


def test_only_who_is_a_stranger_is_asked_who_it_is(browser: Browser) -> None:
    answer = browser.post("/token", {"grant_type": CODE}, Authorization=basic("agent", SECRET))
    assert answer.error == (400, "unauthorized_client")
    assert answer.header("WWW-Authenticate") is None


@pytest.mark.parametrize(
    "grant_type", ["", "password", "implicit", "urn:ietf:params:oauth:grant-type:jwt-bearer", "Authorization_Code"]
)
def test_other_grants_are_not_known(browser: Browser, grant_type: str) -> None:
    assert browser.token(grant_type=grant_type, client_id="console").error == (400, "unsupported_grant_type")


def test_an_unknown_scope_is_refused(browser: Browser) -> None:
    answer = browser.token(**GRANTED, scope="admin", client_id="agent", client_secret=SECRET)
    assert answer.error == (400, "invalid_scope")


BODIES = {
    "a parameter twice": ("grant_type=client_credentials&client_id=agent&client_id=agent", FORM),
    "JSON": ('{"grant_type": "client_credentials"}', "application/json"),
    "no type": ("grant_type=client_credentials", ""),
    "no UTF-8": ("grant_type=%ff", FORM),
    "bytes": ("grant_type=\xff", FORM),
    "no name": ("client_credentials", FORM),
    "too many": ("&".join(f"a{number}=1" for number in range(51)), FORM),
}


@pytest.mark.parametrize(("body", "content_type"), BODIES.values(), ids=BODIES.keys())
def test_a_body_that_reads_two_ways_or_none_is_refused(browser: Browser, body: str, content_type: str) -> None:
    answer = browser.send("POST", "/token", body, Content_Type=content_type)
    assert answer.error == (400, "invalid_request")
    assert answer.header("Cache-Control") == "no-store"


def test_the_query_is_no_place_for_a_grant(browser: Browser) -> None:
    answer = browser.send(
        "POST",
        f"/token?grant_type=client_credentials&client_id=agent&client_secret={quote_plus(SECRET)}",
        Content_Type=FORM,
    )
    assert answer.error == (401, "invalid_client")


def test_a_refresh_token_is_answered_with_the_next(browser: Browser) -> None:
    first = signed_in(browser)
    status, body = refresh(browser, first)
    assert status == 200
    assert body["refresh_token"] != first
    assert claims_of(body["access_token"])["sub"] == "person:erin"
    assert refresh(browser, body["refresh_token"])[0] == 200


def test_a_used_refresh_token_ends_the_latest_too(browser: Browser) -> None:
    first = signed_in(browser)
    second = refresh(browser, first)[1]["refresh_token"]
    for token in (first, second):
        status, body = refresh(browser, token)
        assert (status, body["error"]) == (400, "invalid_grant")


def test_one_sign_ins_theft_leaves_the_others_alone(browser: Browser) -> None:
    stolen, other = signed_in(browser), signed_in(browser)
    refresh(browser, stolen)
    refresh(browser, stolen)
    assert refresh(browser, other)[0] == 200


def test_a_refresh_token_is_its_clients_alone_and_survives_anothers_try(browser: Browser) -> None:
    token = signed_in(browser)
    for client in ("other", "cli"):
        assert refresh(browser, token, client_id=client)[1]["error"] == "invalid_grant"
    assert refresh(browser, token)[0] == 200


def test_a_refresh_token_lives_a_day(browser: Browser) -> None:
    early, late = signed_in(browser), signed_in(browser)
    browser.clock.at_s += 86_399
    assert refresh(browser, early)[0] == 200
    browser.clock.at_s += 1
    assert refresh(browser, late)[1]["error"] == "invalid_grant"


def test_a_refresh_gives_no_more_than_was_consented_to(browser: Browser) -> None:
    assert refresh(browser, signed_in(browser), scope="openid shop")[1]["error"] == "invalid_scope"


@pytest.mark.parametrize("token", ["", "x", VERIFIER], ids=["none", "short", "long"])
def test_what_is_no_refresh_token_gives_nothing(browser: Browser, token: str) -> None:
    assert refresh(browser, token)[1]["error"] in {"invalid_grant", "invalid_client"}


def test_a_code_is_no_refresh_token_nor_a_device_code(browser: Browser) -> None:
    code = browser.code(scope="offline_access")
    assert refresh(browser, code)[1]["error"] == "invalid_grant"
    assert browser.poll(code).error == (400, "invalid_grant")
    assert browser.redeem(code, redirect_uri=REDIRECT).status == 200
