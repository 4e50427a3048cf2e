"""Dotted names in expressions: columns, and the functions that PostgreSQL lets hide behind a dot.

Where `x` has no column of that name, `x.name` and `(expression).name` call the function `name` on it, or
cast it to the type `name`: `('pg_class').regclass` is a cast. So a name after a dot must not be a closed
function's or type's. Names that PostgreSQL itself does not have are columns, of a row or of a composite
value; what a vendor adds to `pg_catalog` has a prefix of its own.
"""

from __future__ import annotations

from postern.guard.calls import CLOSED_FUNCTIONS, CLOSED_TYPES
from postern.guard.closed_functions import CLOSED_ON_ROWS
from postern.guard.findings import Findings, Mapped, offset_of, quoted, strings
from postern.guard.functions import CALLED
from postern.guard.relations import objection_to_name, resolve
from postern.guard.source import Node
from postern.guard.verdict import Objection
from postern.guard.visibility import Names

_VENDOR_PREFIXES = ("pg_", "rds_", "aurora_", "apg_", "aws_", "dblink")


def check_column(findings: Findings, body: Node, _names: Names) -> Objection | None:
    """A column's name, alone or after its relation's; with a schema, the relation must be in scope."""
    parts = strings(body["fields"])
    has_star = len(parts) < len(body["fields"])
    qualifiers = parts if has_star else parts[:-1]
    if len(qualifiers) > 2:
        return objection_to_name(qualifiers, offset_of(body))
    if len(qualifiers) == 2:
        if (qualifiers[0], qualifiers[1]) not in findings.scope.by_name:
            return objection_to_name(qualifiers, offset_of(body))
        findings.mapped.append(Mapped("ColumnRef", body, qualifiers[1]))
    if qualifiers and not has_star:
        return _check_row_field(findings, parts[-1], body)
    return None


def check_selection(findings: Findings, body: Node, _names: Names) -> Objection | None:
    """A name after a closing parenthesis or bracket: what stands before it may be of any type."""
    (argument,) = body["arg"].values()
    for name in strings(body["indirection"]):
        because = CLOSED_TYPES.get(name) or CLOSED_FUNCTIONS.get(name)
        if because is not None:
            return _objection(name, because, offset_of(argument))
        if (objection := _check_prefix(findings, name, argument)) is not None:
            return objection
    return None


def check_insert_columns(findings: Findings, body: Node, _names: Names) -> Objection | None:
    """The columns that an INSERT fills: columns of its target in scope."""
    return _check_written(findings, body, body.get("cols", []))


def check_update_columns(findings: Findings, body: Node, _names: Names) -> Objection | None:
    """The columns that an UPDATE sets: columns of its target in scope."""
    return _check_written(findings, body, body["targetList"])


def _check_written(findings: Findings, body: Node, targets: list[Node]) -> Objection | None:
    relation = resolve(findings.scope, body["relation"])
    for target in (node["ResTarget"] for node in targets):
        if relation is not None and target["name"] not in relation.columns:
            reason = f"column {quoted([target['name']])}: not one that this task sees in {relation.qualified}"
            return Objection("guard.column", reason, offset_of(target))
    return None  # where the relation is not in scope, its own rule says so


def _check_row_field(findings: Findings, name: str, body: Node) -> Objection | None:
    """After a relation's name stands a row, which few functions take; the names of columns in scope are columns."""
    if name in CLOSED_ON_ROWS and name not in findings.scope.columns:
        return _objection(name, CLOSED_FUNCTIONS[name], offset_of(body))
    return _check_prefix(findings, name, body)


def _check_prefix(findings: Findings, name: str, body: Node) -> Objection | None:
    if name.startswith(_VENDOR_PREFIXES) and name not in findings.scope.columns and name not in CALLED:
        return _objection(name, "its prefix belongs to the server", offset_of(body))
    return None


def _objection(name: str, because: str, offset: int | None) -> Objection:
    reason = f"{quoted([name])} after a dot: may call what is not on the allow-list, because {because}; rename it"
    return Objection("guard.function", reason, offset)
