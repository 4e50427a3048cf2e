"""Wildcards, ARNs and policy variables: the three ways in which a policy's text stands for more than itself.

A pattern is parsed once into parts: literal text, `*`, `?`, and variables. What a variable stands for
is compared as literal text, so a `*` in a tag's value widens nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from postern_local.iam.keys import is_single_valued_key

# Reference: "IAM policy elements: variables and tags". `${*}`, `${?}` and `${$}` are the characters themselves.
_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_ESCAPES = {"*": "*", "?": "?", "$": "$"}
_DEFAULT = re.compile(r"(?P<key>[^,]+?)\s*,\s*'(?P<default>[^']*)'")


class PatternError(ValueError):
    """Raised when a pattern holds something that this evaluator does not know."""


@dataclass(frozen=True, slots=True)
class Variable:
    """`${key}` or `${key, 'default'}`."""

    key: str
    default: str | None = None


@dataclass(frozen=True, slots=True)
class Pattern:
    """Text with wildcards and variables. `parts` holds patterns' source text and variables, in order."""

    parts: tuple[str | Variable, ...]  # a str part is already a regular expression

    def matches(self, text: str, context: Mapping[str, tuple[str, ...]], *, ignore_case: bool = False) -> bool:
        """Whether the whole text matches. False where a variable has no value: the policy names nothing then."""
        source = ""
        for part in self.parts:
            if isinstance(part, str):
                source += part
                continue
            value = _resolve(part, context)
            if value is None:
                return False
            source += re.escape(value)
        return re.fullmatch(source, text, re.DOTALL | (re.IGNORECASE if ignore_case else 0)) is not None


def parse_pattern(text: str, *, wildcards: bool = True) -> Pattern:
    """Parses a policy's text. Without `wildcards`, `*` and `?` are themselves. Raises `PatternError`."""
    parts: list[str | Variable] = []
    at = 0
    for found in _VARIABLE.finditer(text):
        parts.append(_expression(text[at : found.start()], wildcards=wildcards))
        parts.append(_parse_variable(found.group(1)))
        at = found.end()
    rest = text[at:]
    if "${" in rest:
        raise PatternError(f"policy variable: expected a closing brace, got {text!r}")
    parts.append(_expression(rest, wildcards=wildcards))
    return Pattern(tuple(parts))


@dataclass(frozen=True, slots=True)
class ArnPattern:
    """An ARN whose six components are compared one by one, or `*`, which is every resource."""

    components: tuple[Pattern, ...]  # empty: everything

    def matches(self, arn: str, context: Mapping[str, tuple[str, ...]]) -> bool:
        if not self.components:
            return True
        components = arn.split(":", 5)
        return len(components) == len(self.components) and all(
            pattern.matches(component, context) for pattern, component in zip(self.components, components, strict=True)
        )


def parse_arn_pattern(text: str) -> ArnPattern:
    """Parses `arn:partition:service:region:account:resource` or `*`. Raises `PatternError`."""
    if text == "*":
        return ArnPattern(())
    components = _split_outside_variables(text)
    if len(components) != 6 or components[0] != "arn":
        raise PatternError(f"resource: expected an ARN or *, got {text!r}")
    return ArnPattern(tuple(parse_pattern(component) for component in components))


def _split_outside_variables(text: str) -> list[str]:
    """Splits at the first five colons that are not inside `${...}`, whose keys hold colons."""
    components = [""]
    depth = 0
    for index, character in enumerate(text):
        if text.startswith("${", index):
            depth += 1
        elif character == "}" and depth:
            depth -= 1
        if character == ":" and not depth and len(components) < 6:
            components.append("")
        else:
            components[-1] += character
    return components


def _expression(text: str, *, wildcards: bool) -> str:
    escaped = re.escape(text)
    return escaped.replace(r"\*", ".*").replace(r"\?", ".") if wildcards else escaped


def _parse_variable(text: str) -> str | Variable:
    if text in _ESCAPES:
        return re.escape(_ESCAPES[text])
    with_default = _DEFAULT.fullmatch(text)
    key, default = (with_default["key"], with_default["default"]) if with_default else (text, None)
    if not is_single_valued_key(key):
        raise PatternError(f"policy variable ${{{text}}}: expected a key that this evaluator knows")
    return Variable(key.lower(), default)


def _resolve(variable: Variable, context: Mapping[str, tuple[str, ...]]) -> str | None:
    values = context.get(variable.key, ())
    return values[0] if len(values) == 1 else variable.default
