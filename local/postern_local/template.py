"""A deployed template: parameters checked, conditions decided, names given, every resource known.

It stands for what CloudFormation would have after a deploy. A resource type, a property or a key that
`resource_types` does not list stops the start, so that the local stack never runs less than the
template says without telling.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from string import Formatter
from typing import Any

from postern_local.failure import StackFailure
from postern_local.intrinsics import Scope, resolve
from postern_local.model import Names
from postern_local.resource_parts import check_parts
from postern_local.resource_types import RESOURCE_KEYS, RESOURCE_TYPES, ResourceType
from postern_local.transform import read_yaml, transform

_SECTIONS = frozenset(
    {
        *("AWSTemplateFormatVersion", "Transform", "Description", "Metadata", "Globals", "Parameters", "Rules"),
        *("Conditions", "Resources", "Outputs"),
    }
)
_PARAMETER_KEYS = frozenset(
    {"Type", "Default", "AllowedPattern", "ConstraintDescription", "Description", "MinValue", "MaxValue"}
)
_PARAMETER_TYPES = ("String", "Number", "CommaDelimitedList")


class Template:
    """One template with its parameters' values. `resources` holds what its conditions leave, resolved."""

    def __init__(self, path: Path, values: Mapping[str, str], names: Names) -> None:
        self.path = path
        self.names = names
        written = read_yaml(path)
        _only(written, _SECTIONS, f"{path}: section")
        parameters = _parameters(written.get("Parameters", {}), values, path)
        document = transform(written, _as_text(parameters), region=names.region, where=path)
        self._written: Mapping[str, Mapping[str, Any]] = document["Resources"]
        self._outputs: Mapping[str, Any] = document.get("Outputs", {})
        self._scope = Scope(parameters, document.get("Conditions", {}), self.reference, self.attribute)
        self._nested: dict[str, Template] = {}
        for name, rule in document.get("Rules", {}).items():
            self._check_rule(name, rule)

    @cached_property
    def resources(self) -> dict[str, tuple[str, dict[str, Any]]]:
        """Type and resolved properties by logical id."""
        found: dict[str, tuple[str, dict[str, Any]]] = {}
        for logical_id, resource in self._written.items():
            kind = self._kind(logical_id)
            _only(resource, RESOURCE_KEYS, f"{self.path}: {logical_id}")
            properties = resource.get("Properties", {})
            _only(properties, kind.built | set(kind.left_out), f"{self.path}: {logical_id}: {resource['Type']}")
            if self._exists(logical_id):
                resolved = resolve(properties, self._scope)
                check_parts(resource["Type"], resolved, f"{self.path}: {logical_id}: {resource['Type']}")
                found[logical_id] = (resource["Type"], resolved)
        return found

    @cached_property
    def outputs(self) -> dict[str, str]:
        return {
            name: str(resolve(output["Value"], self._scope))
            for name, output in self._outputs.items()
            if "Condition" not in output or self._scope.is_true(output["Condition"])
        }

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """The resources of one type: properties by logical id."""
        return {name: properties for name, (found, properties) in self.resources.items() if found == kind}

    def nested(self, logical_id: str) -> Template:
        """The template of a nested stack, which lies beside this one."""
        if logical_id not in self._nested:
            written = self._written[logical_id]["Properties"]
            values = resolve(written.get("Parameters", {}), self._scope)
            path = self.path.parent / resolve(written["TemplateURL"], self._scope)
            self._nested[logical_id] = Template(path, _as_text(values), self.names)
        return self._nested[logical_id]

    def all(self) -> Iterator[Template]:
        """This template and every one nested below it."""
        yield self
        for logical_id in self.of_type("AWS::CloudFormation::Stack"):
            yield from self.nested(logical_id).all()

    def physical_name(self, logical_id: str) -> str:
        """The name that the resource has once it is made."""
        resource, kind = self._written[logical_id], self._kind(logical_id)
        given = resource.get("Properties", {}).get(kind.name_property) if kind.name_property else None
        if given is not None:
            return str(resolve(given, self._scope))
        name = f"{self.names.stack}-{logical_id}"
        return name.lower() if resource["Type"] == "AWS::S3::Bucket" else name  # a bucket's name has no capitals

    def physical_id(self, logical_id: str) -> str:
        """The id of a resource that goes by one instead of a name."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self.path.name}/{self.physical_name(logical_id)}"))

    def reference(self, name: str) -> object:
        """What `Ref` gives for a resource or a pseudo parameter. Raises `StackFailure`."""
        if name in self._written:
            self._must_exist(name)
            return self._fill(self._kind(name).reference, name)
        pseudo = {
            "AWS::AccountId": self.names.account,
            "AWS::Partition": "aws",
            "AWS::Region": self.names.region,
            "AWS::StackName": self.names.stack,
            "AWS::URLSuffix": "amazonaws.com",
        }
        if name not in pseudo:
            raise StackFailure(f"{self.path}: Ref {name}: expected a parameter or a resource, got neither")
        return pseudo[name]

    def attribute(self, logical_id: str, attribute: str) -> object:
        """What `Fn::GetAtt` gives for a resource. Raises `StackFailure`."""
        if logical_id not in self._written:
            raise StackFailure(f"{self.path}: GetAtt {logical_id}.{attribute}: expected a resource, got none")
        self._must_exist(logical_id)
        if attribute.startswith("Outputs."):
            outputs = self.nested(logical_id).outputs
            name = attribute.removeprefix("Outputs.")
            if name in outputs:
                return outputs[name]
        attributes = self._kind(logical_id).attributes
        if attribute not in attributes:
            raise StackFailure(f"{self.path}: GetAtt {logical_id}.{attribute}: expected a known attribute, got another")
        return self._fill(attributes[attribute], logical_id)

    def _fill(self, pattern: str, logical_id: str) -> str:
        properties = self._written[logical_id].get("Properties", {})
        # What the pattern asks of the properties and nothing else: another may name this very resource.
        asked = {name for _, name, _, _ in Formatter().parse(pattern) if name} & properties.keys()
        given = {name: resolve(properties[name], self._scope) for name in asked}
        return pattern.format(
            name=self.physical_name(logical_id),
            logical_id=logical_id,
            uuid=self.physical_id(logical_id),
            account=self.names.account,
            region=self.names.region,
            **given,
        )

    def _kind(self, logical_id: str) -> ResourceType:
        kind = self._written[logical_id].get("Type", "")
        if kind not in RESOURCE_TYPES:
            raise StackFailure(
                f"{self.path}: {logical_id}: expected a resource type that the local stack knows, got {kind}: "
                "add it to resource_types"
            )
        return RESOURCE_TYPES[kind]

    def _exists(self, logical_id: str) -> bool:
        condition = self._written[logical_id].get("Condition")
        return condition is None or self._scope.is_true(condition)

    def _must_exist(self, logical_id: str) -> None:
        if not self._exists(logical_id):
            raise StackFailure(f"{self.path}: {logical_id}: expected it to exist where it is named, got a condition")

    def _check_rule(self, name: str, rule: Mapping[str, Any]) -> None:
        _only(rule, {"RuleCondition", "Assertions"}, f"{self.path}: rule {name}")
        if "RuleCondition" in rule and not resolve(rule["RuleCondition"], self._scope):
            return
        for assertion in rule["Assertions"]:
            if not resolve(assertion["Assert"], self._scope):
                raise StackFailure(f"{self.path}: {assertion.get('AssertDescription', name)}")


def _parameters(
    declared: Mapping[str, Mapping[str, Any]], values: Mapping[str, str], path: Path
) -> dict[str, str | Sequence[str]]:
    unknown = sorted(set(values) - set(declared))
    if unknown:
        raise StackFailure(f"{path}: parameters: expected only declared ones, got {', '.join(unknown)}")
    checked: dict[str, str | Sequence[str]] = {}
    for name, declaration in declared.items():
        where = f"{path}: parameter {name}"
        _only(declaration, _PARAMETER_KEYS, where)
        if declaration["Type"] not in _PARAMETER_TYPES:
            raise StackFailure(f"{where}: expected one of {', '.join(_PARAMETER_TYPES)}, got {declaration['Type']}")
        if name not in values and "Default" not in declaration:
            raise StackFailure(f"{where}: expected a value, got none")
        checked[name] = _parameter(str(values.get(name, declaration.get("Default"))), declaration, where)
    return checked


def _parameter(text: str, declaration: Mapping[str, Any], where: str) -> str | list[str]:
    is_list = declaration["Type"] == "CommaDelimitedList"
    items = text.split(",") if is_list else [text]
    pattern = declaration.get("AllowedPattern")
    for item in items:
        if pattern is not None and not re.fullmatch(pattern, item):
            reason = declaration.get("ConstraintDescription", f"must match {pattern}")
            raise StackFailure(f"{where}: {reason}, got {item!r}")
    if declaration["Type"] == "Number":
        low, high = declaration.get("MinValue"), declaration.get("MaxValue")
        if not re.fullmatch(r"[0-9]{1,9}", text):
            raise StackFailure(f"{where}: expected a number, got {text!r}")
        if (low is not None and int(text) < low) or (high is not None and int(text) > high):
            raise StackFailure(f"{where}: expected {low} to {high}, got {text}")
    return items if is_list else text


def _as_text(values: Mapping[str, object]) -> dict[str, str]:
    return {name: ",".join(value) if isinstance(value, list) else str(value) for name, value in values.items()}


def _only(found: Mapping[str, Any], known: Collection[str], where: str) -> None:
    unknown = sorted(set(found) - set(known))
    if unknown:
        raise StackFailure(f"{where}: expected only what the local stack knows, got {', '.join(unknown)}")
