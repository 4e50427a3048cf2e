"""One statement run, its rows on standard output, and what must be known beside them on standard error."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import Any

from postern_cli.query.formats import notes, print_rows, tail
from postern_cli.query.session import Session
from postern_cli.terminal import printable


@dataclass(frozen=True, slots=True)
class Asked:
    """A statement and how its rows are wanted; no `sql` is a prompt."""

    sql: str | None
    params: list[Any]
    key: str | None
    output: str
    escape_formulas: bool


def run_statement(session: Session, asked: Asked) -> None:
    """Raises `Stop` where it did not run, or that cannot be told."""
    body, answer = session.run(asked.sql or "", asked.params, asked.key)
    if asked.output == "json":
        print(json.dumps(body))
    else:
        print_rows(answer, asked.output, escape_formulas=asked.escape_formulas)
    if asked.output == "table":
        print(tail(answer))
    for note in notes(answer, asked.output, session.max_rows):
        print(f"postern: {printable(note)}", file=sys.stderr)
