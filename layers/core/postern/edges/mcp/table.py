"""Rows as a compact text table: bounded in width and length, NULL told from text, every cell on its line. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from postern.edges.mcp.jsonrpc import encode
from postern.edges.mcp.printable import printable

MAX_CELL = 200  # characters
MAX_LINE = 2_000
MAX_TABLE = 20_000
SEPARATOR = " | "


@dataclass(frozen=True, slots=True)
class Table:
    """`text` shows the first `shown` rows."""

    text: str
    shown: int


def text_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    """The head and as many rows from the first on as have room; each is one line."""
    lines = [_line([_text_cell(name) for name in columns])]
    left = MAX_TABLE - len(lines[0])
    for row in rows:
        line = _line([cell(value) for value in row])
        left -= len(line) + 1
        if left < 0:
            break
        lines.append(line)
    return Table("\n".join(lines), len(lines) - 1)


def cell(value: object) -> str:
    """A value as it stands in a table: no two kinds of value look alike, and none has a separator in it."""
    match value:
        case None:
            return "NULL"
        case bool():
            return "true" if value else "false"
        case str():
            return _text_cell(value)
        case list() | dict():
            return _escaped(encode(value).decode())
        case _:
            return str(value)


def _text_cell(text: str) -> str:
    if text in ("", "NULL", "true", "false") or text != text.strip():
        return f'"{_escaped(text)}"'
    return _escaped(text)


def _escaped(text: str) -> str:
    return printable(text, at_most=MAX_CELL).replace("|", "\\|")


def _line(cells: Sequence[str]) -> str:
    """The cells that have room, and how many have none."""
    length, fits = 0, 0
    for one in cells:
        length += len(one) + len(SEPARATOR)
        if length > MAX_LINE and fits:
            break
        fits += 1
    left_out = len(cells) - fits
    return SEPARATOR.join(cells[:fits]) + (f"{SEPARATOR}…(+{left_out} columns)" if left_out else "")
