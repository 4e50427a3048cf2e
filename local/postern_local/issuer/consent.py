"""A person's consent: to whom tokens about them may be given, and what has come of it.

`Family` ties together what one consent gave (RFC 9700 section 4.14.2): where a code or a refresh token comes a second
time, one of the two who hold it is a thief, and the whole family ends. Access tokens are signed statements that nobody
asks the issuer about: they last until they expire.
"""

from __future__ import annotations

from dataclasses import dataclass

from postern_local.issuer.people import Person


@dataclass(slots=True)
class Family:
    """What came of one consent, all at once."""

    is_revoked: bool = False


@dataclass(frozen=True, slots=True)
class Consent:
    """One person's, given to one client."""

    client_id: str
    person: Person
    scopes: tuple[str, ...]
    given_at_s: int
    nonce: str | None
    family: Family
