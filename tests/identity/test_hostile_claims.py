"""Rightly signed tokens whose claims must not hold: each starts from a valid one and changes one thing."""

from __future__ import annotations

import pytest

from tests.support.identity import ABSENT, AUDIENCE, ISSUER, NOW_S, refusal, token


@pytest.mark.parametrize(
    "iss",
    [
        *(f"{ISSUER}/", f"{ISSUER} ", ISSUER.upper(), ISSUER.replace("https", "http"), "//issuer.example", ""),
        *(f"{ISSUER}.evil.example", f"{ISSUER}#", f"{ISSUER}:443", "local", "ci", ABSENT, None, 1, [ISSUER], {}),
    ],
    ids=lambda iss: "absent" if iss is ABSENT else repr(iss),
)
def test_rejects_an_issuer_that_is_not_exactly_ours(iss):
    assert refusal(token(iss=iss)) == "token.issuer"


@pytest.mark.parametrize(
    "aud",
    [
        *("https://other.example", [AUDIENCE, "https://other.example"], ["https://other.example", AUDIENCE]),
        *([AUDIENCE, AUDIENCE], [], [[AUDIENCE]], f"{AUDIENCE}/", f"{AUDIENCE} https://other.example", AUDIENCE[:-1]),
        *(f"x{AUDIENCE}", AUDIENCE.upper(), "", "*", ABSENT, None, True, 1, {AUDIENCE: True}),
    ],
    ids=lambda aud: "absent" if aud is ABSENT else repr(aud),
)
def test_rejects_an_audience_that_is_not_ours_alone(aud):
    assert refusal(token(aud=aud)) == "token.audience"


NO_DATE = {
    "absent": ABSENT,
    "null": None,
    "text": str(NOW_S + 300),
    "date": "2027-01-15T08:00:00Z",
    "float": float(NOW_S + 300),
    "true": True,
    "false": False,
    "list": [NOW_S + 300],
    "huge": 10**30,
    "milliseconds": (NOW_S + 300) * 1000,
    "negative": -1,
}


@pytest.mark.parametrize("value", NO_DATE.values(), ids=NO_DATE.keys())
@pytest.mark.parametrize("name", ["exp", "iat"])
def test_rejects_a_required_date_that_is_no_whole_number_of_seconds(name, value):
    assert refusal(token(**{name: value})) == "token.claims"


@pytest.mark.parametrize(
    "value", [v for v in NO_DATE.values() if v is not ABSENT], ids=[k for k in NO_DATE if k != "absent"]
)
def test_rejects_an_nbf_that_is_no_whole_number_of_seconds(value):
    assert refusal(token(nbf=value)) == "token.claims"


@pytest.mark.parametrize("exp", [0, 1, NOW_S - 3600, NOW_S - 31])
def test_rejects_an_expired_token(exp):
    assert refusal(token(exp=exp)) == "token.expired"


@pytest.mark.parametrize("name", ["nbf", "iat"])
def test_rejects_a_token_of_the_future(name):
    assert refusal(token(**{name: NOW_S + 3600, "exp": NOW_S + 7200})) == "token.not_yet_valid"


@pytest.mark.parametrize(
    "sub",
    [ABSENT, None, "", 1, True, ["a"], {"a": 1}, "s" * 256, "a\nb", "a\x00", "a\u202eb", "a\u200bb", "\ufeffa"],
    ids=lambda sub: "absent" if sub is ABSENT else repr(sub)[:30],
)
def test_rejects_a_subject_that_cannot_be_a_name(sub):
    assert refusal(token(sub=sub)) == "token.claims"
