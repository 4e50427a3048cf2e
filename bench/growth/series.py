"""Costs by size, how they grow, and how that is told."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

FLAT = 1.25  # times the smallest size's cost: below, what disturbs a machine is as much as what grows


@dataclass(frozen=True, slots=True)
class Series:
    """What one cost was at each size."""

    name: str
    of: str  # what the size counts
    unit: str
    samples: Mapping[int, Sequence[float]]

    def median(self, size: int) -> float:
        return statistics.median(self.samples[size])

    @property
    def sizes(self) -> list[int]:
        return sorted(self.samples)

    @property
    def ratio(self) -> float:
        """The largest size's cost over the smallest's."""
        return self.median(self.sizes[-1]) / self.median(self.sizes[0])

    @property
    def a_thousand(self) -> float:
        """What a thousand more cost, by least squares over the medians."""
        medians = [self.median(size) for size in self.sizes]
        return statistics.linear_regression(self.sizes, medians).slope * 1000

    @property
    def verdict(self) -> str:
        if self.ratio < FLAT:
            return "flat"
        return f"{self.a_thousand:+.3g} {self.unit} a thousand"

    @property
    def label(self) -> str:
        return f"{self.name}, by {self.of}"

    def row(self) -> list[str]:
        """For a table: name, what grows, the cost at the smallest and the largest size, their ratio, the slope."""
        ends = [f"{size:,}: {_middle(self.samples[size])} {self.unit}" for size in (self.sizes[0], self.sizes[-1])]
        return [self.name, self.of, *ends, f"{self.ratio:.2f}", self.verdict]


def up_to(most: int, sizes: Sequence[int]) -> list[int]:
    """The sizes that are not beyond the most that is asked for."""
    return [size for size in sizes if size <= most]


def _middle(values: Sequence[float]) -> str:
    """The median, and the middle half in brackets, to three digits: costs differ by powers of ten."""
    low, median, high = statistics.quantiles(values, n=4)
    return f"{median:.3g} ({low:.3g} to {high:.3g})"


def cpu_ms(call: Callable[[], object], times: int) -> float:
    """Milliseconds of processor of one call, all threads of this process together, over so many."""
    begun_s = time.process_time()
    for _ in range(times):
        call()
    return (time.process_time() - begun_s) * 1000 / times


def measured(calls: Mapping[int, Callable[[], object]], *, repeats: int, times: int = 10) -> dict[int, list[float]]:
    """Milliseconds of processor of each size's call, in turns: what disturbs one disturbs the others."""
    for call in calls.values():
        call()
    samples: dict[int, list[float]] = {size: [] for size in calls}
    for _ in range(repeats):
        for size, call in calls.items():
            samples[size].append(cpu_ms(call, times))
    return samples
