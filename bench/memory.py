"""The physical memory of a process and all that it started, as the kernel counts it: what they share once."""

from __future__ import annotations

import threading
from pathlib import Path

_EVERY_S = 0.5


class Memory:
    """Looks twice a second while it is entered. `highest_kb` is 0 where the kernel does not say."""

    def __init__(self, pid: int) -> None:
        self.highest_kb = 0
        self._pid = pid
        self._is_done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._is_done.wait(_EVERY_S):
            self.highest_kb = max(self.highest_kb, _family_kb(self._pid))


def _family_kb(pid: int) -> int:
    try:
        folder = Path(f"/proc/{pid}")
        lines = (folder / "smaps_rollup").read_text().splitlines()
        own = next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        children = [int(one) for task in (folder / "task").iterdir() for one in (task / "children").read_text().split()]
    except OSError:
        return 0  # it ended meanwhile
    return own + sum(map(_family_kb, children))
