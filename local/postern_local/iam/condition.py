"""Conditions: an operator, a key, and the values it is compared with.

All conditions of a statement must hold. Of several values one must match; for an operator in the
negative none may. A key that the request does not have fails a positive operator and satisfies a
negative one, `...IfExists`, and `ForAllValues`.
Reference: "IAM JSON policy elements: Condition operators".
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from postern_local.iam.keys import is_multi_valued_key, is_single_valued_key
from postern_local.iam.pattern import Pattern, PatternError, parse_arn_pattern, parse_pattern

Context = Mapping[str, tuple[str, ...]]  # keys in lower case
Test = Callable[[str, Context], bool]  # one value of the request against one value of the policy


class Quantifier(StrEnum):
    """How a key of several values is compared."""

    ONE = ""
    ANY = "ForAnyValue"
    ALL = "ForAllValues"


@dataclass(frozen=True, slots=True)
class Condition:
    """One operator on one key."""

    key: str  # in lower case
    tests: tuple[Test, ...]
    negative: bool
    quantifier: Quantifier
    if_exists: bool

    def holds(self, context: Context) -> bool:
        values = context.get(self.key, ())
        if not values:
            return (
                self.if_exists
                or self.quantifier is Quantifier.ALL
                or (self.negative and self.quantifier is not Quantifier.ANY)
            )
        results = (self._holds_for(value, context) for value in values)
        return any(results) if self.quantifier is Quantifier.ANY else all(results)

    def _holds_for(self, value: str, context: Context) -> bool:
        return any(test(value, context) for test in self.tests) != self.negative


@dataclass(frozen=True, slots=True)
class NullCondition:
    """`Null`: whether the key is absent."""

    key: str
    absent: bool

    def holds(self, context: Context) -> bool:
        return (not context.get(self.key)) == self.absent


def parse_conditions(name: str, keys: Mapping[str, object]) -> list[Condition | NullCondition]:
    """Parses one operator with its keys. Raises `PatternError` for what this evaluator does not know."""
    bare, quantifier = _parse_quantifier(name)
    if bare == "Null":
        if quantifier is not Quantifier.ONE:
            raise PatternError(f"condition operator: expected one that is known, got {name!r}")
        return [
            NullCondition(key=_known_key(key, Quantifier.ALL), absent=_parse_null(values))
            for key, values in keys.items()
        ]
    if_exists = bare.endswith("IfExists")
    bare = bare.removesuffix("IfExists")
    if bare not in _OPERATORS:
        raise PatternError(f"condition operator: expected one that is known, got {name!r}")
    build, negative = _OPERATORS[bare]
    return [
        Condition(
            key=_known_key(key, quantifier),
            tests=tuple(build(value) for value in _texts(values)),
            negative=negative,
            quantifier=quantifier,
            if_exists=if_exists,
        )
        for key, values in keys.items()
    ]


def _parse_quantifier(name: str) -> tuple[str, Quantifier]:
    head, colon, tail = name.partition(":")
    if not colon:
        return name, Quantifier.ONE
    if head not in (Quantifier.ANY, Quantifier.ALL):
        raise PatternError(f"condition operator: expected one that is known, got {name!r}")
    return tail, Quantifier(head)


def _known_key(key: str, quantifier: Quantifier) -> str:
    """The key in lower case, if it is known and the quantifier suits it."""
    if is_multi_valued_key(key):
        if quantifier is Quantifier.ONE:
            raise PatternError(f"condition key {key}: expected ForAnyValue or ForAllValues, it has several values")
    elif not is_single_valued_key(key):
        raise PatternError(f"condition key: expected one that is known, got {key!r}")
    return key.lower()


def _texts(values: object) -> list[str]:
    """The values of a condition as text; JSON booleans and numbers are allowed as AWS allows them."""
    listed = values if isinstance(values, list) else [values]
    if not listed:
        raise PatternError("condition: expected at least one value, got none")
    texts = []
    for value in listed:
        if isinstance(value, bool):
            texts.append("true" if value else "false")
        elif isinstance(value, (str, int, float)):
            texts.append(str(value))
        else:
            raise PatternError(f"condition value: expected text, got {type(value).__name__}")
    return texts


def _parse_null(values: object) -> bool:
    texts = [text.lower() for text in _texts(values)]
    if texts not in (["true"], ["false"]):
        raise PatternError(f"condition Null: expected true or false, got {values!r}")
    return texts == ["true"]


def _string(*, wildcards: bool, ignore_case: bool = False) -> Callable[[str], Test]:
    def build(text: str) -> Test:
        pattern: Pattern = parse_pattern(text, wildcards=wildcards)
        return lambda value, context: pattern.matches(value, context, ignore_case=ignore_case)

    return build


def _arn(text: str) -> Test:
    pattern = parse_arn_pattern(text)
    return pattern.matches


def _bool(text: str) -> Test:
    if text.lower() not in ("true", "false"):
        raise PatternError(f"condition Bool: expected true or false, got {text!r}")
    return lambda value, _context: value.lower() == text.lower()


def _numeric(compare: Callable[[Decimal, Decimal], bool]) -> Callable[[str], Test]:
    def build(text: str) -> Test:
        bound = _parse_number(text)
        if bound is None:
            raise PatternError(f"condition Numeric: expected a number, got {text!r}")

        def test(value: str, _context: Context) -> bool:
            number = _parse_number(value)
            return number is not None and compare(number, bound)

        return test

    return build


def _date(compare: Callable[[datetime, datetime], bool]) -> Callable[[str], Test]:
    def build(text: str) -> Test:
        bound = _parse_time(text)
        if bound is None:
            raise PatternError(f"condition Date: expected an ISO 8601 time, got {text!r}")

        def test(value: str, _context: Context) -> bool:
            time = _parse_time(value)
            return time is not None and compare(time, bound)

        return test

    return build


def _parse_number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _parse_time(text: str) -> datetime | None:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        number = _parse_number(text)
        return datetime.fromtimestamp(float(number), UTC) if number is not None else None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time


# name -> (how a value of the policy becomes a test, whether the operator is the negative of that test)
_OPERATORS: dict[str, tuple[Callable[[str], Test], bool]] = {
    "StringEquals": (_string(wildcards=False), False),
    "StringNotEquals": (_string(wildcards=False), True),
    "StringEqualsIgnoreCase": (_string(wildcards=False, ignore_case=True), False),
    "StringNotEqualsIgnoreCase": (_string(wildcards=False, ignore_case=True), True),
    "StringLike": (_string(wildcards=True), False),
    "StringNotLike": (_string(wildcards=True), True),
    "ArnEquals": (_arn, False),  # AWS compares both with wildcards
    "ArnNotEquals": (_arn, True),
    "ArnLike": (_arn, False),
    "ArnNotLike": (_arn, True),
    "Bool": (_bool, False),
    "NumericEquals": (_numeric(operator.eq), False),
    "NumericNotEquals": (_numeric(operator.eq), True),
    "NumericLessThan": (_numeric(operator.lt), False),
    "NumericLessThanEquals": (_numeric(operator.le), False),
    "NumericGreaterThan": (_numeric(operator.gt), False),
    "NumericGreaterThanEquals": (_numeric(operator.ge), False),
    "DateEquals": (_date(operator.eq), False),
    "DateNotEquals": (_date(operator.eq), True),
    "DateLessThan": (_date(operator.lt), False),
    "DateLessThanEquals": (_date(operator.le), False),
    "DateGreaterThan": (_date(operator.gt), False),
    "DateGreaterThanEquals": (_date(operator.ge), False),
}
