"""The answer to a statement in words: counts, masks, what is left, and the rows behind a fence. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from postern.edges.mcp.fence import Draw, fenced
from postern.edges.mcp.printable import printable
from postern.edges.mcp.table import text_table
from postern.edges.mcp.task_text import budgets_text

# Of the statements of one transaction, and one statement more: with the rows as such it must fit into Lambda's answer.
MAX_ROWS_TEXT = 40_000


def statement_text(answer: Mapping[str, Any], draw: Draw, *, skipped: int = 0) -> tuple[str, int]:
    """The words, and how many rows they show; `skipped` rows were read for them and are not among them."""
    lines = [_counted(answer)]
    masked = [f"{_name(one['column'])} {_name(one['mask'])} {one['count']}×" for one in answer["masked"][:50]]
    if masked:
        of = f" in all {skipped + answer['row_count']} rows read" if skipped else ""
        lines.append(f"Masked{of}: {', '.join(masked)}.")
    shown = 0
    if answer["columns"]:
        table = text_table([one["name"] for one in answer["columns"]], answer["rows"])
        shown = table.shown
        lines.append(fenced(table.text, draw))
        if shown < len(answer["rows"]):
            lines.append(f"The text shows {shown} of {len(answer['rows'])} rows: all are in the structured content.")
    return "\n".join(lines), shown


def statements_text(answers: Sequence[Mapping[str, Any]], draw: Draw) -> str:
    """Several statements' words. Where the rows of some have filled the text, the others are told by their counts."""
    words: list[str] = []
    left = MAX_ROWS_TEXT
    for number, answer in enumerate(answers, 1):
        if left > 0:
            text, _ = statement_text(answer, draw)
        else:
            text = _counted(answer) + (" They are in the structured content." if answer["rows"] else "")
        left -= len(text)
        words.append(f"Statement {number}: {text}")
    return "\n".join(words)


def closing_text(answer: Mapping[str, Any]) -> str:
    """What stands at the end of an answer: whether it is settled, a replay, and what is left."""
    lines = []
    if answer.get("replayed"):
        lines.append("This is what is on record of an earlier call with the same key: nothing was written again.")
    if answer.get("settled") is False:
        lines.append("It is written; the record of its commit follows.")
    left = answer.get("remaining")
    if left:
        lines.append(budgets_text(left))
    return "\n".join(lines)


def _counted(answer: Mapping[str, Any]) -> str:
    rows = f"Rows: {answer['row_count']}" + (", and there are more" if answer["truncated"] else "")
    if answer["affected"] is not None:
        rows = f"Rows written: {answer['affected']}" + (f". {rows}" if answer["columns"] else "")
    return f"{rows}. Command {_name(answer['command_id'])}."


def _name(value: object) -> str:
    return printable(str(value), at_most=100)
