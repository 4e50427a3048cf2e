"""A token's way from a stranger's text to signed claims: a numbered plan, every step refuses.

    1 size         at most 16 KiB
    2 form         three parts of canonical base64url; header and claims are strict JSON objects
    3 header       nothing critical, nothing that points at a key or encodes the payload
    4 issuer       `iss` is one of ours, exactly
    5 algorithm    in that issuer's list
    6 type         `typ` in that issuer's list; absent only where the list says so
    7 key          of that issuer's key set, made for that algorithm, and only one fits
    8 signature    holds: from here on the claims are the issuer's word
    9 audience     ours, and nobody else's beside it
    10 dates       `exp`, `iat` and `nbf` as integers, within the leeway
    11 holder      who sends it holds the key that it is bound to, where it is bound: `proofs`

What they admit is for `rules`. Raises `Unauthenticated`, whose detail names what was expected and holds
nothing of the token. Sources: RFC 7515, RFC 7519, RFC 8725.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from postern.errors import Unauthenticated
from postern.identity.issuers import TYP_ABSENT, IssuerRules, normal_typ
from postern.identity.jws import Jws, parse_date, parse_jws
from postern.identity.keys import MAX_KID_LENGTH, KeySource, VerifyingKey
from postern.identity.proofs import Presented, Proof, verify_possession
from postern.identity.rules import admit
from postern.identity.signatures import is_signed
from postern.identity.strict_json import Json
from postern.types import Principal, Sha256Hex

MAX_TOKEN_LENGTH = 16 * 1024  # characters; API Gateway's own bound on all headers together is 10,240 bytes

# Header parameters that would move trust, by what is wrong with them (RFC 7515 section 4.1, RFC 7797).
_FORBIDDEN = {
    **dict.fromkeys(("jku", "jwk", "x5u", "x5c"), "token.key"),
    **dict.fromkeys(("crit", "b64", "zip", "enc"), "token.malformed"),
}


@dataclass(frozen=True, slots=True)
class SignedClaims:
    """What the issuer said. Made by `verify_signature` alone, after the signature held."""

    issuer: IssuerRules
    claims: Mapping[str, Json]
    token_sha256: Sha256Hex


@dataclass(frozen=True, slots=True)
class Verified:
    """Who is calling, and the proof that must turn out unused before they may pass; None where none is needed."""

    principal: Principal
    proof: Proof | None


def verify_token(
    unverified_token: str, presented: Presented, *, issuers: Sequence[IssuerRules], keys: KeySource, now_s: int
) -> Verified:
    """Who the token says is calling, when all of it holds and the issuer's rules admit it.

    Raises `Unauthenticated`, or `IssuerUnavailable` from the key source.
    """
    signed = verify_signature(unverified_token, issuers=issuers, keys=keys)
    expires_at_s = verify_use(signed, now_s=now_s)
    # 11 holder
    proof = verify_possession(signed.claims, signed.issuer, unverified_token, presented, now_s=now_s)
    principal = admit(signed.claims, signed.issuer, token_sha256=signed.token_sha256, expires_at_s=expires_at_s)
    return Verified(principal, proof)


def verify_signature(unverified_token: str, *, issuers: Sequence[IssuerRules], keys: KeySource) -> SignedClaims:
    """Steps 1 to 8: the claims, when an issuer of ours signed them."""
    # 1 size
    if len(unverified_token) > MAX_TOKEN_LENGTH:
        raise Unauthenticated("token.too_large", f"token: expected at most {MAX_TOKEN_LENGTH} characters, got more")
    # 2 form
    parsed = _parse(unverified_token)
    # 3 header
    for name, code in _FORBIDDEN.items():
        if name in parsed.header:
            raise Unauthenticated(code, f"token header: expected no `{name}`, got one")
    # 4 issuer
    issuer = _issuer(parsed, issuers)
    # 5 algorithm
    algorithm = parsed.header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in issuer.algorithms:
        raise Unauthenticated("token.algorithm", f"alg: expected one of issuer `{issuer.name}`'s list, got another")
    # 6 type
    if _typ(parsed) not in issuer.types:
        raise Unauthenticated("token.type", f"typ: expected one of issuer `{issuer.name}`'s list, got another")
    # 7 key
    key = _key(parsed, issuer, algorithm, keys)
    # 8 signature
    if not is_signed(parsed.message, parsed.signature, key, algorithm):
        raise Unauthenticated("token.signature", f"signature: expected that of issuer `{issuer.name}`, got another")
    return SignedClaims(issuer, parsed.unverified_claims, _digest(parsed.unverified_claims, unverified_token))


def verify_use(signed: SignedClaims, *, now_s: int) -> int:
    """Steps 9 and 10: the token is for us and for now. Returns the second from which it no longer is."""
    leeway_s = signed.issuer.leeway_s
    # 9 audience
    audience = signed.claims.get(signed.issuer.audience_claim)
    if audience != signed.issuer.audience and audience != [signed.issuer.audience]:
        raise Unauthenticated(
            "token.audience", f"{signed.issuer.audience_claim}: expected ours and no other beside it, got another"
        )
    # 10 dates
    expires_at_s = _date(signed.claims, "exp") + leeway_s
    if now_s >= expires_at_s:
        raise Unauthenticated("token.expired", "exp: expected a time to come, got one that has passed")
    if _date(signed.claims, "iat") > now_s + leeway_s:
        raise Unauthenticated("token.not_yet_valid", "iat: expected a time that has passed, got one to come")
    if "nbf" in signed.claims and _date(signed.claims, "nbf") > now_s + leeway_s:
        raise Unauthenticated("token.not_yet_valid", "nbf: expected a time that has passed, got one to come")
    return expires_at_s


def _parse(unverified_token: str) -> Jws:
    try:
        return parse_jws(unverified_token)
    except ValueError as error:
        raise Unauthenticated("token.malformed", f"token: {error}") from None


def _issuer(parsed: Jws, issuers: Sequence[IssuerRules]) -> IssuerRules:
    claimed = parsed.unverified_claims.get("iss")
    for issuer in issuers:
        if claimed == issuer.issuer:
            return issuer
    raise Unauthenticated("token.issuer", "iss: expected an issuer of issuers.yaml, got another")


def _typ(parsed: Jws) -> str | None:
    """The type as issuers.yaml lists it; None where no list can hold it."""
    if "typ" not in parsed.header:
        return TYP_ABSENT
    typ = parsed.header["typ"]
    if not isinstance(typ, str) or normal_typ(typ) == TYP_ABSENT:
        return None
    return normal_typ(typ)


def _key(parsed: Jws, issuer: IssuerRules, algorithm: str, keys: KeySource) -> VerifyingKey:
    """The one key that fits. Without a `kid` there must be no choice, since trying keys would be one."""
    kid = parsed.header.get("kid")
    if "kid" in parsed.header and not (isinstance(kid, str) and 0 < len(kid) <= MAX_KID_LENGTH):
        raise Unauthenticated("token.key", f"kid: expected 1 to {MAX_KID_LENGTH} characters, got something else")
    issued_at_s = parse_date(parsed.unverified_claims.get("iat"))
    known = keys.keys(issuer, kid if isinstance(kid, str) else None, unverified_iat_s=issued_at_s)
    fitting = [key for key in known if algorithm in key.algorithms and (kid is None or key.kid == kid)]
    if len(fitting) != 1:
        raise Unauthenticated("token.key", f"kid: expected one key of issuer `{issuer.name}`'s, got {len(fitting)}")
    return fitting[0]


def _date(claims: Mapping[str, Json], name: str) -> int:
    date = parse_date(claims.get(name))
    if date is None:
        raise Unauthenticated("token.claims", f"{name}: expected whole seconds since 1970, got something else")
    return date


def _digest(claims: Mapping[str, Json], token: str) -> Sha256Hex:
    """SHA-256 of the `jti` where there is one, of the token otherwise: names a token without being one."""
    jti = claims.get("jti", token)
    if not isinstance(jti, str) or not jti:
        raise Unauthenticated("token.claims", "jti: expected text, got something else")
    return Sha256Hex(hashlib.sha256(jti.encode()).hexdigest())
