"""Authenticates a call: the one token it carries, verified and admitted, or a refusal with a code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from postern.clock_ports import Clock
from postern.errors import Unauthenticated
from postern.identity.issuers import IssuerRules
from postern.identity.keys import KeySource
from postern.identity.proofs import Presented, Scheme, UsedProofs
from postern.identity.tokens import verify_token
from postern.types import Principal


@dataclass(frozen=True, slots=True)
class Call:
    """What of a request says who sends it: every header of each name, and what was asked, by the gateway's word."""

    authorization: tuple[str, ...]
    proofs: tuple[str, ...]
    method: str
    url: str


@dataclass(frozen=True, slots=True)
class Authorize:
    """The use case.

    Raises `Unauthenticated`; `IssuerUnavailable` where no keys can be had; `StateUnavailable` where it cannot be told
    whether a proof was used.
    """

    issuers: tuple[IssuerRules, ...]
    keys: KeySource
    used: UsedProofs
    clock: Clock

    def run(self, call: Call) -> Principal:
        """Who calls."""
        now_s = self.clock.now_us() // 1_000_000
        scheme, unverified_token = _credentials(call.authorization)
        verified = verify_token(
            unverified_token,
            Presented(scheme, call.proofs, call.method, call.url),
            issuers=self.issuers,
            keys=self.keys,
            now_s=now_s,
        )
        # Last, so that nobody without a token that holds can make us write.
        if verified.proof is not None and not self.used.use(verified.proof, now_s=now_s):
            raise Unauthenticated("token.replayed", "proof jti: expected one that was not used, got one that was")
        return verified.principal


def _credentials(authorization: Sequence[str]) -> tuple[Scheme, str]:
    """RFC 6750 section 2.1, RFC 9449 section 7.1. Two headers are refused: who picks one decides who is calling."""
    if not authorization:
        raise Unauthenticated("token.missing", "authorization: expected a header, got none")
    if len(authorization) > 1:
        raise Unauthenticated("token.malformed", f"authorization: expected one header, got {len(authorization)}")
    scheme, _, unverified_token = authorization[0].partition(" ")
    if scheme.lower() not in list(Scheme) or not unverified_token:
        raise Unauthenticated(
            "token.missing", "authorization: expected `Bearer <token>` or `DPoP <token>`, got neither"
        )
    return Scheme(scheme.lower()), unverified_token
