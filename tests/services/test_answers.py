"""What is delivered of a result, what is counted of it, and what the detectors are kept from."""

from __future__ import annotations

import json

import pytest

from postern.ports import Result, ResultColumn
from postern.services.answers import deliver
from postern.types import MaskKind, View, ViewColumn

TOKEN = "tok_0123456789abcdef"
VIEW = View(
    "public",
    "customers",
    "customers",
    (
        ViewColumn("id", "integer", None, None),
        ViewColumn("email", "text", "pii.email", None),
        ViewColumn("person", "text", "ref.person", MaskKind.TOKEN),
        ViewColumn("note", "text", None, None),
        ViewColumn("salary", "numeric", "pii.salary", None),
    ),
    oid=4711,
)
MASKED = View("public", "customers", "customers", (VIEW.columns[0], VIEW.columns[2], VIEW.columns[3]), oid=4711)
TYPES = {25: "text", 23: "integer", 1700: "numeric", 114: "json", 3807: "jsonb[]", 1009: "text[]", 17: "bytea"}


def result(*columns: tuple[int, int, list[str | None]]) -> Result:
    """Of (attribute number or 0, type, cells)."""
    described = tuple(
        ResultColumn(f"c{place}", oid, TYPES[oid], 4711 if number else 0, number)
        for place, (number, oid, _) in enumerate(columns)
    )
    values = tuple(cells for _, _, cells in columns)
    return Result(described, values, len(values[0]), None, truncated=False, received_bytes=1)


def delivered(made: Result, views=(VIEW,), detectors=None):
    delivery = deliver(made, views, detectors)
    masked = {(one.column, one.mask): one.count for one in delivery.masked}
    return json.loads(delivery.rows_json), masked, delivery.sensitive


def test_a_class_that_is_seen_raw_is_delivered_as_it_is_and_counted():
    rows, masked, sensitive = delivered(
        result((2, 25, ["bob@example.com", None, "bob@example.com", "eve@example.com"]))
    )
    assert rows == [["bob@example.com"], [None], ["bob@example.com"], ["eve@example.com"]]
    assert masked == {("c0", "unmasked"): 3}
    assert sensitive == 2


def test_a_column_of_no_class_is_looked_over():
    rows, masked, _ = delivered(result((4, 25, ["ask bob@example.com"])))
    assert (rows, masked) == ([["ask [detected:email]"]], {("c0", "detected:email"): 1})


def test_what_was_computed_is_looked_over_even_where_a_class_is_seen_raw():
    rows, _, sensitive = delivered(result((0, 25, ["BOB@example.com", "x"])))
    assert (rows, sensitive) == ([["[detected:email]"], ["x"]], 2)


def test_a_computed_text_is_not_counted_where_nothing_is_seen_raw():
    assert delivered(result((0, 25, ["x", "y"])), (MASKED,))[2] == 0


def test_a_number_of_a_class_that_is_seen_raw_is_counted():
    rows, masked, sensitive = delivered(result((5, 1700, ["88.125", "88.125", "1"])))
    assert (rows[0], masked, sensitive) == (["88.125"], {("c0", "unmasked"): 3}, 2)


@pytest.mark.parametrize(
    ("number", "oid", "cells"),
    [
        (3, 25, [TOKEN, TOKEN, None]),
        (0, 25, [f"it is {TOKEN}, {TOKEN}", "x", ""]),
        (0, 1009, ["{" + TOKEN + ",NULL}", "{}", None]),
        (0, 114, [json.dumps({TOKEN: 1}), "1", "null"]),
        (0, 3807, ['{"\\"' + TOKEN + '\\""}', "{1}", None]),
    ],
    ids=["column", "text", "array", "json", "json-array"],
)
def test_a_token_is_counted_wherever_it_stands(number, oid, cells):
    assert delivered(result((number, oid, cells)), (MASKED,))[2] == 1


def test_a_value_is_counted_once_in_an_answer():
    made = result((3, 25, [TOKEN, "tok_" + "f" * 16]), (0, 25, [TOKEN, "none"]))
    assert delivered(made, (MASKED,))[2] == 2


@pytest.mark.parametrize("cell", ["tok_0123456789abcde", "tok_0123456789ABCDEF", "tok-0123456789abcdef", "token"])
def test_what_only_looks_like_a_token_is_not_counted(cell):
    assert delivered(result((4, 25, [cell])), (MASKED,))[2] == 0


@pytest.mark.parametrize(
    ("detectors", "expected"),
    [
        (None, "[detected:email] +41 44 668 18 00"),
        ((), "bob@example.com +41 44 668 18 00"),
        (("phone",), "bob@example.com [detected:phone]"),
        (("email", "phone"), "[detected:email] [detected:phone]"),
    ],
    ids=["default", "none", "phone", "both"],
)
def test_the_grant_chooses_the_detectors(detectors, expected):
    made = result((4, 25, ["bob@example.com +41 44 668 18 00"]))
    assert delivered(made, detectors=detectors)[0] == [[expected]]


def test_a_detector_that_there_is_not_is_no_detector_less():
    with pytest.raises(ValueError, match="nonsense"):
        delivered(result((4, 25, ["x"])), detectors=("nonsense",))


def test_arrays_of_json_are_looked_over():
    rows, masked, _ = delivered(result((0, 3807, ['{"{\\"a\\": \\"bob@example.com\\"}"}'])))
    assert (rows, masked) == ([[[{"a": "[detected:email]"}]]], {("c0", "detected:email"): 1})


def test_bytes_pass_as_they_are():
    rows, masked, sensitive = delivered(result((0, 17, ["\\x626f62406578616d706c652e636f6d"])))
    assert (rows, masked, sensitive) == ([["\\x626f62406578616d706c652e636f6d"]], {}, 1)
