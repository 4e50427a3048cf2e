"""Who a resource's or a role's policy speaks of."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from postern_local.iam.pattern import PatternError

_ACCOUNT = re.compile(r"[0-9]{12}")
_ROOT = re.compile(r"arn:[a-z-]+:iam::([0-9]{12}):root")
_IDENTITY = re.compile(r"arn:[a-z-]+:(iam::[0-9]{12}:(role|user)/|sts::[0-9]{12}:assumed-role/)[\w+=,.@/-]+")
_SERVICE = re.compile(r"[a-z0-9.-]+\.amazonaws\.com")


class PrincipalForm(StrEnum):
    """What kind of principal is named."""

    ANYBODY = "anybody"
    ACCOUNT = "account"
    IDENTITY = "identity"
    SERVICE = "service"


@dataclass(frozen=True, slots=True)
class PrincipalPattern:
    """One named principal: `value` is an account id, an ARN or a service's name."""

    form: PrincipalForm
    value: str = "*"


def parse_principals(element: object) -> tuple[PrincipalPattern, ...]:
    """Parses a Principal element. Raises `PatternError`; wildcards are not allowed but for `*` alone."""
    if element == "*":
        return (PrincipalPattern(PrincipalForm.ANYBODY),)
    if not isinstance(element, Mapping) or not element:
        raise PatternError(f"principal: expected * or an object, got {element!r}")
    parsed: list[PrincipalPattern] = []
    for kind, values in element.items():
        listed = values if isinstance(values, list) else [values]
        if not listed:
            raise PatternError(f"principal {kind}: expected at least one, got none")
        parsed += [_parse_one(kind, value) for value in listed]
    return tuple(parsed)


def _parse_one(kind: str, value: object) -> PrincipalPattern:
    text = value if isinstance(value, str) else ""
    if kind == "AWS" and text == "*":
        return PrincipalPattern(PrincipalForm.ANYBODY)
    if kind == "AWS" and (_ACCOUNT.fullmatch(text) or _ROOT.fullmatch(text)):
        root = _ROOT.fullmatch(text)
        return PrincipalPattern(PrincipalForm.ACCOUNT, root[1] if root else text)
    if kind == "AWS" and _IDENTITY.fullmatch(text):
        return PrincipalPattern(PrincipalForm.IDENTITY, text)
    if kind == "Service" and _SERVICE.fullmatch(text):
        return PrincipalPattern(PrincipalForm.SERVICE, text)
    raise PatternError(f"principal: expected an account, a role, a user or a service, got {kind} {value!r}")
