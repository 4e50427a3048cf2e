"""Where the time of one request went, step by step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from postern.clock_ports import Clock


@dataclass(slots=True)
class Stopwatch:
    """Sums the time of each named step, and knows how much of the request's time is left."""

    clock: Clock
    budget_s: float  # of the whole request, from its arrival
    steps_ms: dict[str, float] = field(default_factory=dict)
    spans: list[tuple[str, float, float]] = field(default_factory=list)  # each step's begin and end, since the start
    started_s: float = field(init=False)

    def __post_init__(self) -> None:
        self.started_s = self.clock.monotonic_s()

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        begun = self.clock.monotonic_s()
        try:
            yield
        finally:
            ended = self.clock.monotonic_s()
            self.steps_ms[name] = self.steps_ms.get(name, 0.0) + (ended - begun) * 1000
            self.spans.append((name, begun - self.started_s, ended - self.started_s))

    def elapsed_s(self) -> float:
        return self.clock.monotonic_s() - self.started_s

    def left_s(self) -> float:
        return max(0.0, self.budget_s - self.elapsed_s())

    def server_timing(self) -> str:
        """The steps as the value of a `Server-Timing` header, in milliseconds (W3C Server Timing section 2)."""
        return ", ".join(f"{name};dur={spent_ms:.2f}" for name, spent_ms in self.steps_ms.items())
