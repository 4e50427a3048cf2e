"""Columns to JSON, without a server."""

from __future__ import annotations

import json

import pytest

from postern.values import ROWS_AT_ONCE, convert_column, encode_rows, is_json, is_text


@pytest.mark.parametrize("row_count", [0, 1, 2, ROWS_AT_ONCE - 1, ROWS_AT_ONCE, ROWS_AT_ONCE + 1, 3 * ROWS_AT_ONCE])
def test_rows_are_one_json_array_whatever_their_number(row_count):
    columns: list[list[object]] = [list(range(row_count)), [f"é{i}" for i in range(row_count)], [None] * row_count]
    text = encode_rows(columns, row_count)
    assert json.loads(text) == [[i, f"é{i}", None] for i in range(row_count)]
    assert b" " not in text


def test_rows_of_no_columns_are_empty_arrays():
    assert encode_rows([], 3) == b"[[],[],[]]"
    assert encode_rows([], 0) == b"[]"


def test_columns_of_different_lengths_are_not_encoded():
    with pytest.raises(ValueError, match="zip"):
        encode_rows([[1, 2], [1]], 2)


def test_a_column_is_not_changed_by_its_conversion():
    cells = ["1", None]
    assert convert_column(23, cells) == [1, None]
    assert convert_column(25, cells) == ["1", None]
    assert cells == ["1", None]


@pytest.mark.parametrize(
    "text",
    ["", "{", "}", "{1,{2}", "{1}}", "{{1}{", '{"a}', "[0:1]={1,2", "{1}{2}", "x{1}", '{"a"b"}'],
)
def test_text_that_is_no_array_stays_text(text):
    assert convert_column(1007 if text.isdigit() else 1009, [text]) == [text]


def test_arrays_of_types_that_are_not_built_in_are_known_by_their_name():
    assert convert_column(16_500, ["{a,NULL}"], "mood[]") == [["a", None]]
    assert convert_column(16_500, ["{a,NULL}"], "mood") == ["{a,NULL}"]


def test_an_array_of_many_elements_is_read_in_one_go():
    text = "{" + ",".join(f'"{i} x"' for i in range(50_000)) + "}"
    assert convert_column(1009, [text]) == [[f"{i} x" for i in range(50_000)]]


@pytest.mark.parametrize(
    ("oid", "text", "is_json_type"),
    [(25, True, False), (1043, True, False), (1009, True, False), (2249, True, False), (20_000, True, False)]
    + [(oid, False, False) for oid in (16, 17, 20, 23, 700, 1082, 1114, 1700, 2950, 869, 1007)]
    + [(114, False, True), (3802, False, True)],
)
def test_text_and_json_are_what_detectors_look_at(oid, text, is_json_type):
    assert (is_text(oid), is_json(oid)) == (text, is_json_type)
