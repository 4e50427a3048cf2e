"""Masks as SQL expressions, computed in the task's views so that predicates, joins and errors see only the mask.

Three rules hold for every expression here:

1. It raises for no value of its type: an error would tell one row from another and break the agent's query.
2. It does not depend on a setting that a session can change (`DateStyle`, `TimeZone`, `bytea_output`,
   `extra_float_digits`, `search_path`, …), so a token is stable and a date is the same date for everybody.
3. Its functions are PostgreSQL's own: a function in a view is checked as the caller, who has no right to others.

NULL stays NULL. A mask whose result is text gives `text`, whatever the column's length limit: a mask is not bound to
fit it. Its collation is the database's default, so that masked columns compare with each other and with literals.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from postern.errors import RefusedByPolicy
from postern.masking.column_types import ColumnType
from postern.masking.dates import is_plain_date_sql, utc_timestamp_sql
from postern.masking.plain_sql import NotPlain
from postern.masking.scrub import scrub_array_sql, scrub_json_sql, scrub_text_sql
from postern.masking.sql_functions import Family
from postern.masking.sql_mask import SqlMask, review_sql_mask
from postern.types import Mask, MaskKind

_TEXT_RESULT = "text"
# An address: no second @, no white space, and a last label short enough to be a top-level domain rather than
# something that was typed after a dot. Brackets instead of backslashes, which mean two things in string constants.
_EMAIL = "^[^@[:space:]]+@[^@[:space:].][^@[:space:]]*[.][A-Za-z]{2,10}$"
_MAX_EMAIL_BYTES = 1_000  # PostgreSQL cannot search a text of a quarter of a gigabyte, and an address has 254
_LOWEST = {"int2": -(2**15), "int4": -(2**31), "int8": -(2**63)}
_WIDEST = 2**62  # twice of it is beyond bigint


@dataclass(frozen=True, slots=True)
class MaskedColumn:
    """A view column's expression, and its type as `format_type` will print it."""

    sql: str
    type: str


def mask_expression(mask: Mask, column_sql: str, column_type: ColumnType, token_key_sql: str) -> MaskedColumn:
    """The mask over a column. `token_key_sql` is a scalar subquery that gives the task's key.

    Raises RefusedByPolicy (`policy.refused`), naming the masks that fit, where this one cannot stand on the type.
    """
    if (misfit := mask_misfit(mask, column_type)) is not None:
        raise RefusedByPolicy("policy.refused", misfit)
    return _MASKS[mask.kind](mask, column_sql, column_type, token_key_sql)


def mask_misfit(mask: Mask, column_type: ColumnType) -> str | None:
    """Why this mask cannot stand on a column of the type, with the masks that can; None where it can."""
    fitting = fitting_masks(column_type)
    expected = "a type that it can stand on"
    if mask.kind is MaskKind.SQL:
        reviewed = _reviewed(mask)
        if reviewed.fits(column_type):
            return None
        expected = (
            f"a type of its expression ({', '.join(sorted(family.name.lower() for family in reviewed.families))})"
        )
    elif mask.kind in fitting:
        return None
    named = ", ".join(kind.value for kind in fitting)
    return f"mask {mask.kind.value}: expected {expected}, got {column_type.name}; masks that fit: {named}"


def fitting_masks(column_type: ColumnType) -> tuple[MaskKind, ...]:
    """The masks that can stand on a column of this type, in the order of `MaskKind`; `sql` with some expression."""
    return tuple(kind for kind in MaskKind if _FITS[kind](column_type))


def _redact(_mask: Mask, column: str, column_type: ColumnType, _key: str) -> MaskedColumn:
    if not column_type.is_text:
        return _typed_null(column_type)
    return _text(f"CASE WHEN {column} IS NOT NULL THEN '[redacted]' END")


def _null(_mask: Mask, _column: str, column_type: ColumnType, _key: str) -> MaskedColumn:
    return _typed_null(column_type)


def _email(_mask: Mask, column: str, _column_type: ColumnType, _key: str) -> MaskedColumn:
    value = _bytewise(column)
    # What stands after the last dot was matched: to look for it by a pattern again takes as long as all the rest.
    return _text(
        f"CASE WHEN octet_length({value}) > {_MAX_EMAIL_BYTES} THEN '***' WHEN {value} ~ '{_EMAIL}'"
        f" THEN left({value}, 1) || '***@' || left(split_part({value}, '@', 2), 1) || '***.'"
        f" || split_part({value}, '.', -1)"
        f" WHEN {column} IS NOT NULL THEN '***' END"
    )


def _partial(mask: Mask, column: str, _column_type: ColumnType, _key: str) -> MaskedColumn:
    first, last = mask.keep_first or 0, mask.keep_last or 0
    if first < 0 or last < 0 or first + last == 0:
        raise ValueError(f"partial mask: expected characters to keep, got first {first} and last {last}")
    value = _bytewise(column)
    kept_first = f"left({value}, {first}) || " if first else ""
    kept_last = f" || right({value}, {last})" if last else ""
    # At least half of a value stays hidden, so a value about as short as what is kept does not come out whole.
    return _text(
        f"CASE WHEN char_length({value}) >= {2 * (first + last)} THEN {kept_first}'***'{kept_last}"
        f" WHEN {column} IS NOT NULL THEN '***' END"
    )


def _year(_mask: Mask, column: str, column_type: ColumnType, _key: str) -> MaskedColumn:
    return _first_day("year", column, column_type)


def _month(_mask: Mask, column: str, column_type: ColumnType, _key: str) -> MaskedColumn:
    return _first_day("month", column, column_type)


def _first_day(unit: str, column: str, column_type: ColumnType) -> MaskedColumn:
    """The unit's first day, at UTC; NULL for infinity and for the few thousand years at the ends of the range."""
    start = f"date_trunc('{unit}', {utc_timestamp_sql(column, column_type)})"
    if column_type.base == "timestamptz":
        start = f"{start} AT TIME ZONE 'UTC'"
    elif column_type.base == "date":
        start = f"{start}::date"
    return _cast(f"CASE WHEN {is_plain_date_sql(column, column_type)} THEN {start} END", column_type.underlying)


def _range(mask: Mask, column: str, column_type: ColumnType, _key: str) -> MaskedColumn:
    width = mask.width or 0
    if width < 1:
        raise ValueError(f"range mask: expected a width of 1 or more, got {width}")
    if column_type.is_integer and width <= _WIDEST:
        return _cast(_integer_bound(f"{column}::bigint", width, _LOWEST[column_type.base]), column_type.underlying)
    # In numeric, where no step overflows, and by remainder: a quotient would be rounded, perhaps into the next bucket.
    whole = f"floor({column}::numeric)"
    bound = f"{whole} - mod(mod({whole}, {width}) + {width}, {width})"
    if column_type.is_integer:
        # A type's lowest value is a lower bound like any other. GREATEST passes over a NULL.
        bound = f"CASE WHEN {column} IS NOT NULL THEN greatest({bound}, {_LOWEST[column_type.base]}) END"
        return _cast(bound, column_type.underlying)
    # No limits of digits: a bound need not fit a numeric(4, 2).
    number = "numeric" if column_type.base == "numeric" else "double precision"
    # The rest of the range may have no room below it, and neither it nor infinity and NaN a way back: NULL.
    inside = f"{column} > '-1e300'::{number} AND {column} < '1e300'::{number}"
    return _cast(f"CASE WHEN {inside} THEN {bound} END", number)


def _integer_bound(value: str, width: int, lowest: int) -> str:
    """The bound in bigint, a quarter of numeric's time: nothing is taken from a value that has not so much below it."""
    above = f"mod(mod({value}, {width}) + {width}, {width})"
    # The constant in quotes: a minus before it would be an operator, on a number that bigint has not.
    return f"greatest({value}, '{lowest}'::bigint + {above}) - {above}"


def _token(_mask: Mask, column: str, column_type: ColumnType, key: str) -> MaskedColumn:
    # A keyed digest: whoever lacks the key can neither compute nor search it. 64 bits of SHA-256 leave nothing
    # for a length extension to build on.
    value = _TOKEN_TEXT[column_type.base].format(column=column)
    digest = f"sha256({key} || convert_to({value}, 'UTF8'))"
    return _text(f"'tok_' || encode(substring({digest}, 1, 8), 'hex')")


def _scrub(_mask: Mask, column: str, column_type: ColumnType, _key: str) -> MaskedColumn:
    if column_type.is_text_array:
        return MaskedColumn(f'CAST({scrub_array_sql(column)} AS text[]) COLLATE pg_catalog."default"', "text[]")
    if column_type.is_json:
        return _cast(scrub_json_sql(column), column_type.base)
    return _text(scrub_text_sql(column))


def _sql(mask: Mask, column: str, column_type: ColumnType, _key: str) -> MaskedColumn:
    reviewed = _reviewed(mask)
    sql = reviewed.over(column, column_type)
    return _text(sql) if reviewed.type == _TEXT_RESULT else _cast(sql, reviewed.type)


def _reviewed(mask: Mask) -> SqlMask:
    # Again, and not only when the catalog is loaded: what comes here becomes part of a view.
    try:
        return review_sql_mask(mask.expression or "", mask.type or "")
    except NotPlain as error:
        raise RefusedByPolicy("policy.refused", f"mask sql: {error}") from error


# One text per distinct value, the same for values that SQL calls equal across these types (1 and 1.00, a date and its
# midnight), whatever the session's settings. Types are absent whose text has no such form: floating point, interval,
# money, json, arrays.
_EPOCH = "trim_scale(extract(epoch FROM {column}))::text"
_TOKEN_TEXT = {
    **dict.fromkeys(("text", "varchar", "bpchar", "name", "uuid", "bool", "enum", "inet", "cidr"), "{column}::text"),
    **dict.fromkeys(("int2", "int4", "int8"), "{column}::text"),
    "numeric": "trim_scale({column})::text",
    # What is too long for its hexadecimal digits to be a text at all goes by its own digest.
    "bytea": "encode(CASE WHEN octet_length({column}) > 100000000 THEN sha256({column}) ELSE {column} END, 'hex')",
    **dict.fromkeys(("date", "timestamp", "timestamptz"), _EPOCH),
}

_MASKS: dict[MaskKind, Callable[[Mask, str, ColumnType, str], MaskedColumn]] = {
    MaskKind.REDACT: _redact,
    MaskKind.NULL: _null,
    MaskKind.EMAIL: _email,
    MaskKind.PARTIAL: _partial,
    MaskKind.YEAR: _year,
    MaskKind.MONTH: _month,
    MaskKind.RANGE: _range,
    MaskKind.TOKEN: _token,
    MaskKind.SCRUB: _scrub,
    MaskKind.SQL: _sql,
}

_FITS: dict[MaskKind, Callable[[ColumnType], bool]] = {
    MaskKind.REDACT: lambda _type: True,
    MaskKind.NULL: lambda _type: True,
    MaskKind.EMAIL: lambda type_: type_.is_text,
    MaskKind.PARTIAL: lambda type_: type_.is_text or type_.is_integer or type_.base == "uuid",
    MaskKind.YEAR: lambda type_: type_.is_date,
    MaskKind.MONTH: lambda type_: type_.is_date,
    MaskKind.RANGE: lambda type_: type_.is_number,
    MaskKind.TOKEN: lambda type_: type_.base in _TOKEN_TEXT,
    MaskKind.SCRUB: lambda type_: type_.is_text or type_.is_json or type_.is_text_array,
    MaskKind.SQL: lambda type_: Family.of(type_) is not None,
}


def _bytewise(column: str) -> str:
    """The column's text under the C collation: patterns work under every collation and mean the same."""
    return f'({column}::text COLLATE pg_catalog."C")'


def _text(sql: str) -> MaskedColumn:
    return MaskedColumn(f'(({sql})::text COLLATE pg_catalog."default")', _TEXT_RESULT)


def _typed_null(column_type: ColumnType) -> MaskedColumn:
    # The type under the domain: a domain may forbid NULL.
    return _cast("NULL", column_type.underlying)


def _cast(sql: str, type_sql: str) -> MaskedColumn:
    return MaskedColumn(f"CAST({sql} AS {type_sql})", type_sql)
