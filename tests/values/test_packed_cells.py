"""A column's values in one run of bytes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postern.packed_cells import CellPacker, packed

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.none() | TEXT))
def test_what_is_packed_comes_out_as_it_was(cells):
    column = packed(cells)
    assert [*column] == cells
    assert column == cells
    assert len(column) == len(cells)
    assert column[:2] == cells[:2]
    assert packed(column) is column


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.none() | TEXT, min_size=1), max_size=4))
def test_batches_are_one_column(batches):
    packer = CellPacker()
    for batch in batches:
        nulls = [place for place, cell in enumerate(batch) if cell is None]
        packer.add([(cell or "").encode() for cell in batch], nulls)
    assert packer.cells() == [cell for batch in batches for cell in batch]


@pytest.mark.parametrize("last", [None, "", "b", "é" * 70_000], ids=["null", "empty", "short", "long"])
def test_the_last_value_can_be_forgotten(last):
    packer = CellPacker()
    packer.add([b"", b"a", (last or "").encode()], [0] if last is not None else [0, 2])
    packer.drop_last()
    assert packer.cells() == [None, "a"]
    packer.drop_last()
    packer.drop_last()
    assert packer.cells() == []


@pytest.mark.parametrize(
    "cells",
    [
        [b"a\0b"],
        [b"a", b"\0"],
        [b"\xff"],
        [b"a", b"\xc3"],
        [b"\xc3", b"\xa9"],
        [b"\xed\xa0\x80"],
        [b"x" * 65_536 + b"\xe2"],
    ],
    ids=["nul", "nul-alone", "no-utf-8", "cut", "cut-over-two", "surrogate", "cut-at-the-end"],
)
def test_bytes_that_are_no_text_of_a_database_are_refused(cells):
    with pytest.raises(ValueError):
        CellPacker().add(cells)


def test_a_letter_over_the_bound_of_what_is_checked_at_once_is_whole():
    packer = CellPacker()
    packer.add([b"x" * 65_535 + "é".encode()])
    assert packer.cells() == ["x" * 65_535 + "é"]


def test_text_with_nul_is_not_packed():
    with pytest.raises(ValueError, match="NUL"):
        packed(["a\0b"])


@settings(max_examples=40, deadline=None)
@given(st.lists(TEXT, min_size=1), st.integers(1, 50))
def test_windows_are_whole_values_in_order(cells, size):
    windows = list(packed(cells).windows(size))
    assert b"\0".join(windows) == "\0".join(cells).encode()
    assert all(len(window.rpartition(b"\0")[0]) <= size for window in windows)


def test_the_places_of_null_are_found_between_two_places():
    column = packed([None, "a", None, None, "b"])
    assert [*column.nulls_between(0, 5)] == [0, 2, 3]
    assert [*column.nulls_between(1, 3)] == [2]
    assert [*column.nulls_between(4, 5)] == []
    assert [*packed(["a"]).nulls_between(0, 1)] == []


def test_a_column_is_equal_to_no_other_thing_than_values():
    assert packed(["1"]) != ["2"]
    assert packed(["1"]) != 1
