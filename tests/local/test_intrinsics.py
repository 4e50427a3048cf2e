"""CloudFormation's functions give what a deployment would, and an unknown one stops."""

from __future__ import annotations

from typing import Any

import pytest

from postern_local.failure import StackFailure
from postern_local.intrinsics import Scope, resolve

SCOPE = Scope(
    parameters={"Name": "shop", "Empty": "", "Arns": ["arn:a", "arn:b"]},
    conditions={
        "IsShop": {"Fn::Equals": [{"Ref": "Name"}, "shop"]},
        "IsNotShop": {"Fn::Not": [{"Condition": "IsShop"}]},
        "HasEmpty": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Empty"}, ""]}]},
    },
    reference=lambda name: f"<{name}>",
    attribute=lambda resource, attribute: f"<{resource}.{attribute}>",
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param({"Ref": "Name"}, "shop", id="parameter"),
        pytest.param({"Ref": "Table"}, "<Table>", id="resource"),
        pytest.param({"Ref": "Arns"}, ["arn:a", "arn:b"], id="list parameter"),
        pytest.param({"Fn::GetAtt": ["Table", "Arn"]}, "<Table.Arn>", id="attribute as list"),
        pytest.param({"Fn::GetAtt": "Stack.Outputs.Name"}, "<Stack.Outputs.Name>", id="attribute as text"),
        pytest.param({"Fn::Sub": "${Name}-${Table}-${Table.Arn}"}, "shop-<Table>-<Table.Arn>", id="sub"),
        pytest.param({"Fn::Sub": "${!aws:PrincipalTag/user}"}, "${aws:PrincipalTag/user}", id="sub keeps a literal"),
        pytest.param({"Fn::Sub": ["${A}/${Name}", {"A": {"Ref": "Name"}}]}, "shop/shop", id="sub with its own names"),
        pytest.param({"Fn::Sub": ["${A}", {"A": "${Name}"}]}, "${Name}", id="sub does not look into what it put in"),
        pytest.param({"Fn::Join": ["/x,", {"Ref": "Arns"}]}, "arn:a/x,arn:b", id="join"),
        pytest.param({"Fn::Split": [",", "a,b"]}, ["a", "b"], id="split"),
        pytest.param({"Fn::EachMemberEquals": [{"Ref": "Arns"}, "arn:a"]}, False, id="each member but one"),
        pytest.param({"Fn::EachMemberEquals": [["x", "x"], "x"]}, True, id="each member"),
        pytest.param({"Fn::EachMemberEquals": [[], "x"]}, True, id="each member of none"),
        pytest.param({"Fn::If": ["IsShop", 1, 2]}, 1, id="if true"),
        pytest.param({"Fn::If": ["IsNotShop", 1, 2]}, 2, id="if false"),
        pytest.param({"Fn::And": [{"Condition": "IsShop"}, {"Condition": "HasEmpty"}]}, False, id="and"),
        pytest.param({"Fn::Or": [{"Condition": "IsShop"}, {"Condition": "HasEmpty"}]}, True, id="or"),
        pytest.param({"a": {"Fn::If": ["IsNotShop", 1, {"Ref": "AWS::NoValue"}]}, "b": 2}, {"b": 2}, id="no value"),
        pytest.param([{"Ref": "AWS::NoValue"}, 1], [1], id="no value in a list"),
        pytest.param({"Condition": {"Bool": {"k": "v"}}}, {"Condition": {"Bool": {"k": "v"}}}, id="policy condition"),
    ],
)
def test_resolves(value: Any, expected: object) -> None:
    assert resolve(value, SCOPE) == expected


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({"Fn::ImportValue": "other"}, id="unknown function"),
        pytest.param({"a": [{"Fn::FindInMap": ["a", "b", "c"]}]}, id="unknown function inside"),
        pytest.param({"Fn::If": ["Nowhere", 1, 2]}, id="unknown condition"),
        pytest.param({"Fn::Join": [{"Ref": "Name"}, ["a"]]}, id="delimiter that is a function"),
        pytest.param({"Fn::Sub": "${Arns}"}, id="list in text"),
        pytest.param({"Fn::EachMemberEquals": [{"Ref": "Name"}, "s"]}, id="members of a text"),
    ],
)
def test_stops_at_what_it_does_not_know(value: Any) -> None:
    with pytest.raises(StackFailure):
        resolve(value, SCOPE)
