"""The stacks that stand beside the broker's, resolved: names in angle brackets stand for what is made."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from postern_local.intrinsics import Scope, resolve
from postern_local.transform import read_yaml
from tests.support.stack import NAMES, PROJECT

PSEUDO = {
    "AWS::AccountId": NAMES.account,
    "AWS::Partition": "aws",
    "AWS::Region": NAMES.region,
    "AWS::StackName": "stack",
    "AWS::URLSuffix": "amazonaws.com",
}
ZONES = tuple(f"{NAMES.region}{letter}" for letter in "abcdef")


@dataclass(frozen=True, slots=True)
class Stack:
    """What a template makes of its parameters: resources that its conditions leave, outputs likewise."""

    resources: Mapping[str, Mapping[str, Any]]
    outputs: Mapping[str, str]

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """Properties by logical id."""
        return {name: one["Properties"] for name, one in self.resources.items() if one["Type"] == kind}


@cache
def written(path: str) -> dict[str, Any]:
    """The document as it is in the project. Shared: change nothing in it."""
    return read_yaml(PROJECT / path)


def stack(path: str, **parameters: str) -> Stack:
    """The template with these parameters. Fails where a declaration would refuse one, or where one is missing."""
    document = written(path)
    values = _values(document.get("Parameters", {}), parameters)
    scope = Scope(
        parameters=values,
        conditions=document.get("Conditions", {}),
        reference=lambda name: PSEUDO.get(name, f"<{name}>"),
        attribute=lambda resource, attribute: f"<{resource}.{attribute}>",
    )

    def there(part: Mapping[str, Any]) -> bool:
        return "Condition" not in part or scope.is_true(part["Condition"])

    resources = {
        name: {**one, "Properties": resolve(_spelt(one.get("Properties", {}), scope), scope)}
        for name, one in document["Resources"].items()
        if there(one)
    }
    outputs = {
        name: str(resolve(_spelt(one["Value"], scope), scope))
        for name, one in document.get("Outputs", {}).items()
        if there(one)
    }
    return Stack(resources, outputs)


def broken_rules(path: str, **parameters: str) -> list[str]:
    """What CloudFormation would say of parameters that cannot work together."""
    document = written(path)
    values = _values(document["Parameters"], parameters)
    scope = Scope(values, {}, reference=lambda name: PSEUDO[name], attribute=lambda resource, _: resource)
    return [
        assertion["AssertDescription"]
        for rule in document["Rules"].values()
        if resolve(rule.get("RuleCondition", True), scope)
        for assertion in rule["Assertions"]
        if not resolve(assertion["Assert"], scope)
    ]


def refusal(declaration: Mapping[str, Any], text: str) -> str | None:
    """Why CloudFormation would not take the value; None where it would."""
    is_list = declaration["Type"].startswith(("CommaDelimitedList", "List<"))
    for item in text.split(",") if is_list else [text]:
        if "AllowedPattern" in declaration and not re.fullmatch(declaration["AllowedPattern"], item):
            return str(declaration["ConstraintDescription"])
    if "AllowedValues" in declaration and text not in map(str, declaration["AllowedValues"]):
        return "not an allowed value"
    if declaration["Type"] == "Number" and not (
        float(declaration.get("MinValue", text)) <= float(text) <= float(declaration.get("MaxValue", text))
    ):
        return "out of bounds"
    return None


def _values(declared: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, str | list[str]]:
    assert set(given) <= set(declared), set(given) - set(declared)
    values: dict[str, str | list[str]] = {}
    for name, declaration in declared.items():
        text = str(given.get(name, declaration.get("Default")))
        assert name in given or "Default" in declaration, f"{name}: no value"
        assert refusal(declaration, text) is None, f"{name}: {refusal(declaration, text)}"
        is_list = declaration["Type"].startswith(("CommaDelimitedList", "List<"))
        values[name] = text.split(",") if is_list else text
    return values


def _spelt(value: Any, scope: Scope) -> Any:
    """With the functions in it replaced that only these stacks use."""
    if isinstance(value, list):
        return [_spelt(item, scope) for item in value]
    if not isinstance(value, dict):
        return value
    match list(value.items()):
        case [("Fn::GetAZs", _)]:
            return list(ZONES)
        case [("Fn::Cidr", [block, count, bits])]:
            network = ipaddress.ip_network(resolve(block, scope))
            subnets = list(network.subnets(new_prefix=32 - int(bits)))
            return [str(subnet) for subnet in subnets[: int(count)]]
        case [("Fn::Select", [index, items])]:
            found = resolve(_spelt(items, scope), scope)
            # A branch that is not taken may choose from a list that is too short.
            return found[int(index)] if int(index) < len(found) else "<none>"
    return {name: _spelt(item, scope) for name, item in value.items()}
