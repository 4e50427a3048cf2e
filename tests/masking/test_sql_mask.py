"""The mask `sql`: what its language takes, what it refuses, and that no value of any column makes it fail."""

from __future__ import annotations

import string

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pg8000.exceptions import DatabaseError

from postern.errors import RefusedByPolicy
from postern.masking.column_types import ColumnType
from postern.masking.expressions import mask_expression, mask_misfit
from postern.masking.plain_patterns import pattern_fault
from postern.masking.plain_sql import NotPlain
from postern.masking.sql_mask import RESULT_TYPES, review_sql_mask
from postern.types import Mask, MaskKind
from tests.support.masked_values import KEY_SQL, Values, sql_mask

BAND = "CASE WHEN value < 1000 THEN 'low' WHEN value < 5000 THEN 'middle' ELSE 'high' END"


def test_a_mask_gives(values: Values) -> None:
    cases = [
        (sql_mask(BAND), "int4", "999", "low"),
        (sql_mask(BAND), "numeric", "4999.99", "middle"),
        (sql_mask(BAND), "float8", "'Infinity'", None),
        (sql_mask(BAND), "numeric", "'NaN'", None),
        (sql_mask("left(value, 1) || '.'"), "text", "'Ünal'", "Ü."),
        (sql_mask("upper(VALUE)"), "varchar5", "'ab'", "AB"),
        (sql_mask("left(value, 8)"), "uuid", "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'", "a0eebc99"),
        (sql_mask("CASE value WHEN 'sad' THEN 'blue' ELSE 'grey' END"), "mood", "'sad'", "blue"),
        (sql_mask("regexp_replace(value, '[0-9]+', '#', 'g')"), "text", "'a1b22'", "a#b#"),
        (sql_mask("split_part(value, '@', 2)"), "email_domain", "'a@b.co'", "b.co"),
        (sql_mask("'value is ' || value || ''' value'"), "text", "'x'", "value is x' value"),
        (sql_mask("value ILIKE 'A%'", "boolean"), "text", "'abc'", "true"),
        (sql_mask("char_length(value)", "bigint"), "text", "'abc'", "3"),
        (sql_mask("floor(value / 10) * 10", "numeric"), "int4", "-1", "-10"),
        (sql_mask("greatest(value, 0)", "numeric"), "int4", "-1", "0"),
        (sql_mask("round(value)", "text"), "float8", "2.5e15", "2500000000000000"),
        (sql_mask("date_trunc('quarter', value)", "date"), "date", "'1980-05-06'", "1980-04-01"),
        (sql_mask("date_trunc('day', value)", "date"), "timestamptz", "'2024-01-01 00:30:00+02'", "2023-12-31"),
        (sql_mask("extract(year from value)", "numeric"), "timestamp", "'1980-05-06'", "1980"),
        (sql_mask("value < DATE '1990-01-01'", "boolean"), "timestamptz", "'1989-12-31 23:30:00-02'", "false"),
        (sql_mask("extract(year from value)", "numeric"), "date", "'infinity'", None),
        (sql_mask("coalesce(value, 'nobody')"), "text", "NULL", None),
        (sql_mask("CASE WHEN value IS NULL THEN 'none' ELSE 'some' END"), "text", "NULL", None),
        (sql_mask("lower(value)"), "text", "repeat('x', 100001)", None),
    ]
    wrong = []
    for mask, type_name, value, expected in cases:
        try:
            got = values.mask(mask, type_name, value)
        except DatabaseError as error:
            got = f"error: {error}"
        wrong += [(mask.expression, type_name, value, expected, got)] if got != expected else []
    assert wrong == []


REFUSED = [
    ("value", "text", "hides something"),
    ("", "text", "expected one SQL expression"),
    ("email", "text", "`value`"),
    ("value || t.email", "text", "`value`"),
    ("value.x", "text", "`value`"),
    ("*", "text", "syntax error"),
    ('"value"', "text", "quoted name"),
    ("value = :region", "boolean", "a parameter"),
    ("value = $1", "boolean", "plain SQL"),
    ("(SELECT k FROM postern.task_key)", "text", "SubLink"),
    ("EXISTS (SELECT 1)", "boolean", "SubLink"),
    ("current_user", "text", "SQLValueFunction"),
    ("now()", "text", "now"),
    ("random()", "numeric", "random"),
    ("current_setting('is_superuser')", "text", "current_setting"),
    ("pg_read_file('x')", "text", "pg_read_file"),
    ("md5(value)", "text", "md5"),
    ("sha256(value)", "text", "sha256"),
    ("public.lower(value)", "text", "public.lower"),
    ("lower(DISTINCT value)", "text", "lower"),
    ("count(value) OVER ()", "bigint", "count"),
    ("lower(VARIADIC value)", "text", "lower"),
    ("lower(value) COLLATE x", "text", "CollateClause"),
    ("ARRAY[value]", "text", "plain SQL"),
    ("ROW(value)", "text", "RowExpr"),
    ("value AT TIME ZONE 'UTC'", "date", "timezone"),
    ("value::integer", "integer", "only a day may be cast"),
    ("'a'::text", "text", "only a day may be cast"),
    ("DATE 'today'", "date", "2000-01-31"),
    ("DATE '2000-02-30'", "date", "2000-01-31"),
    ("DATE '2000-01-01' + value", "date", "expected number"),
    ("value / 0", "numeric", "other than 0"),
    ("value % 0.0", "numeric", "other than 0"),
    ("1 / value", "numeric", "other than 0"),
    ("value / (1 - 1)", "numeric", "other than 0"),
    ("value ^ 2", "numeric", "plain SQL"),
    ("power(value, 9)", "numeric", "power"),
    ("sqrt(value)", "numeric", "sqrt"),
    ("ln(value)", "numeric", "ln"),
    ("char_length(value) * 2147483647", "numeric", "could overflow"),
    ("value * 1" + "0" * 101, "numeric", "1e100"),
    ("abs(char_length(value))", "numeric", "a whole one"),
    ("substr(value, 0)", "text", "from 1 up"),
    ("substring(value from 1 for -1)", "text", "from 0 up"),
    ("substring(value from 'a(b)')", "text", "from 1 up"),
    ("substring(value from char_length(value))", "text", "from 1 up"),
    ("left(value, -1)", "text", "from 0 up"),
    ("split_part(value, ',', 0)", "text", "from 1 up"),
    ("repeat(value, 10)", "text", "repeat"),
    ("chr(char_length(value))", "text", "chr"),
    ("value LIKE value", "boolean", "constants"),
    ("'a' ~ value", "boolean", "constants"),
    ("value LIKE 'a' ESCAPE 'bc'", "boolean", "constants"),
    ("value SIMILAR TO 'a('", "boolean", "not allowed"),
    ("value ~ '('", "boolean", "closed brackets"),
    ("value ~ 'a**'", "boolean", "cannot stand"),
    ("value ~ 'a{2,1}'", "boolean", "cannot stand"),
    ("value ~ 'a{300}'", "boolean", "simple pattern"),
    ("value ~ '[z-a]'", "boolean", "simple pattern"),
    ("regexp_replace(value, value, '')", "text", "constants"),
    ("regexp_replace(value, 'a', '', 'x')", "text", "expected one of"),
    ("date_trunc('value', value)", "date", "expected one of"),
    ("date_trunc('century', value)", "date", "expected one of"),
    ("date_trunc('year', value, 'Mars')", "date", "arguments"),
    ("value OPERATOR(public.=) 'a'", "boolean", "not allowed"),
    ("value = ANY ('{a}')", "boolean", "not allowed"),
    ("value || 1", "text", "expected text"),
    ("value < 1 OR value = 'a'", "boolean", "two types"),
    ("CASE WHEN value THEN 1 END", "integer", "expected boolean"),
    ("CASE WHEN value = 'a' THEN 1 ELSE 'b' END", "text", "several"),
    ("lower(value)", "date", "expected the type of what the expression gives (text)"),
    ("date_trunc('year', value)", "text", "(date, timestamp without time zone)"),
    ("value < 1", "regclass", "type: expected one of"),
    ("NULL", "text", "`null` is the mask for it"),
    ("lower(value); DROP TABLE x", "text", "plain SQL"),
    ("lower(value)) FROM x WHERE (true", "text", "syntax error"),
    ("lower(value) FROM x", "text", "syntax error"),
    ("lower(value) ORDER BY 1", "text", "syntax error"),
    ("lower(value), value", "text", "syntax error"),
    ("lower(value) -- x", "text", "comments"),
    ("lower(value) /* x", "text", "comments"),
    ("lower(E'a')", "text", "prefix"),
    ("lower($$a$$)", "text", "plain SQL"),
    ("lower('a\\')", "text", "backslash"),
    ("lower(value)" + " || 'x'" * 200, "text", "at most"),
    ("lower(" * 80 + "value" + ")" * 80, "text", "nests too deeply"),
    ("replace(replace(value, 'a', '" + "a" * 50 + "'), 'a', '" + "a" * 50 + "')", "text", "grow too large"),
]


def test_refuses_what_is_not_of_its_language() -> None:
    told = [(expression, type_, says, _refusal(expression, type_)) for expression, type_, says in REFUSED]
    assert [case for case in told if case[2] not in case[3]] == []


def _refusal(expression: str, type_: str) -> str:
    try:
        review_sql_mask(expression, type_)
    except NotPlain as refused:
        return str(refused)
    return ""


def test_a_grant_with_another_expression_than_was_loaded_makes_no_view() -> None:
    with pytest.raises(RefusedByPolicy, match="mask sql: "):
        mask_expression(sql_mask("(SELECT 1)"), "t.v", ColumnType("text", "text", "text"), KEY_SQL)


@pytest.mark.parametrize(
    ("mask", "base", "says"),
    [
        (sql_mask("lower(value)"), "int4", "expected a type of its expression (text), got int4"),
        (sql_mask(BAND), "text", "expected a type of its expression (number), got text"),
        (sql_mask("value IS NULL", "boolean"), "json", "(date, number, text), got json; masks that fit: redact, null"),
    ],
)
def test_a_column_that_an_expression_cannot_stand_on_is_told(mask: Mask, base: str, says: str) -> None:
    assert says in (mask_misfit(mask, ColumnType(base, base, base)) or "")


TEXT: st.SearchStrategy[str] = st.deferred(
    lambda: (
        st.sampled_from(["value", "'a'", "''", "'1.5'"])
        | st.builds("lower({})".format, TEXT)
        | st.builds("reverse({}) || {}".format, TEXT, TEXT)
        | st.builds("substring({} from {} for {})".format, TEXT, PLACES, PLACES)
        | st.builds("split_part({}, {}, {})".format, TEXT, PARTS, PLACES)
        | st.builds("regexp_replace({}, {}, {}, 'gi')".format, TEXT, PARTS, PARTS)
        | st.builds("translate({}, {}, {})".format, TEXT, PARTS, PARTS)
        | st.builds("CASE WHEN {} THEN {} ELSE {} END".format, CONDITIONS, TEXT, TEXT)
        | st.builds("coalesce(nullif({}, {}), {})".format, TEXT, TEXT, TEXT)
    )
)
PLACES: st.SearchStrategy[str] = st.sampled_from(["1", "2", "2147483647"])
PARTS: st.SearchStrategy[str] = st.sampled_from(["''", "'a'", "'[a-z0-9]'", "'.'", "'@'"])
CONDITIONS: st.SearchStrategy[str] = st.deferred(
    lambda: (
        st.builds("{} < {}".format, TEXT, TEXT)
        | st.builds("char_length({}) BETWEEN 1 AND {}".format, TEXT, PLACES)
        | st.builds("NOT {} LIKE '%a_'".format, TEXT)
        | st.builds("({} OR {})".format, CONDITIONS, CONDITIONS)
    )
)
NUMBER: st.SearchStrategy[str] = st.deferred(
    lambda: (
        st.sampled_from(["value", "1.5", "0.0"])
        | st.builds("({} {} {})".format, NUMBER, st.sampled_from(["+", "-", "*"]), NUMBER)
        | st.builds(
            "({} {} {})".format, NUMBER, st.sampled_from(["/", "%"]), st.sampled_from(["3", "0.0000001", "7e90"])
        )
        | st.builds("{}({})".format, st.sampled_from(["abs", "ceil", "floor", "sign", "round", "-"]), NUMBER)
        | st.builds("round({}, {})".format, NUMBER, PLACES)
        | st.builds("CASE WHEN {} > {} THEN {} END".format, NUMBER, NUMBER, NUMBER)
    )
)
DATE: st.SearchStrategy[str] = st.deferred(
    lambda: (
        st.just("value")
        | st.builds("date_trunc('{}', {})".format, st.sampled_from(["year", "quarter", "month", "week", "day"]), DATE)
        | st.builds("greatest({}, DATE '0001-01-01')".format, DATE)
    )
)
MASKS = st.one_of(
    st.tuples(TEXT, st.just("text")),
    st.tuples(CONDITIONS, st.just("boolean")),
    st.tuples(NUMBER, st.sampled_from(["numeric", "text"])),
    st.tuples(DATE, st.sampled_from(["date", "timestamp without time zone"])),
)
ANY_VALUE = {
    "text": ["''", "'a'", "repeat('é@', 10000)", "E'\\n%'", "'1.5'"],
    "mood": ["''", "'it''s'"],
    "bool": ["true"],
    "int2": ["-32768", "0", "32767"],
    "int8": ["-9223372036854775808", "9223372036854775807"],
    "numeric": ["'NaN'", "'Infinity'", "1e1000", "9.99e99", "-1e-1000"],
    "float8": ["'NaN'", "'-Infinity'", "1.7976931348623157e308", "5e-324"],
    "date": ["'infinity'", "'5874897-12-31'", "'4714-11-24 BC'", "'294275-12-31'", "'4000-01-01 BC'"],
    "timestamptz": ["'-infinity'", "'294275-12-31 23:59:59.999999-12'", "'4714-11-24 00:00:00+00 BC'"],
}


@given(MASKS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_expression_of_the_language_fails_for_any_value(values: Values, written: tuple[str, str]) -> None:
    try:
        review_sql_mask(*written)
    except NotPlain:
        return
    mask = sql_mask(*written)
    for type_name, found in ANY_VALUE.items():
        if mask_misfit(mask, values.types[type_name]) is None:
            masked = mask_expression(mask, "t.v", values.types[type_name], KEY_SQL)
            rows = ", ".join(f"(CAST({value} AS {values.types[type_name].name}))" for value in found)
            values.connection.run(f"SELECT ({masked.sql})::text FROM (VALUES {rows}) AS t (v)")


@given(st.text(alphabet="ab0-9^$|()[]{},*+?. " + string.ascii_uppercase[:2], max_size=12))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_postgres_compiles_every_pattern_that_is_taken(values: Values, pattern: str) -> None:
    if pattern_fault(pattern) is None:
        values.connection.run("SELECT 'ab' ~ CAST(:p AS text)", p=pattern)


def test_every_result_type_is_a_type_that_a_column_can_have() -> None:
    for name in RESULT_TYPES:
        assert ColumnType(name, name, "x").name == name
    assert MaskKind.SQL.value == "sql"
