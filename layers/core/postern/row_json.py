"""Columns written out as rows of JSON, in UTF-8.

A window of each column is turned into JSON at once (`cell_json`), then cut into values, which are put into their rows'
places. Few values are objects at a time, however many there are: an answer takes the memory of its columns, as they
came, and of its text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import SEEK_CUR, BytesIO

from postern.cell_json import CellJson, cell_json
from postern.packed_cells import END, PackedCells

WINDOW_BYTES = 8_192  # of a column whose values are objects at the same time; less of each where there are many
_ALL_WINDOWS_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Column:
    """A column to be written: the type by which its values become JSON, and the values."""

    type_oid: int
    type_name: str  # PostgreSQL's
    cells: PackedCells
    delimiter: str = ","  # as in `ports.ResultColumn`


def encode_rows(columns: Sequence[Column], row_count: int) -> bytes:
    """The rows as one JSON array of arrays. Raises `ValueError` where a column has not `row_count` values."""
    if any(len(column.cells) != row_count for column in columns):
        raise ValueError(f"columns: expected {row_count} values in each")
    if not columns:
        return b"[" + b",".join([b"[]"] * row_count) + b"]"
    out = BytesIO()
    out.write(b"[")
    width, left = len(columns), row_count
    written = [_Written(column, place, width) for place, column in enumerate(columns)]
    while left:
        count = min(column.ready() for column in written)
        left -= count
        if count == 1:  # its values may be long: one at a time
            for column in written:
                out.writelines(column.take(1))
            continue
        values = [b""] * (count * width)
        for place, column in enumerate(written):
            values[place::width] = column.take(count)
        out.write(b"".join(values))
    if row_count:
        out.seek(-1, SEEK_CUR)  # the comma behind the last row
    out.write(b"]")
    return out.getvalue()


class _Written:
    """One column's values as they stand in their rows, with the brackets and commas around them."""

    def __init__(self, column: Column, place: int, width: int) -> None:
        self._cells = column.cells
        self._places = column.cells.places(min(WINDOW_BYTES, _ALL_WINDOWS_BYTES // width))
        self._place = (0, 0)  # of the window
        self._json: CellJson = cell_json(column.type_oid, column.type_name, column.delimiter)
        quote = b'"' if self._json.is_quoted else b""
        opening, closing = b"[" if place == 0 else b"", b"]," if place == width - 1 else b","
        self._opening, self._closing = opening + quote, quote + closing
        self._between = self._closing + END + self._opening
        self._null = opening + b"null" + closing
        self._values: list[bytes] = []  # of the window, once the first is taken and until the last is
        self._left = 0  # of the window
        self._seen = 0  # of the column, with the values

    def ready(self) -> int:
        """How many values can be taken; at least one. None is an object before it is taken."""
        if self._left == 0:
            self._place = next(self._places)
            self._left = self._cells.data.count(END, *self._place) + 1
        return self._left

    def take(self, count: int) -> list[bytes]:
        """The next values, not more than are ready."""
        values = self._values or self._cut()
        first = len(values) - self._left
        self._left -= count
        self._values = values if self._left else []
        return values[first : first + count]

    def _cut(self) -> list[bytes]:
        text = self._json.encode(self._cells.between(*self._place)).replace(END, self._between)
        values = b"".join((self._opening, text, self._closing)).split(END)
        first, self._seen = self._seen, self._seen + len(values)
        for place in self._cells.nulls_between(first, self._seen):
            values[place - first] = self._null
        return values
