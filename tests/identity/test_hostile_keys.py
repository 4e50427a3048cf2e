"""Tokens whose algorithm, key or signature must not hold: each starts from a valid one and changes one thing."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.support.identity import (
    ABSENT,
    ISSUER,
    ISSUERS_YAML,
    base64url,
    claims,
    header,
    jwk,
    key_set,
    private_key,
    refusal,
    token,
    token_of,
)


@pytest.mark.parametrize(
    "alg", ["none", "None", "NONE", "nOnE", "", "HS256", "rs256", "RS256 ", "RSA1_5", ABSENT, None, 256, ["RS256"], {}]
)
def test_rejects_an_algorithm_outside_the_list(alg):
    assert refusal(token(header_changes={"alg": alg})) == "token.algorithm"


@pytest.mark.parametrize("alg", ["none", "None"])
def test_rejects_an_unsigned_token(alg):
    assert refusal(message(alg=alg) + ".") == "token.algorithm"


@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512"])
@pytest.mark.parametrize(
    "secret",
    [
        lambda: public_bytes(Encoding.PEM),
        lambda: public_bytes(Encoding.PEM).rstrip(),
        lambda: public_bytes(Encoding.DER),
        lambda: json.dumps(jwk("RS256")).encode(),
        lambda: base64.urlsafe_b64decode(jwk("RS256")["n"] + "=="),
        lambda: b"",
    ],
    ids=["pem", "pem without newline", "der", "jwk", "modulus", "empty"],
)
def test_rejects_an_hmac_made_with_public_bytes(alg, secret):
    assert refusal(hmac_token(secret(), alg=alg)) == "token.algorithm"


def test_rejects_an_hmac_that_calls_itself_rsa():
    assert refusal(hmac_token(public_bytes(Encoding.PEM))) == "token.signature"


def test_rejects_an_algorithm_that_the_issuer_does_not_list():
    yaml = ISSUERS_YAML.replace("[RS256, RS384", "[RS384")
    assert refusal(token("RS256"), yaml=yaml) == "token.algorithm"


@pytest.mark.parametrize(
    ("algorithm", "kid"),
    [
        ("RS256", "ES256"),
        ("RS256", "EdDSA"),
        ("PS256", "ES256"),
        ("ES256", "RS256"),
        ("ES256", "EdDSA"),
        ("ES256", "ES384"),
        ("ES384", "ES256"),
        ("ES512", "ES384"),
        ("EdDSA", "RS256"),
        ("EdDSA", "ES256"),
    ],
)
def test_rejects_an_algorithm_that_is_not_the_keys(algorithm, kid):
    assert refusal(token(algorithm, header_changes={"kid": kid})) == "token.key"


@pytest.mark.parametrize(
    "changes",
    [
        {"use": "enc"},
        {"use": None},
        {"key_ops": ["encrypt"]},
        {"key_ops": "verify"},
        {"alg": "PS256"},
        {"alg": "RSA-OAEP"},
        {"alg": None},
        {"d": "AQAB"},
        {"e": "AQ"},
        {"e": "Aw"},
        {"kty": "oct", "k": "c2VjcmV0"},
        {"k": "c2VjcmV0"},
    ],
    ids=str,
)
def test_rejects_a_token_of_a_key_that_may_not_verify(changes):
    assert refusal(token(), keys=key_set(jwk("RS256", **changes))) == "token.key"


def test_rejects_a_token_of_a_weak_key_even_where_it_is_rightly_signed():
    keys = key_set(jwk("weak RS256"))
    unverified = token(key="weak RS256", header_changes={"kid": "weak RS256"})
    assert refusal(unverified, keys=keys) == "token.key"


@pytest.mark.parametrize(
    "kid",
    [
        *("../../dev/null", "/dev/null", "file:///etc/passwd", "https://evil.example/jwks.json", "RS256\x00", "rs256"),
        *("' OR 1=1 --", "| sleep 10", "", "k" * 257, "RS256 ", " RS256", "RS256/../RS256", "\ud83d\ude00"),
        *(None, 0, True, ["RS256"], {"kid": "RS256"}),
    ],
    ids=lambda kid: repr(kid)[:40],
)
def test_rejects_a_kid_that_is_no_key_of_the_issuer(kid):
    assert refusal(token(header_changes={"kid": kid})) == "token.key"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("jku", "https://evil.example/jwks.json"),
        ("jku", f"{ISSUER}/jwks.json"),
        ("jku", None),
        ("x5u", "https://evil.example/cert.pem"),
        ("x5c", ["MIIB"]),
        ("jwk", {"kty": "oct", "k": "c2VjcmV0"}),
    ],
    ids=["jku", "jku of the issuer", "jku null", "x5u", "x5c", "jwk"],
)
def test_rejects_a_header_that_brings_or_points_at_a_key(name, value):
    assert refusal(token(header_changes={name: value})) == "token.key"


def test_rejects_a_token_signed_by_the_key_in_its_header():
    embedded = jwk("foreign RS256", kid="RS256")
    assert refusal(token(key="foreign RS256", header_changes={"jwk": embedded})) == "token.key"


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "EdDSA"])
def test_rejects_the_signature_of_a_foreign_key(algorithm):
    assert refusal(token(algorithm, key=f"foreign {algorithm}")) == "token.signature"


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "ES512", "EdDSA"])
@pytest.mark.parametrize("change", ["empty", "zeros", "shorter", "longer", "flipped"])
def test_rejects_a_broken_signature(algorithm, change):
    head, _, signature = token(algorithm).rpartition(".")
    good = base64.urlsafe_b64decode(signature + "==")
    broken = {
        "empty": b"",
        "zeros": bytes(len(good)),
        "shorter": good[:-1],
        "longer": good + b"\0",
        "flipped": good[:-1] + bytes([good[-1] ^ 1]),
    }[change]
    assert refusal(f"{head}.{base64url(broken)}") == "token.signature"


def test_rejects_an_ecdsa_signature_in_der():
    head, _, signature = token("ES256").rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    der = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    assert refusal(f"{head}.{base64url(der)}") == "token.signature"


def test_rejects_an_ecdsa_signature_of_zero_and_the_groups_order():
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    assert refusal(f"{message('ES256')}.{base64url(bytes(32) + order.to_bytes(32))}") == "token.signature"


@pytest.mark.parametrize(("signed_as", "says"), [("PS256", "RS256"), ("RS256", "PS256"), ("RS256", "RS512")])
def test_rejects_a_signature_of_another_scheme_than_the_header_names(signed_as, says):
    unverified = token_of(
        json.dumps(header(says)).encode(), json.dumps(claims()).encode(), algorithm=signed_as, key="RS256"
    )
    assert refusal(unverified) == "token.signature"


@pytest.mark.parametrize("part", [0, 1])
def test_rejects_a_part_changed_after_signing(part):
    parts = token().split(".")
    parts[part] = base64url(json.dumps([header(cty="x"), claims(sub="root")][part]).encode())
    assert refusal(".".join(parts)) == "token.signature"


def message(algorithm: str = "RS256", /, **header_changes: Any) -> str:
    parts = (header(algorithm, **header_changes), claims())
    return ".".join(base64url(json.dumps(part).encode()) for part in parts)


def hmac_token(secret: bytes, /, **header_changes: Any) -> str:
    signed = message(**header_changes)
    return f"{signed}.{base64url(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


def public_bytes(encoding: Encoding) -> bytes:
    return bytes(private_key("RS256").public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo))
