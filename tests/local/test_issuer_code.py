"""The authorization code grant with PKCE: RFC 6749 section 4.1, RFC 7636, RFC 9207, and what RFC 9700 adds."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace

import pytest

from postern_local.issuer.clients import Client, Grant
from postern_local.issuer.groups import Groups, UnknownGroup
from postern_local.issuer.pkce import challenge_of, is_challenge, is_proved
from tests.support.issuer_site import (
    AGENT,
    CLI,
    CONSOLE,
    GATEWAY,
    OTHER,
    PEOPLE,
    REDIRECT,
    URL,
    VERIFIER,
    Browser,
    claims_of,
)


@pytest.fixture
def browser() -> Browser:
    return Browser(clients=(CONSOLE, OTHER, replace(CLI, redirect_uris=(f"{GATEWAY}/cli",)), AGENT))


def test_a_person_signs_in_and_the_client_gets_tokens_about_them(browser: Browser) -> None:
    back = browser.choose(browser.ask(scope="openid shop", nonce="n").request, person="1")
    assert back.location.startswith(f"{REDIRECT}?")
    assert back.told.keys() == {"code", "state", "iss"}
    answer = browser.redeem(back.told["code"])
    assert answer.status == 200
    assert answer.header("Cache-Control") == "no-store"
    body = answer.json
    assert claims_of(body.pop("access_token")) == {
        "client_id": "console",
        "scope": "openid shop",
        "sub": "person:ava",
        "aud": "postern",
        "ttl_s": 3600,
    }
    assert claims_of(body.pop("id_token")) == {
        "auth_time": browser.clock.at_s,
        "nonce": "n",
        "sub": "person:ava",
        "aud": "console",
        "ttl_s": 3600,
    }
    assert body == {"token_type": "Bearer", "expires_in": 3600, "scope": "openid shop"}


def test_without_openid_there_is_no_id_token_and_without_offline_access_no_refresh_token(browser: Browser) -> None:
    assert browser.redeem(browser.code()).json.keys() == {"access_token", "token_type", "expires_in", "scope"}


@pytest.mark.parametrize(
    "state", ["a state", "&code=evil&iss=x#", "\r\nSet-Cookie: a=b", "\u00fc\U0001f600", "a+b%20c"]
)
def test_state_comes_back_as_it_was_and_who_answers_is_named(browser: Browser, state: str) -> None:
    told = browser.choose(browser.ask(state=state).request).told
    assert (told["state"], told["iss"]) == (state, URL)
    assert browser.choose(browser.ask(state=state).request, no="1").told == {
        "error": "access_denied",
        "error_description": "the person said no",
        "state": state,
        "iss": URL,
    }


def test_no_state_is_made_up(browser: Browser) -> None:
    assert browser.choose(browser.ask(state="").request).told.keys() == {"code", "iss"}


def test_a_redirect_uri_with_a_query_keeps_it(browser: Browser) -> None:
    uri = f"{REDIRECT}/callback?from=issuer"
    back = browser.choose(browser.ask(redirect_uri=uri).request)
    assert back.location.startswith(f"{uri}&code=")
    assert browser.redeem(back.told["code"], redirect_uri=uri).status == 200


UNADDRESSED = {
    "no client": {"client_id": ""},
    "unknown client": {"client_id": "evil"},
    "client with markup": {"client_id": "<script>alert(1)</script>"},
    "a client for devices": {"client_id": "cli", "redirect_uri": REDIRECT},
    "a client for itself": {"client_id": "agent"},
    "no redirect": {"redirect_uri": ""},
    "another host": {"redirect_uri": "https://evil.example/console"},
    "another port": {"redirect_uri": "http://127.0.0.1:5001/console"},
    "another name of the host": {"redirect_uri": "http://localhost:5000/console"},
    "a prefix of it": {"redirect_uri": GATEWAY},
    "more behind it": {"redirect_uri": f"{REDIRECT}/x"},
    "a slash behind it": {"redirect_uri": f"{REDIRECT}/"},
    "a query behind it": {"redirect_uri": f"{REDIRECT}?next=https://evil.example"},
    "a fragment behind it": {"redirect_uri": f"{REDIRECT}#x"},
    "a user before it": {"redirect_uri": "http://127.0.0.1:5000@evil.example/console"},
    "dots in it": {"redirect_uri": f"{GATEWAY}/x/../console"},
    "another case": {"redirect_uri": f"{GATEWAY}/Console"},
    "escaped": {"redirect_uri": f"{GATEWAY}/%63onsole"},
    "a line break behind it": {"redirect_uri": f"{REDIRECT}\r\nX: y"},
    "a null behind it": {"redirect_uri": f"{REDIRECT}\0"},
    "a script": {"redirect_uri": "javascript:alert(1)"},
    "another client's": {"redirect_uri": f"{GATEWAY}/other"},
    "a client that people do not sign in to": {"client_id": "cli", "redirect_uri": f"{GATEWAY}/cli"},
}


@pytest.mark.parametrize("changed", UNADDRESSED.values(), ids=UNADDRESSED.keys())
def test_sends_nobody_anywhere_for_an_unknown_client_or_redirect(browser: Browser, changed: dict[str, str]) -> None:
    answer = browser.ask(**changed)
    assert (answer.status, answer.header("Location")) == (400, None)
    assert "evil" not in answer.text and "alert" not in answer.text


@pytest.mark.parametrize("name", ["client_id", "redirect_uri"])
def test_sends_nobody_anywhere_where_client_or_redirect_is_named_twice(browser: Browser, name: str) -> None:
    value = {"client_id": "console", "redirect_uri": REDIRECT}[name]
    other = {
        "client_id": "&redirect_uri=http%3A%2F%2F127.0.0.1%3A5000%2Fconsole",
        "redirect_uri": "&client_id=console",
    }[name]
    answer = browser.get(f"/authorize?response_type=code&{name}={value}&{name}={value}{other}")
    assert (answer.status, answer.header("Location")) == (400, None)


REFUSED = {
    "no response type": ({"response_type": ""}, "unsupported_response_type"),
    "implicit": ({"response_type": "token"}, "unsupported_response_type"),
    "hybrid": ({"response_type": "code id_token"}, "unsupported_response_type"),
    "another response mode": ({"response_mode": "form_post"}, "invalid_request"),
    "no PKCE": ({"code_challenge": "", "code_challenge_method": ""}, "invalid_request"),
    "no challenge": ({"code_challenge": ""}, "invalid_request"),
    "no method, which means plain": ({"code_challenge_method": ""}, "invalid_request"),
    "plain": ({"code_challenge_method": "plain", "code_challenge": VERIFIER}, "invalid_request"),
    "the method in another case": ({"code_challenge_method": "s256"}, "invalid_request"),
    "a short challenge": ({"code_challenge": "a" * 42}, "invalid_request"),
    "a long challenge": ({"code_challenge": "a" * 44}, "invalid_request"),
    "a padded challenge": ({"code_challenge": "a" * 42 + "="}, "invalid_request"),
    "a challenge with a line break": ({"code_challenge": "a" * 43 + "\n"}, "invalid_request"),
    "an unknown scope": ({"scope": "openid admin"}, "invalid_scope"),
    "a request object": ({"request": "e30."}, "request_not_supported"),
    "a request by reference": ({"request_uri": "https://evil.example/r"}, "request_uri_not_supported"),
    "no page allowed": ({"prompt": "none"}, "login_required"),
    "a nonce too long to keep": ({"nonce": "n" * 2049}, "invalid_request"),
}


@pytest.mark.parametrize(("changed", "error"), REFUSED.values(), ids=REFUSED.keys())
def test_tells_the_client_what_is_wrong_with_its_request(browser: Browser, changed: dict[str, str], error: str) -> None:
    answer = browser.ask(**changed)
    told = answer.told
    assert answer.location.startswith(f"{REDIRECT}?")
    assert (told["error"], told["state"], told["iss"]) == (error, "a state", URL)
    assert "code" not in told


def test_a_state_too_long_to_keep_is_not_echoed(browser: Browser) -> None:
    told = browser.ask(state="s" * 2049).told
    assert (told["error"], "state" in told) == ("invalid_request", False)


QUERY = (
    "response_type=code&client_id=console&redirect_uri=http%3A%2F%2F127.0.0.1%3A5000%2Fconsole"
    f"&code_challenge={'a' * 43}&code_challenge_method=S256"
)


@pytest.mark.parametrize("name", ["state", "scope", "nonce", "code_challenge_method", "unknown"])
def test_a_parameter_sent_twice_is_refused(browser: Browser, name: str) -> None:
    answer = browser.get(f"/authorize?{QUERY}&{name}=openid&{name}=openid")
    assert answer.told["error"] == "invalid_request"


def test_a_parameter_without_a_value_is_not_there(browser: Browser) -> None:
    """RFC 6749 section 3.1."""
    page = browser.get(f"/authorize?{QUERY}&state=&request=&prompt=")
    assert browser.choose(page.request).told.keys() == {"code", "iss"}


def test_the_request_may_be_posted_too(browser: Browser) -> None:
    sent = {
        "response_type": "code",
        "client_id": "console",
        "redirect_uri": REDIRECT,
        "code_challenge": challenge_of(VERIFIER),
        "code_challenge_method": "S256",
    }
    page = browser.post("/authorize", sent)
    assert browser.redeem(browser.choose(page.request).told["code"]).status == 200


UNFIT = {
    "no code": {"code": ""},
    "another code": {"code": "x" * 43},
    "no verifier": {"code_verifier": ""},
    "another verifier": {"code_verifier": "w" * 43},
    "the challenge as verifier": {"code_verifier": challenge_of(VERIFIER)},
    "a short verifier": {"code_verifier": "v" * 42},
    "no redirect": {"redirect_uri": ""},
    "another redirect of the client's": {"redirect_uri": f"{REDIRECT}/callback?from=issuer"},
    "another client, to whom the redirect is known": {"client_id": "other"},
}


@pytest.mark.parametrize("changed", UNFIT.values(), ids=UNFIT.keys())
def test_a_code_is_for_its_client_redirect_and_verifier_alone(browser: Browser, changed: dict[str, str]) -> None:
    assert browser.redeem(browser.code(), **changed).error == (400, "invalid_grant")


@pytest.mark.parametrize("tried", ["another verifier", "another client, to whom the redirect is known"])
def test_a_code_is_used_up_by_whoever_tries_it(browser: Browser, tried: str) -> None:
    code = browser.code()
    browser.redeem(code, **UNFIT[tried])
    assert browser.redeem(code).error == (400, "invalid_grant")


def test_a_code_lives_a_minute(browser: Browser) -> None:
    code, late = browser.code(), browser.code()
    browser.clock.at_s += 59
    assert browser.redeem(code).status == 200
    browser.clock.at_s += 1
    assert browser.redeem(late).error == (400, "invalid_grant")


@pytest.mark.parametrize("later_s", [0, 3000], ids=["at once", "long after the code's own time"])
def test_a_code_that_comes_again_revokes_what_came_of_it(browser: Browser, later_s: int) -> None:
    code = browser.code(scope="offline_access")
    refresh = browser.redeem(code).json["refresh_token"]
    browser.clock.at_s += later_s
    assert browser.redeem(code).error == (400, "invalid_grant")
    assert browser.token(grant_type="refresh_token", client_id="console", refresh_token=refresh).error == (
        400,
        "invalid_grant",
    )


def test_a_thief_with_the_code_and_no_verifier_ends_the_holders_session_and_has_none(browser: Browser) -> None:
    code = browser.code(scope="offline_access")
    refresh = browser.redeem(code).json["refresh_token"]
    assert browser.redeem(code, code_verifier="w" * 43).error == (400, "invalid_grant")
    answer = browser.token(grant_type="refresh_token", client_id="console", refresh_token=refresh)
    assert answer.error == (400, "invalid_grant")


def test_codes_are_never_alike(browser: Browser) -> None:
    assert len({browser.code() for _ in range(20)}) == 20


def test_a_sign_in_waits_ten_minutes_and_is_answered_once(browser: Browser) -> None:
    answered, waiting, late = (browser.ask().request for _ in range(3))
    assert browser.choose(answered).status == 303
    assert browser.choose(answered).status == 400
    browser.clock.at_s += 599
    assert browser.choose(waiting).status == 303
    browser.clock.at_s += 1
    assert browser.choose(late).status == 400


def test_a_mistyped_person_may_be_typed_again(browser: Browser) -> None:
    request = browser.ask().request
    again = browser.choose(request, sub="person:zoe", claims="{")
    assert again.status == 400
    assert "expected a JSON object" in again.text
    assert again.request == request
    assert browser.choose(request, sub="person:zoe", claims="{}").status == 303


def test_who_was_typed_is_who_signs_in(browser: Browser) -> None:
    back = browser.choose(browser.ask().request, sub="person:zoe", groups="leads, ops,,night , x", claims='{"n": 1}')
    claims = claims_of(browser.redeem(back.told["code"]).json["access_token"])
    about = {"sub": "person:zoe", "role": "lead", "shift": 3, "teams": ["ops", "x"], "n": 1}
    assert {name: claims[name] for name in about} == about


def test_a_group_that_the_gate_cannot_make_is_refused() -> None:
    with pytest.raises(UnknownGroup, match="expected some of leads, got 'ops'"):
        Groups({"leads": {"role": "lead"}}).claims_of(["leads", "ops"])


MISTYPED = {
    "nobody": {"sub": ""},
    "a line break": {"sub": "a\nb"},
    "too long": {"sub": "a" * 256},
    "no JSON": {"sub": "a", "claims": "role=agent"},
    "no object": {"sub": "a", "claims": "[]"},
    "deep": {"sub": "a", "claims": "[" * 8000},
    "an audience": {"sub": "a", "claims": '{"aud": "another"}'},
    "an issuer": {"sub": "a", "claims": '{"iss": "https://issuer.example"}'},
    "another subject": {"sub": "a", "claims": '{"sub": "b"}'},
    "a time": {"sub": "a", "claims": '{"exp": 9999999999}'},
    "a client": {"sub": "a", "claims": '{"client_id": "other"}'},
    "a key": {"sub": "a", "claims": '{"cnf": {"jkt": "x"}}'},
    "groups twice": {"sub": "a", "groups": "x", "claims": '{"teams": []}'},
    "a group's claim twice": {"sub": "a", "groups": "leads", "claims": '{"role": "staff"}'},
    "groups that nobody is in together": {"sub": "a", "groups": "leads, staff"},
    "a group of one subject": {"sub": "a", "groups": "one"},
    "nobody of the list": {"person": "2"},
    "a number in another spelling": {"person": "00"},
}


@pytest.mark.parametrize("said", MISTYPED.values(), ids=MISTYPED.keys())
def test_what_names_nobody_signs_nobody_in(browser: Browser, said: dict[str, str]) -> None:
    answer = browser.choose(browser.ask().request, **said)
    assert (answer.status, answer.header("Location")) == (400, None)


def test_the_listed_people_are_offered(browser: Browser) -> None:
    page = browser.ask().text
    assert all(person.sub in page and person.about in page for person in PEOPLE)


def test_pkce_is_that_of_the_standards_example() -> None:
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # RFC 7636 appendix B
    challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    assert challenge_of(verifier) == challenge
    assert is_proved(challenge, verifier)


VERIFIERS = {
    "43 characters": ("v" * 43, True),
    "128 characters": ("v" * 128, True),
    "every kind": ("aZ09-._~" * 6, True),
    "42": ("v" * 42, False),
    "129": ("v" * 129, False),
    "a space": ("v" * 42 + " ", False),
    "a line break": ("v" * 43 + "\n", False),
    "another alphabet": ("\u0443" * 43, False),
}


@pytest.mark.parametrize(("verifier", "is_fit"), VERIFIERS.values(), ids=VERIFIERS.keys())
def test_a_verifier_has_the_standards_form(verifier: str, is_fit: bool) -> None:
    digest = hashlib.sha256(verifier.encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    assert is_challenge(challenge)
    assert is_proved(challenge, verifier) is is_fit


def test_a_client_shows_no_secret_of_its_own() -> None:
    assert "hunter2" not in repr(Client("a", "b", frozenset({Grant.CREDENTIALS}), secret="hunter2"))
