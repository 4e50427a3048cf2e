"""Text search configurations and dictionaries: named by a constant, and only to the functions that search.

They are numbers that PostgreSQL prints as names, and it looks for a name wherever it says. So a cast to one stands
nowhere else, where what is beside it would be cast, too; and a name has at most the server's own schema before it.
"""

from __future__ import annotations

import re

from postern.guard.findings import Findings, offset_of, strings
from postern.guard.source import Node
from postern.guard.verdict import Objection

TYPES = frozenset({"regconfig", "regdictionary"})
# How many arguments a call has whose first one names a configuration or dictionary.
_NAMING: dict[str, int] = {
    "json_to_tsvector": 3,
    "jsonb_to_tsvector": 3,
    "phraseto_tsquery": 2,
    "plainto_tsquery": 2,
    "to_tsquery": 2,
    "to_tsvector": 2,
    "ts_headline": 3,
    "ts_lexize": 2,
    "websearch_to_tsquery": 2,
}
FUNCTIONS = frozenset(_NAMING)
_HEADLINE = "ts_headline"
_PLAIN_NAME = re.compile(r"(pg_catalog\.)?[a-z_]+")


def objection_to_configuration(findings: Findings, name: str, body: Node) -> Objection | None:
    """The refusal of a call that names one otherwise; a cast that it takes is noted in `findings`."""
    arguments = body.get("args", [])
    if len(arguments) < _NAMING[name]:
        return None
    first = arguments[0]
    cast = first.get("TypeCast", {})
    type_ = cast.get("typeName", {})
    if cast and strings(type_.get("names", []))[-1:] and strings(type_["names"])[-1] in TYPES:
        if "arrayBounds" not in type_ and _is_plain(cast["arg"]):
            findings.constants.add(id(type_))
        return None  # or the type's own rule refuses it
    if _is_plain(first) or (name == _HEADLINE and len(arguments) == _NAMING[name] and _is_document(first, arguments)):
        return None
    reason = f"{name}: expected a configuration by its plain name, such as 'english', got something else"
    return Objection("guard.function", f"{reason}; write it into the statement", offset_of(body))


def _is_plain(node: Node) -> bool:
    return _PLAIN_NAME.fullmatch(node.get("A_Const", {}).get("sval", {}).get("sval", "")) is not None


def _is_document(first: Node, arguments: list[Node]) -> bool:
    """Whether three arguments are a document, a query and options, and not a configuration, a document and a query."""
    if "ColumnRef" in first or "FuncCall" in first or "A_Expr" in first or "CoalesceExpr" in first:
        return True
    if "TypeCast" in first:
        return strings(first["TypeCast"]["typeName"]["names"])[-1] in {"text", "varchar", "json", "jsonb"}
    second = arguments[1]
    query = second.get("TypeCast", {}).get("typeName", {}).get("names", [])
    called = second.get("FuncCall", {}).get("funcname", [])
    return strings(query)[-1:] == ["tsquery"] or "".join(strings(called)[-1:]).endswith("to_tsquery")
