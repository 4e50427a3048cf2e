"""The mask `sql`: an operator's own expression over `value`, reviewed so that it can see one column and never raise.

    {mask: sql, expression: "CASE WHEN value < 1000 THEN 'low' ELSE 'high' END", type: text}

`value` is the masked column's value, in the form of its family, which is the same whatever the session's settings:

    text       text, varchar, char, name, boolean, uuid, enums    as text
    number     the integers, numeric, real, double precision      as numeric
    date       date, timestamps                                   as timestamp without time zone, at UTC

An error would tell something of the value that caused it. So what can fail for some value is not in the language: no
division by what may be zero, no casts but of constants, no lengths or places that are reckoned, no patterns that
PostgreSQL might not compile. Values at the ends of what can be reckoned with (texts of more than 100,000 bytes, numbers
beyond 1e100, infinite dates) give NULL, as NULL does. Hashes are missing: without a key a hash of a name or a
number is found by trying; that is what `token` is for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from postern.masking.column_types import ColumnType
from postern.masking.dates import is_plain_date_sql, utc_timestamp_sql
from postern.masking.plain_sql import NotPlain, Token, parse_tokens
from postern.masking.sql_functions import Family, Kind
from postern.masking.sql_kinds import Typing
from postern.masking.sql_trees import kind_of, parse_expression

MAX_EXPRESSION = 1_000  # characters
_MAX_TEXT_BYTES = 100_000

_RESULTS: dict[Kind, frozenset[str]] = {
    Kind.TEXT: frozenset({"text"}),
    Kind.NUMBER: frozenset({"numeric", "text"}),
    Kind.INTEGER: frozenset({"integer", "bigint", "numeric", "text"}),
    Kind.BOOLEAN: frozenset({"boolean", "text"}),
    Kind.TIME: frozenset({"date", "timestamp without time zone"}),
}
_OF_FAMILY = {Family.TEXT: Kind.TEXT, Family.NUMBER: Kind.NUMBER, Family.DATE: Kind.TIME}
RESULT_TYPES = tuple(sorted(frozenset().union(*_RESULTS.values())))


@dataclass(frozen=True, slots=True)
class SqlMask:
    """An expression that was reviewed; made by `review_sql_mask`."""

    tokens: tuple[Token, ...]
    type: str  # as `format_type` prints it
    families: frozenset[Family]  # of columns on which it can stand

    def fits(self, column_type: ColumnType) -> bool:
        return Family.of(column_type) in self.families

    def over(self, column_sql: str, column_type: ColumnType) -> str:
        """The expression over a column that it fits, of the type that it says; NULL for NULL."""
        family = Family.of(column_type)
        if family is None or family not in self.families:
            raise ValueError(f"sql mask: expected a column that it fits, got {column_type.name}")
        value, is_inside = _VALUES[family](column_sql, column_type)
        sql = "".join(f" {value} " if _is_value(token) else token.text for token in self.tokens)
        return f"CASE WHEN {is_inside} THEN CAST(({sql}) AS {self.type}) END"


def review_sql_mask(expression: str, type_name: str) -> SqlMask:
    """The expression with the families it can stand on. Raises `NotPlain` where it is not of the language."""
    if len(expression) > MAX_EXPRESSION:
        raise NotPlain(f"expression: expected at most {MAX_EXPRESSION} characters, got {len(expression)}")
    if type_name not in RESULT_TYPES:
        raise NotPlain(f"type: expected one of {', '.join(RESULT_TYPES)}, got {type_name!r}")
    tokens = parse_tokens(expression)
    if any(token.kind in {"parameter", "quoted"} for token in tokens):
        raise NotPlain("expected `value` and constants, got a parameter or a quoted name")
    tree = parse_expression(expression)
    typing = Typing()
    kind = typing.kind_of(tree)
    if kind_of(tree) == "ColumnRef":
        raise NotPlain("expected an expression that hides something: a column shown as it is, is declared `open`")
    families = frozenset(family for family in typing.families if type_name in _results(kind, family))
    if not families:
        raise NotPlain(f"type: expected {_expected(kind, typing.families)}, got {type_name!r}")
    return SqlMask(tokens, type_name, families)


def _results(kind: Kind, family: Family) -> frozenset[str]:
    """The types to which the expression's result can be cast whatever it is, over a column of the family."""
    own = _OF_FAMILY.get(family) if kind is Kind.VALUE else kind
    return _RESULTS.get(own, frozenset()) if own is not None else frozenset()


def _expected(kind: Kind, families: frozenset[Family]) -> str:
    types = frozenset().union(*(_results(kind, family) for family in families))
    return f"the type of what the expression gives ({', '.join(sorted(types)) or 'none: `null` is the mask for it'})"


def _text_value(column: str, _type: ColumnType) -> tuple[str, str]:
    text = f'({column}::text COLLATE pg_catalog."default")'
    return text, f"octet_length({text}) <= {_MAX_TEXT_BYTES}"


def _number_value(column: str, _type: ColumnType) -> tuple[str, str]:
    return f"({column}::numeric)", f"{column}::numeric BETWEEN -1e100 AND 1e100"


def _date_value(column: str, column_type: ColumnType) -> tuple[str, str]:
    return utc_timestamp_sql(column, column_type), is_plain_date_sql(column, column_type)


# What stands for `value`, and the condition under which nothing can fail; that is never true of NULL.
_VALUES: dict[Family, Callable[[str, ColumnType], tuple[str, str]]] = {
    Family.TEXT: _text_value,
    Family.NUMBER: _number_value,
    Family.DATE: _date_value,
}


def _is_value(token: Token) -> bool:
    return token.kind == "word" and token.text.lower() == "value"
