"""A forge for tokens: start from a valid one, change one thing, sign it again.

Signing is PyJWT's, which the product does not use: the two check each other. Parts are joined by hand,
since no library would make the hostile ones.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from postern.errors import IssuerUnavailable, Unauthenticated
from postern.identity.issuers import IssuerRules, parse_issuers
from postern.identity.keys import VerifyingKey, parse_key_set
from postern.identity.proofs import Presented, Scheme
from postern.identity.tokens import verify_token
from postern.types import Principal

NOW_S = 1_800_000_000
ISSUER = "https://issuer.example"
AUDIENCE = "https://postern.example"
ABSENT = object()  # as a changed value: leave the name out
BEARER = Presented(Scheme.BEARER, (), "POST", "https://postern.example/v1/tasks")
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")

ISSUERS_YAML = f"""
issuers:
  - name: ci
    issuer: {ISSUER}
    audience: {AUDIENCE}
    algorithms: [{", ".join(ALGORITHMS)}]
    typ: [JWT, at+jwt]
    leeway_s: 30
    require: {{repository_owner: octo}}
"""


def rules(text: str = ISSUERS_YAML) -> tuple[IssuerRules, ...]:
    return parse_issuers(text.encode(), file="issuers.yaml", local=None)


@cache
def private_key(name: str) -> Any:
    """A key pair of that name, the same one throughout a test run: `RS256`, `ES384`, `foreign RS256`, …"""
    algorithm = name.split()[-1]
    if algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    if algorithm.startswith("ES"):
        curves = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}
        return ec.generate_private_key(curves[algorithm])
    return rsa.generate_private_key(65537, 1024 if "weak" in name else 2048)


def key_name(algorithm: str) -> str:
    """The forge's key for an algorithm: one RSA key signs with all of RS and PS."""
    return "RS256" if algorithm[:2] in {"RS", "PS"} else algorithm


def jwk(name: str, /, **changes: Any) -> dict[str, Any]:
    """The public JWK of a key pair, under its name as `kid`."""
    family = jwt.get_algorithm_by_name(key_name(name.split()[-1]))
    public: dict[str, Any] = dict(family.to_jwk(private_key(name).public_key(), as_dict=True))
    public.pop("key_ops", None)
    return _changed({**public, "kid": name, "use": "sig"}, changes)


def key_set(*keys: Mapping[str, object]) -> bytes:
    return json.dumps({"keys": list(keys)}).encode()


def issuer_keys() -> bytes:
    """The key set of the forge's issuer: one key of each kind."""
    return key_set(*(jwk(name) for name in ("RS256", "ES256", "ES384", "ES512", "EdDSA")))


class FixedKeys:
    """A `KeySource` that has one key set for every issuer, and counts what it is asked."""

    def __init__(self, text: bytes) -> None:
        self._keys = parse_key_set(text)
        self.asked: list[tuple[str | None, int | None]] = []

    def keys(self, issuer: IssuerRules, kid: str | None, *, unverified_iat_s: int | None) -> tuple[VerifyingKey, ...]:
        self.asked.append((kid, unverified_iat_s))
        return self._keys


class NoKeys:
    """A `KeySource` whose issuer is away."""

    def keys(self, issuer: IssuerRules, kid: str | None, *, unverified_iat_s: int | None) -> tuple[VerifyingKey, ...]:
        raise IssuerUnavailable("issuer.unavailable", f"issuer `{issuer.name}`: expected its keys, got none")


def base64url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def header(algorithm: str = "RS256", /, **changes: Any) -> dict[str, Any]:
    return _changed({"alg": algorithm, "typ": "JWT", "kid": key_name(algorithm)}, changes)


def claims(**changes: Any) -> dict[str, Any]:
    """Claims that the forge's issuer and rules admit at `NOW_S`."""
    valid = {
        "iss": ISSUER,
        "sub": "repo:octo/shop",
        "aud": AUDIENCE,
        "iat": NOW_S - 10,
        "nbf": NOW_S - 10,
        "exp": NOW_S + 300,
        "jti": "0c7f1d",
        "repository_owner": "octo",
    }
    return _changed(valid, changes)


def sign(message: bytes, algorithm: str, key: Any) -> bytes:
    return bytes(jwt.get_algorithm_by_name(algorithm).sign(message, key))


def token_of(header_bytes: bytes, claims_bytes: bytes, *, algorithm: str = "RS256", key: str | None = None) -> str:
    """A signed token over exactly these bytes."""
    message = f"{base64url(header_bytes)}.{base64url(claims_bytes)}"
    signature = sign(message.encode(), algorithm, private_key(key or key_name(algorithm)))
    return f"{message}.{base64url(signature)}"


def token(
    algorithm: str = "RS256",
    /,
    *,
    header_changes: Any = None,
    key: Any = None,
    **claim_changes: Any,
) -> str:
    """A valid token with these claims changed, signed by the key pair of that name."""
    return token_of(
        json.dumps(header(algorithm, **(header_changes or {}))).encode(),
        json.dumps(claims(**claim_changes)).encode(),
        algorithm=algorithm,
        key=key,
    )


def _changed(valid: Mapping[str, Any], changes: Mapping[str, object]) -> dict[str, Any]:
    return {name: value for name, value in {**valid, **changes}.items() if value is not ABSENT}


def verify(
    unverified_token: str, *, yaml: str = ISSUERS_YAML, keys: bytes | None = None, now_s: int = NOW_S
) -> Principal:
    """What the product makes of a token at `NOW_S`, with the forge's rules and keys where no others are given."""
    verified = verify_token(
        unverified_token,
        BEARER,
        issuers=rules(yaml),
        keys=FixedKeys(issuer_keys() if keys is None else keys),
        now_s=now_s,
    )
    assert verified.proof is None
    return verified.principal


def refusal(unverified_token: str, **given: Any) -> str:
    """The code that a token is refused with; fails where it is admitted."""
    with pytest.raises(Unauthenticated) as raised:
        verify(unverified_token, **given)
    return raised.value.code
