"""Rows as a table, as CSV, as JSON and as lines of JSON.

What a terminal gets has every character escaped that is not printable, whatever the format. What a file or a pipe gets
is the data: CSV as RFC 4180 has it, JSON in ASCII.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from postern_cli.query.answers import Column, QueryAnswer
from postern_cli.tables import open_console
from postern_cli.terminal import printable

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NULL = "NULL"
_NUMBERS = frozenset({"smallint", "integer", "bigint", "numeric", "real", "double precision"})
_MOST_FITTED = 1000  # rows that are fitted to the terminal, which takes a millisecond each


def print_rows(answer: QueryAnswer, output: str, *, escape_formulas: bool = False) -> None:
    """The rows in one of the formats of `settings.keys.OUTPUTS` but `json`, which is the gate's answer itself."""
    if output == "csv":
        print_csv(answer, escape_formulas=escape_formulas)
    elif output == "jsonl":
        for line in json_lines(answer):
            print(line)
    else:
        print_table(answer)


def print_table(answer: QueryAnswer) -> None:
    """The rows under their names; a masked column says by what. NULL is dim where colours are."""
    if not answer.columns:
        return
    if sys.stdout.isatty() and len(answer.rows) <= _MOST_FITTED:
        _print_fitted(answer)
        return
    for line in _aligned(answer):
        print(line)


def _print_fitted(answer: QueryAnswer) -> None:
    """As wide as the terminal: cells that are longer are folded."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in answer.columns:
        justify: Literal["left", "right"] = "right" if column.type in _NUMBERS else "left"
        style = "yellow" if column.mask else ""
        table.add_column(Text(heading(column), style=style), justify=justify, overflow="fold")
    for row in answer.rows:
        table.add_row(*(Text(cell(value), style="dim" if value is None else "") for value in row))
    open_console().print(table)


def _aligned(answer: QueryAnswer) -> Iterator[str]:
    """A line a row, as wide as it needs: a hundred thousand of them in seconds."""
    from rich.cells import cell_len

    lines = [[heading(column) for column in answer.columns], *([cell(value) for value in row] for row in answer.rows)]
    widths = [max(map(cell_len, texts)) for texts in zip(*lines, strict=True)]
    right = [column.type in _NUMBERS for column in answer.columns]
    for line in lines:
        pads = (" " * (width - cell_len(text)) for text, width in zip(line, widths, strict=True))
        parts = (pad + text if is_right else text + pad for text, pad, is_right in zip(line, pads, right, strict=True))
        yield "  ".join(parts).rstrip()


def print_expanded(answer: QueryAnswer) -> None:
    """A row after the other, a column a line: for rows that are wider than the terminal."""
    names = [heading(column) for column in answer.columns]
    width = max(map(len, names), default=0)
    for number, row in enumerate(answer.rows, 1):
        print(f"-- row {number}")
        for name, value in zip(names, row, strict=True):
            print(f"{name:<{width}}  {cell(value)}")


def heading(column: Column) -> str:
    return printable(column.name) + (f" [{printable(column.mask)}]" if column.mask else "")


def cell(value: object) -> str:
    """A value for a person."""
    if value is None:
        return _NULL
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return printable(text)


def print_csv(answer: QueryAnswer, *, escape_formulas: bool) -> None:
    """NULL is an empty field and the empty text is `""`; a formula gets an apostrophe before it where that is asked."""
    seen: Callable[[str], str] = (lambda text: printable(text, keep="\n")) if sys.stdout.isatty() else str
    for row in ([column.name for column in answer.columns], *answer.rows):
        print(",".join(_field(value, seen, escape_formulas=escape_formulas) for value in row), end="\r\n")


def json_lines(answer: QueryAnswer) -> Iterator[str]:
    """A JSON object a row. Columns that share a name get a number behind it: `n`, `n_2`."""
    names = distinct_names([column.name for column in answer.columns])
    for row in answer.rows:
        yield json.dumps(dict(zip(names, row, strict=True)))


def distinct_names(names: Sequence[str]) -> list[str]:
    """The names, each once: a number behind a name that is there already."""
    taken: dict[str, None] = {}
    for name in names:
        number, distinct = 1, name
        while distinct in taken:
            number += 1
            distinct = f"{name}_{number}"
        taken[distinct] = None
    return list(taken)


def notes(answer: QueryAnswer, output: str, most: int | None) -> Iterator[str]:
    """What a reader of the rows must know beside them."""
    if answer.replayed:
        yield "this was written before, under the same key: rows are not kept, counts are as recorded"
    elif answer.truncated:
        bound = "" if most is None else f" than {most:,} rows"
        yield f"truncated: there is more{bound}; narrow the statement, or raise --max-rows"
    if output != "table" and answer.masked:
        yield f"masked: {', '.join(f'{one.column} ({one.mask}, {one.count:,})' for one in answer.masked)}"
    if answer.settled is False:
        yield f"written, and the record of its commit follows (command {answer.command_id})"


def tail(answer: QueryAnswer) -> str:
    """What stands under a table."""
    if answer.affected is not None and not answer.columns:
        return f"{answer.affected:,} rows written"
    written = "" if answer.affected is None else f", {answer.affected:,} written"
    return f"{answer.row_count:,} {'row' if answer.row_count == 1 else 'rows'}{written}"


def _field(value: object, seen: Callable[[str], str], *, escape_formulas: bool) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if escape_formulas and isinstance(value, str) and text.startswith(_FORMULA):
        text = f"'{text}"
    text = seen(text)
    return '"' + text.replace('"', '""') + '"' if text == "" or any(one in text for one in '",\r\n') else text
