"""Refresh tokens: each is used once and answered with the next one (RFC 9700 section 4.14.2)."""

from __future__ import annotations

from postern_local.issuer.consent import Consent
from postern_local.issuer.expiring import Clock, Expiring

LIFETIME_S = 86_400


class RefreshTokens:
    """Those that were given out."""

    def __init__(self, clock: Clock) -> None:
        self._tokens: Expiring[Consent] = Expiring(clock, lifetime_s=LIFETIME_S)
        self._used: Expiring[Consent] = Expiring(clock, lifetime_s=LIFETIME_S)

    def give(self, consent: Consent) -> str:
        """A new token of the consent's family."""
        return self._tokens.add(consent)

    def redeem(self, token: str, *, client_id: str) -> Consent | None:
        """The consent, where the token is this client's and its family stands. A used one revokes the family."""
        consent = self._tokens.get(token)
        if consent is None:
            used = self._used.get(token)
            if used is not None:
                used.family.is_revoked = True
            return None
        if consent.client_id != client_id or consent.family.is_revoked:
            return None
        self._tokens.take(token)
        self._used.add(consent, token)
        return consent
