"""Signing in: the code flow with PKCE in a window of its own, what stops it, and that no token is kept anywhere."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import Any
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import expect

from tests.support import console_answers as answers
from tests.support.browsing import go, sign_in

SIGN_OUT = {"name": "Sign out"}


def test_asks_for_a_code_with_pkce_and_redeems_it_once(eyes, site):
    sign_in(eyes.page, site.url)

    [asked] = [one.query for one in site.provider.asked if one.path == "/authorize"]
    [redeemed] = [one for one in site.provider.asked if one.path == "/token"]
    given = {name: values[0] for name, values in parse_qs(redeemed.body.decode()).items()}
    digest = hashlib.sha256(given.pop("code_verifier").encode()).digest()
    assert asked["code_challenge"] == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    assert (asked["code_challenge_method"], asked["response_type"], asked["scope"]) == ("S256", "code", "openid")
    assert asked["redirect_uri"] == given["redirect_uri"] == f"{site.url}/console/callback"
    assert given == {
        "grant_type": "authorization_code",
        "code": "code-0",
        "client_id": "console",
        "redirect_uri": f"{site.url}/console/callback",
    }
    assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", asked[name]) for name in ("state", "nonce", "code_challenge"))
    assert [one.headers["Authorization"] for one in site.of("GET", "/v1/principal")] == ["Bearer the-access-token"]
    assert eyes.page.context.pages == [eyes.page]


def test_no_token_verifier_or_code_is_kept_anywhere(eyes, site):
    sign_in(eyes.page, site.url)
    for view, heading in (
        ("#/live", "Live tasks"),
        ("#/search?kind=grant", "Search the records"),
        ("#/log", "The log"),
    ):
        go(eyes.page, view, re.compile(heading))

    stored = eyes.stored()

    assert json.loads(stored)[:3] == [[], [], ""]
    assert json.loads(stored)[4:9] == [None, [], [], [], ""]
    [redeemed] = [one for one in site.provider.asked if one.path == "/token"]
    secrets = [value for values in parse_qs(redeemed.body.decode()).values() for value in values]
    for secret in ("the-access-token", *(one for one in secrets if len(one) > 20 and "://" not in one)):
        assert secret not in stored
        assert secret not in eyes.page.content()
    assert (
        eyes.page.evaluate("Object.keys(window).filter((name) => String(window[name]).includes('the-access-token'))")
        == []
    )


def test_a_page_that_is_loaded_anew_knows_nobody(eyes, site):
    sign_in(eyes.page, site.url)
    eyes.page.reload()

    expect(eyes.page.get_by_role("button", name="Sign in with")).to_be_visible()
    expect(eyes.page.get_by_role("button", **SIGN_OUT)).not_to_be_visible()


def test_signing_out_takes_everything_off_the_page(page, site):
    page.get_by_role("button", **SIGN_OUT).click()

    expect(page.get_by_role("button", name="Sign in with")).to_be_visible()
    assert "orders" not in page.inner_text("body")
    assert page.locator("nav#views").is_hidden()
    calls = len(site.asked)
    page.keyboard.press("2")
    page.keyboard.press("r")
    expect(page.get_by_role("button", name="Sign in with")).to_be_enabled()
    assert len(site.asked) == calls


TROUBLE: dict[str, tuple[dict[str, Any], str]] = {
    "the answer names another issuer": ({"redirect": {"iss": "https://evil.example"}}, "got it from another issuer"),
    "the answer names no issuer": ({"redirect": {"iss": None}}, "got it from another issuer"),
    "the person said no": ({"redirect": {"code": None, "error": "access_denied"}}, "people refused: access_denied"),
    "no code": ({"redirect": {"code": None}}, "expected a code, got none"),
    "a token that was not asked for": ({"claims": {"nonce": "another"}}, "expected the one that was asked for"),
    "a token of another issuer": ({"claims": {"iss": "https://evil.example"}}, "expected one of this issuer"),
    "a token for another client": ({"claims": {"aud": "another"}}, "expected one of this issuer"),
    "an ID token that is none": ({"token": (200, {"access_token": "a", "id_token": "x"})}, "expected a JWT"),
    "no token": ({"token": (200, {"token_type": "Bearer"})}, "expected access_token, got none"),
    "the code is refused": ({"token": (400, {"error": "invalid_grant"})}, "got: invalid_grant"),
    "no JSON": ({"token": (500, None)}, "expected JSON, got: status 500"),
}


@pytest.mark.parametrize(("changes", "message"), TROUBLE.values(), ids=TROUBLE.keys())
def test_nobody_is_signed_in_where_the_answer_does_not_hold(changes, message, eyes, site):
    for name, value in changes.items():
        setattr(site.provider, name, value)
    eyes.page.goto(f"{site.url}/console")
    eyes.page.get_by_role("button", name="Sign in with").click()

    expect(eyes.page.get_by_role("alert").filter(has_text=message)).to_be_visible()
    expect(eyes.page.get_by_role("button", name="Sign in with")).to_be_enabled()
    expect(eyes.page.get_by_role("button", **SIGN_OUT)).not_to_be_visible()
    assert site.of("GET", "/v1/principal") == []


DISCOVERIES: dict[str, tuple[dict[str, Any], str]] = {
    "of another issuer": ({"issuer": "https://evil.example"}, "got another one"),
    "a script for an address": ({"authorization_endpoint": "javascript:window.ran.push(1)"}, "authorization_endpoint"),
    "a document for an address": ({"authorization_endpoint": "data:text/html,<script>1</script>"}, "expected an https"),
    "plain http elsewhere": ({"token_endpoint": "http://id.example.com/token"}, "token_endpoint"),
    "no address": ({"token_endpoint": None}, "token_endpoint"),
}


@pytest.mark.parametrize(("discovery", "message"), DISCOVERIES.values(), ids=DISCOVERIES.keys())
def test_a_discovery_document_that_leads_astray_offers_nothing_to_press(discovery, message, eyes, site):
    site.provider.discovery = discovery
    eyes.page.goto(f"{site.url}/console")

    expect(eyes.page.get_by_text(message)).to_be_visible()
    expect(eyes.page.get_by_role("button", name="Sign in with")).to_be_disabled()


def test_says_what_a_provider_must_allow(eyes, site):
    site.provider.cors = False
    eyes.expected = re.compile("CORS|ERR_FAILED")
    eyes.page.goto(f"{site.url}/console")

    expect(eyes.page.get_by_text(f"must allow the origin {site.url} (CORS)")).to_be_visible()
    site.provider.cors = True
    eyes.page.get_by_role("button", name="Try again").click()
    expect(eyes.page.get_by_role("button", name="Sign in with")).to_be_enabled()


def test_an_answer_that_nobody_asked_for_is_dropped(eyes, site):
    """Somebody lures the browser to the callback with a code of their own, to be taken for the one who signed in."""
    site.provider.redirect = {"state": "another"}
    eyes.page.goto(f"{site.url}/console")
    with eyes.page.context.expect_page() as opened:
        eyes.page.get_by_role("button", name="Sign in with").click()
    expect(opened.value.get_by_text("This one can be closed")).to_be_visible()
    eyes.page.evaluate("new BroadcastChannel('postern-sign-in').postMessage({answer: {code: 'x', state: undefined}})")
    eyes.page.evaluate("new BroadcastChannel('postern-sign-in').postMessage(null)")

    expect(eyes.page.get_by_text("Go on in the window of people")).to_be_visible()
    assert "code" not in opened.value.url
    eyes.page.get_by_role("button", name="Give up").click()
    expect(eyes.page.get_by_text("Signing in was given up.")).to_be_visible()
    assert [one for one in site.provider.asked if one.path == "/token"] == []


def test_the_windows_do_not_hold_each_other(eyes, site):
    """The provider's page could otherwise send the console's window somewhere else."""
    site.provider.redirect = {"state": "another"}
    eyes.page.goto(f"{site.url}/console")
    with eyes.page.context.expect_page() as opened:
        eyes.page.get_by_role("button", name="Sign in with").click()
    expect(opened.value.get_by_text("This one can be closed")).to_be_visible()

    assert opened.value.evaluate("window.opener") is None


def test_a_window_that_the_browser_does_not_open_is_told(eyes, site):
    eyes.page.goto(f"{site.url}/console")
    expect(eyes.page.get_by_role("button", name="Sign in with")).to_be_enabled()
    eyes.page.evaluate("window.open = () => null")
    eyes.page.get_by_role("button", name="Sign in with").click()

    expect(eyes.page.get_by_text("Allow windows of this page")).to_be_visible()


def test_the_callback_alone_says_where_to_begin(eyes, site):
    eyes.page.goto(f"{site.url}/console/callback?code=abc")

    expect(eyes.page.get_by_text("Nothing was handed over")).to_be_visible()
    assert eyes.page.url == f"{site.url}/console/callback"


def test_an_ended_token_is_told_and_renewed_without_losing_the_page(eyes, site):
    site.script["GET", "/v1/principal"] = (200, answers.principal(token_expires_at_s=0))
    sign_in(eyes.page, site.url)
    expect(eyes.page.get_by_text("the sign-in has ended")).to_be_visible()
    site.script["POST", f"/v1/tasks/{answers.TASK}/approval"] = (
        401,
        {"code": "token.expired", "detail": "The token has expired. Get a new one."},
    )
    eyes.page.get_by_role("button", name="Approve").click()
    eyes.page.get_by_label("Why").fill("as agreed")
    eyes.page.get_by_role("dialog").get_by_role("button", name="Approve").click()
    expect(eyes.page.get_by_role("dialog").get_by_text("token.expired")).to_be_visible()
    expect(eyes.page.get_by_label("Why")).to_have_value("as agreed")
    eyes.page.keyboard.press("Escape")
    site.script["GET", "/v1/principal"] = (200, answers.principal())

    eyes.page.locator("#who").get_by_role("button", name="Sign in again").click()

    expect(eyes.page.get_by_text("sign-in ends in 59 min")).to_be_visible()
    expect(eyes.page.get_by_role("heading", name="Waiting for approval")).to_be_visible()
    assert len([one for one in site.provider.asked if one.path == "/authorize"]) == 2


def test_a_view_that_is_refused_for_its_token_offers_to_sign_in_again(page, site):
    site.script["GET", "/v1/log"] = (401, {"code": "token.expired", "detail": "The token has expired. Get a new one."})
    page.keyboard.press("4")

    banner = page.locator("#banner")
    expect(banner).to_contain_text("The token has expired")
    expect(banner.get_by_role("button", name="Sign in again")).to_be_visible()


def test_says_that_no_provider_is_set_up(eyes, site):
    eyes.page.route("**/console/config.json", lambda route: route.fulfill(json={"issuers": []}))
    eyes.page.goto(f"{site.url}/console")

    expect(eyes.page.get_by_text("No identity provider is set up for people")).to_be_visible()


def test_sends_nothing_to_anybody_but_the_api_and_the_provider(eyes, site):
    sign_in(eyes.page, site.url)
    for view, heading in (("#/live", "Live"), (f"#/task/{answers.TASK}", "Timeline"), ("#/log", "The log")):
        go(eyes.page, view, re.compile(heading))

    hosts = {re.match(r"\w+://[^/]+", url)[0] for url in eyes.requests}
    assert hosts == {site.url, site.provider.url}
