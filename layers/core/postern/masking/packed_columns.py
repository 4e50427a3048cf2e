"""The second net (`detectors`) over columns that stay packed: what is clean is neither copied nor cut into values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from enum import Enum

from postern.masking.detectors import (
    DetectorKind,
    Effort,
    Found,
    redact_joined,
    redact_joined_json,
    redact_json_array_column,
)
from postern.packed_cells import END, PackedCells, packed

_WINDOW_BYTES = 65_536


class Holds(Enum):
    """What a column has that is looked over, and so how."""

    TEXT = "text, or arrays or records of it"
    JSON = "JSON"
    JSON_ARRAYS = "arrays of JSON"


def redact_packed(
    cells: PackedCells, holds: Holds, enabled: frozenset[DetectorKind], effort: Effort
) -> tuple[PackedCells, Found]:
    """The column with what the enabled detectors found replaced by markers, and how often each found something.

    The column given is returned where nothing was found.
    """
    if not enabled:
        return cells, Counter()
    match holds:
        case Holds.TEXT:
            return _redact(cells, lambda window, found: redact_joined(window, enabled, found, effort))
        case Holds.JSON:
            return _redact(cells, lambda window, found: redact_joined_json(window, enabled, found, effort))
        case Holds.JSON_ARRAYS:
            arrays, found = redact_json_array_column(list(cells), enabled, effort)
            return (packed(arrays) if found else cells), found


def _redact(cells: PackedCells, redact: Callable[[bytes, Found], bytes]) -> tuple[PackedCells, Found]:
    found: Found = Counter()
    out = bytearray()
    copied = place = 0  # up to where `cells.data` is in `out`, and is looked over
    for window in cells.windows(_WINDOW_BYTES):
        redacted = redact(window, found)
        after = place + len(window) + len(END)
        if redacted is not window:
            out += memoryview(cells.data)[copied:place]
            out += redacted
            out += END
            copied = after
        place = after
    if not copied:
        return cells, found
    out += memoryview(cells.data)[copied:]
    return PackedCells(out, cells.nulls, cells.length), found
