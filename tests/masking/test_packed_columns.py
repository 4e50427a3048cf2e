"""The second net over columns that stay packed, held against the same net over values."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postern.masking.detectors import (
    DEFAULT_DETECTORS,
    EFFORT,
    Effort,
    redact_column,
    redact_json_array_column,
    redact_json_column,
)
from postern.masking.packed_columns import Holds, redact_packed
from postern.packed_cells import packed
from postern.value_arrays import format_array

PIECES = ("bob@example.com", "4111 1111 1111 1111", "AKIAIOSFODNN7EXAMPLE", " ", "x", "é", "//u:", '"', "\\", "\n", "1")
TEXT = st.lists(st.sampled_from(PIECES), max_size=6).map("".join)
ADDRESSES = " ".join(f"user{number}@example.com" for number in range(200))
ONE_BY_ONE: dict[Holds, Callable] = {
    Holds.TEXT: redact_column,
    Holds.JSON: redact_json_column,
    Holds.JSON_ARRAYS: redact_json_array_column,
}


def as_held(holds: Holds, text: str) -> str:
    """A text as a column of this kind has it."""
    if holds is Holds.TEXT:
        return text
    document = json.dumps({text: [text, 4111111111111111]})
    return document if holds is Holds.JSON else format_array([document, None, "[]"])


@pytest.mark.parametrize("holds", Holds, ids=[one.name for one in Holds])
@settings(max_examples=40, deadline=None)
@given(texts=st.lists(st.none() | TEXT, max_size=8))
def test_what_is_found_is_what_is_found_value_by_value(holds, texts):
    cells = [None if text is None else as_held(holds, text) for text in texts]
    redacted, found = redact_packed(packed(cells), holds, DEFAULT_DETECTORS, Effort())
    assert (redacted, found) == ONE_BY_ONE[holds](cells, DEFAULT_DETECTORS, Effort())


@pytest.mark.parametrize("holds", Holds, ids=[one.name for one in Holds])
def test_a_clean_column_is_given_back_itself(holds):
    column = packed([as_held(holds, "nothing here").replace("4111111111111111", "1"), None, as_held(holds, "") and "1"])
    redacted, found = redact_packed(column, holds, DEFAULT_DETECTORS, Effort())
    assert redacted is column
    assert not found


@pytest.mark.parametrize("place", [0, 1_500, 2_999], ids=["first", "middle", "last"])
def test_one_value_among_clean_windows_is_found_and_nothing_else_is_changed(place):
    cells = [f"{number} " + "x" * 80 if number % 7 else None for number in range(3_000)]
    cells[place] = "ask bob@example.com"
    redacted, found = redact_packed(packed(cells), Holds.TEXT, DEFAULT_DETECTORS, Effort())
    cells[place] = "ask [detected:email]"
    assert (redacted, found) == (cells, {"email": 1})


def test_with_no_detector_nothing_is_looked_over():
    column = packed(["bob@example.com"])
    assert redact_packed(column, Holds.TEXT, frozenset(), Effort()) == (column, {})


@pytest.mark.parametrize("effort", [0, 1_000, 4_000, EFFORT], ids=str)
@pytest.mark.parametrize("holds", [Holds.TEXT, Holds.JSON], ids=["text", "json"])
def test_what_could_not_be_looked_over_is_withheld_as_it_is_value_by_value(holds, effort):
    cells = [as_held(holds, ADDRESSES), None, as_held(holds, "clean"), as_held(holds, ADDRESSES)]
    redacted, found = redact_packed(packed(cells), holds, DEFAULT_DETECTORS, Effort(effort))
    assert (redacted, found) == ONE_BY_ONE[holds](cells, DEFAULT_DETECTORS, Effort(effort))
    assert (found["unchecked"] > 0) == (effort < EFFORT)
    assert not any("@" in (cell or "") for cell in redacted)


def test_effort_is_one_for_all_columns():
    effort = Effort(4_000)
    columns = [packed([ADDRESSES]) for _ in range(4)]
    found = [redact_packed(column, Holds.TEXT, DEFAULT_DETECTORS, effort)[1] for column in columns]
    assert "unchecked" not in found[0]
    assert found[-1]["unchecked"] == 1


def test_a_long_document_is_looked_over_to_its_end():
    document = json.dumps(["abcdef"] * 9_000 + ["bob@example.com"] + ["abcdef"] * 5_000 + ["eve@example.com"])
    redacted, found = redact_packed(packed([document]), Holds.JSON, DEFAULT_DETECTORS, Effort())
    expected = document.replace("bob@example.com", "[detected:email]").replace("eve@example.com", "[detected:email]")
    assert (redacted, found) == ([expected], {"email": 2})


def test_half_a_surrogate_pair_in_a_document_breaks_nothing():
    column = packed(['{"k":"-----BEGIN PRIVATE KEY-----\\ud83d"}'])
    redacted, found = redact_packed(column, Holds.JSON, DEFAULT_DETECTORS, Effort())
    assert (redacted, found) == (['{"k":"[detected:private_key]"}'], {"private_key": 1})


def test_a_document_of_more_strings_than_there_is_effort_for_is_withheld():
    document = json.dumps(["abcdefgh"] * 600 + ["bob@example.com"])
    redacted, found = redact_packed(packed([document, "1"]), Holds.JSON, DEFAULT_DETECTORS, Effort(1_000))
    assert (redacted[0], found["unchecked"]) == ('"[detected:unchecked]"', len([one for one in redacted if one != "1"]))
