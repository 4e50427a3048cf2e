"""`sign_in`: what it may say, and that the token that would come of it can pass the rest of its entry."""

from __future__ import annotations

import pytest

from postern.errors import PolicyFileError
from postern.identity.issuers import IssuerRules, parse_issuers
from postern.identity.preset_use import PRESETS
from postern.identity.sign_in import SentToken, SignIn, is_for_client
from tests.support.presets import CLIENT, SAMPLES

PEOPLE = {name for name in PRESETS if name.endswith("-people")} | {"generic"}
FITTING = {  # a sign_in that fits each preset's sample entry
    "okta-people": "{client_id: 0oaCli}",
    "entra-people": f"{{client_id: {CLIENT}, scopes: [openid, 'api://postern/use']}}",
    "auth0-people": "{client_id: Spa, scopes: ['read:tasks', offline_access]}",
    "cognito-people": "{client_id: 57cbishk}",
    "generic": "{client_id: web}",
}


def entry(sign_in: str, **changes: str) -> str:
    """One issuer without a preset, its sign_in on the fifth line, and these fields changed or behind it."""
    fields = {"name": "a", "issuer": "https://i.example", "audience": "us", "sign_in": sign_in, **changes}
    return "issuers:\n- " + "\n  ".join(f"{name}: {value}" for name, value in fields.items() if value) + "\n"


def parse(text: str) -> IssuerRules:
    (rules,) = parse_issuers(text.encode(), file="issuers.yaml", local=None)
    return rules


def asked(text: str) -> SignIn:
    found = parse(text).sign_in
    assert found is not None
    return found


def wrong(text: str) -> PolicyFileError:
    with pytest.raises(PolicyFileError) as raised:
        parse(text)
    return raised.value


def preset(name: str, sign_in: str) -> str:
    sample = SAMPLES[name]
    return sample.yaml(*sample.entry, f"sign_in: {sign_in}")


def test_an_entry_without_it_is_for_nobody_to_sign_in_with():
    assert parse(entry("")).sign_in is None


def test_reads_every_field():
    text = (
        "client_id: web, device_client_id: cli, scopes: [a, 'b:c'], token: access_token, audience_parameter: resource"
    )
    origins = ("https://login.example", "https://b.example:8443")
    assert asked(entry(f"{{{text}, origins: {list(origins)}}}")) == SignIn(
        "web", "cli", ("a", "b:c"), SentToken.ACCESS_TOKEN, "resource", origins
    )


def test_a_client_is_enough():
    assert asked(entry("{client_id: web}")) == SignIn("web", "web", ("openid",), SentToken.ACCESS_TOKEN, None)


def test_an_id_token_is_for_the_client_that_asks():
    assert asked(entry("{client_id: us, token: id_token}")) == SignIn("us", "us", ("openid",), SentToken.ID_TOKEN, None)


MALFORMED = {
    "a text": ("web", "sign_in: expected a mapping"),
    "no client": ("{scopes: [openid]}", "expected a field `client_id`, got none"),
    "a field more": ("{client_id: web, client_secret: x}", "client_secret: unknown field"),
    "an empty client": ("{client_id: ''}", "client_id: expected text"),
    "a client with a space": ("{client_id: 'a b'}", "client_id: expected 1 to 255 printable ASCII"),
    "a client with a line break": ('{client_id: "a\\n"}', "client_id: expected 1 to 255 printable ASCII"),
    "a client in another alphabet": ("{client_id: \u0430}", "client_id: expected 1 to 255 printable ASCII"),
    "a long client": (f"{{client_id: {'a' * 256}}}", "client_id: expected 1 to 255 printable ASCII"),
    "another device client with a space": ("{client_id: a, device_client_id: 'a b'}", "device_client_id: expected"),
    "one scope as text": ("{client_id: web, scopes: openid}", "scopes: expected a list"),
    "no scopes": ("{client_id: web, scopes: []}", "scopes: expected 1 to 20 scopes, got 0"),
    "too many": (f"{{client_id: web, scopes: {list(range(-21, 0))}}}".replace("-", "s"), "1 to 20 scopes, got 21"),
    "two in one": ("{client_id: web, scopes: ['openid profile']}", "expected a scope of RFC 6749"),
    "a quote": ("{client_id: web, scopes: ['a\"b']}", "expected a scope of RFC 6749"),
    "one twice": ("{client_id: web, scopes: [openid, openid]}", "expected each scope once, got 'openid' twice"),
    "both tokens": ("{client_id: web, token: both}", "token: expected access_token or id_token, got 'both'"),
    "no origins": ("{client_id: web, origins: []}", "origins: expected 1 to 4 origins, each once, got 0"),
    "an origin twice": ("{client_id: web, origins: ['https://a.b', 'https://a.b']}", "each once, got 2"),
    "five origins": (f"{{client_id: web, origins: {[f'https://o{n}.b' for n in range(5)]}}}", "each once, got 5"),
    "another parameter": (
        "{client_id: web, audience_parameter: aud}",
        "audience_parameter: expected audience or resource",
    ),
}


@pytest.mark.parametrize(("text", "says"), MALFORMED.values(), ids=MALFORMED.keys())
def test_says_at_its_line_what_is_wrong(text: str, says: str):
    error = wrong(entry(text))
    assert (error.file, error.line) == ("issuers.yaml", 5)
    assert says in str(error)


ORIGINS = [
    *("http://login.example", "https://login.example/", "https://login.example/x", "https://LOGIN.example"),
    *("https://*.example", "https://u@login.example", "https://login.example:0", "login.example", "https://", "*"),
    *("https://login.example;script-src *", "https://login.example https://b.example", "data:x", "https://-a"),
]


@pytest.mark.parametrize("origin", ORIGINS)
def test_an_origin_is_one_as_a_browser_writes_it(origin: str):
    """It becomes part of the console's Content-Security-Policy."""
    assert "expected an https origin such as" in str(wrong(entry(f"{{client_id: web, origins: ['{origin}']}}")))


UNFIT = {
    "an ID token for another than the audience": (
        entry("{client_id: web, token: id_token}"),
        "client_id: this id_token is for the client that asked for it",
    ),
    "an ID token of two clients": (
        entry("{client_id: us, device_client_id: cli, token: id_token}"),
        "device_client_id: this id_token is for the client that asked for it",
    ),
    "an ID token where another claim names the audience": (
        entry("{client_id: us, token: id_token}", audience_claim="client_id"),
        "token: an ID token names its audience in `aud`",
    ),
    "an ID token where only access tokens may come": (
        entry("{client_id: us, token: id_token}", typ="[at+jwt]"),
        "token: an ID token's `typ` is JWT or none",
    ),
    "a client that is no audience where clients are": (
        entry("{client_id: web}", audience_claim="client_id"),
        "client_id: this access_token is for the client that asked for it",
    ),
    "other scopes than the audience where scopes are": (
        entry("{client_id: web, scopes: [us, openid]}", audience_claim="scope"),
        "scopes: the token's whole `scope` is its audience",
    ),
    "the default scope where scopes are the audience": (
        entry("{client_id: web}", audience_claim="scope"),
        "sign_in: the token's whole `scope` is its audience",
    ),
    "a client that the entry does not require": (
        entry("{client_id: web}", require="{azp: [agent, other]}"),
        "client_id: expected a client that the entry admits (require azp: agent or other)",
    ),
    "a second client that the entry does not require": (
        entry("{client_id: web, device_client_id: cli}", require="{azp: web}"),
        "device_client_id: expected a client that the entry admits (require azp: web)",
    ),
    "a client that the entry does not match": (
        entry("{client_id: web}", match="{client_id: 'agent-.*'}"),
        "client_id: expected a client that the entry admits (match client_id: agent-.*)",
    ),
    "a token without a key where it must have one": (
        entry("{client_id: web}", dpop="required"),
        "sign_in: `dpop: required` refuses tokens without a key",
    ),
}


@pytest.mark.parametrize(("text", "says"), UNFIT.values(), ids=UNFIT.keys())
def test_refuses_what_would_let_nobody_in(text: str, says: str):
    error = wrong(text)
    assert error.line == 5
    assert says in str(error)


FIT = {
    "the audience as client where clients are": entry("{client_id: us}", audience_claim="client_id"),
    "the audience as scope where scopes are": entry("{client_id: web, scopes: [us]}", audience_claim="scope"),
    "an ID token where typ may be absent": entry("{client_id: us, token: id_token}", typ="[absent]"),
    "clients that the entry requires": entry("{client_id: web, device_client_id: cli}", require="{azp: [web, cli]}"),
    "a client that the entry matches": entry("{client_id: agent-7}", match="{client_id: 'agent-.*'}"),
    "an ID token, whose azp need not be there": entry("{client_id: us, token: id_token}", require="{azp: web}"),
    "a proof where one may be": entry("{client_id: web}", dpop="optional"),
}


@pytest.mark.parametrize("text", FIT.values(), ids=FIT.keys())
def test_takes_what_can_pass(text: str):
    assert parse(text).sign_in is not None


@pytest.mark.parametrize("name", sorted(PRESETS.keys() - PEOPLE))
def test_a_preset_for_machines_has_no_sign_in(name: str):
    assert f"preset `{name}` admits no people" in str(wrong(preset(name, "{client_id: web}")))


@pytest.mark.parametrize("name", sorted(PEOPLE))
def test_a_preset_for_people_takes_one_that_fits(name: str):
    assert asked(preset(name, FITTING[name])).token is SentToken.ACCESS_TOKEN


@pytest.mark.parametrize("name", sorted(PEOPLE - {"generic"}))
def test_a_directorys_preset_takes_no_id_token(name: str):
    """Their tables ask for claims that only access tokens have."""
    audience = SAMPLES[name].audience
    error = wrong(preset(name, f"{{client_id: '{audience}', token: id_token, scopes: [x]}}"))
    assert f"token: expected what preset `{name}` admits (access_token), got another" in str(error)


OF_PRESETS = {
    "entra, for its own API": (
        "entra-people",
        f"{{client_id: {CLIENT}, scopes: [openid, profile]}}",
        "a scope of your API",
    ),
    "entra, by default": ("entra-people", f"{{client_id: {CLIENT}}}", "a scope of your API"),
    "entra, no GUID": (
        "entra-people",
        "{client_id: web, scopes: ['api://p/use']}",
        "expected a client that the entry admits",
    ),
    "auth0, for two audiences": (
        "auth0-people",
        "{client_id: Spa, scopes: [openid, 'read:x']}",
        "for the directory too",
    ),
    "auth0, by default": ("auth0-people", "{client_id: Spa}", "for the directory too"),
    "cognito, another client": ("cognito-people", "{client_id: web}", "expected the entry's `audience`"),
    "okta, a client that is not let in": ("okta-people", "{client_id: 0oaOther}", "require cid: 0oaAgent or 0oaCli"),
}


@pytest.mark.parametrize(("name", "sign_in", "says"), OF_PRESETS.values(), ids=OF_PRESETS.keys())
def test_a_preset_knows_what_its_issuer_would_make_of_it(name: str, sign_in: str, says: str):
    assert says in str(wrong(preset(name, sign_in)))


def test_auth0_is_asked_by_the_parameter_that_it_knows():
    assert asked(preset("auth0-people", FITTING["auth0-people"])).audience_parameter == "audience"
    own = "{client_id: Spa, scopes: [x], audience_parameter: resource}"
    assert asked(preset("auth0-people", own)).audience_parameter == "resource"


@pytest.mark.parametrize(
    ("token", "claim", "is_for"),
    [("id_token", "aud", True), ("access_token", "aud", False), ("access_token", "client_id", True)],
)
def test_tells_whether_the_token_is_for_its_client(token: str, claim: str, is_for: bool):
    assert is_for_client(SignIn("us", "us", ("openid",), SentToken(token), None), claim) is is_for
