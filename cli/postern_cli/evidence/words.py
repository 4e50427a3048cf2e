"""Text of records on its way to a page or a table: every character visible, every text bounded."""

from __future__ import annotations

from postern_cli.terminal import printable

CELL_CHARACTERS = 4096  # of one text in a table; the record has it whole


def shown(text: str, limit: int) -> str:
    """The text with controls and marks of direction escaped, and cut with a note where it is longer than `limit`."""
    if len(text) <= limit and text.isprintable():
        return text  # nearly all of them; to look at each character takes longer than all the rest of a row
    whole = printable(text[: limit + 1])
    return whole if len(text) <= limit else f"{whole[:limit]} … [{len(text):,} characters]"


def counted(number: int, one: str, many: str | None = None) -> str:
    """`1 task`, `2 tasks`."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"
