"""Public keys (RFC 7517) of issuers and of who proves possession, each bound to the algorithms it may verify.

A key's type, curve and own `alg` decide that when the key is read, so that no token can have a key
used in a way that it was not made for. Keys that cannot verify tokens here are left out, as RFC 7517
section 5 asks: symmetric ones, ones for encryption, weak ones, ones published with their private half.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    SECP384R1,
    SECP521R1,
    EllipticCurve,
    EllipticCurvePublicKey,
    EllipticCurvePublicNumbers,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers

from postern.identity.base64url import decode_base64url
from postern.identity.issuers import IssuerRules
from postern.identity.strict_json import Json, parse_object

PublicKey: TypeAlias = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey

MAX_KEYS = 100
MAX_KID_LENGTH = 256
_MIN_RSA_BITS = 2048  # RFC 7518 section 3.3
_MAX_RSA_BITS = 8192  # a larger one only makes us slow
_MIN_RSA_EXPONENT = 65537  # NIST SP 800-56B section 6.2
_MAX_MEMBER_LENGTH = 2048  # base64url characters of a member: above 8192 bits
# RFC 7518 section 6: every member that only a private or symmetric key has.
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_RSA_ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
_CURVES: dict[str, tuple[EllipticCurve, str, int]] = {  # name: curve, its one algorithm, bytes of a coordinate
    "P-256": (SECP256R1(), "ES256", 32),
    "P-384": (SECP384R1(), "ES384", 48),
    "P-521": (SECP521R1(), "ES512", 66),
}


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """A public key and the algorithms whose signatures it may verify."""

    kid: str | None
    algorithms: frozenset[str]
    key: PublicKey


class KeySource(Protocol):
    """Where an issuer's keys come from: its own published key set and nowhere else.

    `keys` returns all that are kept, after asking the issuer anew where `kid` is not among them and the
    cool-down allows it. That the kid is absent from the result means that the issuer has no such key: it was
    asked after the token says that it was issued (`unverified_iat_s`, None where it does not say). Raises
    `IssuerUnavailable` where no keys can be had, or only ones that may be older than the token's.
    """

    def keys(
        self, issuer: IssuerRules, kid: str | None, *, unverified_iat_s: int | None
    ) -> tuple[VerifyingKey, ...]: ...


def parse_key_set(text: bytes) -> tuple[VerifyingKey, ...]:
    """The usable keys of a JWK Set. Raises `ValueError` where it is none, or has more than 100 keys."""
    members = parse_object(text).get("keys")
    if not isinstance(members, list) or len(members) > MAX_KEYS:
        raise ValueError(f"key set: expected a list `keys` of at most {MAX_KEYS}, got something else")
    keys = (parse_key(member) for member in members if isinstance(member, dict))
    return tuple(key for key in keys if key is not None)


def thumbprint(jwk: Mapping[str, Json]) -> str:
    """The SHA-256 thumbprint (RFC 7638, RFC 8037) of a JWK that `parse_key` took, as base64url."""
    members = {name: jwk[name] for name in _THUMBPRINT_MEMBERS[str(jwk["kty"])]}
    text = json.dumps(members, separators=(",", ":"), sort_keys=True)
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def parse_key(jwk: Mapping[str, Json]) -> VerifyingKey | None:
    """The public key; None where it cannot verify tokens here or has a private member."""
    kid = jwk.get("kid")
    if kid is not None and not (isinstance(kid, str) and 0 < len(kid) <= MAX_KID_LENGTH):
        return None
    if jwk.get("use", "sig") != "sig" or not _PRIVATE.isdisjoint(jwk):
        return None
    operations = jwk.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        return None
    read = _READERS.get(kty) if isinstance(kty := jwk.get("kty"), str) else None
    if read is None:
        return None
    try:
        key, algorithms = read(jwk)
    except (ValueError, UnsupportedAlgorithm):
        return None
    if "alg" in jwk:
        algorithms &= {jwk["alg"]} if isinstance(jwk["alg"], str) else frozenset()
    return VerifyingKey(kid, algorithms, key) if algorithms else None


def _rsa(jwk: Mapping[str, Json]) -> tuple[PublicKey, frozenset[str]]:
    exponent = int.from_bytes(_member(jwk, "e"))
    modulus = int.from_bytes(_member(jwk, "n"))
    if not _MIN_RSA_BITS <= modulus.bit_length() <= _MAX_RSA_BITS:
        raise ValueError("n: expected 2048 to 8192 bits, got another length")
    if not _MIN_RSA_EXPONENT <= exponent < 2**32:
        raise ValueError("e: expected 65537 to 32 bits, got another number")
    return RSAPublicNumbers(exponent, modulus).public_key(), _RSA_ALGORITHMS


def _ec(jwk: Mapping[str, Json]) -> tuple[PublicKey, frozenset[str]]:
    name = jwk.get("crv")
    if not isinstance(name, str) or name not in _CURVES:
        raise ValueError("crv: expected a curve of RFC 7518, got another")
    curve, algorithm, length = _CURVES[name]
    x, y = _member(jwk, "x"), _member(jwk, "y")
    if len(x) != length or len(y) != length:  # RFC 7518 section 6.2.1.2: the full size, leading zeros kept
        raise ValueError("x, y: expected the curve's full length, got another")
    # Refuses a point that is not on the curve.
    key = EllipticCurvePublicNumbers(int.from_bytes(x), int.from_bytes(y), curve).public_key()
    return key, frozenset({algorithm})


def _okp(jwk: Mapping[str, Json]) -> tuple[PublicKey, frozenset[str]]:
    if jwk.get("crv") != "Ed25519":
        raise ValueError("crv: expected Ed25519, got another")
    return Ed25519PublicKey.from_public_bytes(_member(jwk, "x")), frozenset({"EdDSA"})


def _member(jwk: Mapping[str, Json], name: str) -> bytes:
    value = jwk.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_MEMBER_LENGTH:
        raise ValueError(f"{name}: expected base64url, got something else")
    return decode_base64url(value)


_READERS: dict[str, Callable[[Mapping[str, Json]], tuple[PublicKey, frozenset[str]]]] = {
    "RSA": _rsa,
    "EC": _ec,
    "OKP": _okp,
}
_THUMBPRINT_MEMBERS = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x")}
