"""Functions, types and operators: PostgreSQL's own, by allow-list, and the catalog's listed functions."""

from __future__ import annotations

from postern.guard import types
from postern.guard.closed_functions import CLOSED
from postern.guard.findings import Findings, Mapped, offset_of, quoted, strings
from postern.guard.functions import CALLED, PARTS
from postern.guard.source import Node
from postern.guard.verdict import Objection
from postern.guard.visibility import Names

MAX_PARAMETER = 1_000

_OWN_SCHEMA = "pg_catalog"
CLOSED_FUNCTIONS = {name: reason for reason, names in CLOSED.items() for name in names.split()}
CLOSED_TYPES = {name: reason for reason, names in types.CLOSED.items() for name in names.split()}
# A type's name called like a function is a cast: `date('2026-01-31')`.
OPEN_FUNCTIONS = CALLED | PARTS | (types.OPEN - CLOSED_FUNCTIONS.keys())


def check_call(findings: Findings, body: Node, _names: Names) -> Objection | None:
    """A function call: an allowed function of `pg_catalog`, or one that the catalog lists."""
    parts = strings(body["funcname"])
    schema, name = parts[:-1], parts[-1]
    if schema in ([], [_OWN_SCHEMA]) and name in OPEN_FUNCTIONS:
        return None
    own = findings.scope.own_functions
    if len(schema) == 1 and schema != [_OWN_SCHEMA] and (schema[0], name) in own:
        return None
    if not schema and name not in CLOSED_FUNCTIONS and (findings.scope.schema_default, name) in own:
        findings.mapped.append(Mapped("FuncCall", body, findings.scope.schema_default))
        return None
    return _objection_to_function(schema, name, offset_of(body))


def check_type(findings: Findings, body: Node, _names: Names) -> Objection | None:
    """A type's name: an allowed type of PostgreSQL's own, an array of one, or the row type of a view in scope."""
    parts = strings(body["names"])
    schema, name = parts[:-1], parts[-1]
    element = name.removeprefix("_")  # `_int4` is how pg_type names the array of int4
    if schema in ([], [_OWN_SCHEMA]):
        if element in types.OPEN:
            return None
        if not schema and element not in CLOSED_TYPES and name in findings.scope.by_view:
            return None
    if len(parts) == 2 and (row := findings.scope.by_name.get((schema[0], name))) is not None:
        findings.mapped.append(Mapped("TypeName", body, row.view))
        return None
    because = f", because {CLOSED_TYPES[element]}" if element in CLOSED_TYPES else ""
    reason = f"type {quoted(parts)}: not on the allow-list{because}; use a built-in type such as text or jsonb"
    return Objection("guard.type", reason, offset_of(body))


def check_operator(_findings: Findings, body: Node, _names: Names) -> Objection | None:
    """The operator of an expression, of a comparison with a subquery, or of ORDER BY … USING."""
    for key in ("name", "operName", "useOp"):
        parts = strings(body.get(key, []))
        if parts[:-1] not in ([], [_OWN_SCHEMA]):
            reason = f"operator {quoted(parts)}: expected one of PostgreSQL's own; leave the schema out"
            return Objection("guard.operator", reason, offset_of(body))
    return None


def check_collation(_findings: Findings, body: Node, _names: Names) -> Objection | None:
    """A collation's name: one of PostgreSQL's own, which order text and do nothing else."""
    parts = strings(body["collname"])
    if parts[:-1] in ([], [_OWN_SCHEMA]):
        return None
    reason = f"collation {quoted(parts)}: expected one of PostgreSQL's own; leave the schema out"
    return Objection("guard.type", reason, offset_of(body))


def check_parameter(findings: Findings, body: Node, _names: Names) -> Objection | None:
    """A parameter's number: `$1` to `$1000`."""
    number: int = body.get("number", 0)
    if not 1 <= number <= MAX_PARAMETER:
        reason = f"parameter ${number}: expected $1 to ${MAX_PARAMETER}"
        return Objection("guard.node", reason, offset_of(body))
    findings.parameters = max(findings.parameters, number)
    return None


def _objection_to_function(schema: list[str], name: str, offset: int | None) -> Objection:
    because = f", because {CLOSED_FUNCTIONS[name]}" if name in CLOSED_FUNCTIONS else ""
    reason = f"function {quoted([*schema, name])}: not on the allow-list{because}; compute it another way"
    return Objection("guard.function", reason, offset)
