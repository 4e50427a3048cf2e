"""Names that may stand for one value and not for a row: those of functions in FROM.

In `FROM unnest(…) AS g` the name `g` is the element itself, where it is asked for a column that it has not. So `g.name`
calls the one-argument function `name` on it, or casts it to the type `name`; a row is taken by few functions.
"""

from __future__ import annotations

from postern.guard.findings import Findings, strings
from postern.guard.source import Node, messages_in


def may_be_scalar(findings: Findings, qualifier: str, name: str) -> bool:
    """Whether `qualifier.name` may be `name` called on a value, anywhere in the statement.

    Which FROM a name means is not looked for: one function of that name, or without an alias, is enough.
    """
    if findings.function_columns is None:
        findings.function_columns = _columns(findings.statement)
    named = findings.function_columns
    return any(alias in named and name not in named[alias] for alias in (None, qualifier))


def _columns(statement: Node) -> dict[str | None, frozenset[str]]:
    """By alias, the columns that the statement itself names: `AS g(a, b)`, `AS t(a integer, b text)`."""
    columns: dict[str | None, frozenset[str]] = {}
    for function in (part["RangeFunction"] for part in messages_in(statement) if "RangeFunction" in part):
        alias = function.get("alias", {})
        defined = (node["ColumnDef"]["colname"] for node in function.get("coldeflist", []))
        named = frozenset([*defined, *strings(alias.get("colnames", []))])
        name = alias.get("aliasname")
        columns[name] = columns.get(name, named) & named
    return columns
