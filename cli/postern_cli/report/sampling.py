"""A random sample that nobody chose and anybody can draw again.

Each row of a population has a rank: SHA-256 of `<seed>/<population>/<log>/<index>`, in hex. The sample is the rows with
the lowest ranks, in their order. The seed, where none was given, is SHA-256 over the texts of the logs' signed
checkpoints, in the order of the logs' names: it was not known before the last record of the log was.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from postern.tlog.checkpoints import Checkpoint, format_checkpoint


@dataclass(frozen=True, slots=True, order=True)
class Drawn:
    """A sampled row: its rank, its record's place, and the places of the further records that it is of."""

    rank: str
    log: str
    index: int
    also: tuple[int, ...] = ()


def seed_of(heads: Iterable[Checkpoint]) -> str:
    """The seed that follows from the signed heads, which are in the order of their logs' names."""
    return hashlib.sha256("".join(format_checkpoint(head) for head in heads).encode()).hexdigest()


def rank(seed: str, population: str, log: str, index: int) -> str:
    return hashlib.sha256(f"{seed}/{population}/{log}/{index}".encode()).hexdigest()


class Sample:
    """Draws from rows as they come, and holds no more than it draws."""

    def __init__(self, seed: str, population: str, size: int) -> None:
        self._seed, self._population, self._size = seed, population, size
        self._drawn: list[tuple[int, Drawn]] = []  # a heap, the highest rank first

    def offer(self, log: str, index: int, also: Sequence[int]) -> None:
        drawn = Drawn(rank(self._seed, self._population, log, index), log, index, tuple(also))
        item = (-int(drawn.rank, 16), drawn)
        if len(self._drawn) < self._size:
            heapq.heappush(self._drawn, item)
        elif self._size:
            heapq.heappushpop(self._drawn, item)

    def __iter__(self) -> Iterator[Drawn]:
        yield from sorted(drawn for _, drawn in self._drawn)
