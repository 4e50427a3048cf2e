"""The rules of statements: options, what is told to the approver, and what the shapes cannot say."""

from __future__ import annotations

from postern.guard.findings import strings
from postern.guard.source import Node, messages_in
from postern.guard.verdict import Objection
from postern.guard.visibility import Names
from postern.run_once import options
from postern.run_once.findings import Findings
from postern.run_once.functions import check_trigger_function
from postern.run_once.names import objection_to_relation, objection_to_schema
from postern.run_once.objects import note_cascade
from postern.run_once.options import check_options

_HEAP = "heap"
_SERIALS = "takes values of sequences for serial and identity columns, which no rollback gives back"
_NOTES = {
    "AT_DisableTrig": "turns a trigger off until it is turned on again",
    "AT_DisableTrigUser": "turns the table's triggers off until they are turned on again",
    "AT_SetUnLogged": "an unlogged table is emptied by a crash and is missing on replicas",
    "AT_EnableRowSecurity": "changes which rows other roles see and may write",
    "AT_ForceRowSecurity": "changes which rows the table's owner sees and may write, views of tasks among it",
}
_MOVES = frozenset({"AT_AddColumn", "AT_AlterColumnType", "AT_SetExpression"})
_RELATION_OPTIONS = frozenset({"AT_SetRelOptions", "AT_ResetRelOptions"})
_PROTECTIONS = frozenset({"security_barrier", "security_invoker"})
_COLUMN_OPTIONS = frozenset({"AT_SetOptions", "AT_ResetOptions"})


def check_insert(findings: Findings, body: Node, _names: Names) -> Objection | None:
    """INSERT and MERGE: rows, and values of sequences with them."""
    findings.writes = True
    findings.note(_SERIALS)
    if _reads(body):
        findings.note_moved()
    return None


def check_update(findings: Findings, body: Node, _names: Names) -> Objection | None:
    """UPDATE, in WITH too."""
    findings.writes = True
    if any(_reads(target) for target in body["targetList"]):
        findings.note_moved()
    return None


def check_delete(findings: Findings, _body: Node, _names: Names) -> Objection | None:
    """DELETE, in WITH too."""
    findings.writes = True
    return None


def _reads(tree: Node) -> bool:
    """Whether a part of a statement takes values out of columns."""
    return any("ColumnRef" in message for message in messages_in(tree))


def check_table(findings: Findings, body: Node, _names: Names) -> Objection | None:
    """CREATE TABLE."""
    findings.writes = True
    if (body.get("relation") or body["rel"])["relpersistence"] == "t":
        findings.note("until the run ends, its name means this temporary table before any other of that name")
    if body.get("accessMethod", _HEAP) != _HEAP:
        return Objection("guard.kind", "USING: expected tables of the kind heap; leave it out")
    return check_options(findings, body.get("options", []), options.RELATION, "table")


def check_query_table(findings: Findings, body: Node, names: Names) -> Objection | None:
    """What CREATE TABLE AS, CREATE MATERIALIZED VIEW and SELECT INTO make."""
    findings.note_moved()
    return check_table(findings, body, names)


def check_view(findings: Findings, body: Node, _names: Names) -> Objection | None:
    """CREATE VIEW and its options."""
    findings.note_moved()
    if body.get("replace"):
        findings.note("replaces a view's options too: security_barrier and security_invoker go unless it sets them")
    return check_options(findings, body.get("options", []), options.RELATION, "view")


def check_index(findings: Findings, body: Node, _names: Names) -> Objection | None:
    """CREATE INDEX and its options."""
    if (objection := objection_to_relation([body.get("idxname", "")], None)) is not None:
        return objection
    if body.get("concurrent"):
        findings.note("if it fails, an invalid index stays behind, to be dropped")
    return check_options(findings, body.get("options", []), options.INDEX, "index")


def check_constraint(findings: Findings, body: Node, _names: Names) -> Objection | None:
    """A constraint, with the options of its index or of its identity's sequence."""
    allowed = options.SEQUENCE if body["contype"] == "CONSTR_IDENTITY" else options.INDEX
    return check_options(findings, body.get("options", []), allowed, "constraint")


def check_sequence(findings: Findings, body: Node, _names: Names) -> Objection | None:
    """CREATE and ALTER SEQUENCE."""
    return check_options(findings, body.get("options", []), options.SEQUENCE, "sequence")


def check_collation(findings: Findings, body: Node, _names: Names) -> Objection | None:
    """CREATE COLLATION, the one kind of DefineStmt that is open."""
    return check_options(findings, body.get("definition", []), options.COLLATION, "collation")


def check_range(findings: Findings, body: Node, _names: Names) -> Objection | None:
    """CREATE TYPE … AS RANGE."""
    return check_options(findings, body.get("params", []), options.RANGE, "range type")


def check_alteration(findings: Findings, body: Node, _names: Names) -> Objection | None:
    """One part of ALTER TABLE, INDEX, VIEW, SEQUENCE or TYPE."""
    kind = body["subtype"]
    if kind in _MOVES and _reads(body):
        findings.note_moved()
    if kind in _NOTES:
        findings.note(_NOTES[kind])
    if body.get("behavior") == "DROP_CASCADE":
        note_cascade(findings)
    nodes = body.get("def", {}).get("List", {}).get("items", [])
    if kind in _RELATION_OPTIONS and (objection := _objection_to_weaker(kind, nodes)) is not None:
        return objection
    if kind in _RELATION_OPTIONS:
        # An index is altered by the same words as a table.
        return check_options(findings, nodes, options.RELATION | options.INDEX, "ALTER … SET")
    if kind in _COLUMN_OPTIONS:
        return check_options(findings, nodes, options.COLUMN, "ALTER COLUMN … SET")
    if kind == "AT_SetIdentity":
        return check_options(findings, nodes, options.SEQUENCE, "ALTER COLUMN … SET")
    return None


def _objection_to_weaker(kind: str, nodes: list[Node]) -> Objection | None:
    """RESET, or SET to anything but true, of what keeps a view's rows."""
    for name, option in options.options_of(nodes).items():
        if name in _PROTECTIONS and (kind == "AT_ResetRelOptions" or not _is_on(option)):
            reason = f"{name}: taking it off a view takes a protection of rows away; have an administrator do it"
            return Objection("guard.run_once", reason)
    return None


def _is_on(option: Node) -> bool:
    value = option.get("arg")
    if value is None:
        return True
    text = value.get("String", {}).get("sval") or "".join(strings(value.get("TypeName", {}).get("names", [])))
    return text.lower() in {"true", "on"}


def check_enum(findings: Findings, body: Node, _names: Names) -> Objection | None:
    """ALTER TYPE … ADD VALUE or RENAME VALUE."""
    if "oldVal" not in body:
        findings.note("the new value can be used only after the transaction that adds it has ended: in a later run")
    return None


def check_trigger(findings: Findings, body: Node, _names: Names) -> Objection | None:
    """CREATE TRIGGER."""
    findings.note("the trigger runs with the rights of whoever writes to the table")
    return check_trigger_function(strings(body["funcname"]), None)


def check_policy(findings: Findings, _body: Node, _names: Names) -> Objection | None:
    """CREATE and ALTER POLICY."""
    findings.note("changes which rows its roles see and may write")
    return None


def check_schema(_findings: Findings, body: Node, _names: Names) -> Objection | None:
    """CREATE SCHEMA."""
    return objection_to_schema(body.get("schemaname", ""), None)


def check_truncate(findings: Findings, body: Node, _names: Names) -> Objection | None:
    """TRUNCATE."""
    if body.get("behavior") == "DROP_CASCADE":
        findings.note("CASCADE empties every table that refers to it by a foreign key")
    return None


def check_vacuum(findings: Findings, body: Node, _names: Names) -> Objection | None:
    """VACUUM and ANALYZE of tables that are named."""
    if not body.get("rels"):
        return Objection(
            "guard.kind", "VACUUM, ANALYZE: expected the names of tables; all of them take in PostgreSQL's"
        )
    return check_options(findings, body.get("options", []), options.VACUUM, "VACUUM")


def check_reindex(findings: Findings, body: Node, _names: Names) -> Objection | None:
    """REINDEX of an index, a table or a schema."""
    if "name" in body and (objection := objection_to_schema(body["name"], None)) is not None:
        return objection
    if "relation" in body and "concurrently" not in options.options_of(body.get("params", [])):
        findings.note("of a partitioned table or index, add CONCURRENTLY: it runs in no transaction")
    return check_options(findings, body.get("params", []), options.REINDEX, "REINDEX")


def check_cluster(findings: Findings, body: Node, _names: Names) -> Objection | None:
    """CLUSTER of a table that is named."""
    if "relation" not in body:
        return Objection("guard.kind", "CLUSTER: expected the name of a table")
    findings.note("of a partitioned table, cluster each partition by itself: it runs in no transaction")
    return check_options(findings, body.get("params", []), options.CLUSTER, "CLUSTER")
