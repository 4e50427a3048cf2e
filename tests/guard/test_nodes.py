"""The table of known nodes against the grammar: everything is known exactly, or refused."""

from __future__ import annotations

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
    return walk("SelectStmt", statement, Findings(shop_scope(), LISTS[18], statement))


@pytest.mark.parametrize("name", SHAPES)
def test_every_known_field_is_of_its_kind_in_the_grammar(name: str) -> None:
    message = MESSAGES["RangeVar" if name in TARGETS else name]
    fields = {field.json_name: field for field in message.fields}

    for field, kind in SHAPES[name].items():
        described = fields[field]
        if kind == PLAIN:
            assert described.message_type is None and described.enum_type is None and not described.is_repeated
        elif kind in (NODE, NODES):
            assert described.message_type.name == "Node"
            assert described.is_repeated is (kind == NODES)
        elif isinstance(kind, Bare):
            assert described.message_type.name == ("RangeVar" if kind.type in TARGETS else kind.type)
            assert not described.is_repeated
        elif isinstance(kind, OneOf):
            values = described.enum_type.values if described.enum_type else ()
            assert field == "relpersistence" or kind.values < {value.name for value in values}
        else:
            pytest.fail(f"{name}.{field}: {kind!r}")


@pytest.mark.parametrize("name", sorted(set(NODE_NAMES) - set(SHAPES)))
def test_refuses_every_other_node_of_the_grammar(name: str) -> None:
    objection = _walk_in_select_list(name, {})

    assert objection is not None
    if name.endswith("Stmt"):
        assert objection.code == "guard.kind"
    elif name not in CLOSED_NODES:
        assert objection.code == "guard.node"


def _unknown_fields() -> list[tuple[str, str]]:
    return [
        (name, field.json_name)
        for name in SHAPES
        if name not in TARGETS
        for field in MESSAGES[name].fields
        if field.json_name not in SHAPES[name]
    ]


@pytest.mark.parametrize(("name", "field"), _unknown_fields())
def test_refuses_every_other_field_of_a_known_node(name: str, field: str) -> None:
    objection = _walk_in_select_list(name, {**_body_that_passes(name), field: True})

    assert objection is not None
    assert objection.code == CLOSED_FIELDS.get((name, field), ("guard.node", ""))[0]


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
