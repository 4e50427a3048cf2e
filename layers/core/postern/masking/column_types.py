"""A column's type, as far as a mask must know it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from postern.type_names import BUILT_IN

_TEXT = frozenset({"text", "varchar", "bpchar", "name"})
_INTEGERS = frozenset({"int2", "int4", "int8"})
_NUMBERS = _INTEGERS | {"numeric", "float4", "float8"}
_DATES = frozenset({"date", "timestamp", "timestamptz"})
_JSON = frozenset({"json", "jsonb"})

# `pg_type` names of the types that `format_type` calls otherwise; all others have one name.
_BASES = {
    "character varying": "varchar",
    "character": "bpchar",
    "bpchar": "bpchar",
    "smallint": "int2",
    "integer": "int4",
    "bigint": "int8",
    "real": "float4",
    "double precision": "float8",
    "boolean": "bool",
    "timestamp without time zone": "timestamp",
    "timestamp with time zone": "timestamptz",
    "time without time zone": "time",
    "time with time zone": "timetz",
    "bit": "bit",
    '"bit"': "bit",
    "bit varying": "varbit",
    '"char"': "char",
}
_NOT_OF_A_COLUMN = frozenset({"unknown", "record", "cstring", "void"})
_NAMES = frozenset({*BUILT_IN.values(), *_BASES}) - _NOT_OF_A_COLUMN
# `numeric(4,2)`, `timestamp(3) with time zone`, `interval day to second(3)`; an array has `[]` once, whatever its form.
_PRINTED = re.compile(
    r'(?P<name>[a-z0-9_" ]+?)(?P<fields> (?:year|month|day|hour|minute|second)(?: to (?:month|hour|minute|second))?)?'
    r"(?:\([0-9]{1,4}(?:,-?[0-9]{1,4})?\))?(?P<zone> with(?:out)? time zone)?(?P<array>\[\])?"
)
_TEXT_ARRAY = re.compile(r"(?:text|name|bpchar|character(?: varying)?(?:\([0-9]+\))?)\[\]")


@dataclass(frozen=True, slots=True)
class ColumnType:
    """A type as the live database describes it.

    `name` and `underlying` are what `format_type` prints while `search_path` is `pg_catalog`: complete,
    quoted, with modifiers, fit to stand in SQL. `underlying` differs from `name` only for a domain: it is what
    the domain stands on, free of the domain's constraints. `base` is the bare `pg_type` name of the latter
    (`varchar`, `int4`), or `enum` or `array`, or `other` for every type that no mask computes on.
    """

    name: str
    underlying: str
    base: str
    is_foreign: bool = False  # its operators are not PostgreSQL's own, so a view could be made to run others' code

    @property
    def is_text(self) -> bool:
        return self.base in _TEXT

    @property
    def is_integer(self) -> bool:
        return self.base in _INTEGERS

    @property
    def is_number(self) -> bool:
        return self.base in _NUMBERS

    @property
    def is_date(self) -> bool:
        """A date or a timestamp, with or without time zone."""
        return self.base in _DATES

    @property
    def is_json(self) -> bool:
        return self.base in _JSON

    @property
    def is_text_array(self) -> bool:
        return self.base == "array" and _TEXT_ARRAY.fullmatch(self.underlying) is not None


def parse_column_type(printed: str) -> ColumnType | None:
    """The built-in type that `format_type` prints so; None where it prints no type so that a column can have.

    A domain, an enum or another type of the database's own is not known here: only the database tells what it is.
    """
    match = _PRINTED.fullmatch(printed)
    if match is None:
        return None
    name = match["name"] + (match["zone"] or "")
    if name not in _NAMES or (match["fields"] and name != "interval"):
        return None
    return ColumnType(printed, printed, "array" if match["array"] else _BASES.get(name, name))
