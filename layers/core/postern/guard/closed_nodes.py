"""Nodes and fields of the grammar that are known and refused, each with its reason."""

from __future__ import annotations

from postern.guard.findings import offset_of
from postern.guard.source import Node
from postern.guard.verdict import Objection

_XML = "XML functions are closed: use json or text functions"

# By node, as libpg_query's JSON names it.
CLOSED_NODES: dict[str, tuple[str, str]] = {
    "XmlExpr": ("guard.function", _XML),
    "XmlSerialize": ("guard.function", _XML),
    "RangeTableFunc": ("guard.function", "XMLTABLE is closed: use JSON_TABLE or jsonb_to_recordset"),
    "CurrentOfExpr": ("guard.kind", "WHERE CURRENT OF needs a cursor, and cursors are closed: name the rows by a key"),
    "MergeSupportFunc": ("guard.kind", "merge_action() belongs to MERGE, which is closed"),
}

# By node and field. A field that is only absent from `nodes.SHAPES` is refused as unknown instead.
CLOSED_FIELDS: dict[tuple[str, str], tuple[str, str]] = {
    ("SelectStmt", "intoClause"): (
        "guard.kind",
        "SELECT INTO creates a table: use WITH to name an intermediate result",
    ),
    ("SelectStmt", "lockingClause"): (
        "guard.kind",
        "FOR UPDATE and FOR SHARE lock rows: leave the locking clause out",
    ),
    ("OnConflictClause", "action"): (
        "guard.kind",
        "ON CONFLICT DO UPDATE can take over rows that the task does not see: UPDATE them in a statement of its own",
    ),
    ("InferClause", "conname"): ("guard.kind", "ON CONSTRAINT names a constraint: name its columns instead"),
    ("IndexElem", "expr"): ("guard.kind", "ON CONFLICT over an expression is closed: name columns"),
    ("TypeName", "setof"): ("guard.type", "SETOF belongs to function declarations: name the type without it"),
    ("TypeName", "pct_type"): ("guard.type", "%TYPE belongs to function declarations: name the type itself"),
}


def objection_to_node(node: str, body: Node) -> Objection:
    """The refusal of a node that no shape allows."""
    code, reason = CLOSED_NODES.get(node, ("guard.node", f"{node}: the guard does not know this construct; avoid it"))
    return Objection(code, reason, offset_of(body))


def objection_to_field(node: str, field: str, body: Node) -> Objection:
    """The refusal of a field that its node's shape does not have."""
    unknown = ("guard.node", f"{node}.{field}: the guard does not know this part of the construct; avoid it")
    code, reason = CLOSED_FIELDS.get((node, field), unknown)
    return Objection(code, reason, offset_of(body))
