"""The walk: every node, every field and every value of a statement's tree, each known or refused.

It keeps a stack of its own, so a deep tree costs memory and not Python frames.
"""

from __future__ import annotations

from postern.guard import visibility
from postern.guard.findings import offset_of, strings
from postern.guard.nodes import NODE, NODES, PLAIN, Bare, OneOf
from postern.guard.source import MAX_LEVELS, Node, objection_to_depth
from postern.guard.verdict import Objection
from postern.guard.visibility import Names
from postern.run_once.findings import Findings
from postern.run_once.kinds import objection_to_field, objection_to_node
from postern.run_once.names import objection_to_dotted
from postern.run_once.shapes import SHAPES, Apart, Dotted

Place = tuple[str, Node, Names, int]  # a node's name and body, the WITH queries it sees, its level of nesting

_CONTAINERS = (dict, list)


def walk(node: str, body: Node, findings: Findings) -> Objection | None:
    """Checks a whole statement and fills `findings`, or returns the first objection."""
    stack: list[Place] = [(node, body, visibility.NOTHING, 0)]
    while stack:
        name, body, names, level = stack.pop()
        if level > MAX_LEVELS:
            return objection_to_depth()
        if name not in SHAPES:
            return objection_to_node(name, body)
        children: list[Place] = []
        if (objection := _expand(name, body, names, level, children)) is not None:
            return objection
        # After the fields: a rule is sure of the shape of what it is given.
        if (rule := findings.rules.get(name)) is not None and (objection := rule(findings, body, names)) is not None:
            return objection
        children.reverse()
        stack.extend(children)
    return None


def _expand(name: str, body: Node, names: Names, level: int, children: list[Place]) -> Objection | None:
    """Appends what a node holds to `children`, or objects to a field or a value."""
    inner = visibility.names_after(body, names) if "withClause" in body else names
    for field, value in body.items():
        kind = SHAPES[name].get(field)
        if (kind is PLAIN and not isinstance(value, _CONTAINERS)) or isinstance(kind, Apart):
            continue
        if kind is NODE:
            children.extend((child, part, inner, level + 2) for child, part in value.items())
        elif kind is NODES and name == "WithClause":
            for query, visible in zip(value, visibility.names_in_with(body, names), strict=True):
                children.extend((child, part, visible, level + 3) for child, part in query.items())
        elif kind is NODES:
            children.extend((child, part, inner, level + 3) for wrapped in value for child, part in wrapped.items())
        elif isinstance(kind, Bare):
            children.append((kind.type, value, names if field == "withClause" else inner, level + 1))
        elif isinstance(kind, Dotted):
            if (objection := _objection_to_dotted(kind.of, name, value, body)) is not None:
                return objection
        elif not isinstance(kind, OneOf) or value not in kind.values:
            return objection_to_field(name, field, value, body)
    return None


def _objection_to_dotted(of: str, node: str, value: list[Node], body: Node) -> Objection | None:
    parts = strings(value)
    if len(parts) != len(value):
        return objection_to_field(node, of, value, body)
    if node == "TypeName" and body.get("pct_type"):
        parts = parts[:-1]  # `schema.table.column%TYPE`
    return objection_to_dotted(of, parts, offset_of(body))
