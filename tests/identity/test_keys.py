"""Key sets: which keys may verify what."""

from __future__ import annotations

import json

import pytest

from postern.identity.base64url import decode_base64url
from postern.identity.keys import MAX_KEYS, parse_key_set
from tests.support.identity import ABSENT, base64url, issuer_keys, jwk, key_set

RSA = {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}


def usable(**changes: object) -> int:
    return len(parse_key_set(key_set(jwk("RS256", **changes))))


def test_binds_each_key_to_the_algorithms_of_its_type_and_curve():
    keys = {key.kid: key.algorithms for key in parse_key_set(issuer_keys())}
    assert keys == {"RS256": RSA, "ES256": {"ES256"}, "ES384": {"ES384"}, "ES512": {"ES512"}, "EdDSA": {"EdDSA"}}


def test_binds_a_key_to_its_own_algorithm_where_it_names_one():
    (key,) = parse_key_set(key_set(jwk("RS256", alg="PS384")))
    assert key.algorithms == {"PS384"}


def test_reads_the_members_that_real_issuers_add():
    assert usable(x5c=["MIIB"], x5t="abc", issuer="https://i.example", key_ops=["verify"]) == 1


@pytest.mark.parametrize("kid", ["", 1, ["a"], "k" * 257], ids=lambda kid: repr(kid)[:12])
def test_leaves_out_a_key_whose_kid_is_no_name(kid):
    assert usable(kid=kid) == 0


def test_keeps_a_key_without_kid_for_tokens_without_one():
    (key,) = parse_key_set(key_set(jwk("RS256", kid=ABSENT)))
    assert key.kid is None


@pytest.mark.parametrize(
    "changes",
    [
        {"kty": "EC"},
        {"kty": "rsa"},
        {"kty": None},
        {"kty": ["RSA"]},
        {"n": ""},
        {"n": "AQAB"},
        {"n": 65537},
        {"n": "!!!!"},
        {"n": base64url(b"\xff" * 1025)},
        {"n": "A" * 4000},
        {"e": ""},
        {"e": base64url((65536).to_bytes(3))},
        {"e": base64url(b"\xff" * 9)},
        {"use": "enc"},
        {"key_ops": []},
        {"key_ops": None},
        {"d": None},
    ],
    ids=lambda changes: str(changes)[:30],
)
def test_leaves_out_an_rsa_key_that_cannot_verify(changes):
    assert usable(**changes) == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"crv": "secp256k1"},
        {"crv": "P-384"},
        {"crv": None},
        {"x": base64url(bytes(32)), "y": base64url(bytes(32))},
        {"x": base64url(b"\1" * 32)},
        {"x": base64url(b"\1" * 31)},
        {"x": base64url(b"\0" * 33)},
        {"y": None},
        {"alg": "ES384"},
        {"alg": "RS256"},
    ],
    ids=lambda changes: str(changes)[:30],
)
def test_leaves_out_a_curve_key_that_cannot_verify(changes):
    assert parse_key_set(key_set(jwk("ES256", **changes))) == ()


def test_leaves_out_a_curve_key_whose_coordinate_has_a_zero_more():
    longer = base64url(b"\0" + decode_base64url(jwk("ES256")["x"]))
    assert parse_key_set(key_set(jwk("ES256", x=longer))) == ()


@pytest.mark.parametrize(
    "changes", [{"crv": "Ed448"}, {"crv": "X25519"}, {"x": base64url(bytes(31))}, {"x": ""}], ids=lambda c: str(c)[:30]
)
def test_leaves_out_an_edwards_key_that_cannot_verify(changes):
    assert parse_key_set(key_set(jwk("EdDSA", **changes))) == ()


def test_keeps_the_good_keys_beside_ones_it_does_not_know():
    keys = parse_key_set(key_set({"kty": "AKP", "alg": "ML-DSA-44"}, jwk("EdDSA"), {}))
    assert [key.kid for key in keys] == ["EdDSA"]


def test_reads_a_key_set_without_keys():
    assert parse_key_set(b'{"keys":[]}') == ()


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"{}",
        b'{"keys":{}}',
        b'{"keys":null}',
        b'{"keys":[],"keys":[]}',
        b"<html>",
        json.dumps({"keys": [{}] * (MAX_KEYS + 1)}).encode(),
    ],
    ids=lambda text: text[:20].decode(),
)
def test_refuses_what_is_no_key_set(text):
    with pytest.raises(ValueError, match="expected"):
        parse_key_set(text)


@pytest.mark.parametrize("text", ["", "AQ", "AQI", "AQID", "-_-_"])
def test_decodes_canonical_base64url(text):
    assert base64url(decode_base64url(text)) == text


@pytest.mark.parametrize(
    "text", ["A", "AR", "AQJ", "AQ==", "AQ=", "+/+/", "AQ\n", " AQ", "A.Q", "é", "\ud800", "AQIDA"]
)
def test_refuses_another_spelling_of_base64url(text):
    with pytest.raises(ValueError, match="base64url"):
        decode_base64url(text)
