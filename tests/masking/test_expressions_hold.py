"""What holds for every mask on every type it fits: its type, NULL, no errors, no settings, collations."""

from __future__ import annotations

import pytest

from postern.masking.expressions import mask_expression
from postern.types import Mask, MaskKind
from tests.support.masked_values import KEY_SQL, TYPES, Values


@pytest.mark.parametrize("type_name", TYPES)
def test_every_mask_that_fits_a_type_leaves_null_and_has_the_type_it_says(values: Values, type_name: str) -> None:
    assert values.fitting(type_name)
    for mask in values.fitting(type_name):
        masked = mask_expression(mask, "s.v", values.types[type_name], KEY_SQL)
        # No CAST gives the NULL: a domain may forbid it, and yet is NULL on the far side of an outer join.
        source = f"(SELECT sample.{type_name} AS v FROM (VALUES (1)) AS one LEFT JOIN public.sample ON true) AS s"
        assert _as_view(values, f"SELECT {masked.sql} AS m FROM {source}") == (masked.type, True), mask


def _as_view(values: Values, query: str) -> tuple[object, object]:
    """The type of the query's column as a view has it, and whether its one value is NULL."""
    connection = values.connection
    connection.run("BEGIN")
    try:
        connection.run(f"CREATE VIEW public.described AS {query}")
        connection.run("SET LOCAL search_path = pg_catalog")
        ((type_name, is_null),) = connection.run(
            "SELECT format_type(atttypid, atttypmod), (SELECT m IS NULL FROM public.described) FROM pg_attribute"
            " WHERE attrelid = 'public.described'::regclass AND attnum = 1"
        )
        return type_name, is_null
    finally:
        connection.run("ROLLBACK")


DOCUMENTS = [
    "'null'",
    "'{\"a\": [1]}'",
    "'-4111111111111111'",
    "'[-4111111111111111, -20000000000000, 4e15, -4e15, -4111111111111111.5, -1e-16]'",
    '\'{"4111111111111111": -3000000000000000, "": "-\\\\"}\'',
    "'[1e131071, -1e131071, 1e-16383]'",
    "(SELECT json_agg(repeat('9', 13)::numeric * (n % 2 * 2 - 1)) FROM generate_series(1, 9000) AS n)",
]
EXTREMES = {
    "text": ["''", "repeat('é', 100000)", "repeat('@', 1000) || '.com'", "E'\\x01'", "'\\'", "repeat('a@', 5000)"],
    "varchar5": ["''", "'@@@@@'", "'    @'"],
    "char8": ["''", "' @ . '"],
    "name": ["''", "repeat('x', 63)"],
    "int2": ["-32768", "32767", "0"],
    "int4": ["-2147483648", "2147483647"],
    "int8": ["-9223372036854775808", "9223372036854775807"],
    "numeric": [
        "'NaN'",
        "'Infinity'",
        "'-Infinity'",
        "1e1000",
        "-1e1000",
        "1e-1000",
        "repeat('9', 131072)::numeric",
        "('-' || repeat('9', 131072))::numeric",
    ],
    "numeric4_2": ["-99.99", "99.99"],
    "float4": ["'NaN'", "'Infinity'", "'-Infinity'", "3.4028235e38", "-3.4028235e38", "1e-45", "'-0'"],
    "float8": ["'NaN'", "'Infinity'", "'-Infinity'", "1.7976931348623157e308", "-1.7976931348623157e308", "5e-324"],
    "date": [
        "'1980-05-06'",
        "'infinity'",
        "'-infinity'",
        "'5874897-12-31'",
        "'4714-11-24 BC'",
        "'294276-12-31'",
        "'0001-01-01 BC'",
    ],
    "timestamp": [
        "'1980-05-06 07:08:09'",
        "'infinity'",
        "'-infinity'",
        "'294276-12-31 23:59:59.999999'",
        "'4714-11-24 00:00:00 BC'",
    ],
    "timestamptz": [
        "'2024-01-01 00:30:00+02'",
        "'infinity'",
        "'-infinity'",
        "'294276-12-31 23:59:59.999999+00'",
        "'4714-11-24 00:00:00+00 BC'",
    ],
    "bytea": ["''", "'\\x00'", "decode(repeat('ff', 100000), 'hex')"],
    "inet": ["'::1'", "'0.0.0.0/0'", "'fe80::1/64'"],
    "mood": ["''", "'it''s'"],
    "email_domain": ["'@'"],
    "uuid": ["'ffffffff-ffff-ffff-ffff-ffffffffffff'"],
    "bool": ["false"],
    "json": DOCUMENTS,
    "jsonb": DOCUMENTS,
    "text_array": ["'{}'", "ARRAY[NULL, '']"],
}


@pytest.mark.parametrize(
    ("type_name", "value"), [(name, value) for name, values in EXTREMES.items() for value in values]
)
def test_no_mask_raises_for_a_value_of_its_type(values: Values, type_name: str, value: str) -> None:
    for mask in values.fitting(type_name):
        values.mask(mask, type_name, value)


# What an agent could set, were the guard away. `client_encoding` is missing: the driver here reads UTF-8 only.
SETTINGS = (
    "SET DateStyle = 'SQL, DMY'",
    "SET TimeZone = 'Asia/Kathmandu'",
    "SET IntervalStyle = 'sql_standard'",
    "SET extra_float_digits = -15",
    "SET bytea_output = 'escape'",
    "SET xmlbinary = 'hex'",
    "SET standard_conforming_strings = off",
    "SET backslash_quote = on",
    "SET quote_all_identifiers = on",
    "SET search_path = decoy, public, pg_catalog",
    "SET lc_monetary = 'C'",
    "SET array_nulls = off",
    "SET transform_null_equals = on",
)


def test_no_mask_depends_on_a_setting_of_the_session(values: Values) -> None:
    connection = values.connection
    cases = [
        (mask, type_name, value)
        for type_name, extremes in EXTREMES.items()
        for value in extremes
        if len(value) < 40
        for mask in values.fitting(type_name)
    ]
    connection.run("CREATE SCHEMA decoy")
    connection.run("CREATE FUNCTION decoy.left(text, int) RETURNS text LANGUAGE sql AS $$ SELECT $1 $$")
    connection.run("CREATE FUNCTION decoy.sha256(bytea) RETURNS bytea LANGUAGE sql AS $$ SELECT $1 $$")
    for number, (mask, type_name, value) in enumerate(cases):
        connection.run(f"CREATE VIEW masked_{number} AS {values.masked_sql(mask, type_name, value)}")
        connection.run(f"CREATE TABLE before_{number} AS SELECT * FROM masked_{number}")
    try:
        for setting in SETTINGS:
            connection.run(setting)
        for number, case in enumerate(cases):
            compared = connection.run(f"""
                SELECT count(*) FROM masked_{number} m, before_{number} b
                WHERE m.m::text COLLATE "C" IS NOT DISTINCT FROM b.m::text COLLATE "C" """)
            assert compared == [[1]], case
    finally:
        connection.run("RESET ALL")
        connection.run("SET search_path = public")
        for number in range(len(cases)):
            connection.run(f"DROP VIEW masked_{number}; DROP TABLE before_{number}")
        connection.run("DROP SCHEMA decoy CASCADE")


@pytest.mark.parametrize("collation", ['"C"', '"default"', '"POSIX"', "ucs_basic"])
@pytest.mark.parametrize("kind", [MaskKind.REDACT, MaskKind.EMAIL, MaskKind.TOKEN], ids=str)
def test_masked_text_compares_with_open_text_of_any_collation(values: Values, kind: MaskKind, collation: str) -> None:
    masked = values.masked_sql(Mask(kind), "text", "'a@b.co'")
    open_text = f"SELECT 'x'::text COLLATE {collation} AS v"
    assert values.connection.run(f"SELECT a.m = b.v, a.m < b.v FROM ({masked}) AS a, ({open_text}) AS b") == [
        [False, True]
    ]


def test_masked_texts_of_two_columns_compare(values: Values) -> None:
    one, other = (values.masked_sql(Mask(MaskKind.TOKEN), name, "'a@b.co'") for name in ("email_domain", "char8"))
    assert values.connection.run(f"SELECT a.m = b.m FROM ({one}) AS a, ({other}) AS b") == [[True]]
