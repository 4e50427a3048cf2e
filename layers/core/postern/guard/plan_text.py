"""A plan in the agent's own names."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from postern.guard.findings import quoted
from postern.guard.scope import Relation, Scope

_NAME = r'(?:"(?:[^"]|"")+"|[^\s"]+)'
_NODE = re.compile(
    rf"(?P<lead>\s*(?:->  )?)(?P<node>[A-Z][A-Za-z ]*?(?: \(\S+\))?)"
    rf"(?:(?P<index> using {_NAME})? on (?P<named>{_NAME})(?P<alias> {_NAME})?)?"
)
# What these read is named by the statement itself, or is a function.
_NOT_TABLES = re.compile(r"(?:Table )?(?:Function|Values|CTE|WorkTable|Subquery|Named Tuplestore) Scan")
_HIDDEN = "(not in scope)"


def plan_text(lines: Iterable[str], scope: Scope, relations: Collection[str] | None = None) -> tuple[str, ...]:
    """A plan's lines with tables called as the agent calls them, and indexes left unnamed.

    `relations` are the verdict's, which settle what a name means that two schemas of the scope share. An index may be
    named after a column that the task does not see. Where the plan reads something that is not in scope (a partition,
    a table under a view of the application's own), only its shape is told: conditions could hold what that view hides.
    """
    by_table: dict[str, set[str]] = {}
    for relation in scope.relations:
        if relations is None or relation.qualified in relations:
            by_table.setdefault(relation.name, set()).add(_spoken(relation, scope))
    shown: list[tuple[str, bool]] = []  # a line, and whether it is a node
    is_known = True
    for line in lines:
        node = _NODE.fullmatch(line)
        if node is None or node["named"] is None or _NOT_TABLES.fullmatch(node["node"].removeprefix("Parallel ")):
            shown.append((line, node is not None))
        elif node["node"].endswith("Bitmap Index Scan"):
            shown.append((f"{node['lead']}{node['node']}", True))
        else:
            names = by_table.get(_unquoted(node["named"]), set())
            is_known = is_known and bool(names)
            called = f"{' or '.join(sorted(names))}{node['alias'] or ''}" if names else _HIDDEN
            using = " using an index" if node["index"] else ""
            shown.append((f"{node['lead']}{node['node']}{using} on {called}", True))
    return tuple(line for line, is_node in shown if is_known or is_node)


def _spoken(relation: Relation, scope: Scope) -> str:
    parts = [relation.name] if relation.schema == scope.schema_default else [relation.schema, relation.name]
    return quoted(parts)


def _unquoted(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name
