"""Where a verification keeps what ties distant objects together, so that memory does not grow with the log.

Rows of a kind have one width. A row is filed by its first bytes, or by a number that the caller gives; what is in one
file is looked at together, by whichever process, and nothing is read while rows of its kind are still being added.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from enum import StrEnum
from typing import Protocol


class Kind(StrEnum):
    """What rows there are; their forms are in `rows`."""

    WAL = "wal"  # an object under wal/, by its digest
    ENTRY = "entry"  # an entry of a log, by its digest
    CHAIN = "chain"  # a record's place in its writer's chain, by environment
    PLACE = "place"  # a record's place in its log, by id
    ASIDE = "aside"  # blobs, quarantines and records without a place, by id
    NOTE = "note"  # checkpoints by the digest of their bytes
    CLAIM = "claim"  # who says that a tree of this size has this root, by size


class Spill(Protocol):
    """Rows on disk or in memory. One for a verification; each process adds to files of its own."""

    @property
    def portion_bytes(self) -> int:
        """Of rows that are looked at together: what they take in memory is some three times that."""
        ...

    def add(self, kind: Kind, part: int, row: bytes) -> None:
        """Files a row."""
        ...

    def flush(self) -> None:
        """Makes what this process added visible to all."""
        ...

    def parts(self, *kinds: Kind) -> list[int]:
        """The numbers of the files that hold a row of one of the kinds, ascending."""
        ...

    def rows(self, kind: Kind, part: int) -> Iterator[bytes]:
        """The rows of a file, joined, in pieces of whole rows."""
        ...

    def drop(self, kind: Kind, part: int) -> None:
        """Forgets a file."""
        ...


class MemorySpill:
    """A `Spill` for small logs and for tests."""

    def __init__(self, portion_bytes: int = 6 * 1024 * 1024) -> None:
        self.portion_bytes = portion_bytes
        self._files: defaultdict[tuple[Kind, int], bytearray] = defaultdict(bytearray)

    def add(self, kind: Kind, part: int, row: bytes) -> None:
        self._files[kind, part] += row

    def flush(self) -> None:
        """Everything is visible at once."""

    def parts(self, *kinds: Kind) -> list[int]:
        return sorted({part for kind, part in self._files if kind in kinds})

    def rows(self, kind: Kind, part: int) -> Iterator[bytes]:
        if (kind, part) in self._files:
            yield bytes(self._files[kind, part])

    def drop(self, kind: Kind, part: int) -> None:
        self._files.pop((kind, part), None)
