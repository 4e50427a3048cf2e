"""Functions, types and operators: PostgreSQL's own, by allow-list, and the catalog's listed functions."""

from __future__ import annotations

from postern.guard import by_arguments, configurations, type_names
from postern.guard.findings import Findings, Mapped, offset_of, quoted, strings
from postern.guard.growth import objection_to_growth
from postern.guard.lists import versions_of
from postern.guard.source import Node
from postern.guard.verdict import Objection
from postern.guard.visibility import Names

MAX_PARAMETER = 1_000

_OWN_SCHEMA = "pg_catalog"


def check_call(findings: Findings, body: Node, _names: Names) -> Objection | None:
    """A function call: an allowed function of `pg_catalog`, or one that the catalog lists."""
    parts = strings(body["funcname"])
    schema, name = parts[:-1], parts[-1]
    if schema in ([], [_OWN_SCHEMA]):
        if name in findings.lists.functions:
            return _objection_to_own(findings, name, body)
        if by_arguments.is_open(name, body, findings.lists):
            return None
    own = findings.scope.own_functions
    if len(schema) == 1 and schema != [_OWN_SCHEMA] and (schema[0], name) in own:
        return None
    if not schema and name not in findings.lists.closed_functions and (findings.scope.schema_default, name) in own:
        findings.mapped.append(Mapped("FuncCall", body, findings.scope.schema_default))
        return None
    return _objection_to_function(findings, schema, name, offset_of(body))


def _objection_to_own(findings: Findings, name: str, body: Node) -> Objection | None:
    """What an allowed function of PostgreSQL's own may still not be called with, or stand in."""
    if name == type_names.NAME:
        return type_names.objection_to_typeof(findings, body)
    if name in configurations.FUNCTIONS:
        return configurations.objection_to_configuration(findings, name, body)
    return objection_to_growth(name, body)


def check_type(findings: Findings, body: Node, _names: Names) -> Objection | None:
    """A type's name: an allowed one of PostgreSQL's own, an array of one, the row type of a view, a column's enum."""
    parts = strings(body["names"])
    schema, name = parts[:-1], parts[-1]
    closed = findings.lists.closed_types
    element = name.removeprefix("_")  # `_int4` is how pg_type names the array of int4
    if schema in ([], [_OWN_SCHEMA]):
        if element in findings.lists.types or id(body) in findings.constants:
            return None
        if not schema and element not in closed and name in findings.scope.by_view:
            return None
    if len(parts) == 2 and (row := findings.scope.by_name.get((schema[0], name))) is not None:
        findings.mapped.append(Mapped("TypeName", body, row.view))
        return None
    own = (*schema, name) if schema else (findings.scope.schema_default, name)
    if own in findings.scope.own_types and name not in closed:
        if not schema:
            findings.mapped.append(Mapped("OwnType", body, own[0]))
        return None
    because = f", because {closed[element]}" if element in closed else ""
    reason = f"type {quoted(parts)}: not on the allow-list{because}; use a built-in type, or leave the cast out"
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
    findings.parameter_nodes.append(body)
    return None


def _objection_to_function(findings: Findings, schema: list[str], name: str, offset: int | None) -> Objection:
    because = findings.lists.closed_functions.get(name)
    if because is None and (majors := versions_of(name)):
        because = f"this server is PostgreSQL {findings.scope.server_major}, and the first to have it is {majors[0]}"
    told = f", because {because}" if because else ""
    reason = f"function {quoted([*schema, name])}: not on the allow-list{told}; compute it another way"
    return Objection("guard.function", reason, offset)
