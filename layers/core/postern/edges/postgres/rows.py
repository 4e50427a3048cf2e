"""DataRow messages taken apart a column at a time, inside the statement's bounds.

The length of a message is judged before its body is waited for. This is the one loop that
runs once per cell, so it is written for speed: no object per row, cells decoded in batches.
"""

from __future__ import annotations

from enum import Enum
from struct import Struct

from pg8000.exceptions import InterfaceError

from postern.edges.postgres.protocol import DATA_ROW
from postern.ports import Limits

_ROWS_A_BATCH = 1024  # rows whose cells stand as bytes before they are decoded together
_LENGTH = Struct("!I").unpack_from
_SIZE = Struct("!i").unpack_from
_COUNT = Struct("!H").unpack_from


class Full(Enum):
    """Why no further row may be received."""

    BYTES = "the rows together pass the bound"
    WIDE = "one row or one cell alone passes its bound"


class RowCollector:
    """The rows of one result, as text values by column; stops at the bounds and says why in `full`."""

    def __init__(self, column_count: int, limits: Limits) -> None:
        self.row_count = 0
        self.received_bytes = 0
        self.full: Full | None = None
        self._limits = limits
        self._columns: tuple[list[str | None], ...] = tuple([] for _ in range(column_count))
        self._batch: tuple[list[bytes | None], ...] = tuple([] for _ in range(column_count))
        self._batch_rows = 0
        self._batch_has_nulls = False

    def take(self, data: bytes, position: int) -> int:
        """Takes the whole DataRows that start at `position`; returns the place after the last one taken.

        Stops at another message, at a row that is not whole yet, and, with `full` set, at a row that
        would pass a bound. A row is judged by its length as soon as that is there.
        """
        appends = [column.append for column in self._batch]
        max_bytes, wide = self._limits.max_bytes, self._limits.max_cell_bytes
        received, taken, end = self.received_bytes, 0, len(data)
        while end - position >= 5 and data[position] == DATA_ROW:
            length = _LENGTH(data, position + 1)[0]
            after = position + 1 + length
            if length > wide and self._is_too_wide(data, position, length):
                self.full = Full.WIDE
                break
            if received + length > max_bytes:
                self.full = Full.BYTES
                break
            if after > end:
                break
            cell = position + 7
            for append in appends:
                size = _SIZE(data, cell)[0]
                cell += 4
                if size < 0:
                    append(None)
                    self._batch_has_nulls = True
                else:
                    append(data[cell : cell + size])
                    cell += size
            if cell != after:
                raise InterfaceError("DataRow: expected its length and its cells to agree")
            position = after
            received += length
            taken += 1
        self._count(taken, received)
        return position

    def columns(self) -> tuple[list[str | None], ...]:
        """The values received so far: one list a column, all of `row_count` values."""
        self._decode_batch()
        return self._columns

    def drop_last(self) -> None:
        """Forgets the last row: the one that was asked for only to know whether there were more."""
        self._decode_batch()
        for column in self._columns:
            column.pop()
        self.row_count -= 1

    def _count(self, taken: int, received: int) -> None:
        self.row_count += taken
        self.received_bytes = received
        self._batch_rows += taken
        if self.row_count > self._limits.max_rows + 1:
            raise InterfaceError("DataRow: expected no more rows than were asked for")
        if self._batch_rows >= _ROWS_A_BATCH:
            self._decode_batch()

    def _is_too_wide(self, data: bytes, position: int, length: int) -> bool:
        """Whether a long row passes a bound, as far as its cells can be seen yet."""
        if length > self._limits.max_bytes:
            return True
        if len(data) < position + 7:
            return False
        (count,) = _COUNT(data, position + 5)
        cell = position + 7
        for _ in range(count):
            if cell + 4 > len(data):
                return False
            (size,) = _SIZE(data, cell)
            if size > self._limits.max_cell_bytes:
                return True
            cell += 4 + max(size, 0)
        return False

    def _decode_batch(self) -> None:
        """Decodes a batch of each column at once: a NUL byte can be in no text of PostgreSQL's, so it divides cells."""
        for cells, column in zip(self._batch, self._columns, strict=True):
            if not cells:
                continue
            nulls = [i for i, cell in enumerate(cells) if cell is None] if self._batch_has_nulls else []
            joined = b"\0".join([cell or b"" for cell in cells] if nulls else cells)  # type: ignore[arg-type]
            values: list[str | None] = [*joined.decode().split("\0")]
            if len(values) != len(cells):
                raise InterfaceError("DataRow: expected text without NUL bytes")
            for index in nulls:
                values[index] = None
            column += values
            cells.clear()
        self._batch_rows = 0
        self._batch_has_nulls = False
