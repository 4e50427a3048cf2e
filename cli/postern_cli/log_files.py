"""Files of a database's log on disk, plain or gzipped, read line by line."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from postern.reconcile.entries import MAX_ENTRY_BYTES, Entry, unreadable
from postern.reconcile.formats import Format, LogReader, tell_format
from postern.reconcile.merge import LogFile
from postern_cli.stop import Exit, Stop

_HEAD_BYTES = 4096
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class LogFiles:
    """The files of one log; `format_` is theirs, None where each file is to tell its own."""

    paths: Sequence[Path]
    reader: LogReader
    format_: Format | None

    def files(self) -> list[LogFile]:
        """Each file that holds a message. Raises `Stop`, and `UnreadableLog` where a file's beginning is no log's."""
        found = []
        for path in self.paths:
            first = next(self._read(path), None)
            if first is not None:
                found.append(LogFile(first.time_us, lambda path=path: self._read(path)))  # type: ignore[misc]
        return found

    def _read(self, path: Path) -> Iterator[Entry]:
        try:
            with _open(path) as file:
                head = file.read(_HEAD_BYTES)
                file.seek(0)
                yield from self.reader.read(self.format_ or tell_format(head), head, _lines(file, path), str(path))
        except (OSError, EOFError, zlib.error) as error:
            said = getattr(error, "strerror", None) or type(error).__name__
            raise Stop(Exit.UNKNOWN, f"{path}: expected a log that can be read, got {said}") from error


def _open(path: Path) -> IO[bytes]:
    file = path.open("rb")
    is_gzip = file.read(len(_GZIP)) == _GZIP
    file.seek(0)
    return gzip.GzipFile(fileobj=file) if is_gzip else file  # type: ignore[return-value]


def _lines(file: IO[bytes], path: Path) -> Iterator[bytes]:
    """The lines without their line feeds. A last one without it is still being written, and is left out."""
    number = 0
    while line := file.readline(MAX_ENTRY_BYTES + 1):
        number += 1
        if line.endswith(b"\n"):
            yield line[:-1]
        elif len(line) > MAX_ENTRY_BYTES:
            raise unreadable(str(path), number, f"a line of at most {MAX_ENTRY_BYTES} bytes", "a longer one")
