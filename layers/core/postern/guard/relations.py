"""Relations: what a name in FROM means, and whether it is in scope.

PostgreSQL resolves an unqualified name first to a visible WITH query, then along the search path, which
the world pins to the task's schema and `pg_catalog`. A qualified name never means a WITH query, and the
target of a write never does.
"""

from __future__ import annotations

from postern.guard.findings import Findings, Mapped, offset_of, quoted
from postern.guard.scope import Relation, Scope
from postern.guard.source import Node
from postern.guard.verdict import Objection
from postern.guard.visibility import NOTHING, Names
from postern.types import Action


def check_read(findings: Findings, body: Node, names: Names) -> Objection | None:
    """A relation that is read: a visible WITH query, or a relation in scope that may be selected from."""
    if "schemaname" not in body and "catalogname" not in body and body["relname"] in names:
        findings.with_queries.add(id(body))
        return None
    return _check(findings, body, names, Action.SELECT)


def check_insert(findings: Findings, body: Node, _names: Names) -> Objection | None:
    """The target of an INSERT."""
    return _check_target(findings, body, Action.INSERT)


def check_update(findings: Findings, body: Node, _names: Names) -> Objection | None:
    """The target of an UPDATE."""
    return _check_target(findings, body, Action.UPDATE)


def check_delete(findings: Findings, body: Node, _names: Names) -> Objection | None:
    """The target of a DELETE."""
    return _check_target(findings, body, Action.DELETE)


def resolve(scope: Scope, body: Node) -> Relation | None:
    """The relation in scope that a RangeVar names where no WITH query stands for it; None where there is none."""
    parts = _parts(scope, body)
    if len(parts) == 1:
        relation = scope.by_view.get(parts[0])
    elif len(parts) == 2 and parts[0] == scope.task_schema:
        relation = scope.by_view.get(parts[1])
    elif len(parts) == 2:
        relation = scope.by_name.get((parts[0], parts[1]))
    else:
        return None
    # Should the task's view be gone, a name that the system catalogs have too would mean theirs.
    return None if relation is None or relation.view.startswith("pg_") else relation


def objection_to_name(parts: list[str], offset: int | None) -> Objection:
    """The refusal of a name out of scope: in the same words whether such a relation exists or not."""
    reason = f"relation {quoted(parts)}: not in this task's scope; its schema endpoint lists what is"
    return Objection("guard.relation", reason, offset)


def _check_target(findings: Findings, body: Node, action: Action) -> Objection | None:
    findings.writes = True
    # Unqualified, a target's name never means a WITH query, so none is visible to it.
    return _check(findings, body, NOTHING, action)


def _check(findings: Findings, body: Node, names: Names, action: Action) -> Objection | None:
    parts = _parts(findings.scope, body)
    offset = offset_of(body)
    relation = resolve(findings.scope, body)
    if relation is None:
        return objection_to_name(parts, offset)
    if relation.has_heirs and not body.get("inh"):
        return _objection_to_only(parts, action, offset)
    if action not in relation.actions:
        reason = f"{action.value} on {quoted(parts)}: not granted to this task; ask for it when you open one"
        return Objection("guard.action", reason, offset)
    if len(parts) > 1 and parts[0] != findings.scope.task_schema:
        is_hidden = relation.view in names
        if is_hidden and findings.scope.task_schema is None:
            reason = f"WITH query {quoted([relation.view])}: hides {quoted(parts)}; give it another name"
            return Objection("guard.relation", reason, offset)
        schema = findings.scope.task_schema if is_hidden else None
        findings.mapped.append(Mapped("RangeVar", body, relation.view, schema))
    findings.relations.add(relation.qualified)
    return None


def _objection_to_only(parts: list[str], action: Action, offset: int | None) -> Objection:
    """A view cannot leave out the rows of tables that inherit from its table, and would not say so."""
    advice = "leave ONLY out to read them all" if action is Action.SELECT else "pick the rows by a condition"
    reason = f"ONLY {quoted(parts)}: cannot be told from the rows of tables that inherit from it here; {advice}"
    return Objection("guard.relation", reason, offset)


def _parts(scope: Scope, body: Node) -> list[str]:
    """The parts of a name, without the name of the very database that it is in."""
    keys = ("schemaname", "relname") if body.get("catalogname") == scope.database else _NAME
    return [body[key] for key in keys if key in body]


_NAME = ("catalogname", "schemaname", "relname")
