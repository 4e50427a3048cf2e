"""`pg_typeof`, which gives a type by its number: PostgreSQL then reads whatever stands beside it as one.

`CASE … ELSE pg_typeof(1) END`, `ARRAY[pg_typeof(1), 'x']` and a UNION turn numbers and texts of the agent's choice into
names of tables and types, whose they are. So it stands only where nothing is made like it: as a column of the answer,
as text, as a group or an order, beside the name of a known type, and in functions that take a value of any kind.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from postern.guard.findings import Findings, offset_of, strings
from postern.guard.source import Node, messages_in
from postern.guard.verdict import Objection

NAME = "pg_typeof"
_TEXTS = frozenset({"text", "varchar", "bpchar"})
_TELLING = frozenset(
    {
        "concat",
        "concat_ws",
        "count",
        "format",
        "json_build_array",
        "json_build_object",
        "jsonb_build_array",
        "jsonb_build_object",
        "to_json",
        "to_jsonb",
    }
)
# As PostgreSQL prints and reads them: types that every server has, whoever's else it has.
_KNOWN = re.compile(
    r"(?:bigint|bool(?:ean)?|bytea|char(?:acter(?: varying)?)?|date(?:range)?|decimal|double precision|float[48]|inet"
    r"|int(?:2|4(?:range)?|8(?:range)?)?|integer|interval|jsonb?|money|name|num(?:eric|range)|oid|real|record|smallint"
    r"|text|time(?:stamp)?(?: with(?:out)? time zone)?|time(?:stamp)?tz|tsquery|tst?z?range|tsvector|unknown|uuid"
    r"|varchar)(?:\[\])?"
)


def objection_to_typeof(findings: Findings, body: Node) -> Objection | None:
    """The refusal of a call whose result something else would be made like."""
    if findings.harmless_typeofs is None:
        findings.harmless_typeofs = frozenset(map(id, _harmless(findings.statement)))
    if id(body) in findings.harmless_typeofs:
        return None
    reason = f"{NAME}: expected {NAME}(…)::text here, since what stands beside it would be read as a type's name"
    return Objection("guard.function", reason, offset_of(body))


def _harmless(statement: Node) -> Iterator[Node]:
    query = statement.get("query", {}).get("SelectStmt", statement)  # of an EXPLAIN
    if query.get("op", "SETOP_NONE") == "SETOP_NONE":
        yield from _calls(target["ResTarget"].get("val", {}) for target in query.get("targetList", []))
    for part in messages_in(statement):
        if "TypeCast" in part and _is_text(part["TypeCast"]["typeName"]):
            yield from _calls([part["TypeCast"]["arg"]])
        elif "FuncCall" in part and strings(part["FuncCall"]["funcname"])[-1] in _TELLING:
            yield from _calls(part["FuncCall"].get("args", []))
        elif "SortBy" in part:
            yield from _calls([part["SortBy"]["node"]])
        elif "A_Expr" in part:
            yield from _calls(_compared(part["A_Expr"]))
        yield from _calls(part.get("groupClause", []) if isinstance(part.get("groupClause"), list) else [])


def _calls(nodes: Iterable[Node]) -> Iterator[Node]:
    for node in nodes:
        if "FuncCall" in node:
            yield node["FuncCall"]


def _is_text(type_: Node) -> bool:
    return strings(type_["names"])[-1] in _TEXTS and "arrayBounds" not in type_


def _compared(body: Node) -> Iterator[Node]:
    """The sides of `=`, `<>` and IN that stand beside known names only, or beside each other."""
    if body["kind"] not in {"AEXPR_OP", "AEXPR_IN"} or strings(body["name"])[-1] not in {"=", "<>"}:
        return
    left, right = body.get("lexpr", {}), body.get("rexpr", {})
    for side, other in ((left, right), (right, left)):
        beside = other["List"]["items"] if "List" in other else [other]
        if all(_is_known(node) for node in beside):
            yield side


def _is_known(node: Node) -> bool:
    if "FuncCall" in node:
        return strings(node["FuncCall"]["funcname"])[-1] == NAME
    text = node.get("A_Const", {}).get("sval", {}).get("sval", "")
    return _KNOWN.fullmatch(text) is not None
