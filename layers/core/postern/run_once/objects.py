"""The rules of DROP, COMMENT, RENAME and SET SCHEMA: one statement over many kinds of object."""

from __future__ import annotations

from postern.guard.findings import offset_of, quoted, strings
from postern.guard.source import Node
from postern.guard.verdict import Objection
from postern.guard.visibility import Names
from postern.run_once.findings import Findings
from postern.run_once.functions import objection_to_function_name
from postern.run_once.names import objection_to_dotted, objection_to_relation, objection_to_schema

_RELATIONS = frozenset({"OBJECT_TABLE", "OBJECT_INDEX", "OBJECT_VIEW", "OBJECT_MATVIEW", "OBJECT_SEQUENCE"})
# Their names end in a name of their own, after their relation's.
_IN_RELATIONS = frozenset({"OBJECT_COLUMN", "OBJECT_TABCONSTRAINT", "OBJECT_TRIGGER", "OBJECT_POLICY"})
_ROUTINES = frozenset({"OBJECT_FUNCTION", "OBJECT_PROCEDURE", "OBJECT_ROUTINE"})
# After these a name stands for other values than before.
_RENAMED = frozenset({"OBJECT_COLUMN", "OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_MATVIEW"})
_POLICY = "changes which rows its roles see and may write"


def check_drop(findings: Findings, body: Node, _names: Names) -> Objection | None:
    """DROP of one or several objects."""
    kind = body["removeType"]
    if body.get("behavior") == "DROP_CASCADE":
        note_cascade(findings)
    _note_policy(findings, kind)
    return next(filter(None, (_check(findings, kind, object_) for object_ in body["objects"])), None)


def check_comment(findings: Findings, body: Node, _names: Names) -> Objection | None:
    """COMMENT ON an object."""
    return _check(findings, body["objtype"], body["object"])


def check_rename(findings: Findings, body: Node, _names: Names) -> Objection | None:
    """RENAME: both names, where they are a schema's or a relation's."""
    kind, new, offset = body["renameType"], body["newname"], offset_of(body.get("relation", {}))
    if kind == "OBJECT_SCHEMA":
        findings.note_moved()
        return objection_to_schema(body["subname"], None) or objection_to_schema(new, None)
    if body.get("behavior") == "DROP_CASCADE":
        note_cascade(findings)
    _note_policy(findings, kind)
    if kind in _RENAMED:
        findings.note_moved()
    if kind in _RELATIONS and (objection := objection_to_relation([new], offset)) is not None:
        return objection
    if kind in _ROUTINES and (objection := objection_to_function_name([new])) is not None:
        return objection
    return _check(findings, kind, body["object"]) if "object" in body else None


def check_move(findings: Findings, body: Node, _names: Names) -> Objection | None:
    """SET SCHEMA: the object and where it goes."""
    if body["objectType"] in _RELATIONS:
        findings.note_moved()
    if (objection := objection_to_schema(body["newschema"], offset_of(body.get("relation", {})))) is not None:
        return objection
    if body["objectType"] in _ROUTINES:
        return objection_to_function_name(strings(body["object"]["ObjectWithArgs"]["objname"]))
    return _check(findings, body["objectType"], body["object"]) if "object" in body else None


def check_function_name(findings: Findings, body: Node, _names: Names) -> Objection | None:
    """The function that is dropped, changed or described: without a schema, PostgreSQL's own come first."""
    parts = strings(body["objname"])
    known = findings.lists
    if len(parts) > 1 or (parts[0] not in known.functions and parts[0] not in known.closed_functions):
        return None
    reason = f"function {quoted(parts)}: PostgreSQL has one of this name; write the schema before it"
    return Objection("guard.function", reason)


def note_cascade(findings: Findings) -> None:
    """Tells that more goes than what is named."""
    findings.note("CASCADE takes along what depends on it, views of other open tasks among it")


def _note_policy(findings: Findings, kind: str) -> None:
    if kind == "OBJECT_POLICY":
        findings.note(_POLICY)


def _check(findings: Findings, kind: str, object_: Node) -> Objection | None:
    """One object's name, as the grammar gives it for its kind."""
    ((node, body),) = object_.items()
    if node == "String":
        return objection_to_schema(body["sval"], None)
    if node == "TypeName":
        return _check_type(findings, body)
    if node != "List":
        return None  # a function, by `check_function_name`
    items = body["items"]
    if kind == "OBJECT_DOMCONSTRAINT" and "TypeName" in items[0]:
        return _check_type(findings, items[0]["TypeName"])
    parts = strings(items)
    if kind in _IN_RELATIONS:
        parts = parts[:-1]
    if kind in _RELATIONS or kind in _IN_RELATIONS:
        findings.tables.add(quoted(parts))
        return objection_to_relation(parts, None)
    return objection_to_dotted("object", parts, None)


def _check_type(findings: Findings, body: Node) -> Objection | None:
    parts = strings(body["names"])
    known = findings.lists
    if len(parts) == 1 and (parts[0] in known.types or parts[0] in known.closed_types):
        reason = f"type {quoted(parts)}: PostgreSQL has one of this name; write the schema before it"
        return Objection("guard.type", reason, offset_of(body))
    return objection_to_dotted("object", parts, offset_of(body))
