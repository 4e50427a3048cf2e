"""The clock, as services need it: in a module of its own, since what needs nothing else would load all ports for it."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """Wall time and a monotonic stopwatch. A service reads wall time once per workflow."""

    def now_us(self) -> int:
        """Microseconds since the Unix epoch, UTC."""
        ...

    def monotonic_s(self) -> float: ...
