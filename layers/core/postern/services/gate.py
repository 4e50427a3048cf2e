"""The gate: no statement runs while the log of evidence lags, or after its epoch has ended.

Only what carries SQL passes here. Approving, revoking, tearing down and reaping never wait for evidence.

The watermark never goes back, so one that was read before is still a lower bound: as long as it is young enough a
table that cannot be read refuses nobody.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from postern.errors import EvidenceStale, StateUnavailable
from postern.ports import Clock
from postern.reaped import Watermark

KEPT_S = 30.0  # between two looks at the table
AHEAD_US = 60_000_000  # by how much clocks may differ: a watermark lies two minutes back when it is made


class ReadsWatermarks(Protocol):
    """The part of `reap_ports.Watermarks` that the gate needs."""

    def read(self, log: str) -> Watermark | None: ...


@dataclass(slots=True)
class Gate:
    """One a function's environment; for one thread."""

    watermarks: ReadsWatermarks
    clock: Clock
    log: str
    max_staleness_s: int
    epoch_ends_s: int  # Unix time: the first second that is no longer the epoch's
    _kept: Watermark | None = field(default=None, repr=False)
    _looked_s: float | None = None

    def check(self) -> None:
        """Returns if statements may run. Raises `EvidenceStale`."""
        now_us = self.clock.now_us()
        if now_us >= self.epoch_ends_s * 1_000_000:
            raise _shut("its epoch has ended")
        self._look(now_us)
        objection = self._objection(now_us)
        if objection is not None:
            raise _shut(objection)

    def _look(self, now_us: int) -> None:
        """Reads the watermark where none is kept, or it was read a while ago, or it does not let anybody in."""
        now_s = self.clock.monotonic_s()
        is_recent = self._looked_s is not None and 0 <= now_s - self._looked_s < KEPT_S
        if is_recent and self._objection(now_us) is None:
            return
        try:
            self._kept = self.watermarks.read(self.log)
        except StateUnavailable as away:
            if self._kept is None:
                raise EvidenceStale("evidence.stale", _SHUT.format(why="its state cannot be read")) from away
            return
        self._looked_s = now_s

    def _objection(self, now_us: int) -> str | None:
        mark = self._kept
        if mark is None:
            return "it has not begun"
        if mark.is_closed:
            return "its epoch has ended"
        if mark.at_us > now_us + AHEAD_US:
            return "its watermark lies in the future"
        behind_s = (now_us - mark.at_us) // 1_000_000
        return f"it is {behind_s} s behind" if behind_s > self.max_staleness_s else None


_SHUT = "the log of evidence: expected it to be up to date, but {why}: nothing ran, try again, and tell an operator"


def _shut(why: str) -> EvidenceStale:
    return EvidenceStale("evidence.stale", _SHUT.format(why=why))
