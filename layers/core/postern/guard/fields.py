"""Dotted names in expressions: columns, and the functions that PostgreSQL lets hide behind a dot.

Where `x` has no column of that name, `x.name` and `(expression).name` call the function `name` on it, or
cast it to the type `name`: `('pg_class').regclass` is a cast. So a name after a dot must not be a closed
function's or type's. Names that PostgreSQL itself does not have are columns, of a row or of a composite
value; what a vendor adds to `pg_catalog` has a prefix of its own.
"""

from __future__ import annotations

from collections.abc import Iterator

from postern.guard import type_names
from postern.guard.findings import Findings, Mapped, offset_of, quoted, strings
from postern.guard.relations import objection_to_name, resolve
from postern.guard.scalars import may_be_scalar
from postern.guard.scope import Relation
from postern.guard.source import Node, messages_in
from postern.guard.verdict import Objection
from postern.guard.visibility import Names
from postern.types import Action

_VENDOR_PREFIXES = ("pg_", "rds_", "aurora_", "apg_", "aws_", "dblink")
_SYSTEM_COLUMNS = frozenset({"cmax", "cmin", "ctid", "tableoid", "xmax", "xmin"})


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
    if has_star:
        return None
    if parts[-1] in _SYSTEM_COLUMNS:
        return _objection_to_system(findings, parts[-1], body)
    return _check_row_field(findings, qualifiers, parts[-1], body) if qualifiers else None


def check_selection(findings: Findings, body: Node, _names: Names) -> Objection | None:
    """A name after a closing parenthesis or bracket: what stands before it may be of any type."""
    (argument,) = body["arg"].values()
    for name in strings(body["indirection"]):
        if (because := _closed(findings, name)) is not None:
            return _objection(name, because, offset_of(argument))
        if name in _SYSTEM_COLUMNS and (objection := _objection_to_system(findings, name, argument)) is not None:
            return objection
        if (objection := _check_prefix(findings, name, argument)) is not None:
            return objection
    return None


def check_insert_columns(findings: Findings, body: Node, names: Names) -> Objection | None:
    """The columns that an INSERT fills: columns of its target in scope, none of them masked."""
    relation = resolve(findings.scope, body["relation"])
    if relation is None:
        return None  # its own rule says so
    if "selectStmt" in body and "cols" not in body and relation.masked:
        reason = f"INSERT: expected a list of columns, since {relation.qualified} has masked ones; name those to fill"
        return Objection("guard.column", reason, offset_of(body["relation"]))
    if (objection := _check_conflict(relation, body.get("onConflictClause"))) is not None:
        return objection
    return _check_written(relation, body.get("cols", [])) or check_read_back(findings, body, names)


def check_update_columns(findings: Findings, body: Node, names: Names) -> Objection | None:
    """The columns that an UPDATE sets: columns of its target in scope, none of them masked."""
    relation = resolve(findings.scope, body["relation"])
    if relation is None:
        return None
    written = _check_written(relation, body["targetList"]) or _check_default(body["targetList"])
    return written or check_read_back(findings, body, names)


def check_read_back(findings: Findings, body: Node, _names: Names) -> Objection | None:
    """What a write's WHERE and RETURNING read of its target, which only a task that may select from it can."""
    relation = resolve(findings.scope, body["relation"])
    if relation is None or Action.SELECT in relation.actions:
        return None
    for clause in ("WHERE", "RETURNING"):
        if f"{clause.lower()}Clause" in body:
            reason = f"{clause}: reads {relation.qualified}, and select on it was not granted to this task; ask for it"
            return Objection("guard.action", reason, offset_of(body["relation"]))
    return None


def _check_written(relation: Relation, targets: list[Node]) -> Objection | None:
    for target in (node["ResTarget"] for node in targets):
        shown = quoted([target["name"]])
        if target["name"] not in relation.by_column:
            reason = f"column {shown}: not one that this task sees in {relation.qualified}"
        elif target["name"] in relation.masked:
            reason = f"column {shown}: masked for this task in {relation.qualified}, so it cannot be written"
        else:
            continue
        return Objection("guard.column", f"{reason}; leave it out", offset_of(target))
    return None


def _check_default(targets: list[Node]) -> Objection | None:
    """DEFAULT in an UPDATE is the view's default, which is NULL, and not the table's."""
    for target in (node["ResTarget"] for node in targets):
        if "SetToDefault" in _own_value(target["val"]):
            reason = f"column {quoted([target['name']])}: DEFAULT cannot be known here; name the value instead"
            return Objection("guard.column", reason, offset_of(target))
    return None


def _own_value(value: Node) -> Node:
    """What one column of `SET (a, b) = (…, …)` is set to."""
    if "MultiAssignRef" not in value:
        return value
    part = value["MultiAssignRef"]
    values = part["source"].get("RowExpr", {}).get("args", [])
    place = part["colno"] - 1
    return dict(values[place]) if place < len(values) else {}


def _check_conflict(relation: Relation, clause: Node | None) -> Objection | None:
    if clause is None:
        return None
    if relation.filtered:
        reason = f"ON CONFLICT: {relation.qualified} has rows that this task does not see, and a conflict tells of them"
        return Objection("guard.kind", f"{reason}; INSERT without it", offset_of(clause))
    for element in (node["IndexElem"] for node in clause.get("infer", {}).get("indexElems", [])):
        if element.get("name", "") not in relation.by_column and "expr" not in element:
            reason = f"column {quoted([element['name']])}: not one that this task sees in {relation.qualified}"
            return Objection("guard.column", f"{reason}; leave it out", offset_of(clause))
    return None


def _closed(findings: Findings, name: str) -> str | None:
    """Why a name may not be called on a value, or a value be cast to it; None where it may."""
    if name == type_names.NAME:
        return "its result is a number that other values would be read as"
    return findings.lists.closed_types.get(name) or findings.lists.closed_functions.get(name)


def _objection_to_system(findings: Findings, name: str, body: Node) -> Objection | None:
    """PostgreSQL's own columns of a table, which a view has not; another may be called so."""
    if findings.given_names is None:
        findings.given_names = frozenset(name for part in messages_in(findings.statement) for name in _names_in(part))
    if name in findings.scope.columns or name in findings.given_names:
        return None
    reason = f"column {quoted([name])}: the server's own, and not one that this task sees; leave it out"
    return Objection("guard.column", reason, offset_of(body))


def _names_in(part: Node) -> Iterator[str]:
    """The names that a part of the statement gives to columns: `AS name`, `t(name)`, `WITH t(name)`."""
    yield from (part[key] for key in ("name", "colname") if isinstance(part.get(key), str))
    yield from (name for key in ("colnames", "aliascolnames") for name in strings(part.get(key, [])))


def _check_row_field(findings: Findings, qualifiers: list[str], name: str, body: Node) -> Objection | None:
    """After a relation's name stands a row, which few functions take; the names of columns in scope are columns."""
    because = _closed(findings, name)
    if because is not None and len(qualifiers) == 1 and may_be_scalar(findings, qualifiers[0], name):
        return _objection(name, because, offset_of(body))
    takes_rows = name in findings.lists.closed_on_rows or name == type_names.NAME
    if takes_rows and because is not None and name not in findings.scope.columns:
        return _objection(name, because, offset_of(body))
    return _check_prefix(findings, name, body)


def _check_prefix(findings: Findings, name: str, body: Node) -> Objection | None:
    if name.startswith(_VENDOR_PREFIXES) and name not in findings.scope.columns and name not in findings.lists.called:
        return _objection(name, "its prefix belongs to the server", offset_of(body))
    return None


def _objection(name: str, because: str, offset: int | None) -> Objection:
    reason = f"{quoted([name])} after a dot: may call what is not on the allow-list, because {because}; rename it"
    return Objection("guard.function", reason, offset)
