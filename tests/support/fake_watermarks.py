"""What the reaper left for the gate to read, in memory."""

from __future__ import annotations

from dataclasses import dataclass, field

from postern.errors import StateUnavailable
from postern.reap_ports import Watermark
from tests.support.domain import NOW_S


@dataclass
class FakeWatermarks:
    """What the gate reads: a watermark two minutes old, unless a test says otherwise."""

    mark: Watermark | None = field(default_factory=lambda: Watermark(NOW_S * 1_000_000 - 120_000_000, 0))
    away: bool = False
    reads: int = 0

    def read(self, log: str) -> Watermark | None:
        self.reads += 1
        if self.away:
            raise StateUnavailable("state.unavailable", "the state table cannot be reached: try again")
        return self.mark
