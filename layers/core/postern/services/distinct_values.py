"""How many different values there are among very many, told exactly and in little memory."""

from __future__ import annotations

from collections.abc import Iterable

from postern.packed_cells import END

_AT_ONCE = 8_192  # values that are objects at the same time
_PARTS = 32


class DistinctValues:
    """Counts byte strings without NUL, each once. It takes about as much memory as they have bytes.

    Few are kept in a set. Many are put aside, by their hash into one of several runs of bytes: what is equal comes into
    the same run, so the runs are counted one after the other.
    """

    def __init__(self) -> None:
        self._fresh: set[bytes] = set()
        self._aside: list[bytearray] = []

    def add(self, values: Iterable[bytes]) -> None:
        self._fresh.update(values)
        if len(self._fresh) > _AT_ONCE:
            self._put_aside()

    def count(self) -> int:
        """To be called last: what was counted is forgotten."""
        if not self._aside:
            return len(self._fresh)
        self._put_aside()
        counted = 0
        while self._aside:
            counted += len(set(bytes(self._aside.pop()).split(END)[:-1]))
        return counted

    def _put_aside(self) -> None:
        self._aside = self._aside or [bytearray() for _ in range(_PARTS)]
        for value in self._fresh:
            run = self._aside[hash(value) % _PARTS]
            run += value
            run += END
        self._fresh.clear()
