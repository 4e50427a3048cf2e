"""Declared types against what real servers print."""

from __future__ import annotations

from postern.masking.column_types import ColumnType, parse_column_type
from tests.support.masked_values import TYPES, Values

# Those that only the database can tell about: domains, enums, composites, and arrays of them.
OWN = {"mood", "mood_array", "email_domain", "required", "nested", "pair", "note", "day", "document"}


def test_a_printed_type_is_parsed_to_what_the_database_says_it_is(values: Values) -> None:
    parsed = {type_name: parse_column_type(values.types[type_name].name) for type_name in TYPES}
    assert parsed == {type_name: None if type_name in OWN else values.types[type_name] for type_name in TYPES}


def test_parses_a_type_with_its_modifiers() -> None:
    cases = [
        ("numeric(5,-2)", "numeric"),
        ("timestamp(3) with time zone", "timestamptz"),
        ("time(0) without time zone", "time"),
        ("interval day to second(3)", "interval"),
        ("interval year", "interval"),
        ("bit varying(8)", "varbit"),
        ('"char"', "char"),
        ("bpchar", "bpchar"),
        ("character(3)[]", "array"),
    ]
    parsed = {printed: parse_column_type(printed) for printed, _ in cases}
    assert parsed == {printed: ColumnType(printed, printed, base) for printed, base in cases}


def test_what_no_server_prints_for_a_column_is_no_type() -> None:
    texts = [
        "varchar(60)", "int4", "timestamptz", "decimal", "numeric(4, 2)", "TEXT", "text[][]", "text[3]", " text",
        "text ", "public.mood", "citext", "record", "void", "unknown", "cstring", "date day", "text with time zone",
        "", "text()", "text;", 'text"', "integer(4,2,1)",
    ]  # fmt: skip
    assert [printed for printed in texts if parse_column_type(printed) is not None] == []


def test_an_array_of_text_is_one_of_the_servers_own_text_types() -> None:
    cases = [
        ("text[]", True),
        ("character varying(20)[]", True),
        ("name[]", True),
        ("integer[]", False),
        ("json[]", False),
        ("public.text[]", False),
        ('"text"[]', False),
    ]
    told = [(printed, is_text, ColumnType(printed, printed, "array").is_text_array) for printed, is_text in cases]
    assert [case for case in told if case[1] is not case[2]] == []
