"""The line of a statement that an error points at, with a caret under the place. Pure."""

from __future__ import annotations

from postern.edges.mcp.printable import printable

_WIDTH = 100  # characters around the place


def caret_line(sql: str, position: int) -> str | None:
    """Two lines; None where the place, 1-based in characters, is not in the statement."""
    if not 1 <= position <= len(sql) + 1:
        return None
    before, after = sql[: position - 1], sql[position - 1 :]
    # Only what breaks lines here breaks them in PostgreSQL's messages.
    head = before[before.rfind("\n") + 1 :][-_WIDTH:]
    tail = after.partition("\n")[0][:_WIDTH]
    shown = printable(head, at_most=_WIDTH)
    return f"{shown}{printable(tail, at_most=_WIDTH)}\n{' ' * len(shown)}^"
