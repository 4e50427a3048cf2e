"""The answer to a statement, as the commands use it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from postern_cli.gate.shapes import convert_answer


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an answer; `mask` names what hides its values."""

    name: str
    type: str
    mask: str | None


@dataclass(frozen=True, slots=True)
class Masked:
    """How often a mask stands in a column."""

    column: str
    mask: str
    count: int


@dataclass(frozen=True, slots=True)
class QueryAnswer:
    """The members that are printed; `whole` is the body as it came."""

    command_id: str
    columns: list[Column]
    rows: list[list[Any]]
    row_count: int
    affected: int | None
    truncated: bool
    masked: list[Masked]
    settled: bool | None = None
    replayed: bool = False


def parse_answer(body: object) -> QueryAnswer:
    """Raises `Stop` for what is no answer to a statement."""
    return convert_answer(body, QueryAnswer)
