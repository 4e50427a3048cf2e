"""What of an answer counts as sensitive: tokens, raw values of classes, and what was computed beside these.

What was computed may be made of raw values, of many where it is long: 32 characters of it count as one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from postern.packed_cells import END, PackedCells
from postern.services.distinct_values import DistinctValues

_TOKEN = re.compile(b"tok_[0-9a-f]{16}")  # as the mask `token` writes it
_TOKEN_BEGINNING = b"tok_"
_PART_CHARACTERS = 32
_WINDOW_BYTES = 65_536  # of a column whose values are objects at the same time


def add_sensitive(
    counted: DistinctValues, cells: PackedCells, *, holds_text: bool, is_raw: bool, is_made_of_raw: bool
) -> None:
    """Adds a column's sensitive values, each once or more often: its tokens, and what else it shows by what it is."""
    has_tokens = holds_text and _TOKEN_BEGINNING in cells.data
    if not (has_tokens or is_raw or is_made_of_raw):
        return
    first = 0
    for window in cells.windows(_WINDOW_BYTES):
        if has_tokens:
            counted.add(_TOKEN.findall(window))
        values = window.split(END)
        if is_raw:
            nulls = {place - first for place in cells.nulls_between(first, first + len(values))}
            counted.add(value for place, value in enumerate(values) if place not in nulls)
        elif is_made_of_raw:
            counted.add(part for value in values for part in _parts(value))
        first += len(values)


def _parts(value: bytes) -> Iterable[bytes]:
    if value.isascii():
        return (value[start : start + _PART_CHARACTERS] for start in range(0, len(value), _PART_CHARACTERS))
    text = value.decode()
    return (text[start : start + _PART_CHARACTERS].encode() for start in range(0, len(text), _PART_CHARACTERS))
