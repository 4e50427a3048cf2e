"""Each way in which one statement could be wider than it should be, or hold more than anybody uses.

A mutant is a statement with one part changed. The tables must notice every one: a wider right by a request that must be
refused, a narrower one by a request that must be allowed.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .documents import Statement


@dataclass(frozen=True, slots=True)
class Mutant:
    """`content` None takes the statement out. `hints`: actions of requests that are likely to notice."""

    at: Statement
    change: str
    content: Mapping[str, Any] | None
    hints: tuple[str, ...]
    adds: bool = False  # one action, which may be one that the role has already

    def __str__(self) -> str:
        return f"{self.at}: {self.change}"

    @property
    def name(self) -> str:
        """Without the owner."""
        return f"{self.at.content.get('Sid')}: {self.change}"


def mutants(statement: Statement, siblings: Sequence[str]) -> Iterator[Mutant]:
    """`siblings`: actions of the same services that the tables ask about, each of which is added once."""
    actions = tuple(listed(statement.content["Action"]))
    yield Mutant(statement, "taken out", None, actions)
    yield from _fewer(statement, actions)
    yield from _conditions(statement, actions)
    yield from _resources(statement, actions)
    # A trust policy speaks of one right in each of its statements, and no other is asked of it.
    if statement.content["Effect"] == "Allow" and statement.kind != "trust":
        yield from _more_actions(statement, actions, siblings)
    if "Principal" in statement.content:
        yield from _principals(statement, actions)


def listed(element: Any) -> list[Any]:
    return element if isinstance(element, list) else [element]


def _changed(statement: Statement, **parts: Any) -> dict[str, Any]:
    return {**copy.deepcopy(dict(statement.content)), **parts}


def _fewer(statement: Statement, actions: tuple[str, ...]) -> Iterator[Mutant]:
    for name in ("Action", "Resource"):
        values = listed(statement.content.get(name, []))
        for index, value in enumerate(values if len(values) > 1 else []):
            rest = [*values[:index], *values[index + 1 :]]
            hints = (value,) if name == "Action" else actions
            yield Mutant(statement, f"without {value}", _changed(statement, **{name: rest}), hints)


def _more_actions(statement: Statement, actions: tuple[str, ...], siblings: Sequence[str]) -> Iterator[Mutant]:
    if any("*" in action for action in actions):
        return
    for service in sorted({action.partition(":")[0] for action in actions}):
        hints = tuple(one for one in siblings if one.startswith(f"{service}:"))
        if any(one not in actions for one in hints):
            yield Mutant(statement, f"{service}:*", _changed(statement, Action=f"{service}:*"), hints)
    yield Mutant(statement, "every action", _changed(statement, Action="*"), tuple(siblings))
    for sibling in siblings:
        if sibling not in actions:
            content = _changed(statement, Action=[*actions, sibling])
            yield Mutant(statement, f"and {sibling}", content, (sibling,), adds=True)


def _resources(statement: Statement, actions: tuple[str, ...]) -> Iterator[Mutant]:
    # A resource's own policy is about that resource, and a wider Deny gives nothing.
    is_wall = statement.kind == "resource" or statement.content["Effect"] == "Deny"
    for name in ("NotResource",) if is_wall else ("Resource", "NotResource"):
        values = listed(statement.content.get(name, []))
        for index, value in enumerate(values):
            if (wider := one_level_wider(value)) is None:
                continue
            content = _changed(statement, **{name: [*values[:index], wider, *values[index + 1 :]]})
            yield Mutant(statement, f"{name} {value} as {wider}", content, actions)
    if not is_wall and statement.content.get("Resource", "*") != "*":
        yield Mutant(statement, "every resource", _changed(statement, Resource="*"), actions)


def one_level_wider(arn: str) -> str | None:
    """The ARN with the last part that is named replaced by a wildcard; None for what names nothing."""
    if arn == "*":
        return None
    *head, resource = arn.split(":", 5)
    parts = _PART.findall(resource)
    named = [index for index, part in enumerate(parts) if part not in ("*", "/", ":")]
    return ":".join([*head, "".join([*parts[: named[-1]], "*"])]) if named else None


_ACCOUNT_ITSELF = "arn:aws:iam::123456789012:root"
_PART = re.compile(r"\$\{[^}]*\}|[^/:$]+|[/:$]")


def _conditions(statement: Statement, actions: tuple[str, ...]) -> Iterator[Mutant]:
    conditions: Mapping[str, Mapping[str, Any]] = statement.content.get("Condition", {})
    for operator, keys in conditions.items():
        for key, values in keys.items():
            without = copy.deepcopy({**conditions})
            without[operator] = {name: value for name, value in keys.items() if name != key}
            kept = {name: value for name, value in without.items() if value}
            yield Mutant(statement, f"without {operator} {key}", _with(statement, kept), actions)
            yield from _values(statement, operator, key, listed(values), actions)
            if operator.startswith("ForAllValues:"):
                anyone = {f"ForAnyValue:{operator.partition(':')[2]}": {key: values}}
                rest = {name: value for name, value in conditions.items() if name != operator}
                yield Mutant(statement, f"any {key} of several", _with(statement, {**rest, **anyone}), actions)


def _values(
    statement: Statement, operator: str, key: str, values: list[str], actions: tuple[str, ...]
) -> Iterator[Mutant]:
    conditions = statement.content["Condition"]
    for index, value in enumerate(values if len(values) > 1 else []):
        rest = [*values[:index], *values[index + 1 :]]
        content = _with(statement, {**conditions, operator: {**conditions[operator], key: rest}})
        yield Mutant(statement, f"without {key} {value}", content, actions)
    if "Like" in operator or operator.startswith("Arn"):
        anything = "arn:*:*:*:*:*" if "Arn" in operator else "*"
        content = _with(statement, {**conditions, operator: {**conditions[operator], key: anything}})
        yield Mutant(statement, f"any {key}", content, actions)


def _with(statement: Statement, conditions: Mapping[str, Any]) -> dict[str, Any]:
    content = _changed(statement)
    content.pop("Condition", None)
    return {**content, "Condition": dict(conditions)} if conditions else content


def _principals(statement: Statement, actions: tuple[str, ...]) -> Iterator[Mutant]:
    principal = statement.content["Principal"]
    if statement.content["Effect"] == "Deny" or principal == "*":
        return
    yield Mutant(statement, "anybody", _changed(statement, Principal="*"), actions)
    for kind, named in principal.items():
        values = listed(named)
        for index, value in enumerate(values if len(values) > 1 else []):
            rest = [*values[:index], *values[index + 1 :]]
            yield Mutant(statement, f"without {value}", _changed(statement, Principal={kind: rest}), actions)
        if kind == "AWS" and _ACCOUNT_ITSELF not in values:
            more = {kind: [*values, _ACCOUNT_ITSELF]}
            yield Mutant(statement, "and the account", _changed(statement, Principal=more), actions)
        elif kind == "Service":
            more = {kind: [*values, "ec2.amazonaws.com"]}
            yield Mutant(statement, "and another service", _changed(statement, Principal=more), actions)
