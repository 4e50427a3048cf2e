"""Where and when something was measured, in one line: what a table of figures is worth nothing without."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime


def described(*more: str) -> str:
    """Date, Python, processor, cores and the load beside it; `more` are versions of what else was measured."""
    load = os.getloadavg()[0]
    parts = (
        datetime.now(UTC).date().isoformat(),
        f"Python {platform.python_version()}",
        *more,
        f"{platform.machine()}, {os.cpu_count()} processors, load {load:.1f}",
    )
    return "Measured " + ", ".join(parts) + "."
