"""Events as JSON lines: a file a day, its events in the order of their times."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from io import BufferedWriter
from pathlib import Path
from typing import Any


@dataclass(slots=True)
class JsonLines:
    """Implements `export.Sink`. Days must come in order, so that one file is open at a time."""

    out: Path
    files: list[Path] = field(default_factory=list)
    _file: BufferedWriter | None = None

    def write(self, day: str, event: dict[str, Any], _size: int, /) -> None:
        path = self.out / f"{day}.jsonl"
        if not self.files or self.files[-1] != path:
            self.close()
            self._file = path.open("xb")
            self.files.append(path)
        assert self._file is not None  # noqa: S101
        # ASCII alone: no reader takes a character of a record for the end of a line.
        line = json.dumps(event, ensure_ascii=True, sort_keys=True, separators=(",", ":"), allow_nan=False)
        self._file.write(line.encode("ascii") + b"\n")

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
