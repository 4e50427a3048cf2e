"""A table as CSV that a spreadsheet may open: RFC 4180, UTF-8, one row a line, no cell that is a formula.

Every control character in a cell is escaped as text, so a row is a line and a line is a row. A cell that begins with
what spreadsheets take for a formula, or with an apostrophe, gets one apostrophe before it: whoever reads the file with
a program takes off the first apostrophe of a cell that begins with one, and has the cell again.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from postern_cli.evidence.words import CELL_CHARACTERS, shown
from postern_cli.report.store import Cell

# What OWASP's page on CSV injection lists; controls never reach a cell, but a blank before a sign does not help.
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "'")


class CsvFile:
    """A file that is written row by row; `rows` and `sha256` are of what was written so far."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self._file: BinaryIO = path.open("wb")
        self._digest = hashlib.sha256()
        self._writer = csv.writer(self, lineterminator="\r\n")
        self._writer.writerow(columns)
        self.rows = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, row: Sequence[Cell]) -> None:
        self._writer.writerow([guarded(cell) for cell in row])
        self.rows += 1

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def write(self, text: str) -> int:
        """What `csv.writer` calls."""
        data = text.encode("utf-8")
        self._digest.update(data)
        return self._file.write(data)


def guarded(cell: Cell) -> str:
    """The cell as text that no spreadsheet computes."""
    if cell is None:
        return ""
    text = shown(str(cell), CELL_CHARACTERS)
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text
