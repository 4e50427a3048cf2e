"""One spelling for a number and for bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postern.errors import IntegrityError
from postern.tlog.spelling import format_base64, parse_base64, parse_decimal

NO_NUMBERS = {
    "nothing": "",
    "leading-zero": "0300",
    "two-zeros": "00",
    "plus": "+1",
    "minus": "-1",
    "minus-zero": "-0",
    "blank-before": " 1",
    "blank-after": "1 ",
    "newline-after": "1\n",
    "carriage-return": "1\r",
    "underscore": "1_000",
    "comma": "1,000",
    "fraction": "1.0",
    "exponent": "1e3",
    "hex": "0x10",
    "letters": "ten",
    "arabic-digits": "١٢",
    "fullwidth-digit": "１",
    "superscript": "²",
    "over-int64": str(2**63),
    "over-uint64": str(2**64),
    "endless": "9" * 5000,
}


@pytest.mark.parametrize("text", NO_NUMBERS.values(), ids=NO_NUMBERS.keys())
def test_refuses_every_other_spelling_of_a_number(text):
    with pytest.raises(IntegrityError) as refused:
        parse_decimal(text, "size")
    assert refused.value.code == "evidence.malformed"
    assert len(refused.value.detail) < 300


@pytest.mark.parametrize("number", [0, 1, 9, 10, 255, 10**18, 9_223_372_036_854_775_807])
def test_reads_a_number_in_its_one_spelling(number):
    assert parse_decimal(str(number), "size") == number


def test_holds_a_number_to_its_bound():
    assert parse_decimal("255", "width", 255) == 255
    with pytest.raises(IntegrityError):
        parse_decimal("256", "width", 255)


NO_BASE64 = {
    "no-padding": "AA",
    "half-padding": "AA=",
    "too-much-padding": "AAAA====",
    "padding-alone": "====",
    "padding-inside": "AA==AAAA",
    "unused-bits-of-one-byte": "AB==",
    "unused-bits-of-two-bytes": "AAB=",
    "url-alphabet": "-_-_",
    "newline-inside": "AAAA\nAAAA",
    "newline-after": "AAAA\n",
    "blank-before": " AAAA",
    "blank-after": "AAAA ",
    "one-character": "A",
    "not-ascii": "AAÄA",
    "fullwidth": "ＡＡＡＡ",
    "nul": "AAA\0",
}


@pytest.mark.parametrize("text", NO_BASE64.values(), ids=NO_BASE64.keys())
def test_refuses_every_other_spelling_of_bytes(text):
    with pytest.raises(IntegrityError) as refused:
        parse_base64(text, "root")
    assert refused.value.code == "evidence.malformed"


@given(st.binary(max_size=70))
def test_bytes_are_read_back_from_their_one_spelling(data):
    assert parse_base64(format_base64(data), "root") == data


@given(st.text("ABab01+/=", max_size=12))
def test_no_two_texts_are_the_same_bytes(text):
    try:
        data = parse_base64(text, "root")
    except IntegrityError:
        return
    assert format_base64(data) == text
