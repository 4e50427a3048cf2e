"""Records a second through `postern audit verify`, beside what no verifier can do without.

The reference reads each record's bytes as JSON and hashes them once, with the standard library, on as many processes:
`json.loads` and `hashlib.sha256`, and nothing else. Beside it, opening and reading the same files and nothing else. The
copy is made here, of records of the product's size and shapes, and verified as an auditor would: all steps, from disk.
CPU seconds are compared, since others may run beside it. Memory is that of all processes together.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from rich.console import Console

from bench.machine import described
from bench.memory import Memory
from bench.pages import options, publish
from bench.pulled_copy import KEY, write_copy
from bench.samples import print_table
from postern_cli.audit import pull
from postern_cli.audit_verify import Asked, verify_folder
from postern_cli.processes import cores
from postern_local.ready import Ready, format_ready

COMMANDS = 15_000
YEAR = 2 * 365 * 1_000_000  # records of a million statements a day: an intent and an outcome each
ORDINARY = 16  # cores
SHORT, LONG = 3, 15  # rounds
_COLUMNS = (
    "records/s, wall",
    "records a CPU second",
    "`json.loads` and SHA-256, records a CPU second",
    "CPU, verifier / reference",
    "CPU, reading the files / reference",
    f"a year on {ORDINARY} cores, h",
    "MB, all",
)


@dataclass(frozen=True, slots=True)
class Spent:
    """What one verification took, of all its processes."""

    wall_s: float
    cpu_s: float
    megabytes: int  # of physical memory at its highest, what is shared counted once


def report(console: Console, commands: int = COMMANDS, repeats: int = SHORT) -> str:
    """Prints records a second for one process and for all cores, each beside its reference; the table in Markdown."""
    with tempfile.TemporaryDirectory(prefix="postern-bench-verify-") as folder:
        written = write_copy(Path(folder), commands)
        count, size = len(written.order), sum(map(len, written.objects.values()))
        found = {workers: [_round(Path(folder), workers) for _ in range(repeats)] for workers in sorted({1, cores()})}
    rows = [_row(workers, count, rounds) for workers, rounds in found.items()]
    print_table(console, f"verify {count:,} records of {size // count:,} bytes, processes", _COLUMNS, rows)
    lines = [
        described(f"{count:,} records of {size // count:,} bytes, {repeats} rounds, each in turns"),
        "",
        f"| processes | {' | '.join(_COLUMNS)} |",
        "|---:|" + "---:|" * len(_COLUMNS),
        *(f"| {' | '.join(row)} |" for row in rows),
    ]
    return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class _Round:
    """What was measured in one turn: the verification, then CPU seconds of what it is compared with."""

    spent: Spent
    reference_s: float
    read_s: float


def _round(folder: Path, workers: int) -> _Round:
    return _Round(_measured(folder, workers), _shared(folder, workers, _reference), _shared(folder, workers, _read))


def _row(workers: int, count: int, rounds: Sequence[_Round]) -> tuple[str, ...]:
    rates = sorted(count / one.spent.cpu_s for one in rounds)
    ratios = sorted(one.spent.cpu_s / one.reference_s for one in rounds)
    return (
        f"{workers}",
        f"{statistics.median(count / one.spent.wall_s for one in rounds):,.0f}",
        _spread(rates, 0),
        f"{statistics.median(count / one.reference_s for one in rounds):,.0f}",
        _spread(ratios, 1),
        f"{statistics.median(one.read_s / one.reference_s for one in rounds):.1f}",
        f"{YEAR / statistics.median(rates) / ORDINARY / 3600:.1f}",
        f"{max(one.spent.megabytes for one in rounds)}",
    )


def _spread(values: Sequence[float], digits: int) -> str:
    if len(values) < 4:
        return f"{statistics.median(values):,.{digits}f}"
    low, median, high = statistics.quantiles(values, n=4)
    return f"{median:,.{digits}f} ({low:,.{digits}f} to {high:,.{digits}f})"


def report_pull(console: Console, stack: Ready) -> None:
    """Prints objects a second through `postern audit pull` against the local AWS server: mostly that server's time."""
    with tempfile.TemporaryDirectory(prefix="postern-bench-pull-") as folder:
        ready, copy = Path(folder) / "ready.json", Path(folder) / "copy"
        ready.write_bytes(format_ready(stack))
        begun = time.perf_counter()
        with contextlib.redirect_stdout(io.StringIO()):
            pull(copy, ready=ready, endpoint_url=None, bucket=None, log=None, prefix="", workers=16)
        spent = time.perf_counter() - begun
        versions = len((copy / "versions.jsonl").read_bytes().splitlines())
    console.print(f"pull from the local AWS server, whose time this mostly is: {versions / spent:,.0f} versions/s")


def _measured(folder: Path, workers: int) -> Spent:
    """In a fresh process, that holds nothing of what was made here."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as fresh:
        return fresh.submit(_verified, folder, workers).result()


def _verified(folder: Path, workers: int) -> Spent:
    memory = Memory(os.getpid())
    begun, cpu_s = time.perf_counter(), _cpu_s()
    with memory:
        report = verify_folder(Asked(folder=folder, vkeys=(str(KEY.verifier),), workers=workers))
    spent = Spent(time.perf_counter() - begun, _cpu_s() - cpu_s, memory.highest_kb // 1024)
    if not report.holds or report.untold:
        raise SystemExit(f"bench: expected a log that holds, got {report.first}")
    return spent


def _cpu_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _shared(folder: Path, workers: int, call: Callable[[list[str]], float]) -> float:
    """CPU seconds of the call over all records' files, divided among so many processes."""
    paths = [str(path) for path in (folder / "objects/wal").rglob("*.json")]
    with ProcessPoolExecutor(workers) as pool:
        return sum(pool.map(call, [paths[at::workers] for at in range(workers)]))


def _reference(paths: list[str]) -> float:
    records = [Path(path).read_bytes() for path in paths]
    begun = time.process_time()
    for data in records:
        json.loads(data)
        hashlib.sha256(data).digest()
    return time.process_time() - begun


def _read(paths: list[str]) -> float:
    begun = time.process_time()
    for path in paths:
        handle = os.open(path, os.O_RDONLY)
        os.read(handle, os.fstat(handle).st_size)
        os.close(handle)
    return time.process_time() - begun


if __name__ == "__main__":
    parser = options(__doc__)
    parser.add_argument("--commands", type=int, default=COMMANDS)
    parser.add_argument("--rounds", type=int, default=LONG)
    given = parser.parse_args()
    told = report(Console(width=165, highlight=False, stderr=True), given.commands, given.rounds)
    publish("performance.md", "bench.verify", told)
