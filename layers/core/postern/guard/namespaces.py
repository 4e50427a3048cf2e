"""What stands in FROM around a qualified column, and what it is called there.

PostgreSQL finds `sales.orders.id` by schema and name, and passes by whatever else is called `orders`; by its name
alone it finds what is nearest. Here the levels of FROM that a place may see are gathered: rather one name too many.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from postern.guard.findings import Findings, strings
from postern.guard.relations import resolve
from postern.guard.source import Node

Key = tuple[str, str]  # schema and name
Called = Mapping[str, set[Key | None]]  # by name: tables, and None for anything else


@dataclass(frozen=True, slots=True)
class Level:
    """The FROM of one statement, and those of the statements around it."""

    called: Called
    hidden: frozenset[str]  # names in a join that has an alias
    is_whole: bool  # an expression sees all of it; an entry of the FROM itself sees some, or nothing
    outer: Level | None

    def rivals(self, table: Key) -> set[Key | None]:
        """What else is called like a table, from here out to where the table is found for certain."""
        found: set[Key | None] = set()
        level: Level | None = self
        while level is not None:
            things = level.called.get(table[1], set())
            found |= things - {table}
            if level.is_whole and table in things and table[1] not in level.hidden:
                break
            level = level.outer
        return found


def places_of(findings: Findings, statement: Node, columns: Iterable[Node]) -> Iterator[tuple[Node, Level | None]]:
    """The columns of a statement, by identity, each with what it may see."""
    wanted = {id(body) for body in columns}
    pending: list[tuple[object, Level | None]] = [(statement, None)]
    while pending:
        part, level = pending.pop()
        if isinstance(part, list):
            pending += ((one, level) for one in part)
        elif isinstance(part, dict):
            if id(part) in wanted:
                yield part, level
            pending += _inside(findings, part, level)


def _inside(findings: Findings, part: Node, outer: Level | None) -> Iterator[tuple[object, Level | None]]:
    target = [{"RangeVar": part["relation"]}] if "relname" in part.get("relation", ()) else []
    items = [*target, *part.get("fromClause", ()), *part.get("usingClause", ())]
    # A join's USING lists names, and hides nothing.
    if not items or "larg" in part:
        yield from ((value, outer) for value in part.values())
        return
    called, hidden = _called(findings, items)
    for field, value in part.items():
        if field in _OUTSIDE:
            yield value, outer
        else:
            yield value, Level(called, hidden, field not in _FROM, outer)


_OUTSIDE = frozenset({"withClause", "selectStmt"})
_FROM = frozenset({"fromClause", "usingClause"})


def _called(findings: Findings, items: list[Node]) -> tuple[Called, frozenset[str]]:
    called: dict[str, set[Key | None]] = defaultdict(set)
    hidden: set[str] = set()
    pending = [(item, False) for item in items]
    while pending:
        item, is_hidden = pending.pop()
        ((kind, body),) = item.items()
        is_under = is_hidden or (kind == "JoinExpr" and "alias" in body)
        pending += ((body[side], is_under) for side in ("larg", "rarg", "relation") if side in body)
        for name, thing in _names_of(findings, kind, body):
            called[name].add(thing)
            if is_hidden:
                hidden.add(name)
    return called, frozenset(hidden)


def _names_of(findings: Findings, kind: str, body: Node) -> Iterator[tuple[str, Key | None]]:
    """What one entry of a FROM is called by, without those inside of a join."""
    for key in ("alias", "join_using_alias"):
        if "aliasname" in body.get(key, {}):
            yield body[key]["aliasname"], None
    if "alias" in body:
        return
    if kind == "RangeVar":
        relation = None if id(body) in findings.with_queries else resolve(findings.scope, body)
        yield body["relname"], (relation.schema, relation.name) if relation else None
    elif kind == "RangeFunction":
        for item in body["functions"]:
            for call in item["List"]["items"]:
                yield from ((name, None) for name in strings(call.get("FuncCall", {}).get("funcname", []))[-1:])
