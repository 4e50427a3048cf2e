"""Verifies a log of millions of entries: seconds, and the memory of all its processes together.

Every step over every record. Only tiles, bundles and checkpoints are files; a record's object is read out of its bundle
(`big_log_copy`), so what it costs to open a file for each record is not in here: `bench.verify` has it. Batches are of
256, so no bundle is written twice, and there are no stages.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

from bench.big_log_copy import BundledCopy
from bench.big_log_made import KEY, make
from bench.machine import described
from bench.memory import Memory
from bench.pages import publish
from postern.audit.findings import Bounds
from postern.audit.verify import Options, verify
from postern_cli.audit_verify import spill_of
from postern_cli.processes import cores, processes

SIZES = (1_000_000, 2_000_000, 10_000_000)
_NOW_US = 1_795_341_600_000_000 + 5 * 86_400_000_000
_PER_STRETCH = 10_000  # commands
_SCRIPT = "bench.big_log"
Given = TypeVar("Given")


@dataclass(frozen=True, slots=True)
class Spent:
    """What one log took to make and to verify."""

    entries: int
    gigabytes: float  # of the bundles
    made_s: float
    wall_s: float
    cpu_s: float
    megabytes: int  # of physical memory at its highest, of all processes, what is shared counted once


def measure(entries: int, workers: int, scratch: Path | None) -> Spent:
    """Makes a log and verifies it, each in a process that holds nothing of the other."""
    folder = Path(tempfile.mkdtemp(prefix="postern-bench-big-", dir=scratch))
    try:
        begun = time.perf_counter()
        count = _fresh(make, folder / "copy", entries)
        made_s = time.perf_counter() - begun
        bundles = sum(
            one.stat().st_size for one in (folder / "copy/objects").rglob("tile/entries/**/*") if one.is_file()
        )
        wall_s, cpu_s, megabytes = _fresh(_verified, folder, workers)
        return Spent(count, bundles / 1e9, made_s, wall_s, cpu_s, megabytes)
    finally:
        shutil.rmtree(folder)


def _verified(folder: Path, workers: int) -> tuple[float, float, int]:
    (folder / "spill").mkdir()
    copy = BundledCopy(folder / "copy")
    memory = Memory(os.getpid())
    begun, cpu_s = time.perf_counter(), _cpu_s()
    stretches = 16 + int((folder / "copy/size").read_text()) // 2 // _PER_STRETCH
    with memory, processes(workers, lambda _: None) as run:
        report = verify(
            copy,
            Bounds(),
            now_us=_NOW_US,
            options=Options(vkeys=(KEY.verifier,)),
            spill=spill_of(folder / "spill", workers),
            run=run,
            stretches=stretches,
        )
    if not report.holds or report.untold:
        raise SystemExit(f"bench: expected a log that holds, got {report.first}")
    return time.perf_counter() - begun, _cpu_s() - cpu_s, memory.highest_kb // 1024


def _fresh(call: Callable[..., Given], *arguments: object) -> Given:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as fresh:
        return fresh.submit(call, *arguments).result()


def _cpu_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def table(found: list[Spent], workers: int) -> str:
    """The figures in Markdown."""
    lines = [
        described(f"{workers} processes"),
        "",
        "| entries | bundles, GB | made in s | verified in s | CPU s | entries a CPU second | MB, all processes |",
        "|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for one in found:
        lines.append(
            f"| {one.entries:,} | {one.gigabytes:.1f} | {one.made_s:,.0f} | {one.wall_s:,.0f} | {one.cpu_s:,.0f} "
            f"| {one.entries / one.cpu_s:,.0f} | {one.megabytes} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, nargs="+", default=SIZES)
    parser.add_argument("--workers", type=int, default=cores())
    parser.add_argument("--scratch", type=Path, help="A folder on a disk with room: some 1.2 GB a million entries.")
    parser.add_argument("--write", action="store_true", help="Put the table into docs/performance.md.")
    given = parser.parse_args()
    found = [measure(entries, given.workers, given.scratch) for entries in given.entries]
    publish("performance.md", _SCRIPT, table(found, given.workers))


if __name__ == "__main__":
    main()
