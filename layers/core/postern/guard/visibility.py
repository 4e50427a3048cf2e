"""Which WITH queries a place in a statement sees.

A WITH clause shows its queries to its statement. RECURSIVE shows all of them to each other and to
themselves; without it, each sees those before it. An inner clause adds to what the outer ones show.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from postern.guard.source import Node


@dataclass(frozen=True, slots=True)
class Names:
    """The queries of one WITH clause that are visible, and what the clauses around it show."""

    places: Mapping[str, int]  # name to its place in the clause
    seen: int  # queries at this place or later are not visible
    outer: Names | None

    def __contains__(self, name: str) -> bool:
        around: Names | None = self
        while around is not None:
            if around.places.get(name, around.seen) < around.seen:
                return True
            around = around.outer
        return False


NOTHING = Names({}, 0, None)


def names_after(body: Node, names: Names) -> Names:
    """What a statement sees outside of its own WITH clause."""
    clause = body.get("withClause")
    if clause is None:
        return names
    places = _places(clause)
    return Names(places, len(clause["ctes"]), names)


def names_in_with(clause: Node, names: Names) -> Iterator[Names]:
    """What each query of a WITH clause sees, in order."""
    places, count = _places(clause), len(clause["ctes"])
    for place in range(count):
        yield Names(places, count if clause.get("recursive") else place, names)


def _places(clause: Node) -> dict[str, int]:
    """The first place of each name; a name that stands twice is an error of PostgreSQL's own."""
    named = [node["CommonTableExpr"]["ctename"] for node in clause["ctes"]]
    return {name: len(named) - 1 - place for place, name in enumerate(reversed(named))}
