"""How accepted statements are cut into transactions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from postern.run_once.verdict import Checked


@dataclass(frozen=True, slots=True)
class Step:
    """Statements that stand or fall together: one transaction, or one statement outside of any."""

    first: int  # the place of its first statement in the whole list, from 0
    statements: tuple[Checked, ...]
    in_transaction: bool


def steps_of(statements: Sequence[Checked]) -> tuple[Step, ...]:
    """The statements in their order, those next to each other that can share a transaction in one step."""
    steps: list[Step] = []
    first = 0
    for in_transaction, group in groupby(statements, key=lambda statement: statement.in_transaction):
        together = tuple(group)
        for part in (together,) if in_transaction else ((one,) for one in together):
            steps.append(Step(first, part, in_transaction))
            first += len(part)
    return tuple(steps)
