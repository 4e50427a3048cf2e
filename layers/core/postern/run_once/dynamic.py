"""SQL that a function puts together when it is called, read with its open places filled by stand-ins.

`format('CREATE TABLE %I (…)', name)` is a statement whatever the name is, so it can be checked. Text that becomes SQL
unquoted is not, and is refused: it could become any statement at all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from postern.guard.findings import strings
from postern.guard.source import Node, parse
from postern.guard.verdict import Objection, Refused
from postern.run_once.assignments import Assignments
from postern.run_once.findings import Findings
from postern.run_once.stand_ins import NAME, NUMBER, OR_NOTHING, VALUE, holds_any, objection_to_places
from postern.run_once.texts import check_text
from postern.world.names import quote_ident, quote_literal

_MOST_WORK = 100_000
_MOST_LEVELS = 120
_PLACE = re.compile(r"%(?:([0-9]{1,3})\$)?-?[0-9]*([sIL%])")
_QUOTES = {"quote_ident": "I", "quote_literal": "L", "quote_nullable": "L"}


class _Open(Exception):
    """Raised where text becomes SQL as it is."""


@dataclass(slots=True)
class _Reader:
    """Reads an expression's text. What it spends is bounded: a variable may stand for a text of many others."""

    assignments: Assignments
    left: int = _MOST_WORK  # nodes and characters
    level: int = 0

    def read(self, node: Node) -> str:
        """The text that an expression gives, with stand-ins for quoted names and values. Raises _Open."""
        self.level += 1
        self.left -= 1
        try:
            if self.level > _MOST_LEVELS or self.left < 0:
                raise _Open
            text = self._read(node)
        finally:
            self.level -= 1
        self.left -= len(text)
        return text

    def _read(self, node: Node) -> str:
        ((kind, body),) = node.items()
        if kind == "A_Const":
            return _constant(body)
        if kind == "A_Expr" and strings(body["name"]) == ["||"] and "lexpr" in body:
            return self.read(body["lexpr"]) + self.read(body["rexpr"])
        if kind == "FuncCall":
            return self._call(strings(body["funcname"]), body.get("args", []))
        if kind == "TypeCast":
            return self._cast(body)
        if kind == "ColumnRef" and len(body["fields"]) == 1:
            return self._variable(strings(body["fields"]))
        raise _Open

    def _call(self, names: list[str], arguments: list[Node]) -> str:
        name = names[-1] if names[:-1] in ([], ["pg_catalog"]) else ""
        if name in _QUOTES and len(arguments) == 1:
            return self._fill(_QUOTES[name], arguments[0])
        if name == "concat":
            return "".join(map(self._read_or_nothing, arguments))
        if name != "format" or not arguments:
            raise _Open
        return self._format(self.read(arguments[0]), arguments[1:])

    def _format(self, template: str, arguments: list[Node]) -> str:
        following = 0
        parts, last = [], 0
        for match in _PLACE.finditer(template):
            parts.append(_without_places(template[last : match.start()]))
            last = match.end()
            if match[2] == "%":
                parts.append("%")
                continue
            following = int(match[1]) if match[1] else following + 1
            if not 1 <= following <= len(arguments):
                raise _Open
            parts.append(self._fill(match[2], arguments[following - 1]))
        return "".join([*parts, _without_places(template[last:])])

    def _fill(self, how: str, argument: Node) -> str:
        if how == "s":
            return self._read_or_nothing(argument)
        try:
            text = self.read(argument)
        except _Open:
            if self.left < 0:
                raise
            return NAME if how == "I" else VALUE
        if holds_any(text):  # whatever it will be, it is one name, or one value
            return NAME if how == "I" else VALUE
        return quote_ident(text) if how == "I" else quote_literal(text)

    def _read_or_nothing(self, node: Node) -> str:
        """An argument that counts for nothing where it is NULL: the text around it must mean the same without it."""
        text = self.read(node)
        if _is_never_null(node):
            return text
        if text not in OR_NOTHING:
            raise _Open
        return OR_NOTHING[text]

    def _cast(self, body: Node) -> str:
        *schema, type_name = strings(body["typeName"]["names"])
        if schema not in ([], ["pg_catalog"]):
            raise _Open
        if "typmods" in body["typeName"] or "arrayBounds" in body["typeName"]:
            raise _Open  # it cuts the text, or writes it anew
        if type_name in {"text", "varchar"}:
            return self.read(body["arg"])
        if type_name in {"regclass", "regtype", "regprocedure", "regnamespace"}:
            try:
                return self.read(body["arg"])
            except _Open:
                return NAME
        if type_name in {"int2", "int4", "int8", "numeric", "float4", "float8", "oid"}:
            return NUMBER
        raise _Open

    def _variable(self, names: list[str]) -> str:
        expression = self.assignments.expressions.get(names[0]) if names else None
        if expression is None:
            raise _Open
        self.left -= len(expression)  # which is read anew each time
        return self.read(_expression(expression))


def check_dynamic(findings: Findings, expression: str, assignments: Assignments) -> Objection | None:
    """The expression of an EXECUTE: what it can become is one or more statements that a run may hold."""
    try:
        text = _Reader(assignments).read(_expression(expression))
    except (_Open, ValueError):
        reason = (
            "EXECUTE: expected text whose open places are all names or values; write it as "
            "format('… %I … %L …', name, value), or with USING"
        )
        return Objection("guard.run_once", reason)
    return objection_to_places(text) or check_text(findings, text, "dynamic SQL")


def _is_never_null(node: Node) -> bool:
    """Whether an expression gives a text always; a variable may not have been given its own yet."""
    ((kind, body),) = node.items()
    if kind == "A_Expr":
        return _is_never_null(body["lexpr"]) and _is_never_null(body["rexpr"])
    if kind == "TypeCast":
        return _is_never_null(body["arg"])
    if kind != "FuncCall":
        return kind == "A_Const"
    name, arguments = strings(body["funcname"])[-1], body.get("args", [])
    return name in {"concat", "quote_nullable"} or (name == "format" and _is_never_null(arguments[0]))


def _expression(text: str) -> Node:
    """The tree of an expression; raises _Open where it is none."""
    parsed = None if "\0" in text else parse(f"SELECT {text}".encode())
    if parsed is None or isinstance(parsed, Refused) or len(parsed["stmts"]) != 1:
        raise _Open
    select: Node = parsed["stmts"][0]["stmt"].get("SelectStmt", {})
    targets = select.get("targetList", [])
    if len(targets) != 1 or "fromClause" in select:
        raise _Open
    value: Node = targets[0]["ResTarget"]["val"]
    return value


def _without_places(text: str) -> str:
    """Text of a template between its places: a per cent sign left in it is a place of another form."""
    if "%" in text:
        raise _Open
    return text


def _constant(body: Node) -> str:
    if "sval" in body:
        return str(body["sval"].get("sval", ""))
    if "ival" in body:
        return str(body["ival"].get("ival", 0))
    raise _Open
