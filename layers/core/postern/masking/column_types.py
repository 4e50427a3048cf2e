"""A column's type, as far as a mask must know it."""

from __future__ import annotations

from dataclasses import dataclass

_TEXT = frozenset({"text", "varchar", "bpchar", "name"})
_INTEGERS = frozenset({"int2", "int4", "int8"})
_NUMBERS = _INTEGERS | {"numeric", "float4", "float8"}
_DATES = frozenset({"date", "timestamp", "timestamptz"})


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
