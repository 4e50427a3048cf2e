"""Any function's handler, with the product's one clock off by as many seconds as the environment says.

What the SDK signs with keeps the machine's time: AWS itself refuses a request that is five minutes off, so a function
whose signing time is wrong does nothing at all.
"""

from __future__ import annotations

import os
import sys

from postern.edges import system

_OFF_US = int(os.environ["FAULTS_CLOCK_S"]) * 1_000_000
_HONEST = system.SystemClock


class _ShiftedClock(_HONEST):
    def now_us(self) -> int:
        return super().now_us() + _OFF_US


system.SystemClock = _ShiftedClock  # type: ignore[misc]
sys.path.insert(0, os.environ["FAULTS_FOLDER"])

from handler import handler as handler  # type: ignore[import-not-found]  # noqa: E402 - the clock is put in place before anything takes it
