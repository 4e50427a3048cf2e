"""The walk: every node, every field and every value of a statement's tree, each known or refused.

It keeps a stack of its own, so a deep tree costs memory and not Python frames. Nodes come in the order
of the text as far as the grammar keeps it, so the refusal is about the first thing that is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from postern.guard import calls, explain, fields, relations, samples, visibility
from postern.guard.closed_nodes import objection_to_field, objection_to_node
from postern.guard.findings import Findings, offset_of
from postern.guard.kinds import is_statement, objection_to_kind
from postern.guard.nodes import NODE, NODES, PLAIN, SHAPES, Bare, OneOf
from postern.guard.source import MAX_LEVELS, Node, objection_to_depth
from postern.guard.verdict import Objection
from postern.guard.visibility import Names

Rule = Callable[[Findings, Node, Names], Objection | None]

_RULES: Mapping[str, Rule] = {
    "RangeVar": relations.check_read,
    "InsertTarget": relations.check_insert,
    "UpdateTarget": relations.check_update,
    "DeleteTarget": relations.check_delete,
    "RangeTableSample": samples.check_sample,
    "InsertStmt": fields.check_insert_columns,
    "UpdateStmt": fields.check_update_columns,
    "DeleteStmt": fields.check_read_back,
    "ExplainStmt": explain.check_explain,
    "FuncCall": calls.check_call,
    "TypeName": calls.check_type,
    "A_Expr": calls.check_operator,
    "SubLink": calls.check_operator,
    "SortBy": calls.check_operator,
    "CollateClause": calls.check_collation,
    "ParamRef": calls.check_parameter,
    "ColumnRef": fields.check_column,
    "A_Indirection": fields.check_selection,
}
# Nodes that hold one plain value or nothing, and the type of the value: most of every tree.
_LEAVES: Mapping[str, tuple[str, type]] = {
    "String": ("sval", str),
    "Integer": ("ival", int),
    "Float": ("fval", str),
    "Boolean": ("boolval", bool),
    "A_Star": ("", str),
}
_CONTAINERS = (dict, list)

Place = tuple[str, Node, Names, int]  # a node's name and body, the WITH queries it sees, its level of nesting


def walk(node: str, body: Node, findings: Findings) -> Objection | None:
    """Checks a whole statement and fills `findings`, or returns the first objection."""
    stack: list[Place] = [(node, body, visibility.NOTHING, 0)]
    while stack:
        name, body, names, level = stack.pop()
        if level > MAX_LEVELS:
            return objection_to_depth()
        rule = _RULES.get(name)
        if rule is not None and (objection := rule(findings, body, names)) is not None:
            return objection
        children: list[Place] = []
        if (objection := _expand(name, body, names, level, children)) is not None:
            return objection
        children.reverse()
        stack.extend(children)
    return None


def _expand(name: str, body: Node, names: Names, level: int, children: list[Place]) -> Objection | None:
    """Appends what a node holds to `children`, or objects to the node, a field or a value."""
    shape = SHAPES.get(name)
    if shape is None:
        return objection_to_kind(name, offset_of(body)) if is_statement(name) else objection_to_node(name, body)
    inner = visibility.names_after(body, names) if "withClause" in body else names
    for field, value in body.items():
        kind = shape.get(field)
        if kind is PLAIN and not isinstance(value, _CONTAINERS):
            continue
        if kind is NODE:
            _append(value, inner, level + 2, children)
        elif kind is NODES and name == "WithClause":
            for query, visible in zip(value, visibility.names_in_with(body, names), strict=True):
                _append(query, visible, level + 3, children)
        elif kind is NODES:
            for wrapped in value:
                _append(wrapped, inner, level + 3, children)
        elif isinstance(kind, Bare):
            children.append((kind.type, value, names if field == "withClause" else inner, level + 1))
        elif not isinstance(kind, OneOf) or value not in kind.values:
            return objection_to_field(name, field, body)
    return None


def _append(wrapped: Node, names: Names, level: int, children: list[Place]) -> None:
    """Appends the node under its name; an empty one is a NULL of the grammar, and a known leaf holds nothing more."""
    for name, body in wrapped.items():
        if not _is_leaf(name, body):
            children.append((name, body, names, level))


def _is_leaf(name: str, body: Node) -> bool:
    leaf = _LEAVES.get(name)
    return leaf is not None and (not body or (len(body) == 1 and type(body.get(leaf[0])) is leaf[1]))
