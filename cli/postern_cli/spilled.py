"""Rows of a verification on disk: a folder a kind, in it one for each process that added to it."""

from __future__ import annotations

import io
import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from postern.audit.verify.rows import WIDTHS
from postern.audit.verify.spill import Kind

_MIB = 1024 * 1024
_READ_ROWS = 8192
_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND


@dataclass(slots=True)
class DiskSpill:
    """Implements `postern.audit.verify.spill.Spill`. Handed to another process it begins with nothing in memory."""

    folder: Path
    held_bytes: int = 6 * _MIB  # in memory before they are written: a process's
    portion_bytes: int = 6 * _MIB
    _held: defaultdict[tuple[str, int], bytearray] = field(default_factory=lambda: defaultdict(bytearray))
    _bytes: int = 0

    def __reduce__(self) -> tuple[type[DiskSpill], tuple[Path, int, int]]:
        return DiskSpill, (self.folder, self.held_bytes, self.portion_bytes)

    def add(self, kind: Kind, part: int, row: bytes) -> None:
        self._held[kind, part] += row
        self._bytes += len(row)
        if self._bytes > self.held_bytes:
            self.flush()

    def flush(self) -> None:
        for (kind, part), data in self._held.items():
            folder = f"{self.folder}/{kind}/{os.getpid()}"
            try:
                handle = os.open(f"{folder}/{part}", _APPEND, 0o600)
            except FileNotFoundError:
                Path(folder).mkdir(parents=True, exist_ok=True)
                handle = os.open(f"{folder}/{part}", _APPEND, 0o600)
            with io.FileIO(handle, "wb") as file:
                file.write(data)
        self._held.clear()
        self._bytes = 0

    def parts(self, *kinds: Kind) -> list[int]:
        writers = [f"{self.folder}/{kind}/{name}" for kind in kinds for name in _names(f"{self.folder}/{kind}")]
        return sorted({int(name) for writer in writers for name in _names(writer)})

    def rows(self, kind: Kind, part: int) -> Iterator[bytes]:
        for writer in sorted(_names(f"{self.folder}/{kind}")):
            try:
                file = io.FileIO(f"{self.folder}/{kind}/{writer}/{part}")
            except FileNotFoundError:
                continue  # this process had none
            with file:
                # A read of a plain file gives all that is asked for, but at the file's end.
                while data := file.read(WIDTHS[kind] * _READ_ROWS):
                    yield data

    def drop(self, kind: Kind, part: int) -> None:
        for writer in _names(f"{self.folder}/{kind}"):
            Path(f"{self.folder}/{kind}/{writer}/{part}").unlink(missing_ok=True)


def _names(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries]
    except FileNotFoundError:
        return []
