"""Rows that nobody is given: they are received, counted and thrown away."""

from __future__ import annotations

from struct import Struct

from postern.edges.postgres.protocol import DATA_ROW
from postern.edges.postgres.rows import Full, RowCollector
from postern.ports import Limits

_LENGTH = Struct("!I").unpack_from
MAX_BYTES = 64 * 1024 * 1024  # of all rows of one statement, and so of one row


class RowCounter(RowCollector):
    """Counts DataRows up to a bound of bytes; their statement is not described, so they have no columns."""

    def __init__(self) -> None:
        super().__init__(0, Limits(0, MAX_BYTES, MAX_BYTES, statement_timeout_ms=1, lock_timeout_ms=1))

    def take(self, data: bytes, position: int) -> int:
        """As `RowCollector.take`, without looking into a row."""
        end = len(data)
        while end - position >= 5 and data[position] == DATA_ROW:
            length = _LENGTH(data, position + 1)[0]
            if self.received_bytes + length > MAX_BYTES:
                self.full = Full.BYTES
                break
            if position + 1 + length > end:
                break
            position += 1 + length
            self.received_bytes += length
            self.row_count += 1
        return position
