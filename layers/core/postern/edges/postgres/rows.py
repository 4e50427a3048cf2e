"""DataRow messages taken apart a column at a time, inside the statement's bounds.

The length of a message is judged before its body is waited for. This is the one loop that runs once per cell, so it is
written for speed: no object per row, and cells are objects only until their batch is packed.
"""

from __future__ import annotations

from collections import defaultdict
from enum import Enum
from struct import Struct

from pg8000.exceptions import InterfaceError

from postern.edges.postgres.protocol import DATA_ROW
from postern.packed_cells import CellPacker, PackedCells
from postern.ports import Limits

_BATCH_BYTES = 65_536  # of rows whose cells are objects at the same time; of one row where it is longer
_NULL = b"\xff\xff\xff\xff"  # -1 in the place of a size; UTF-8 never has that byte, and no size is as long
_LENGTH = Struct("!I").unpack_from
_SIZE = Struct("!I").unpack_from
_COUNT = Struct("!H").unpack_from
_NO_SIZE = 0x7FFF_FFFF  # what is above is negative


class Full(Enum):
    """Why no further row may be received."""

    BYTES = "the rows together pass the bound"
    WIDE = "one row or one cell alone passes its bound"  # a cell of a row for which there is room


class RowCollector:
    """The rows of one result, as text values by column; stops at the bounds and says why in `full`."""

    def __init__(self, column_count: int, limits: Limits) -> None:
        self.row_count = 0
        self.received_bytes = 0
        self.full: Full | None = None
        self._limits = limits
        self._columns = tuple(CellPacker() for _ in range(column_count))
        self._batch: list[bytes | memoryview] = []  # cells row by row
        self._batch_bytes = 0
        self._batch_nulls: list[int] = []  # places in the batch

    def take(self, data: bytes, position: int) -> int:
        """Takes the whole DataRows that start at `position`; returns the place after the last one taken.

        Stops at another message, at a row that is not whole yet, and, with `full` set, at a row that
        would pass a bound. A row is judged by its length as soon as that is there.
        """
        max_bytes, wide = self._limits.max_bytes, self._limits.max_cell_bytes
        received, taken, end = self.received_bytes, 0, len(data)
        columns, append = self._columns, self._batch.append
        is_plain = data.find(_NULL, position) == -1
        while end - position >= 5 and data[position] == DATA_ROW:
            length = _LENGTH(data, position + 1)[0]
            after = position + 1 + length
            # By the row's length first, which comes whole: its cells may be seen or not, as the bytes were cut.
            if received + length > max_bytes:
                self.full = Full.WIDE if length > max(max_bytes, wide) else Full.BYTES
                break
            if length > wide and self._has_wide_cell(data, position):
                self.full = Full.WIDE
                break
            if after > end:
                break
            cell = position + 7
            if is_plain and length <= _BATCH_BYTES:
                for _ in columns:
                    start = cell + 4
                    cell = start + _SIZE(data, cell)[0]
                    append(data[start:cell])
            else:
                cell = self._take_cells(data, cell)
            if cell != after:
                raise InterfaceError("DataRow: expected its length and its cells to agree")
            position = after
            received += length
            taken += 1
        self._count(taken, received)
        return position

    def columns(self) -> tuple[PackedCells, ...]:
        """The values received so far: one run a column, all of `row_count` values. No row is taken after this."""
        self.pack()
        return tuple(column.cells() for column in self._columns)

    def pack(self) -> None:
        """Packs what is not packed yet. Raises `ValueError` where a value is no text of PostgreSQL's."""
        width = len(self._columns)
        nulls: defaultdict[int, list[int]] = defaultdict(list)
        for place in self._batch_nulls:
            nulls[place % width].append(place // width)
        for place, column in enumerate(self._columns):
            if cells := self._batch[place::width]:
                column.add(cells, nulls[place])
        self._batch.clear()
        self._batch_nulls.clear()
        self._batch_bytes = 0

    def drop_last(self) -> None:
        """Forgets the last row: the one that was asked for only to know whether there were more."""
        self.pack()
        for column in self._columns:
            column.drop_last()
        self.row_count -= 1

    def _take_cells(self, data: bytes, cell: int) -> int:
        """Takes a row of which some cells are NULL, or long: those are not copied but once. The place after it."""
        view = memoryview(data)
        for _ in self._columns:
            size = _SIZE(data, cell)[0]
            cell += 4
            if size > _NO_SIZE:
                self._batch_nulls.append(len(self._batch))
                size = 0
            self._batch.append(view[cell : cell + size] if size > _BATCH_BYTES else data[cell : cell + size])
            cell += size
        return cell

    def _count(self, taken: int, received: int) -> None:
        self._batch_bytes += received - self.received_bytes
        self.row_count += taken
        self.received_bytes = received
        if self.row_count > self._limits.max_rows + 1:
            raise InterfaceError("DataRow: expected no more rows than were asked for")
        if self._batch_bytes >= _BATCH_BYTES:
            self.pack()

    def _has_wide_cell(self, data: bytes, position: int) -> bool:
        """Whether a cell passes its bound, as far as the row's cells can be seen yet."""
        if len(data) < position + 7:
            return False
        (count,) = _COUNT(data, position + 5)
        cell = position + 7
        for _ in range(count):
            if cell + 4 > len(data):
                return False
            (size,) = _SIZE(data, cell)
            if self._limits.max_cell_bytes < size <= _NO_SIZE:
                return True
            cell += 4 + (0 if size > _NO_SIZE else size)
        return False
