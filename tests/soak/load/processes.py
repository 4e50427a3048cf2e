"""What the stack's processes hold, from Linux's /proc: memory of their own, threads, file descriptors."""

from __future__ import annotations

import os
import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_KB = os.sysconf("SC_PAGE_SIZE") // 1024


@dataclass(frozen=True, slots=True)
class Held:
    """One process at one moment. `memory_kb` is what is resident and backed by no file."""

    memory_kb: int
    threads: int
    descriptors: int


@dataclass(frozen=True, slots=True)
class Process:
    """What a process is: its part of the stack, and its id."""

    part: str
    pid: int


@dataclass
class Watcher:
    """Looks at a process and all below it every so often, in a thread of its own, until it is stopped."""

    root: int
    every_s: float
    samples: dict[Process, list[tuple[float, Held]]] = field(default_factory=lambda: defaultdict(list))
    processor_s: list[float] = field(default_factory=list)  # that all of them have used, at each look
    _stopped: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()

    def look(self) -> None:
        """One look at all of them."""
        now_s, used_s = time.monotonic(), 0.0
        for process in processes_below(self.root):
            with suppress(OSError, ValueError):  # it ended while it was looked at
                held = held_by(process.pid)
                self.samples[process].append((now_s, held))
                used_s += processor_s(process.pid)
        self.processor_s.append(used_s)

    @property
    def used_s(self) -> float:
        """Seconds of processor from the first look to the last."""
        return self.processor_s[-1] - self.processor_s[0] if self.processor_s else 0.0

    def _run(self) -> None:
        while not self._stopped.wait(self.every_s):
            self.look()


def processes_below(root: int) -> list[Process]:
    """The process and everything below it, each with the part of the stack that it is."""
    below: dict[int, list[int]] = defaultdict(list)
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError, IndexError):
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                below[parent].append(int(folder.name))
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        with suppress(OSError):
            found.append(Process("gateway" if pid == root else _part(pid), pid))
        waiting += below[pid]
    return found


def held_by(pid: int) -> Held:
    """Raises `OSError` where the process is gone."""
    folder = Path("/proc") / str(pid)
    _, resident, of_files, *_ = map(int, (folder / "statm").read_text().split())
    threads = int((folder / "stat").read_text().rpartition(")")[2].split()[17])
    return Held((resident - of_files) * _PAGE_KB, threads, len(os.listdir(folder / "fd")))


def processor_s(pid: int) -> float:
    """Seconds of processor, of its own and of the children that it has buried."""
    fields = (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / _TICKS


def _part(pid: int) -> str:
    words = (Path("/proc") / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    folder = Path(os.readlink(f"/proc/{pid}/cwd"))
    if folder.parent.name == "functions":  # a worker stands in its function's folder, whoever it was forked from
        return f"function {folder.name}"
    if "postern_local.worker_parent" in words:
        return "workers' parent"
    if "postern_local.aws" in words:
        return "AWS (moto)"
    if words.startswith("postgres:"):
        is_session = "@" in words or " [local]" in words or " 127.0.0.1" in words
        return "database session" if is_session else "database"
    return "database" if "/postgres " in words else "other"


def by_part(samples: Mapping[Process, list[tuple[float, Held]]]) -> dict[str, list[Process]]:
    """The processes of each part, first who lived longest, and of those who holds most."""
    parts: dict[str, list[Process]] = defaultdict(list)
    for process in sorted(samples, key=lambda one: (-len(samples[one]), -samples[one][-1][1].memory_kb)):
        parts[process.part].append(process)
    return dict(parts)
