"""Whether two principals may be one person, as far as their tokens tell.

Each issuer has names of its own for a person, so four eyes need more than two different principals. Whatever
identifies a principal is compared: its id, its subject, the person it acts for, and attributes. A bare name is also
compared with what stands before the `@` of the other's address. Where any two are equal they count as one person:
being wrong costs another approver, while the other way a person could approve what they asked for.

Names are compared in one case and one compatibility form (Unicode NFKC). Letters of different scripts that look
alike stay different: who may be called what is for the issuers to say.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from postern.types import Principal

# Attributes whose values name a person. Others, such as a region, are shared by many.
IDENTIFYING = ("actor", "email", "login", "person", "preferred_username", "user", "username")


def names_of(principal: Principal) -> tuple[str, ...]:
    """What this principal may be known by, folded and sorted."""
    attributes = (value for name, value in principal.attributes.items() if name in IDENTIFYING)
    return _folded((principal.id, principal.subject, principal.on_behalf_of or "", *attributes))


def all_names_of(principal: Principal) -> tuple[str, ...]:
    """The same with the value of every attribute: how an approver is held against who asked."""
    return _folded((principal.id, principal.subject, principal.on_behalf_of or "", *principal.attributes.values()))


def may_be_one(one: Iterable[str], other: Iterable[str]) -> bool:
    """Whether any name of the one may be a name of the other; both folded."""
    ones, others = frozenset(one), frozenset(other)
    return bool(ones & others or _locals(ones) & others or ones & _locals(others))


def is_among(names: Iterable[str], others: Iterable[Iterable[str]]) -> bool:
    """Whether these may be the names of one of the others; all folded."""
    return any(may_be_one(names, other) for other in others)


def _folded(names: Iterable[str]) -> tuple[str, ...]:
    # Folding may leave what NFKC changes again, and the other way round: twice is stable for both.
    return tuple(sorted({_fold(_fold(name)) for name in names} - {""}))


def _fold(name: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold()).strip()


def _locals(names: Iterable[str]) -> frozenset[str]:
    """What stands before the `@` of those that are addresses."""
    return frozenset(name.partition("@")[0] for name in names if name.count("@") == 1) - {""}
