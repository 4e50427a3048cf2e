"""Tokens of other kinds and forms than ours, and ones that look alike: each is a valid one with one thing changed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.identity import (
    AUDIENCE,
    ISSUER,
    NOW_S,
    base64url,
    claims,
    header,
    jwk,
    key_set,
    refusal,
    token,
    token_of,
    verify,
)


@pytest.mark.parametrize(
    "typ",
    [
        *("dpop+jwt", "logout+jwt", "secevent+jwt", "entity-statement+jwt", "token-introspection+jwt", "id_token"),
        *("oauth-authz-req+jwt", "application/dpop+jwt", "client-authentication+jwt", "kb+jwt", "dc+sd-jwt", "JWE"),
        *("JOSE", "JOSE+JSON", "jwt\u200b", "\uff2a\uff37\uff34", "JWT\x00", "JWT;x=y", "at+jwt, JWT"),
    ],
    ids=ascii,
)
def test_rejects_a_token_that_its_issuer_made_for_something_else(typ):
    assert refusal(token(header_changes={"typ": typ})) == "token.type"


def test_rejects_an_id_token_for_the_client_that_asked_for_it():
    """It names its issuer, is signed by the same key and carries the same type; only its audience tells."""
    assert refusal(token(aud="client-7", azp="client-7", nonce="n", at_hash="x")) == "token.audience"


OTHER_FORMS = {
    "encrypted": lambda valid: ".".join([*valid.split("."), "x", "y"]),
    "encrypted, by its header": lambda valid: token(header_changes={"alg": "RSA-OAEP", "enc": "A256GCM"}),
    "nested": lambda valid: token_of(json.dumps(header(cty="JWT")).encode(), valid.encode()),
    "nested as JSON text": lambda valid: token_of(json.dumps(header(cty="JWT")).encode(), json.dumps(valid).encode()),
    "detached": lambda valid: "..".join([valid.split(".")[0], valid.split(".")[2]]),
    "selective disclosure": lambda valid: f"{valid}~WyJzYWx0Iiwic3ViIiwicm9vdCJd~",
    "flattened JSON": lambda valid: json.dumps(
        dict(zip(("protected", "payload", "signature"), valid.split("."), strict=True))
    ),
    "in quotes": lambda valid: f'"{valid}"',
    "percent-encoded": lambda valid: valid.replace("-", "%2D").replace(".", "%2E"),
    "in upper case": lambda valid: valid.upper(),
}


@pytest.mark.parametrize("form", OTHER_FORMS.values(), ids=OTHER_FORMS.keys())
def test_rejects_a_token_in_another_form(form):
    assert refusal(form(token())) == "token.malformed"


def test_rejects_a_nested_token_even_where_both_hold():
    """The inner one is valid by itself, and the outer one carries valid claims beside it."""
    assert verify(token()).subject == "repo:octo/shop"
    assert refusal(token(header_changes={"cty": "JWT", "zip": "DEF"}, jwt=token())) == "token.malformed"


ALIKE: dict[str, dict[str, Any]] = {
    "issuer with a letter of another alphabet": {"iss": ISSUER.replace("e", "\u0435", 1)},
    "issuer with a full stop of another alphabet": {"iss": ISSUER.replace(".", "\u3002")},
    "issuer with an invisible character": {"iss": ISSUER + "\u200b"},
    "issuer in compatibility characters": {"iss": ISSUER.replace("i", "\uff49")},
    "issuer with a default port": {"iss": ISSUER + ":443"},
    "issuer behind a user": {"iss": ISSUER.replace("https://", "https://issuer.example@")},
    "issuer with an escape": {"iss": ISSUER.replace("example", "%65xample")},
    "issuer that ends in a null": {"iss": ISSUER + "\x00"},
    "issuer with a line more": {"iss": ISSUER + "\n"},
    "issuer as punycode of itself": {"iss": ISSUER.replace("issuer", "xn--issuer")},
}


@pytest.mark.parametrize("changes", ALIKE.values(), ids=ALIKE.keys())
def test_rejects_an_issuer_that_only_looks_like_ours(changes):
    assert refusal(token(**changes)) == "token.issuer"


@pytest.mark.parametrize(
    "aud",
    [
        *(AUDIENCE + "\u200b", AUDIENCE.replace("o", "\u043e", 1), AUDIENCE + "\x00", AUDIENCE + "\n", f" {AUDIENCE}"),
        *([AUDIENCE, ""], [AUDIENCE, None], [None, AUDIENCE], [[], AUDIENCE], [AUDIENCE, {}], {"0": AUDIENCE}, [True]),
        *(AUDIENCE.encode().hex(), [AUDIENCE.upper()], f"{AUDIENCE},x", 0, False, 1.0),
    ],
    ids=ascii,
)
def test_rejects_an_audience_that_only_looks_like_ours(aud):
    assert refusal(token(aud=aud)) == "token.audience"


@pytest.mark.parametrize(
    "alg", ["\uff32\uff33256", "RS256\u200b", "RS256\x00", "RS256,none", "R\u00df256", "ES256K", "Ed448"], ids=ascii
)
def test_rejects_an_algorithm_that_only_looks_like_one(alg):
    assert refusal(token(header_changes={"alg": alg})) == "token.algorithm"


@pytest.mark.parametrize(
    "kid", ["\uff32\uff33256", "RS256\u200b", "RS256\n", "RS256;ES256", "*", "%52S256", "RS256#"], ids=ascii
)
def test_rejects_a_kid_that_only_looks_like_one(kid):
    assert refusal(token(header_changes={"kid": kid})) == "token.key"


@pytest.mark.parametrize("name", ["sub", "iss", "aud", "exp", "repository_owner"])
def test_a_claim_in_another_case_is_another_claim(name):
    """It neither stands in for ours nor overrides it."""
    value = claims()[name]
    lost = claims(**{name.upper(): value})
    del lost[name]
    assert refusal(token_of(json.dumps(header()).encode(), json.dumps(lost).encode())).startswith("token.")
    assert verify(token(**{name.upper(): "root"})).subject == "repo:octo/shop"


@pytest.mark.parametrize("name", ["iss", "sub", "aud", "exp"])
def test_reads_no_claim_from_the_header(name):
    assert verify(token(header_changes={name: "root"})).subject == "repo:octo/shop"
    lost = claims()
    del lost[name]
    moved = token_of(json.dumps(header(**{name: claims()[name]})).encode(), json.dumps(lost).encode())
    assert refusal(moved).startswith("token.")


NUMBERS = {
    "exponent": b"1800000300e0",
    "fraction of zero": b"1800000300.0",
    "minus zero": b"-0",
    "leading zero": b"01800000300",
    "plus": b"+1800000300",
    "hexadecimal": b"0x6b49d32c",
    "beyond 64 bits": b"18446744073709551616",
    "4,000 digits": b"9" * 4000,
    "5,000 digits": b"9" * 5000,
    "infinity": b"Infinity",
    "overflow": b"1e999",
    "true": b"true",
    "fullwidth digits": '"１８００００００００"'.encode(),
}


@pytest.mark.parametrize(
    "number",
    [number for name, number in NUMBERS.items() if name != "minus zero"],
    ids=[n for n in NUMBERS if n != "minus zero"],
)
@pytest.mark.parametrize("name", ["exp", "iat", "nbf"])
def test_rejects_a_date_that_is_written_in_another_way(name, number):
    body = json.dumps(claims(**{name: "DATE"})).encode().replace(b'"DATE"', number)
    assert refusal(token_of(json.dumps(header()).encode(), body)) in {"token.claims", "token.malformed"}


def test_reads_minus_zero_as_long_past():
    body = json.dumps(claims(exp="DATE")).encode().replace(b'"DATE"', NUMBERS["minus zero"])
    assert refusal(token_of(json.dumps(header()).encode(), body)) == "token.expired"


@pytest.mark.parametrize(
    ("first", "second"),
    [(bytes(32), bytes(32)), (bytes(32), b"\1" * 32), (b"\1" * 32, bytes(32)), (b"\xff" * 32, b"\xff" * 32)],
    ids=["both zero", "first zero", "second zero", "beyond the order"],
)
def test_rejects_an_ecdsa_signature_of_numbers_out_of_range(first, second):
    signed = token("ES256").rpartition(".")[0]
    assert refusal(f"{signed}.{base64url(first + second)}") == "token.signature"


@pytest.mark.parametrize("length", [0, 1, 32, 63, 65, 96, 128, 132])
def test_rejects_an_ecdsa_signature_of_another_length(length):
    signed = token("ES256").rpartition(".")[0]
    assert refusal(f"{signed}.{base64url(b'x' * length)}") == "token.signature"


@pytest.mark.parametrize("member", ["p", "q", "dp", "dq", "qi", "oth"])
def test_takes_no_key_that_was_published_with_any_of_its_private_half(member):
    assert refusal(token(), keys=key_set(jwk("RS256", **{member: "AQAB"}))) == "token.key"


def test_takes_the_key_for_signatures_of_two_that_share_a_kid():
    """Some issuers publish the key for encryption under the same name."""
    keys = key_set(jwk("foreign RS256", kid="RS256", use="enc"), jwk("RS256"))
    assert verify(token(), keys=keys).issuer == "ci"
    assert refusal(token(key="foreign RS256"), keys=keys) == "token.signature"


def test_has_no_time_before_its_own():
    """Valid from a time to come until a time that is past: the later of all bounds decides."""
    assert refusal(token(nbf=NOW_S + 60, exp=NOW_S + 30)) == "token.not_yet_valid"
    assert refusal(token(iat=NOW_S - 10, nbf=NOW_S - 400, exp=NOW_S - 300)) == "token.expired"
