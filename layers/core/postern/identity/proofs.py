"""Whether who sends a token holds the key that it is bound to (DPoP, RFC 9449): a numbered plan, every step refuses.

    1 binding      `cnf` is absent, or a key's thumbprint and nothing else: no other kind can be checked here
    2 scheme       a bound token comes as `DPoP`, an unbound one as `Bearer`, where the issuer's entry allows one
    3 form         one proof, at most 8 KiB, a strict JWS of type `dpop+jwt` with nothing critical in its header
    4 key          `jwk`, public, made for the algorithm, and of the thumbprint that the token names
    5 signature    holds: from here on the proof is the holder's word
    6 request      `htm` and `htu` are this request's
    7 dates        `iat` within 60 s of now; `exp` and `nbf` are honoured where they stand
    8 token        `ath` is this token's digest
    9 name         `jti`, which whoever calls this must see used once (`UsedProofs`)

No nonces are given out: the authorizer has no answer of its own to carry one. They would bound proofs that are
dated ahead by who has the key for a moment (section 11.2); without them `ath` does: such a proof is for one token and
ends with it. Section numbers are RFC 9449's.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from postern.errors import Unauthenticated
from postern.identity.issuers import ALGORITHMS, IssuerRules
from postern.identity.jws import Jws, parse_date, parse_jws
from postern.identity.keys import parse_key, thumbprint
from postern.identity.request_url import normal_url
from postern.identity.signatures import is_signed
from postern.identity.strict_json import Json
from postern.types import Sha256Hex

MAX_PROOF_LENGTH = 8 * 1024  # characters
WINDOW_S = 60  # section 11.1: seconds or minutes; on both sides, since the client's clock is not ours
_MAX_JTI_LENGTH = 256
_THUMBPRINT = re.compile(r"[A-Za-z0-9_-]{43}")
_TYPE = "dpop+jwt"
# Header parameters that would move trust or change how the proof is read.
_FORBIDDEN = ("jku", "x5u", "x5c", "crit", "b64", "zip", "enc")


class Scheme(StrEnum):
    """The authentication schemes that a token may come under, as HTTP compares them: in lower case."""

    BEARER = "bearer"
    DPOP = "dpop"


@dataclass(frozen=True, slots=True)
class Presented:
    """How a token came: its scheme, every `DPoP` header beside it, and the request that it came with.

    `url` is the one that the caller used, as the gateway tells it and no header does.
    """

    scheme: Scheme
    unverified_proofs: tuple[str, ...]
    method: str
    url: str


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof that holds, as long as it was not used before. `name` is its own among all keys' proofs."""

    name: Sha256Hex
    until_s: int  # from this second on it is refused for its age


class UsedProofs(Protocol):
    """The names of proofs that were used, shared by all environments.

    `use` is durable and linearizable: of all calls with one name before its `until_s`, whoever makes them, one
    returns True. Raises `StateUnavailable` where that cannot be told; then nobody may pass.
    """

    def use(self, proof: Proof, *, now_s: int) -> bool: ...


def verify_possession(
    claims: Mapping[str, Json], issuer: IssuerRules, unverified_token: str, presented: Presented, *, now_s: int
) -> Proof | None:
    """Steps 1 to 8 for a token whose claims are signed; None where it is bound to no key. Raises `Unauthenticated`."""
    # 1 binding
    wanted = _binding(claims)
    # 2 scheme
    if wanted is None:
        if presented.scheme is not Scheme.BEARER or issuer.requires_proof:
            raise _refused(f"cnf: expected a key of issuer `{issuer.name}`'s token, got none")
        return None
    if presented.scheme is not Scheme.DPOP:
        raise _refused("authorization: expected scheme DPoP for a token that is bound to a key, got Bearer")
    # 3 form
    if len(presented.unverified_proofs) != 1:
        raise _refused(f"DPoP: expected one header, got {len(presented.unverified_proofs)}")
    jws = _parse(presented.unverified_proofs[0])
    # 4 key, 5 signature
    _verify_key(jws, wanted)
    # 6 request
    _verify_request(jws.unverified_claims, presented)
    # 7 dates
    issued_at_s = _verify_dates(jws.unverified_claims, now_s)
    # 8 token
    if jws.unverified_claims.get("ath") != _base64url_sha256(unverified_token):
        raise _refused("ath: expected the digest of the token beside it, got another")
    # 9 name
    return Proof(_name(jws.unverified_claims, wanted), issued_at_s + WINDOW_S + 1)


def _binding(claims: Mapping[str, Json]) -> str | None:
    """RFC 7800 section 3.1 and RFC 9449 section 6.1. A second way of confirmation could not be checked either."""
    if "cnf" not in claims:
        return None
    confirmation = claims["cnf"]
    bound_to = confirmation.get("jkt") if isinstance(confirmation, dict) and len(confirmation) == 1 else None
    if not isinstance(bound_to, str) or not _THUMBPRINT.fullmatch(bound_to):
        raise _refused("cnf: expected the thumbprint of a key as `jkt` alone, got something else")
    return bound_to


def _parse(unverified_proof: str) -> Jws:
    if len(unverified_proof) > MAX_PROOF_LENGTH:
        raise _refused(f"proof: expected at most {MAX_PROOF_LENGTH} characters, got more")
    try:
        jws = parse_jws(unverified_proof)
    except ValueError as error:
        raise _refused(f"proof: {error}") from None
    if jws.header.get("typ") != _TYPE:
        raise _refused(f"proof typ: expected {_TYPE}, got another")
    for name in _FORBIDDEN:
        if name in jws.header:
            raise _refused(f"proof header: expected no `{name}`, got one")
    return jws


def _verify_key(jws: Jws, wanted: str) -> None:
    """Steps 4 and 5. The key is the sender's own: only the thumbprint in the token says that it counts."""
    algorithm, jwk = jws.header.get("alg"), jws.header.get("jwk")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise _refused("proof alg: expected an asymmetric algorithm, got another")
    key = parse_key(jwk) if isinstance(jwk, dict) else None
    if key is None or not isinstance(jwk, dict) or algorithm not in key.algorithms:
        raise _refused("proof jwk: expected a public key for the proof's algorithm, got something else")
    if thumbprint(jwk) != wanted:
        raise _refused("proof jwk: expected the key that the token is bound to, got another")
    if not is_signed(jws.message, jws.signature, key, algorithm):
        raise _refused("proof signature: expected that of the proof's key, got another")


def _verify_request(claims: Mapping[str, Json], presented: Presented) -> None:
    if claims.get("htm") != presented.method:
        raise _refused("htm: expected the request's method, got another")
    url, asked = claims.get("htu"), normal_url(presented.url)
    if not isinstance(url, str) or asked is None or normal_url(url) != asked:
        raise _refused("htu: expected the request's URL, got another")


def _verify_dates(claims: Mapping[str, Json], now_s: int) -> int:
    issued_at_s = _date(claims, "iat")
    if abs(now_s - issued_at_s) > WINDOW_S:
        raise _refused(f"proof iat: expected a time within {WINDOW_S} s of now, got another: check clocks")
    if "exp" in claims and now_s >= _date(claims, "exp"):
        raise _refused("proof exp: expected a time to come, got one that has passed")
    if "nbf" in claims and now_s + WINDOW_S < _date(claims, "nbf"):
        raise _refused("proof nbf: expected a time that has passed, got one to come")
    return issued_at_s


def _date(claims: Mapping[str, Json], name: str) -> int:
    date = parse_date(claims.get(name))
    if date is None:
        raise _refused(f"proof {name}: expected whole seconds since 1970, got something else")
    return date


def _name(claims: Mapping[str, Json], key: str) -> Sha256Hex:
    """Of key and `jti` together: nobody can use up the names of another's proofs."""
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= _MAX_JTI_LENGTH:
        raise _refused(f"proof jti: expected 1 to {_MAX_JTI_LENGTH} characters, got something else")
    return Sha256Hex(hashlib.sha256(f"{key}.{jti}".encode()).hexdigest())


def _base64url_sha256(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def _refused(detail: str) -> Unauthenticated:
    return Unauthenticated("token.proof", detail)
