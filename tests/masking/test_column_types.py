"""Declared types against what real servers print."""

from __future__ import annotations

import pytest

from postern.masking.column_types import ColumnType, parse_column_type
from tests.support.masked_values import TYPES, Values

# Those that only the database can tell about: domains, enums, composites, and arrays of them.
OWN = {"mood", "mood_array", "email_domain", "required", "nested", "pair", "note", "day", "document"}


@pytest.mark.parametrize("type_name", TYPES)
def test_a_printed_type_is_parsed_to_what_the_database_says_it_is(values: Values, type_name: str) -> None:
    live = values.types[type_name]
    assert parse_column_type(live.name) == (None if type_name in OWN else live)


@pytest.mark.parametrize(
    ("printed", "base"),
    [
        ("numeric(5,-2)", "numeric"),
        ("timestamp(3) with time zone", "timestamptz"),
        ("time(0) without time zone", "time"),
        ("interval day to second(3)", "interval"),
        ("interval year", "interval"),
        ("bit varying(8)", "varbit"),
        ('"char"', "char"),
        ("bpchar", "bpchar"),
        ("character(3)[]", "array"),
    ],
)
def test_parses_a_type_with_its_modifiers(printed: str, base: str) -> None:
    assert parse_column_type(printed) == ColumnType(printed, printed, base)


@pytest.mark.parametrize(
    "printed",
    [
        "varchar(60)", "int4", "timestamptz", "decimal", "numeric(4, 2)", "TEXT", "text[][]", "text[3]", " text",
        "text ", "public.mood", "citext", "record", "void", "unknown", "cstring", "date day", "text with time zone",
        "", "text()", "text;", 'text"', "integer(4,2,1)",
    ],
)  # fmt: skip
def test_what_no_server_prints_for_a_column_is_no_type(printed: str) -> None:
    assert parse_column_type(printed) is None


@pytest.mark.parametrize(
    ("printed", "is_text_array"),
    [
        ("text[]", True),
        ("character varying(20)[]", True),
        ("name[]", True),
        ("integer[]", False),
        ("json[]", False),
        ("public.text[]", False),
        ('"text"[]', False),
    ],
)
def test_an_array_of_text_is_one_of_the_servers_own_text_types(printed: str, is_text_array: bool) -> None:
    assert ColumnType(printed, printed, "array").is_text_array is is_text_array
