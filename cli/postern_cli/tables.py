"""Rows for a person: a table as wide as the terminal, and as wide as it needs where no terminal is."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

_UNBOUNDED = 100_000  # columns: what is piped is not folded


def open_console() -> Console:
    """Standard output; colours only on a terminal, and none where NO_COLOR is set."""
    from rich.console import Console

    console = Console(highlight=False, markup=False, emoji=False)
    if not sys.stdout.isatty():
        console.width = _UNBOUNDED
    return console


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """The rows under their columns; nothing where there are none. Cells must be printable."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for column in columns:
        # An id that is cut off is of no use, and one in pieces cannot be copied: it is the first column everywhere.
        table.add_column(Text(column), overflow="fold", no_wrap=column == columns[0])
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    if rows:
        console = open_console()
        if title:
            console.print(Text(title))
        console.print(table)
