"""A policy document, parsed whole and refused whole: no element is ignored."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from postern_local.iam.condition import Condition, NullCondition, parse_conditions
from postern_local.iam.pattern import ArnPattern, Pattern, PatternError, parse_arn_pattern, parse_pattern
from postern_local.iam.principal import PrincipalPattern, parse_principals

_VERSION = "2012-10-17"  # the older language has no variables; refusing it avoids two meanings of `${`
_ACTION = re.compile(r"\*|[A-Za-z0-9-]+:[A-Za-z0-9*?]+")
_DOCUMENT_ELEMENTS = {"Version", "Id", "Statement"}
_STATEMENT_ELEMENTS = {
    *("Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"),
}


class PolicyError(Exception):
    """Raised when a policy is not valid or holds an element that this evaluator does not know."""


class PolicyKind(StrEnum):
    """What a policy is attached to; it decides which elements are required."""

    IDENTITY = "identity"  # a role's own policies, session policies, boundaries: no principal, a resource
    RESOURCE = "resource"  # a bucket's: a principal and a resource
    TRUST = "trust"  # a role's: a principal, no resource
    KEY = "key"  # a KMS key's: a principal, and the resource `*`, which is the key


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement; a `negated` flag stands for the `Not...` form of the element."""

    sid: str
    allow: bool
    actions: tuple[Pattern, ...]
    negated_actions: bool
    resources: tuple[ArnPattern, ...]  # empty in a trust policy: the role itself
    negated_resources: bool
    principals: tuple[PrincipalPattern, ...]  # empty in an identity policy
    negated_principals: bool
    conditions: tuple[Condition | NullCondition, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """A parsed policy; `name` says in decisions where a statement came from."""

    name: str
    kind: PolicyKind
    statements: tuple[Statement, ...]


def parse_policy(document: str | bytes | Mapping[str, object], *, kind: PolicyKind, name: str) -> Policy:
    """Parses a policy document. Raises `PolicyError` that names the policy and the statement."""
    decoded = _decode(document, name) if isinstance(document, (str, bytes)) else document
    _only_known(decoded, _DOCUMENT_ELEMENTS, name)
    if decoded.get("Version") != _VERSION:
        raise PolicyError(f"{name}: Version: expected {_VERSION}, got {decoded.get('Version')!r}")
    listed = decoded.get("Statement")
    statements = listed if isinstance(listed, list) else [listed]
    if not statements:
        raise PolicyError(f"{name}: Statement: expected at least one, got none")
    return Policy(
        name=name,
        kind=kind,
        statements=tuple(
            _parse_statement(statement, kind, f"{name}: statement {number}")
            for number, statement in enumerate(statements, start=1)
        ),
    )


def _parse_statement(statement: object, kind: PolicyKind, where: str) -> Statement:
    if not isinstance(statement, Mapping):
        raise PolicyError(f"{where}: expected an object, got {type(statement).__name__}")
    _only_known(statement, _STATEMENT_ELEMENTS, where)
    effect = statement.get("Effect")
    if effect not in ("Allow", "Deny"):
        raise PolicyError(f"{where}: Effect: expected Allow or Deny, got {effect!r}")
    try:
        actions, negated_actions = _one_of(statement, "Action", required=True)
        resources, negated_resources = _one_of(statement, "Resource", required=kind is not PolicyKind.TRUST)
        principals, negated_principals = _one_of(statement, "Principal", required=kind is not PolicyKind.IDENTITY)
        _check_kind(kind, resources=resources, principals=principals)
        return Statement(
            sid=str(statement.get("Sid", "")),
            allow=effect == "Allow",
            actions=tuple(_parse_action(text) for text in _texts(actions)),
            negated_actions=negated_actions,
            resources=tuple(parse_arn_pattern(text) for text in _texts(resources)) if resources is not None else (),
            negated_resources=negated_resources,
            principals=parse_principals(principals) if principals is not None else (),
            negated_principals=negated_principals,
            conditions=_parse_condition_element(statement.get("Condition")),
        )
    except PatternError as error:
        raise PolicyError(f"{where}: {error}") from error


def _decode(document: str | bytes, name: str) -> Mapping[str, object]:
    try:
        decoded = json.loads(document, object_pairs_hook=_without_duplicates)
    except ValueError as error:
        raise PolicyError(f"{name}: expected JSON, got {error}") from error
    if not isinstance(decoded, Mapping):
        raise PolicyError(f"{name}: expected an object, got {type(decoded).__name__}")
    return decoded


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object whose names are unique: of two elements of one name, JSON would silently keep the last."""
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise ValueError(f"a name twice in one object: {sorted(names)}")
    return dict(pairs)


def _only_known(element: Mapping[str, object], known: set[str], where: str) -> None:
    unknown = sorted(set(element) - known)
    if unknown:
        raise PolicyError(f"{where}: expected only {', '.join(sorted(known))}, got {', '.join(unknown)}")


def _one_of(statement: Mapping[str, object], name: str, *, required: bool) -> tuple[object | None, bool]:
    """The element or its `Not` form, which exclude each other."""
    present = [candidate for candidate in (name, f"Not{name}") if candidate in statement]
    if len(present) > 1:
        raise PatternError(f"expected {name} or Not{name}, got both")
    if not present:
        if required:
            raise PatternError(f"expected {name} or Not{name}, got neither")
        return None, False
    return statement[present[0]], present[0].startswith("Not")


def _check_kind(kind: PolicyKind, *, resources: object | None, principals: object | None) -> None:
    if kind is PolicyKind.TRUST and resources is not None:
        raise PatternError("trust policy: expected no Resource, got one")
    if kind is PolicyKind.IDENTITY and principals is not None:
        raise PatternError("identity policy: expected no Principal, got one")


def _parse_action(text: str) -> Pattern:
    if not _ACTION.fullmatch(text):
        raise PatternError(f"action: expected service:Name, got {text!r}")
    return parse_pattern(text)


def _parse_condition_element(element: object) -> tuple[Condition | NullCondition, ...]:
    if element is None:
        return ()
    if not isinstance(element, Mapping):
        raise PatternError(f"condition: expected an object, got {type(element).__name__}")
    parsed: list[Condition | NullCondition] = []
    for name, keys in element.items():
        if not isinstance(keys, Mapping) or not keys:
            raise PatternError(f"condition {name}: expected an object of keys")
        parsed += parse_conditions(name, keys)
    return tuple(parsed)


def _texts(element: object) -> list[str]:
    listed = element if isinstance(element, list) else [element]
    texts = [text for text in listed if isinstance(text, str)]
    if not listed or len(texts) != len(listed):
        raise PatternError(f"expected text or a list of text, got {element!r}")
    return texts
