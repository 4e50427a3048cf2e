"""Closed functions that are open with some arguments: another overload, or another value, is what closes the name.

`ts_rewrite` runs its second argument of two as SQL, and of three takes each as a query that it is given. What
`pg_input_is_valid` reads a value as is a type's name, and some types look into catalogs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from postern.guard.findings import strings
from postern.guard.lists import Lists
from postern.guard.source import Node, Source, read

# Letters, lengths and brackets: no quotes, dots, comments or escapes.
_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9_ ,()\[\]]{0,60}")


def is_open(name: str, body: Node, lists: Lists) -> bool:
    """Whether a call of PostgreSQL's own function is open as it stands."""
    rule = _RULES.get(name)
    arguments = body.get("args", [])
    # By name or VARIADIC, arguments are not where they are counted.
    is_counted = "func_variadic" not in body and not any("NamedArgExpr" in one for one in arguments)
    return rule is not None and is_counted and rule(arguments, lists)


def _takes_three(arguments: Sequence[Node], _lists: Lists) -> bool:
    return len(arguments) == 3


def _reads_as_open_type(arguments: Sequence[Node], lists: Lists) -> bool:
    if len(arguments) != 2:
        return False
    text = arguments[1].get("A_Const", {}).get("sval", {}).get("sval", "")
    return _TYPE.fullmatch(text) is not None and _is_open_type(text, lists)


def _is_open_type(text: str, lists: Lists) -> bool:
    source = read(f"SELECT NULL::{text}")
    if not isinstance(source, Source) or source.body.keys() - {"targetList", "limitOption", "op"}:
        return False
    targets = [node["ResTarget"] for node in source.body["targetList"]]
    if len(targets) != 1 or "name" in targets[0] or "TypeCast" not in targets[0]["val"]:
        return False
    type_ = targets[0]["val"]["TypeCast"]["typeName"]
    is_plain = not type_.keys() - {"names", "typmods", "typemod", "arrayBounds", "location"}
    has_lengths = all("A_Const" in one for one in type_.get("typmods", []))
    return is_plain and has_lengths and strings(type_["names"])[-1] in lists.types


_RULES: Mapping[str, Callable[[Sequence[Node], Lists], bool]] = {
    "ts_rewrite": _takes_three,
    "pg_input_is_valid": _reads_as_open_type,
    "pg_input_error_info": _reads_as_open_type,
}
