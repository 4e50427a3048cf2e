"""Processes that a test must see end."""

from __future__ import annotations

import os
import time


def wait_until_gone(pid: int) -> None:
    """Fails where the process still runs after 10 s."""
    limit = time.monotonic() + 10
    while True:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        assert time.monotonic() < limit, f"process {pid}: expected to be gone"
        time.sleep(0.02)
