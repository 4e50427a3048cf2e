"""What holds for every mask on every type it fits: its type, NULL, no errors, no settings, collations."""

from __future__ import annotations

from functools import cache

from pg8000.exceptions import DatabaseError

from postern.masking.column_types import ColumnType
from postern.masking.expressions import MaskedColumn, mask_expression
from postern.types import Mask, MaskKind
from tests.support.masked_values import KEY_SQL, TYPES, Values


@cache
def masked_over(mask: Mask, column_type: ColumnType) -> MaskedColumn:
    """The mask over the column `s.v`. It takes longer to write than to compute."""
    return mask_expression(mask, "s.v", column_type, KEY_SQL)


def select_list(values: Values, type_name: str, masks: list[Mask], *, cast: str = "") -> str:
    """A column for each mask over `s.v`: m0, m1 and so on."""
    columns = [masked_over(mask, values.types[type_name]).sql for mask in masks]
    return ", ".join(f"({column}){cast} AS m{number}" for number, column in enumerate(columns))


def value_source(type_name: str, value: str) -> str:
    return f"(SELECT CAST({value} AS {TYPES[type_name]}) AS v) AS s"


def test_every_mask_that_fits_a_type_leaves_null_and_has_the_type_it_says(values: Values) -> None:
    wrong: list[tuple[object, ...]] = []
    for type_name in TYPES:
        masks = values.fitting(type_name)
        wrong += [] if masks else [(type_name, "expected a mask that fits", "none")]
        expected = [(masked_over(mask, values.types[type_name]).type, True) for mask in masks]
        for mask, said, got in zip(masks, expected, _as_view(values, type_name, masks), strict=True):
            wrong += [(type_name, mask, said, got)] if got != said else []
    assert wrong == []


def _as_view(values: Values, type_name: str, masks: list[Mask]) -> list[tuple[object, object]]:
    """Of each mask: the type of its column as a view has it, and whether its one value is NULL; or an error."""
    connection = values.connection
    # No CAST gives the NULL: a domain may forbid it, and yet is NULL on the far side of an outer join.
    source = f"(SELECT sample.{type_name} AS v FROM (VALUES (1)) AS one LEFT JOIN public.sample ON true) AS s"
    connection.run("BEGIN")
    try:
        connection.run(f"CREATE VIEW public.described AS SELECT {select_list(values, type_name, masks)} FROM {source}")
        connection.run("SET LOCAL search_path = pg_catalog")
        types = connection.run(
            "SELECT format_type(atttypid, atttypmod) FROM pg_attribute"
            " WHERE attrelid = 'public.described'::regclass AND attnum > 0 ORDER BY attnum"
        )
        are_null = ", ".join(f"m{number} IS NULL" for number in range(len(masks)))
        (nulls,) = connection.run(f"SELECT {are_null} FROM public.described")
        return [(type_, is_null) for (type_,), is_null in zip(types, nulls, strict=True)]
    except DatabaseError as error:
        if len(masks) == 1:
            return [("error", str(error))]
    finally:
        connection.run("ROLLBACK")
    return [one for mask in masks for one in _as_view(values, type_name, [mask])]


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


def test_no_mask_raises_for_a_value_of_its_type(values: Values) -> None:
    raised = []
    for type_name, extremes in EXTREMES.items():
        masks = values.fitting(type_name)
        for value in extremes:
            raised += _raised(values, type_name, value, masks)
    assert raised == []


def _raised(values: Values, type_name: str, value: str, masks: list[Mask]) -> list[tuple[str, str, Mask, str]]:
    """The masks that cannot be computed over the value, with the error."""
    columns = select_list(values, type_name, masks, cast="::text")
    try:
        values.connection.run(f"SELECT {columns} FROM {value_source(type_name, value)}")
    except DatabaseError as error:
        if len(masks) == 1:
            return [(type_name, value, masks[0], str(error))]
        return [one for mask in masks for one in _raised(values, type_name, value, [mask])]
    return []


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
    fitting = {type_name: values.fitting(type_name) for type_name in EXTREMES}
    cases = [(name, value) for name, extremes in EXTREMES.items() for value in extremes if len(value) < 40]
    connection.run("CREATE SCHEMA held")
    connection.run("CREATE SCHEMA decoy")
    connection.run("CREATE FUNCTION decoy.left(text, int) RETURNS text LANGUAGE sql AS $$ SELECT $1 $$")
    connection.run("CREATE FUNCTION decoy.sha256(bytea) RETURNS bytea LANGUAGE sql AS $$ SELECT $1 $$")
    try:
        for number, (type_name, value) in enumerate(cases):
            columns = select_list(values, type_name, fitting[type_name])
            connection.run(
                f"CREATE VIEW held.masked_{number} AS SELECT {columns} FROM {value_source(type_name, value)}"
            )
            connection.run(f"CREATE TABLE held.before_{number} AS SELECT * FROM held.masked_{number}")
        for setting in SETTINGS:
            connection.run(setting)
        changed: list[tuple[object, ...]] = []
        for number, (type_name, value) in enumerate(cases):
            masks = fitting[type_name]
            same = ", ".join(
                f'm.m{mask}::text COLLATE "C" IS NOT DISTINCT FROM b.m{mask}::text COLLATE "C"'
                for mask in range(len(masks))
            )
            try:
                rows = connection.run(f"SELECT {same} FROM held.masked_{number} m, held.before_{number} b")
            except DatabaseError as error:
                changed.append((type_name, value, str(error)))
                continue
            changed += [(type_name, value, mask) for mask, kept in zip(masks, rows[0], strict=True) if kept is not True]
        assert changed == []
    finally:
        connection.run("RESET ALL")
        connection.run("SET search_path = public")
        connection.run("DROP SCHEMA decoy, held CASCADE")


def test_masked_text_compares_with_open_text_of_any_collation(values: Values) -> None:
    wrong = []
    for kind in (MaskKind.REDACT, MaskKind.EMAIL, MaskKind.TOKEN):
        masked = values.masked_sql(Mask(kind), "text", "'a@b.co'")
        for collation in ('"C"', '"default"', '"POSIX"', "ucs_basic"):
            open_text = f"SELECT 'x'::text COLLATE {collation} AS v"
            try:
                got = values.connection.run(f"SELECT a.m = b.v, a.m < b.v FROM ({masked}) AS a, ({open_text}) AS b")
            except DatabaseError as error:
                got = str(error)
            wrong += [(kind, collation, got)] if got != [[False, True]] else []
    assert wrong == []


def test_masked_texts_of_two_columns_compare(values: Values) -> None:
    one, other = (values.masked_sql(Mask(MaskKind.TOKEN), name, "'a@b.co'") for name in ("email_domain", "char8"))
    assert values.connection.run(f"SELECT a.m = b.m FROM ({one}) AS a, ({other}) AS b") == [[True]]
