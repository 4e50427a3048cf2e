"""Claim rules: from what an issuer said to who may stand at the gate.

Delegation (RFC 8693 section 4.1): in a token with `act`, `sub` is the person and `act.sub` is the agent
that acts. The agent is the principal and the person is `on_behalf_of`, so a delegated token never has
the person's own id: what only the person may do, by name or because a task is theirs, it may not. The
rules read the token's claims as they stand, so groups from them are the person's: policy that must keep
agents out looks at `on_behalf_of`. Of a chain of actors only the current one counts, as the RFC says.

A claim of another kind than a rule expects refuses the token: reading on without it could drop just the
attribute or group that a `forbid` waits for.
"""

from __future__ import annotations

from collections.abc import Mapping

from postern.errors import Unauthenticated
from postern.identity.claim_rules import GroupRule, Pattern, Requirement, Wanted
from postern.identity.claims import find_claim
from postern.identity.issuers import IssuerRules
from postern.identity.names import is_plain
from postern.identity.strict_json import Json
from postern.types import Principal, Sha256Hex

MAX_SUBJECT_LENGTH = 255  # OpenID Connect Core 1.0 section 2
MAX_NAME_LENGTH = 255  # of a group, and of an attribute's value


def admit(claims: Mapping[str, Json], issuer: IssuerRules, *, token_sha256: Sha256Hex, expires_at_s: int) -> Principal:
    """The principal that verified claims make. Raises `Unauthenticated` where the issuer's tables do not admit it."""
    if broken_rules(claims, issuer):
        raise Unauthenticated("token.rules", f"issuer `{issuer.name}`: expected its claim rules to hold, they do not")
    subject, on_behalf_of = _subject(claims, issuer)
    return Principal(
        issuer=issuer.name,
        issuer_url=issuer.issuer,
        subject=subject,
        token_sha256=token_sha256,
        expires_at_s=expires_at_s,
        attributes=_attributes(claims, issuer.attributes),
        groups=_groups(claims, issuer),
        on_behalf_of=on_behalf_of,
    )


def broken_rules(claims: Mapping[str, Json], issuer: IssuerRules) -> tuple[str, ...]:
    """Each row of the issuer's tables that the claims do not meet, as issuers.yaml would write it; none: admitted.

    Raises `Unauthenticated` where a claim lies inside something that is no object.
    """
    if not issuer.require and not issuer.match:
        return ("require or match: neither is there, and an empty table denies",)
    return (
        *(str(rule) for rule in issuer.require if not _holds(claims, rule)),
        *(str(rule) for rule in issuer.match if not _matches(claims, rule)),
        *(f"absent: {claim}" for claim in issuer.absent if find_claim(claims, claim) is not None),
    )


def _holds(claims: Mapping[str, Json], rule: Requirement) -> bool:
    value = find_claim(claims, rule.claim)
    values = value if isinstance(value, list) and not rule.is_single else [value]
    return any(_is_same(one, wanted) for one in values for wanted in rule.any_of)


def _is_same(value: Json, wanted: Wanted) -> bool:
    return type(value) is type(wanted) and value == wanted  # in Python, True == 1


def _matches(claims: Mapping[str, Json], rule: Pattern) -> bool:
    value = find_claim(claims, rule.claim)
    return isinstance(value, str) and rule.matches(value)


def _subject(claims: Mapping[str, Json], issuer: IssuerRules) -> tuple[str, str | None]:
    """The principal's subject, and whom it acts for."""
    subject = _name(claims, "sub")
    person = None
    if issuer.on_behalf_of is not None and find_claim(claims, issuer.on_behalf_of) is not None:
        person = _name(claims, issuer.on_behalf_of)
    if "act" not in claims:
        return subject, person
    actor = claims["act"]
    if not isinstance(actor, dict) or actor.get("iss", issuer.issuer) != issuer.issuer:
        raise Unauthenticated("token.claims", "act: expected an actor of the same issuer, got something else")
    if person not in (None, subject):
        raise Unauthenticated("token.claims", f"act: expected `sub` and `{issuer.on_behalf_of}` to name one person")
    agent = _name(actor, "sub")
    if agent == subject:  # else it would stand here under the person's own id
        raise Unauthenticated("token.claims", "act: expected an actor other than `sub`, got the same")
    return agent, subject


def _name(claims: Mapping[str, Json], claim: str) -> str:
    value = find_claim(claims, claim)
    if not isinstance(value, str) or not is_plain(value, max_length=MAX_SUBJECT_LENGTH):
        raise Unauthenticated(
            "token.claims", f"{claim}: expected 1 to {MAX_SUBJECT_LENGTH} characters without control characters"
        )
    return value


def _attributes(claims: Mapping[str, Json], table: Mapping[str, str]) -> dict[str, str]:
    """Each attribute whose claim is there. Where it is absent or null, policy has no value to go by."""
    return {
        attribute: _scalar(value, claim)
        for attribute, claim in sorted(table.items())
        if (value := find_claim(claims, claim)) is not None
    }


def _scalar(value: Json, claim: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value) if isinstance(value, int) else value
    if not isinstance(text, str) or not is_plain(text, max_length=MAX_NAME_LENGTH):
        raise Unauthenticated("token.claims", f"{claim}: expected text, an integer or a boolean for an attribute")
    return text


def _groups(claims: Mapping[str, Json], issuer: IssuerRules) -> tuple[str, ...]:
    groups = {group.name for group in issuer.groups if _is_member(claims, group)}
    listed = None if issuer.groups_claim is None else find_claim(claims, issuer.groups_claim)
    if issuer.groups_claim is not None and listed is not None:
        groups |= _listed_groups(listed, issuer.groups_claim)
    return tuple(sorted(groups))


def _is_member(claims: Mapping[str, Json], group: GroupRule) -> bool:
    return all(_holds(claims, rule) for rule in group.when)


def _listed_groups(value: Json, claim: str) -> set[str]:
    """A list of texts, or one text: some issuers write a list of one so."""
    groups: set[str] = set()
    for one in value if isinstance(value, list) else [value]:
        if not isinstance(one, str) or not is_plain(one, max_length=MAX_NAME_LENGTH):
            raise Unauthenticated("token.claims", f"{claim}: expected a list of groups' names, got something else")
        groups.add(one)
    return groups
