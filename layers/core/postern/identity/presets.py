"""Ready claim tables: what an issuer's tokens must say beyond their signature, and whose an operator must say they are.

A preset holds what is the same for everybody at that issuer. What differs is the operator's: `bind` names the claims
of which at least one must be required or matched, since without it anybody with an account at the issuer would be
let in. An operator's own rows are added to the preset's and must hold as well, so they can only narrow.

Kept as Python tables because pure packages read no disk; the sources of each stand in docs/identity.md. A preset may
become stricter or know more claims; its name keeps its meaning. One that admits more gets a name of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from postern.identity.claim_rules import Pattern, Requirement, claims_of


@dataclass(frozen=True, slots=True)
class Binding:
    """A claim by which an operator says whose tokens are meant.

    `strangers` are values that a token of somebody else could hold; `{}` stands for any word of the operator's
    pattern. A pattern that one of them matches says nothing about whose a token is.
    """

    claim: str
    strangers: tuple[str, ...]
    also: tuple[Requirement, ...] = ()  # what must hold for the claim to be believed


@dataclass(frozen=True, slots=True)
class Preset:
    """One issuer's table."""

    name: str
    about: str  # for editors and the docs, one line
    issuers: str  # RE2 over the issuer's URL; each named group is a claim that must have the group's text
    example: str  # an issuer's URL
    algorithms: frozenset[str]
    types: frozenset[str]
    bind: tuple[Binding, ...]
    default_issuer: str | None = None  # where an entry names none
    audience_claims: tuple[str, ...] = ("aud",)  # the first where an entry names none
    require: tuple[Requirement, ...] = ()
    match: tuple[Pattern, ...] = ()
    absent: tuple[str, ...] = ()
    attributes: Mapping[str, str] | None = None  # attribute: claim
    lists: frozenset[str] = frozenset()  # claims that the issuer writes as lists; the others named here are single
    persons: tuple[str, ...] = ()  # claims that name whom the token's bearer acts for, the first by default
    namespaced_bind: bool = False  # a claim of the operator's own under an https name binds too
    people_tokens: tuple[str, ...] = ()  # which tokens of a person's sign-in pass; none: no people
    needs_api_scope: bool = False  # without a scope of the API an access token is for the issuer's own
    openid_adds_audience: bool = False  # with the scope `openid` an access token is for the issuer's own API as well
    audience_parameter: str | None = None  # of an authorization request, that says whom the token is for

    @property
    def singles(self) -> frozenset[str]:
        """Claims that the issuer never writes as a list."""
        rows = claims_of((*self.require, *self.match, *(row for one in self.bind for row in one.also)))
        rows |= {one.claim for one in self.bind}
        return (rows | frozenset((self.attributes or {}).values())) - self.lists
