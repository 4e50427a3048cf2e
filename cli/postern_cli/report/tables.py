"""What a page is made of: tables whose cells may name records, and pictures that have a table beside them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from postern_cli.report.named_records import Place
from postern_cli.report.store import Cell

Shown = Cell | Place


@dataclass(frozen=True, slots=True)
class Table:
    """`note` says what a reader must know of the figures, such as what was left out."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Shown, ...], ...]
    note: str = ""

    @property
    def places(self) -> list[Place]:
        return [cell for row in self.rows for cell in row if isinstance(cell, Place)]


@dataclass(frozen=True, slots=True)
class Picture:
    """`svg` is None where there is nothing to draw, and the table says so."""

    id: str
    title: str
    svg: Markup | None
    table: Table


@dataclass(frozen=True, slots=True)
class Fact:
    """One figure of an answer, in words; where the records of it are."""

    label: str
    value: str
    source: str = ""
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """One of the four questions, with what the log shows of it and what it does not."""

    id: str
    question: str
    facts: tuple[Fact, ...]
    tables: tuple[Table, ...] = ()
    not_shown: tuple[str, ...] = field(default=())


def top(rows: Iterable[Sequence[Cell]], most: int) -> tuple[list[tuple[str, list[int]]], int]:
    """The first rows as labels and numbers; what follows becomes one row of others. Returns how many these were."""
    kept: list[tuple[str, list[int]]] = []
    others: list[int] = []
    left = 0
    for label, *numbers in rows:
        values = [int(number or 0) for number in numbers]
        if len(kept) < most:
            kept.append((str(label) if label is not None else "(not told)", values))
            continue
        left += 1
        others = [one + other for one, other in zip(values, others or [0] * len(values), strict=True)]
    if left:
        kept.append((f"{left:,} others", others))
    return kept, left
