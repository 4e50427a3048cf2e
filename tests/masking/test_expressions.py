"""Each mask on real values of each type it fits, computed by real servers."""

from __future__ import annotations

import hashlib

import pytest
from pg8000.exceptions import DatabaseError

from postern.errors import RefusedByPolicy
from postern.masking.column_types import ColumnType
from postern.masking.expressions import fitting_masks, mask_expression
from postern.types import Mask, MaskKind
from tests.support.masked_values import KEY, KEY_SQL, TYPES, Values

REDACT, NULL, EMAIL = Mask(MaskKind.REDACT), Mask(MaskKind.NULL), Mask(MaskKind.EMAIL)
YEAR, MONTH, TOKEN = Mask(MaskKind.YEAR), Mask(MaskKind.MONTH), Mask(MaskKind.TOKEN)
FIRST_2, LAST_4 = Mask(MaskKind.PARTIAL, keep_first=2), Mask(MaskKind.PARTIAL, keep_last=4)
BOTH = Mask(MaskKind.PARTIAL, keep_first=1, keep_last=1)
HUNDREDS = Mask(MaskKind.RANGE, width=100)


def masked(values: Values, mask: Mask, type_name: str, value: str) -> str | None:
    """The masked value as text; an error is told as one."""
    try:
        return values.mask(mask, type_name, value)
    except DatabaseError as error:
        return f"error: {error}"


def test_a_mask_gives(values: Values) -> None:
    cases = [
        (REDACT, "text", "'Alice'", "[redacted]"),
        (REDACT, "text", "''", "[redacted]"),
        (REDACT, "varchar5", "'Alice'", "[redacted]"),
        (REDACT, "char8", "'Alice'", "[redacted]"),
        (REDACT, "required", "'Alice'", "[redacted]"),
        (REDACT, "int4", "42", None),
        (REDACT, "jsonb", "'{\"a\": 1}'", None),
        (REDACT, "text_array", "ARRAY['a']", None),
        (REDACT, "mood", "'sad'", None),
        (REDACT, "pair", "ROW('a', 1)", None),
        (NULL, "text", "'Alice'", None),
        (NULL, "email_domain", "'a@b'", None),
        (NULL, "required", "'x'", None),
        (NULL, "mood_array", "ARRAY['sad']::mood[]", None),
        (EMAIL, "text", "'alice@example.com'", "a***@e***.com"),
        (EMAIL, "text", "'a@b.co'", "a***@b***.co"),
        (EMAIL, "text", "'a@' || repeat('b', 995) || '.co'", "a***@b***.co"),
        (EMAIL, "text", "'a@' || repeat('b', 996) || '.co'", "***"),
        (EMAIL, "text", "'Ünal.x+tag@Mail.Example.CO.UK'", "Ü***@M***.UK"),
        (EMAIL, "varchar5", "'a@b.c'", "***"),
        (EMAIL, "email_domain", "'alice@example.com'", "a***@e***.com"),
        (EMAIL, "nested", "'alice@example.com'", "a***@e***.com"),
        (EMAIL, "char8", "'a@b.de'", "a***@b***.de"),
        (EMAIL, "text", "''", "***"),
        (EMAIL, "text", "'not an address'", "***"),
        (EMAIL, "text", "'@example.com'", "***"),
        (EMAIL, "text", "'alice@'", "***"),
        (EMAIL, "text", "'alice@example'", "***"),
        (EMAIL, "text", "'alice@example.c'", "***"),
        (EMAIL, "text", "'alice@example.com.'", "***"),
        (EMAIL, "text", "'alice@.com'", "***"),
        (EMAIL, "text", "'alice@@example.com'", "***"),
        (EMAIL, "text", "'\"a@b\"@example.com'", "***"),
        (EMAIL, "text", "'alice@example.com bob@example.org'", "***"),
        (EMAIL, "text", "E'alice@example.com\\nsecret'", "***"),
        (EMAIL, "text", "E'secret\\nalice@example.com'", "***"),
        (EMAIL, "text", "'alice@example.reallylongsecret'", "***"),
        (EMAIL, "text", "'alice@example.p4ssw0rd'", "***"),
        (EMAIL, "text", "U&'a\\2003b@example.com'", "a***@e***.com"),  # white space to some locales only
        (EMAIL, "text", "'alice <alice@example.com>'", "***"),
        (FIRST_2, "text", "'Alice'", "Al***"),
        (FIRST_2, "text", "'Alic'", "Al***"),
        (FIRST_2, "text", "'Ali'", "***"),
        (FIRST_2, "text", "'Al'", "***"),
        (FIRST_2, "text", "''", "***"),
        (FIRST_2, "text", "'😀éß注文'", "😀é***"),
        (LAST_4, "text", "'4111 1111 1111 1234'", "***1234"),
        (LAST_4, "text", "'1234'", "***"),
        (LAST_4, "text", "'1234567'", "***"),
        (LAST_4, "text", "'12345678'", "***5678"),
        (LAST_4, "char8", "'1234'", "***"),
        (LAST_4, "int8", "4111111111111234", "***1234"),
        (LAST_4, "uuid", "'00000000-0000-0000-0000-00000000beef'", "***beef"),
        (BOTH, "text", "'Alice'", "A***e"),
        (BOTH, "text", "'Ali'", "***"),
        (YEAR, "date", "'1980-05-06'", "1980-01-01"),
        (YEAR, "date", "'0044-03-15 BC'", "0044-01-01 BC"),
        (YEAR, "date", "'infinity'", None),
        (YEAR, "date", "'-infinity'", None),
        (YEAR, "date", "'5874897-12-31'", None),
        (YEAR, "date", "'4714-11-24 BC'", None),
        (YEAR, "timestamp", "'1980-05-06 07:08:09.123'", "1980-01-01 00:00:00"),
        (YEAR, "timestamp0", "'1980-05-06 07:08:09'", "1980-01-01 00:00:00"),
        (YEAR, "timestamp", "'294276-12-31 23:59:59.999999'", None),
        (YEAR, "timestamp", "'4714-11-24 00:00:00 BC'", None),
        (YEAR, "timestamptz", "'2024-01-01 00:30:00+02'", "2023-01-01 00:00:00+00"),
        (YEAR, "timestamptz", "'2023-12-31 23:30:00-02'", "2024-01-01 00:00:00+00"),
        (YEAR, "timestamptz", "'infinity'", None),
        (MONTH, "date", "'1980-05-06'", "1980-05-01"),
        (MONTH, "timestamp", "'1980-05-06 07:08'", "1980-05-01 00:00:00"),
        (MONTH, "timestamptz", "'2024-03-01 00:30:00+02'", "2024-02-01 00:00:00+00"),
        (HUNDREDS, "int4", "299", "200"),
        (HUNDREDS, "int4", "300", "300"),
        (HUNDREDS, "int4", "-1", "-100"),
        (HUNDREDS, "int4", "-2147483648", "-2147483648"),
        (HUNDREDS, "int8", "9223372036854775807", "9223372036854775800"),
        (HUNDREDS, "int2", "-32768", "-32768"),
        (HUNDREDS, "int2", "NULL", None),
        (Mask(MaskKind.RANGE, width=3), "int8", "-9223372036854775807", "-9223372036854775808"),
        (Mask(MaskKind.RANGE, width=2**62), "int8", "-9223372036854775808", "-9223372036854775808"),
        (Mask(MaskKind.RANGE, width=2**62), "int8", "-1", "-4611686018427387904"),
        (Mask(MaskKind.RANGE, width=2**62 + 1), "int8", "9223372036854775807", "4611686018427387905"),
        (Mask(MaskKind.RANGE, width=2**63 - 1), "int8", "9223372036854775806", "0"),
        (Mask(MaskKind.RANGE, width=2**70), "int4", "2147483647", "0"),
        (HUNDREDS, "numeric", "299.99999999999999999999999999999999999999", "200"),
        (HUNDREDS, "numeric", "1e40 - 0.5", "9999999999999999999999999999999999999900"),
        (HUNDREDS, "numeric", "-0.01", "-100"),
        (HUNDREDS, "numeric", "-1e299 + 1", f"-1{'0' * 299}"),
        (HUNDREDS, "numeric", "1e300", None),
        (HUNDREDS, "numeric", "-1e300", None),
        (HUNDREDS, "numeric", "'NaN'", None),
        (HUNDREDS, "numeric", "'Infinity'", None),
        (Mask(MaskKind.RANGE, width=1000), "numeric4_2", "-3.50", "-1000"),
        (HUNDREDS, "float8", "250.5", "200"),
        (HUNDREDS, "float8", "-0.5", "-100"),
        (HUNDREDS, "float8", "'NaN'", None),
        (HUNDREDS, "float8", "'Infinity'", None),
        (HUNDREDS, "float8", "-1.7976931348623157e308", None),
        (HUNDREDS, "float8", "5e-324", "0"),
        (HUNDREDS, "float4", "250.5", "200"),
        (HUNDREDS, "float4", "3.4e38", "3.4e+38"),
    ]
    given = [(*case, masked(values, *case[:3])) for case in cases]
    assert [case for case in given if case[-1] != case[-2]] == []


def _token(text: str) -> str:
    return "tok_" + hashlib.sha256(KEY + text.encode()).hexdigest()[:16]


def test_a_token_is_keyed_over_one_text_a_value(values: Values) -> None:
    # A hundred million and one letters, of which `repeat` copies a thousand at a time.
    long = "convert_to(repeat(repeat('a', 1000), 100000) || 'a', 'UTF8')"
    cases = [
        ("text", "'Älice'", "Älice"),
        ("text", "''", ""),
        ("char8", "'abc'", "abc"),
        ("email_domain", "'a@b'", "a@b"),
        ("mood", "'it''s'", "it's"),
        ("int2", "42", "42"),
        ("int8", "42", "42"),
        ("numeric", "42.00", "42"),
        ("numeric4_2", "42.50", "42.5"),
        ("numeric", "'NaN'", "NaN"),
        ("uuid", "'{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}'", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        ("bool", "true", "true"),
        ("date", "'1970-01-02'", "86400"),
        ("timestamp", "'1970-01-02'", "86400"),
        ("timestamptz", "'1970-01-02 00:00:00.5+00'", "86400.5"),
        ("date", "'infinity'", "Infinity"),
        ("bytea", "'\\x00ff'", "00ff"),
        ("bytea", long, hashlib.sha256(b"a" * 100_000_001).hexdigest()),
        ("inet", "'10.0.0.1/8'", "10.0.0.1/8"),
    ]
    given = [(type_name, value, text, masked(values, TOKEN, type_name, value)) for type_name, value, text in cases]
    assert [case for case in given if case[-1] != _token(case[-2])] == []


def test_a_token_without_its_key_is_null(values: Values) -> None:
    masked = mask_expression(TOKEN, "t.v", values.types["text"], "(SELECT NULL::bytea)")
    assert values.connection.run(f"SELECT {masked.sql} FROM (SELECT 'a'::text AS v) AS t") == [[None]]


TEXTS = "redact, null, email, partial, token, scrub, sql"
NUMBERS = "redact, null, range, sql"
INTEGERS = "redact, null, partial, range, token, sql"
DATES = "redact, null, year, month, token, sql"
NONE_COMPUTES = "redact, null"
# Every type of the sample, with the masks that can stand on it.
FITTING = {
    **dict.fromkeys(("text", "varchar", "varchar5", "char8", "name"), TEXTS),
    **dict.fromkeys(("email_domain", "required", "nested", "note"), TEXTS),
    **dict.fromkeys(("int2", "int4", "int8"), INTEGERS),
    **dict.fromkeys(("numeric", "numeric4_2"), "redact, null, range, token, sql"),
    **dict.fromkeys(("float4", "float8"), NUMBERS),
    **dict.fromkeys(("date", "timestamp", "timestamp0", "timestamptz", "day"), DATES),
    **dict.fromkeys(("bool", "mood"), "redact, null, token, sql"),
    "uuid": "redact, null, partial, token, sql",
    **dict.fromkeys(("bytea", "inet"), "redact, null, token"),
    **dict.fromkeys(("json", "jsonb", "document", "text_array", "varchar_array"), "redact, null, scrub"),
    **dict.fromkeys(("time", "timetz", "interval", "money", "bit3", "point", "tsvector", "xml"), NONE_COMPUTES),
    **dict.fromkeys(("int_array", "mood_array", "pair", "int4range", "datemultirange"), NONE_COMPUTES),
}


def test_the_table_of_fitting_masks_holds_every_type_of_the_sample():
    assert FITTING.keys() == TYPES.keys()


def test_the_masks_that_fit_a_type_are(values: Values) -> None:
    assert {type_name: ", ".join(fitting_masks(values.types[type_name])) for type_name in FITTING} == FITTING


def test_a_mask_that_cannot_stand_on_a_type_is_refused_with_those_that_can(values: Values) -> None:
    misfits = [
        (MaskKind.EMAIL, "int4"),
        (MaskKind.YEAR, "text"),
        (MaskKind.YEAR, "time"),
        (MaskKind.PARTIAL, "text_array"),
        (MaskKind.TOKEN, "float8"),
        (MaskKind.RANGE, "date"),
        (MaskKind.SCRUB, "int4"),
        (MaskKind.SCRUB, "int_array"),
    ]
    wrong = []
    for kind, type_name in misfits:
        code, detail = _refusal(Mask(kind), values.types[type_name])
        is_told = f"mask {kind.value}: expected a type that it can stand on" in detail
        if code != "policy.refused" or not is_told or not detail.endswith(f"masks that fit: {FITTING[type_name]}"):
            wrong.append((kind, type_name, code, detail))
    assert wrong == []


def _refusal(mask: Mask, column_type: ColumnType) -> tuple[str, str]:
    try:
        return "not refused", mask_expression(mask, "t.v", column_type, KEY_SQL).sql
    except RefusedByPolicy as refused:
        return refused.code, refused.detail


@pytest.mark.parametrize(
    "mask",
    [
        Mask(MaskKind.PARTIAL),
        Mask(MaskKind.PARTIAL, keep_first=0),
        Mask(MaskKind.PARTIAL, keep_first=-1, keep_last=3),
        Mask(MaskKind.RANGE),
        Mask(MaskKind.RANGE, width=0),
    ],
)
def test_parameters_that_would_show_the_value_are_a_bug(mask: Mask) -> None:
    with pytest.raises(ValueError, match=f"{mask.kind.value} mask: expected"):
        mask_expression(mask, "t.v", ColumnType("integer", "integer", "int4"), KEY_SQL)
