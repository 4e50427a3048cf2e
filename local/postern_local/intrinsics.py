"""CloudFormation's intrinsic functions, resolved the way a deployment resolves them.

Pure. A function that is not in the table below stops the start: what it would have put in place of
itself is unknown, and a policy with a hole in it is another policy.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from postern_local.failure import StackFailure

Node = Any  # of a template: text, number, boolean, list or mapping, as YAML gave it

_VARIABLE = re.compile(r"\$\{(!?)([^}]*)\}")


class _NoValue:
    """What `AWS::NoValue` stands for: the property, or the item of a list, that holds it is not there."""


NO_VALUE = _NoValue()


@dataclass(frozen=True, slots=True)
class Scope:
    """What names stand for in one template. Values of parameters are text, or a list of text for list types."""

    parameters: Mapping[str, str | Sequence[str]]
    conditions: Mapping[str, object]  # as written
    reference: Callable[[str], object]  # `Ref` of a resource or pseudo parameter; raises StackFailure for another
    attribute: Callable[[str, str], object]  # `Fn::GetAtt`; raises StackFailure for one that is not known

    def is_true(self, condition: str) -> bool:
        """Whether the named condition holds. Raises `StackFailure` where there is none of that name."""
        if condition not in self.conditions:
            raise StackFailure(f"template: condition {condition}: expected it among Conditions, got none")
        return bool(resolve(self.conditions[condition], self))


def resolve(value: Node, scope: Scope) -> Node:
    """The value with every function in it replaced. Raises `StackFailure` for a function that is not known."""
    if isinstance(value, Mapping):
        if len(value) == 1:
            name, argument = next(iter(value.items()))
            if name in _FUNCTIONS:
                return _FUNCTIONS[name](argument, scope)
            if str(name).startswith("Fn::"):
                raise StackFailure(f"template: expected one of {', '.join(_FUNCTIONS)}, got {name}")
        resolved = {name: resolve(item, scope) for name, item in value.items()}
        return {name: item for name, item in resolved.items() if item is not NO_VALUE}
    if isinstance(value, list):
        return [item for item in (resolve(item, scope) for item in value) if item is not NO_VALUE]
    return value


def _ref(name: Node, scope: Scope) -> object:
    if name == "AWS::NoValue":
        return NO_VALUE
    if name in scope.parameters:
        found = scope.parameters[name]
        return found if isinstance(found, str) else list(found)
    return scope.reference(name)


def _get_att(argument: Node, scope: Scope) -> object:
    resource, _, attribute = argument.partition(".") if isinstance(argument, str) else (argument[0], "", argument[1])
    return scope.attribute(resource, attribute)


def _sub(argument: Node, scope: Scope) -> str:
    text, given = (argument, {}) if isinstance(argument, str) else argument
    names = {name: resolve(value, scope) for name, value in given.items()}

    def replace(match: re.Match[str]) -> str:
        literal, name = match[1], match[2].strip()
        if literal:
            return "${" + name + "}"
        if name in names:
            return _text(names[name], name)
        found = _get_att(name, scope) if "." in name else _ref(name, scope)
        return _text(found, name)

    return _VARIABLE.sub(replace, text)


def _join(argument: Node, scope: Scope) -> str:
    delimiter, items = argument
    if not isinstance(delimiter, str):
        raise StackFailure("template: Fn::Join: expected text as delimiter, got a function")
    return delimiter.join(_text(item, "Fn::Join") for item in resolve(items, scope))


def _split(argument: Node, scope: Scope) -> list[str]:
    delimiter, text = argument
    return _text(resolve(text, scope), "Fn::Split").split(delimiter)


def _if(argument: Node, scope: Scope) -> object:
    condition, yes, no = argument
    return resolve(yes if scope.is_true(condition) else no, scope)


def _equals(argument: Node, scope: Scope) -> bool:
    left, right = (resolve(item, scope) for item in argument)
    return str(left) == str(right)


def _each_member_equals(argument: Node, scope: Scope) -> bool:
    """Of rules only. A list without members: true."""
    members, text = (resolve(item, scope) for item in argument)
    if not isinstance(members, list):
        raise StackFailure(f"template: Fn::EachMemberEquals: expected a list, got {type(members).__name__}")
    return all(str(member) == str(text) for member in members)


def _not(argument: Node, scope: Scope) -> bool:
    (item,) = argument
    return not resolve(item, scope)


_FUNCTIONS: dict[str, Callable[[Any, Scope], object]] = {
    "Ref": _ref,
    "Condition": lambda name, scope: (
        scope.is_true(name) if isinstance(name, str) else {"Condition": resolve(name, scope)}
    ),
    "Fn::GetAtt": _get_att,
    "Fn::Sub": _sub,
    "Fn::Join": _join,
    "Fn::Split": _split,
    "Fn::If": _if,
    "Fn::Equals": _equals,
    "Fn::EachMemberEquals": _each_member_equals,
    "Fn::Not": _not,
    "Fn::And": lambda items, scope: all(resolve(item, scope) for item in items),
    "Fn::Or": lambda items, scope: any(resolve(item, scope) for item in items),
}


def _text(value: object, name: str) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise StackFailure(f"template: {name}: expected text, got {type(value).__name__}")
    return str(value)
