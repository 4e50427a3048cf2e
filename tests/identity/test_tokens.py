"""Tokens that hold, and what is read from them."""

from __future__ import annotations

import ast
import hashlib
import json
from pathlib import Path

import pytest

from postern.errors import IssuerUnavailable, Unauthenticated
from postern.identity import tokens
from postern.identity.tokens import verify_token
from postern.types import Principal, Sha256Hex
from tests.support.identity import (
    ABSENT,
    ALGORITHMS,
    AUDIENCE,
    BEARER,
    ISSUER,
    ISSUERS_YAML,
    NOW_S,
    FixedKeys,
    NoKeys,
    issuer_keys,
    jwk,
    key_set,
    refusal,
    rules,
    token,
    verify,
)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_accepts_a_token_signed_by_another_library(algorithm):
    assert verify(token(algorithm)).subject == "repo:octo/shop"


def test_gives_the_principal_of_a_valid_token():
    assert verify(token()) == Principal(
        issuer="ci",
        issuer_url=ISSUER,
        subject="repo:octo/shop",
        token_sha256=Sha256Hex(hashlib.sha256(b"0c7f1d").hexdigest()),
        expires_at_s=NOW_S + 300 + 30,
        attributes={},
        groups=(),
        on_behalf_of=None,
    )


def test_names_a_token_without_jti_by_its_own_digest():
    unverified = token(jti=ABSENT)
    assert verify(unverified).token_sha256 == hashlib.sha256(unverified.encode()).hexdigest()


@pytest.mark.parametrize("jti", [1, "", None, ["a"]], ids=str)
def test_rejects_a_jti_that_is_no_text(jti):
    assert refusal(token(jti=jti)) == "token.claims"


def test_accepts_a_list_of_our_audience_alone():
    assert verify(token(aud=[AUDIENCE])).issuer == "ci"


def test_reads_the_audience_from_the_claim_that_the_issuer_names():
    yaml = ISSUERS_YAML + "    audience_claim: client_id\n"
    assert verify(token(aud=ABSENT, client_id=AUDIENCE), yaml=yaml).issuer == "ci"


def test_rejects_our_audience_in_another_claim_than_the_issuer_names():
    assert refusal(token(), yaml=ISSUERS_YAML + "    audience_claim: client_id\n") == "token.audience"


@pytest.mark.parametrize(
    ("typ", "listed"),
    [
        ("jwt", "[JWT]"),
        ("JWT", "[jwt]"),
        ("application/at+JWT", "[at+jwt]"),
        ("at+jwt", "[application/at+jwt]"),
        (ABSENT, "[JWT, absent]"),
    ],
    ids=["case", "case listed", "media type", "media type listed", "absent and listed"],
)
def test_accepts_a_listed_type(typ, listed):
    yaml = ISSUERS_YAML.replace("[JWT, at+jwt]", listed)
    assert verify(token(header_changes={"typ": typ}), yaml=yaml).issuer == "ci"


@pytest.mark.parametrize(
    "typ",
    [ABSENT, "", "absent", "id+jwt", "JWT ", "application/application/jwt", "text/jwt", 1, None, ["JWT"]],
    ids=lambda typ: "absent" if typ is ABSENT else repr(typ),
)
def test_rejects_a_type_that_is_not_listed(typ):
    assert refusal(token(header_changes={"typ": typ})) == "token.type"


def test_rejects_the_word_absent_as_a_type_where_absence_is_listed():
    yaml = ISSUERS_YAML.replace("[JWT, at+jwt]", "[absent]")
    assert refusal(token(header_changes={"typ": "absent"}), yaml=yaml) == "token.type"


def test_accepts_a_missing_kid_where_one_key_fits():
    assert verify(token(header_changes={"kid": ABSENT})).issuer == "ci"


def test_rejects_a_missing_kid_where_two_keys_fit():
    keys = key_set(jwk("RS256"), jwk("foreign RS256"))
    assert refusal(token(header_changes={"kid": ABSENT}), keys=keys) == "token.key"


def test_rejects_a_kid_that_two_keys_have():
    keys = key_set(jwk("RS256"), jwk("foreign RS256", kid="RS256"))
    assert refusal(token(), keys=keys) == "token.key"


def test_tells_keys_of_one_kid_apart_by_algorithm():
    keys = key_set(jwk("RS256", kid="k"), jwk("ES256", kid="k"))
    assert verify(token("ES256", header_changes={"kid": "k"}), keys=keys).issuer == "ci"


def test_ignores_header_parameters_that_only_describe():
    assert verify(token(header_changes={"x5t": "abc", "cty": "x"})).issuer == "ci"


@pytest.mark.parametrize("at_s", [NOW_S + 300 + 29, NOW_S - 10 - 30], ids=["end", "begin"])
def test_accepts_the_last_second_of_the_leeway(at_s):
    assert verify(token(), now_s=at_s).issuer == "ci"


def test_rejects_the_second_after_the_leeway_as_expired():
    assert refusal(token(), now_s=NOW_S + 300 + 30) == "token.expired"


@pytest.mark.parametrize("claim", ["iat", "nbf"])
def test_rejects_the_second_before_the_leeway_as_not_yet_valid(claim):
    assert refusal(token(**{claim: NOW_S + 31})) == "token.not_yet_valid"


def test_accepts_a_token_without_nbf():
    assert verify(token(nbf=ABSENT)).issuer == "ci"


def test_chooses_the_rules_by_the_issuer_of_the_token():
    other = (
        ISSUERS_YAML.replace("issuers:", "").replace("name: ci", "name: other").replace("issuer.example", "o.example")
    )
    assert verify(token(iss="https://o.example"), yaml=ISSUERS_YAML + other).issuer == "other"


def test_passes_on_that_an_issuer_has_no_keys():
    with pytest.raises(IssuerUnavailable):
        verify_token(token(), BEARER, issuers=rules(), keys=NoKeys(), now_s=NOW_S)


@pytest.mark.parametrize(
    ("iat", "told"),
    [
        (NOW_S - 10, NOW_S - 10),
        (0, 0),
        pytest.param(ABSENT, None, id="absent"),
        (None, None),
        (1.5, None),
        (True, None),
        (-1, None),
        ("1", None),
    ],
    ids=str,
)
def test_tells_who_has_the_keys_when_the_token_says_that_it_was_issued(iat, told):
    keys = FixedKeys(b'{"keys":[]}')
    with pytest.raises(Unauthenticated):
        verify_token(token(iat=iat), BEARER, issuers=rules(), keys=keys, now_s=NOW_S)
    assert keys.asked == [("RS256", told)]


def test_asks_for_no_keys_before_form_issuer_and_algorithm_hold():
    keys = FixedKeys(issuer_keys())
    for unverified in ("a.b.c", token(iss="https://other.example"), token("ES256", header_changes={"alg": "HS256"})):
        with pytest.raises(Unauthenticated):
            verify_token(unverified, BEARER, issuers=rules(), keys=keys, now_s=NOW_S)
    assert keys.asked == []


def test_rejects_every_token_where_no_issuer_is_configured():
    assert refusal(token(), yaml="issuers: []") == "token.issuer"


def test_rejects_a_token_of_an_issuer_without_rules():
    yaml = "\n".join(line for line in ISSUERS_YAML.splitlines() if "require" not in line)
    assert refusal(token(), yaml=yaml) == "token.rules"


def test_says_nothing_of_the_token_in_its_refusals():
    """Every refusal's text, for a token whose every value is recognisable."""
    marked = {"sub": "marker\n", "repository_owner": "marker", "jti": "marker"}
    for changes in (
        marked,
        {**marked, "repository_owner": "octo"},
        {"aud": "marker"},
        {"exp": "marker"},
        {"iss": "marker"},
    ):
        with pytest.raises(Unauthenticated) as raised:
            verify(token(**changes))
        assert "marker" not in str(raised.value), json.dumps(changes)


def test_signed_claims_are_made_in_one_place():
    """The type says that a signature held; whoever else made one could say so without checking."""
    package = Path(tokens.__file__).parents[1]
    makers = [
        file.relative_to(package).as_posix()
        for file in sorted(package.rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "SignedClaims"
    ]
    assert makers == ["identity/tokens.py"]
