"""The text values of one column in one run of bytes, as a database sent them.

A value as an object of its own takes some 50 bytes more than its text, and most columns are looked over and written
out as a whole. So they stay together:

    data   UTF-8, a NUL behind each value: no text of PostgreSQL's can hold one
    nulls  the places of NULL, ascending; each is an empty value in `data`

`packed` makes one of values that are objects already; `CellPacker` takes them as they come from a server.
"""

from __future__ import annotations

import codecs
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import overload

END = b"\0"
_CHECKED_AT_ONCE = 65_536  # bytes


@dataclass(frozen=True, slots=True, eq=False)
class PackedCells(Sequence["str | None"]):
    """A column's values. What uses them one by one unpacks all: that is for the few rows of a question of our own."""

    data: bytes | bytearray
    nulls: Sequence[int]
    length: int

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[str | None]:
        cells: list[str | None] = [*self.data.decode().split("\0")]
        cells.pop()
        for place in self.nulls:
            cells[place] = None
        return iter(cells)

    @overload
    def __getitem__(self, place: int) -> str | None: ...
    @overload
    def __getitem__(self, place: slice) -> list[str | None]: ...
    def __getitem__(self, place: int | slice) -> str | list[str | None] | None:
        return list(self)[place]

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, Sequence) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # as of lists, to which it is equal

    def windows(self, size: int) -> Iterator[bytes]:
        """Whole values of about `size` bytes together, a NUL between them; a longer value stands alone or last."""
        for start, end in self.places(size):
            yield self.between(start, end)

    def places(self, size: int) -> Iterator[tuple[int, int]]:
        """Where in `data` each of the `windows` begins and ends."""
        data, start = self.data, 0
        while start < len(data):
            end = data.find(END, min(start + size, len(data) - 1))
            yield start, end
            start = end + 1

    def between(self, start: int, end: int) -> bytes:
        """What `data` has from `start` up to, without, `end`."""
        return bytes(memoryview(self.data)[start:end])  # copied once: a slice of it would be of its own kind

    def nulls_between(self, first: int, after: int) -> Sequence[int]:
        """The places of NULL from `first` up to, without, `after`."""
        return self.nulls[bisect_left(self.nulls, first) : bisect_left(self.nulls, after)] if self.nulls else ()


def packed(cells: Sequence[str | None]) -> PackedCells:
    """The values as they are, packed. Raises `ValueError` for text that no database sends: with NUL, not Unicode."""
    if isinstance(cells, PackedCells):
        return cells
    nulls = array("I", [place for place, cell in enumerate(cells) if cell is None])
    data = "".join([f"{cell or ''}\0" for cell in cells]).encode()
    if data.count(END) != len(cells):
        raise ValueError("cells: expected text without NUL characters")
    return PackedCells(data, nulls, len(cells))


@dataclass(slots=True)
class CellPacker:
    """Takes a column's values batch by batch."""

    count: int = 0
    _data: bytearray = field(default_factory=bytearray)
    _nulls: array[int] = field(default_factory=lambda: array("I"))

    def add(self, cells: Sequence[bytes | memoryview], nulls: Iterable[int] = ()) -> None:
        """Takes the next values; `nulls` are the places among them that are NULL, and empty.

        Raises `ValueError` where one is not UTF-8 or holds a NUL.
        """
        start = len(self._data)
        if len(cells) == 1:  # it may be a megabyte: not copied but once
            self._data += cells[0]
        else:
            self._data += END.join(cells)
        self._data += END
        self._check(start, len(cells))
        self._nulls.extend([self.count + place for place in nulls])
        self.count += len(cells)

    def drop_last(self) -> None:
        """Forgets the last value."""
        self.count -= 1
        del self._data[self._data.rfind(END, 0, len(self._data) - 1) + 1 :]
        if self._nulls and self._nulls[-1] == self.count:
            self._nulls.pop()

    def cells(self) -> PackedCells:
        """What was taken. To be called last: the bytes are handed over, not copied."""
        return PackedCells(self._data, self._nulls, self.count)

    def _check(self, start: int, count: int) -> None:
        if self._data.count(END, start) != count:
            raise ValueError("cells: expected text without NUL bytes")
        decoder = codecs.getincrementaldecoder("utf-8")()
        with memoryview(self._data) as data:
            for place in range(start, len(data), _CHECKED_AT_ONCE):
                decoder.decode(data[place : place + _CHECKED_AT_ONCE])
