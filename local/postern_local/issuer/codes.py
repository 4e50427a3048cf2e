"""Authorization codes: for the client, the redirect URI and the verifier that they were made for; once, and soon."""

from __future__ import annotations

from dataclasses import dataclass

from postern_local.issuer.consent import Consent
from postern_local.issuer.expiring import Clock, Expiring
from postern_local.issuer.pkce import is_proved

LIFETIME_S = 60
_REMEMBERED_S = 3_600  # a code that comes again later still tells of a theft


@dataclass(frozen=True, slots=True)
class _Code:
    consent: Consent
    redirect_uri: str
    challenge: str
    ends_s: int


class Codes:
    """The codes that were given out."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._codes: Expiring[_Code] = Expiring(clock, lifetime_s=_REMEMBERED_S)
        self._used: Expiring[Consent] = Expiring(clock, lifetime_s=_REMEMBERED_S)

    def give(self, consent: Consent, *, redirect_uri: str, challenge: str) -> str:
        """A new code."""
        return self._codes.add(_Code(consent, redirect_uri, challenge, self._clock() + LIFETIME_S))

    def redeem(self, code: str, *, client_id: str, redirect_uri: str, verifier: str) -> Consent | None:
        """The consent behind the code, or None where anything of it does not fit. Either way the code is used up.

        A used one that comes again revokes what came of it (RFC 6749 section 4.1.2).
        """
        known = self._codes.take(code)
        if known is None:
            again = self._used.get(code)
            if again is not None:
                again.family.is_revoked = True
            return None
        self._used.add(known.consent, code)
        fits = (
            known.consent.client_id == client_id
            and known.redirect_uri == redirect_uri
            and is_proved(known.challenge, verifier)
            and self._clock() < known.ends_s
        )
        return known.consent if fits else None
