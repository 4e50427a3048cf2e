"""The table of known nodes against the grammar: everything is known exactly, or refused."""

from __future__ import annotations

from typing import Any

import pytest
from postgast import parse

from postern.guard.closed_nodes import CLOSED_FIELDS, CLOSED_NODES
from postern.guard.findings import Findings
from postern.guard.lists import LISTS
from postern.guard.nodes import NODE, NODES, PLAIN, SHAPES, Bare, OneOf
from postern.guard.verdict import Objection
from postern.guard.walk import walk
from tests.support.guard import shop_scope

MESSAGES = parse("").DESCRIPTOR.file.message_types_by_name
TARGETS = {"InsertTarget", "UpdateTarget", "DeleteTarget"}  # a RangeVar where something is written
NODE_NAMES = [field.message_type.name for field in MESSAGES["Node"].fields]


def _walk_in_select_list(node: str, body: dict[str, object]) -> Objection | None:
    statement = {"targetList": [{"ResTarget": {"val": {node: body}}}]}
    try:
        return walk("SelectStmt", statement, Findings(shop_scope(), LISTS[18], statement))
    except Exception as error:
        error.add_note(f"{node}: {body}")
        raise


def test_every_known_field_is_of_its_kind_in_the_grammar() -> None:
    wrong = []
    for name, shape in SHAPES.items():
        message = MESSAGES["RangeVar" if name in TARGETS else name]
        fields = {field.json_name: field for field in message.fields}
        wrong += [
            f"{name}.{field}: {kind!r}"
            for field, kind in shape.items()
            if field not in fields or not _is_of_kind(fields[field], kind)
        ]

    assert SHAPES
    assert wrong == []


def _is_of_kind(described: Any, kind: object) -> bool:
    message = described.message_type.name if described.message_type else None
    if kind == PLAIN:
        return message is None and described.enum_type is None and not described.is_repeated
    if kind in (NODE, NODES):
        return message == "Node" and described.is_repeated is (kind == NODES)
    if isinstance(kind, Bare):
        return message == ("RangeVar" if kind.type in TARGETS else kind.type) and not described.is_repeated
    if isinstance(kind, OneOf):
        values = described.enum_type.values if described.enum_type else ()
        return described.json_name == "relpersistence" or kind.values < {value.name for value in values}
    return False


def test_refuses_every_other_node_of_the_grammar() -> None:
    others = sorted(set(NODE_NAMES) - set(SHAPES))
    wrong = [name for name in others if not _is_refused_as_other(name)]

    assert others
    assert wrong == []


def _is_refused_as_other(name: str) -> bool:
    objection = _walk_in_select_list(name, {})
    if objection is None:
        return False
    if name.endswith("Stmt"):
        return objection.code == "guard.kind"
    return name in CLOSED_NODES or objection.code == "guard.node"


def _unknown_fields() -> list[tuple[str, str]]:
    return [
        (name, field.json_name)
        for name in SHAPES
        if name not in TARGETS
        for field in MESSAGES[name].fields
        if field.json_name not in SHAPES[name]
    ]


def test_refuses_every_other_field_of_a_known_node() -> None:
    unknown = _unknown_fields()
    wrong = []
    for name, field in unknown:
        objection = _walk_in_select_list(name, {**_body_that_passes(name), field: True})
        if objection is None or objection.code != CLOSED_FIELDS.get((name, field), ("guard.node", ""))[0]:
            wrong.append(f"{name}.{field}: {objection}")

    assert unknown
    assert wrong == []


def _body_that_passes(name: str) -> dict[str, object]:
    """The least that a node's rule needs to have no objection of its own."""
    bodies: dict[str, dict[str, object]] = {
        "RangeVar": {"relname": "orders", "relpersistence": "p"},
        "RangeTableSample": {
            "method": [{"String": {"sval": "system"}}],
            "relation": {"RangeVar": {"relname": "orders", "relpersistence": "p", "inh": True}},
            "args": [{"A_Const": {}}],
        },
        "TypeCast": {"arg": {"A_Const": {}}, "typeName": {"names": [{"String": {"sval": "text"}}]}},
        "DeleteStmt": {"relation": {"relname": "secret"}},
        "ExplainStmt": {"query": {"SelectStmt": {}}},
        "FuncCall": {"funcname": [{"String": {"sval": "lower"}}]},
        "TypeName": {"names": [{"String": {"sval": "text"}}]},
        "CollateClause": {"collname": [{"String": {"sval": "C"}}]},
        "ParamRef": {"number": 1},
        "ColumnRef": {"fields": [{"A_Star": {}}]},
        "A_Indirection": {"arg": {"A_Const": {}}, "indirection": []},
        "InsertStmt": {"relation": {"relname": "secret"}},
        "UpdateStmt": {"relation": {"relname": "secret"}, "targetList": []},
        "WithClause": {"ctes": []},
    }
    return bodies.get(name, {})


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("A_Expr", {"kind": "AEXPR_NEW"}),
        ("SubLink", {"subLinkType": "CTE_SUBLINK"}),
        ("SQLValueFunction", {"op": "SVFOP_NEW"}),
        ("A_Const", {"sval": {"sval": {"FuncCall": {}}}}),
        ("A_Const", {"location": {"FuncCall": {}}}),
        ("A_Const", {"ival": {"ival": [{"FuncCall": {}}]}}),
        ("String", {"sval": "x", "more": 1}),
        ("String", {"sval": {"FuncCall": {}}}),
        ("A_Star", {"more": {}}),
        ("JsonFuncExpr", {"op": "JSON_TABLE_OP"}),
        ("JoinExpr", {"jointype": "JOIN_SEMI"}),
        ("RangeVar", {"relname": "orders", "relpersistence": "t"}),
    ],
)
def test_refuses_value_that_the_grammar_does_not_give_today(name: str, body: dict[str, object]) -> None:
    objection = _walk_in_select_list(name, body)

    assert objection is not None
    assert objection.code == "guard.node"


@pytest.mark.parametrize(
    ("sql_node", "code"),
    [
        ("XmlExpr", "guard.function"),
        ("RangeTableFunc", "guard.function"),
        ("XmlSerialize", "guard.function"),
    ],
)
def test_names_the_way_out_for_closed_nodes(sql_node: str, code: str) -> None:
    objection = _walk_in_select_list(sql_node, {})

    assert objection is not None
    assert objection.code == code
    assert "use " in objection.reason or "closed" in objection.reason
