"""What a walk over a statement's tree has found so far."""

from __future__ import annotations

from dataclasses import dataclass, field

from postern.guard.lists import Lists
from postern.guard.scope import Scope
from postern.guard.source import Node

_MAX_PARTS = 4


@dataclass(frozen=True, slots=True)
class Mapped:
    """A name that the task's schema has under another: which node holds it, and what it becomes."""

    node: str  # whose: RangeVar, ColumnRef, FuncCall, TypeName, …; see `rewrite`
    body: Node
    name: str  # one identifier: the view, the relation's name in a column's, or the function's schema
    schema: str | None = None  # of a relation: what to put before the name, where a WITH query would hide it
    keeps_name: bool = True  # of a relation: columns go on calling it by the name it was asked under


@dataclass(slots=True)
class Findings:
    """Filled by the rules while the tree is walked; read when the walk is done without an objection."""

    scope: Scope
    lists: Lists
    statement: Node  # the whole of it, for rules that look around
    relations: set[str] = field(default_factory=set)  # `schema.name`
    writes: bool = False
    mapped: list[Mapped] = field(default_factory=list)  # names that have to change before the statement can run
    parameters: int = 0
    parameter_nodes: list[Node] = field(default_factory=list)
    with_queries: set[int] = field(default_factory=set)  # relations, by identity, that a WITH query stands for
    constants: set[int] = field(default_factory=set)  # types, by identity, that only a constant is cast to
    # What rules look around for, once each: a column may stand in a statement thousands of times.
    function_columns: dict[str | None, frozenset[str]] | None = None  # that all functions of an alias in FROM name
    given_names: frozenset[str] | None = None  # that the statement gives to columns
    harmless_typeofs: frozenset[int] | None = None  # calls of pg_typeof, by identity


def strings(nodes: list[Node]) -> list[str]:
    """The texts of a list of String nodes, other nodes left out."""
    return [node["String"]["sval"] for node in nodes if "String" in node]


def offset_of(body: Node) -> int | None:
    """The byte offset of a node in the text; None where the parser gave it none, or it is the very first."""
    location = body.get("location")
    return location if isinstance(location, int) and location >= 0 else None


def quoted(parts: list[str]) -> str:
    """A dotted name for a reason, as PostgreSQL would read it back. The grammar bounds a part, not their number."""
    shown = [part if part.isidentifier() and part == part.lower() else f'"{part}"' for part in parts[:_MAX_PARTS]]
    return ".".join([*shown, "…"] if len(parts) > _MAX_PARTS else shown)
