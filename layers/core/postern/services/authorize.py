"""Authenticates a call: the one bearer token it carries, verified and admitted, or a refusal with a code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from postern.errors import Unauthenticated
from postern.identity.issuers import IssuerRules
from postern.identity.keys import KeySource
from postern.identity.tokens import verify_token
from postern.ports import Clock
from postern.types import Principal


@dataclass(frozen=True, slots=True)
class Authorize:
    """The use case. Raises `Unauthenticated`, or `IssuerUnavailable` where no keys can be had."""

    issuers: tuple[IssuerRules, ...]
    keys: KeySource
    clock: Clock

    def run(self, authorization: Sequence[str]) -> Principal:
        """Who calls, by every `Authorization` header that the request carries."""
        return verify_token(
            _bearer_token(authorization),
            issuers=self.issuers,
            keys=self.keys,
            now_s=self.clock.now_us() // 1_000_000,
        )


def _bearer_token(authorization: Sequence[str]) -> str:
    """RFC 6750 section 2.1. Two headers are refused: who picks one decides who is calling."""
    if not authorization:
        raise Unauthenticated("token.missing", "authorization: expected a header, got none")
    if len(authorization) > 1:
        raise Unauthenticated("token.malformed", f"authorization: expected one header, got {len(authorization)}")
    scheme, _, unverified_token = authorization[0].partition(" ")
    if scheme.lower() != "bearer" or not unverified_token:
        raise Unauthenticated("token.missing", "authorization: expected `Bearer <token>`, got something else")
    return unverified_token
