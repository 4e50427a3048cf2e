"""Rows of a verification on disk: a folder a kind, a folder a file, in it a file for each process that added to it."""

from __future__ import annotations

import io
import os
import shutil
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from postern.audit.verify.rows import WIDTHS
from postern.audit.verify.spill import Kind

_HELD_BYTES = 6 * 1024 * 1024  # in memory before they are written: a process's
_READ_ROWS = 8192


@dataclass(slots=True)
class DiskSpill:
    """Implements `postern.audit.verify.spill.Spill`. Handed to another process it begins with nothing in memory."""

    folder: Path
    _held: defaultdict[tuple[str, int], bytearray] = field(default_factory=lambda: defaultdict(bytearray))
    _bytes: int = 0

    def __getstate__(self) -> Path:
        return self.folder

    def __setstate__(self, folder: Path) -> None:
        self.folder, self._held, self._bytes = folder, defaultdict(bytearray), 0

    def add(self, kind: Kind, part: int, row: bytes) -> None:
        self._held[kind, part] += row
        self._bytes += len(row)
        if self._bytes > _HELD_BYTES:
            self.flush()

    def flush(self) -> None:
        for (kind, part), data in self._held.items():
            folder = f"{self.folder}/{kind}/{part}"
            path = f"{folder}/{os.getpid()}"
            try:
                handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            except FileNotFoundError:
                Path(folder).mkdir(parents=True, exist_ok=True)
                handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(data)
        self._held.clear()
        self._bytes = 0

    def parts(self, *kinds: Kind) -> list[int]:
        return sorted({int(name) for kind in kinds for name in _names(f"{self.folder}/{kind}")})

    def rows(self, kind: Kind, part: int) -> Iterator[bytes]:
        folder = f"{self.folder}/{kind}/{part}"
        for name in sorted(_names(folder)):
            with io.FileIO(f"{folder}/{name}") as file:
                # A read of a plain file gives all that is asked for, but at the file's end.
                while data := file.read(WIDTHS[kind] * _READ_ROWS):
                    yield data

    def drop(self, kind: Kind, part: int) -> None:
        shutil.rmtree(f"{self.folder}/{kind}/{part}", ignore_errors=True)


def _names(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries]
    except FileNotFoundError:
        return []
