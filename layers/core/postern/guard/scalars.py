"""Names that may stand for one value and not for a row: those of functions in FROM.

In `FROM unnest(…) AS g` the name `g` is the element itself, where it is asked for a column that it has not. So `g.name`
calls the one-argument function `name` on it, or casts it to the type `name`; a row is taken by few functions.
"""

from __future__ import annotations

from collections.abc import Iterator

from postern.guard.findings import strings
from postern.guard.source import Node, messages_in


def may_be_scalar(statement: Node, qualifier: str, name: str) -> bool:
    """Whether `qualifier.name` may be `name` called on a value, anywhere in the statement.

    Which FROM a name means is not looked for: one function of that name, or without an alias, is enough.
    """
    for function in _functions(statement):
        alias = function.get("alias", {})
        if alias.get("aliasname", qualifier) == qualifier and name not in _columns(function, alias):
            return True
    return False


def _functions(statement: Node) -> Iterator[Node]:
    return (part["RangeFunction"] for part in messages_in(statement) if "RangeFunction" in part)


def _columns(function: Node, alias: Node) -> set[str]:
    """The columns that the statement itself names: `AS g(a, b)`, `AS t(a integer, b text)`."""
    defined = {node["ColumnDef"]["colname"] for node in function.get("coldeflist", [])}
    return defined.union(strings(alias.get("colnames", [])))
