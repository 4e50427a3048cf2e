"""`limits.yaml`: how much one may ask for in a minute, how many of its tasks may wait, how often a world is built.

    openings: 60          # tasks that one may ask for in a minute, granted or not
    statements: 600       # statements that one may send in a minute, in all its tasks together
    pending: 20           # tasks of one that may wait for approval
    provisions: 60        # worlds built in a minute, in each database: each empties its plan caches
    groups:
      batch: {statements: 3000}       # for its members, instead of the numbers above
    databases:
      shop: {provisions: 10}

"One" is a `Principal.owner`: an agent for exactly one person. A name that is left out takes the number above it, or
the product's. A member of several groups has the greatest number that one of them names.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from postern.types import DatabaseName, Principal
from postern.yaml_lines import Node, load_lines

_LEAST = 1  # nothing at all is what a Cedar `forbid` is for
_MOST = 100_000
_MOST_PENDING = 90  # looked at together, with one request


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one owner may."""

    openings: int = 60  # a minute
    statements: int = 600  # a minute
    pending: int = 20


@dataclass(frozen=True, slots=True)
class RateLimits:
    """The file's numbers. A group names those alone that it sets."""

    general: Allowance = Allowance()
    provisions: int = 60  # a minute, of a database that has no number of its own
    groups: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    databases: Mapping[DatabaseName, int] = field(default_factory=dict)

    def of(self, principal: Principal) -> Allowance:
        """What this principal may, by its groups."""
        named = [self.groups[group] for group in principal.groups if group in self.groups]

        def number(name: str, general: int) -> int:
            return max((group[name] for group in named if name in group), default=general)

        return Allowance(
            openings=number("openings", self.general.openings),
            statements=number("statements", self.general.statements),
            pending=number("pending", self.general.pending),
        )

    def provisions_of(self, database: DatabaseName) -> int:
        """How many worlds may be built in this database in a minute."""
        return self.databases.get(database, self.provisions)


_OF_ONE = tuple(Allowance.__dataclass_fields__)


def parse_limits(text: bytes, *, file: str, catalogued: Collection[DatabaseName]) -> RateLimits:
    """The file's numbers. Raises `PolicyFileError` naming file and line, for a database without a catalog too."""
    root = load_lines(text, file)
    root.only((*_OF_ONE, "provisions", "groups", "databases"))
    built_in = RateLimits()
    groups = root.optional("groups")
    databases = root.optional("databases")
    return RateLimits(
        general=Allowance(**_numbers(root)),
        provisions=_number(root, "provisions") or built_in.provisions,
        groups={} if groups is None else {name: _group(node) for name, node in groups.mapping().items()},
        databases={} if databases is None else _databases(databases, catalogued),
    )


def _group(node: Node) -> Mapping[str, int]:
    node.only(_OF_ONE)
    return _numbers(node)


def _databases(node: Node, catalogued: Collection[DatabaseName]) -> Mapping[DatabaseName, int]:
    limits: dict[DatabaseName, int] = {}
    for name, of in node.mapping().items():
        if name not in catalogued:
            raise of.wrong("expected a database that has a catalog, got another")
        of.only(("provisions",))
        of.required("provisions")
        limits[DatabaseName(name)] = _number(of, "provisions") or 0
    return limits


def _numbers(node: Node) -> dict[str, int]:
    """Those numbers of one owner that are written here."""
    found = {name: _number(node, name) for name in _OF_ONE}
    return {name: number for name, number in found.items() if number is not None}


def _number(node: Node, name: str) -> int | None:
    written = node.optional(name)
    most = _MOST_PENDING if name == "pending" else _MOST
    return None if written is None else written.integer(at_least=_LEAST, at_most=most)
