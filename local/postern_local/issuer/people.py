"""People: whom one can sign in as. The issuer believes whoever chooses; it stands on the loopback interface alone."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from postern_local.issuer.groups import Groups, UnknownGroup
from postern_local.issuer.tokens import OURS

# What the issuer says of a sign-in, and of when and by whom a token may be used: nobody chooses these.
RESERVED = OURS | {"client_id", "scope", "nonce", "auth_time", "nbf", "azp", "cnf"}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_MAX_SUBJECT = 255  # OpenID Connect Core 1.0 section 2
_MAX_CLAIMS = 8_192


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody, as a token will say."""

    sub: str
    about: str = ""  # for the page, one line
    claims: Mapping[str, object] = field(default_factory=dict)


class UnfitPerson(Exception):
    """Raised when what was typed names nobody. The text says what was expected."""


def typed_person(sub: str, names: str, claims: str, groups: Groups) -> Person:
    """Who was typed: a subject, groups parted by commas, and further claims as a JSON object. Raises `UnfitPerson`."""
    if not 1 <= len(sub) <= _MAX_SUBJECT or _CONTROL.search(sub):
        raise UnfitPerson(f"subject: expected 1 to {_MAX_SUBJECT} characters without control characters")
    further = _claims(claims)
    try:
        given = groups.claims_of([name for part in names.split(",") if (name := part.strip())])
    except UnknownGroup as error:
        raise UnfitPerson(str(error)) from error
    twice = sorted(given.keys() & further.keys())
    if twice:
        raise UnfitPerson(f"claims: expected none that the groups give, got {', '.join(twice)} again")
    reserved = sorted(RESERVED & (given.keys() | further.keys()))
    if reserved:
        raise UnfitPerson(f"claims: expected none that the issuer sets itself, got {', '.join(reserved)}")
    return Person(sub, claims=given | further)


def _claims(text: str) -> dict[str, object]:
    if not text.strip():
        return {}
    if len(text) > _MAX_CLAIMS:
        raise UnfitPerson(f"claims: expected at most {_MAX_CLAIMS} characters, got more")
    try:
        claims = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnfitPerson('claims: expected a JSON object such as {"role": "approver"}, got no JSON') from error
    if not isinstance(claims, dict):
        raise UnfitPerson('claims: expected a JSON object such as {"role": "approver"}, got something else')
    return claims
