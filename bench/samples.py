"""Times of a call, repeated, and how a table shows them. Machines are noisy: medians, and ratios inside one run."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence

from rich.console import Console
from rich.table import Table


def timed(call: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Milliseconds of one call."""
    begun = clock()
    call()
    return (clock() - begun) * 1000


def interleaved(
    repeats: int, *calls: Callable[[], object], clock: Callable[[], float] = time.perf_counter
) -> list[list[float]]:
    """Milliseconds of each call, `repeats` times, in turns: what disturbs one disturbs the other."""
    for call in calls:
        call()
    rounds = ([timed(call, clock) for call in calls] for _ in range(repeats))
    return [list(times) for times in zip(*rounds, strict=True)]


def middle(values: Sequence[float]) -> str:
    """The median, and the middle half in brackets."""
    low, median, high = statistics.quantiles(values, n=4)
    return f"{median:.1f} ({low:.1f} to {high:.1f})"


def percentile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def print_table(console: Console, first: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table whose first column is text and whose others are numbers."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column(first, no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    console.print(table)
