"""Rows from the socket to the handler's answer, beside pg8000 with every value as text and `json.dumps`; and memory.

`python -m bench.rows` starts a server of its own; `--write` puts both tables into docs/performance.md.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pg8000.native
from rich.console import Console

from bench import machine
from bench.pages import options, publish
from bench.rows_process import OneAnswer, answered, open_session
from bench.rows_shapes import MEMORY, RATES, Shape
from bench.samples import interleaved, print_table
from bench.tables import markdown
from postern_local import postgres
from postern_local.postgres import PostgresServer

FULL_REPEATS = 15
REPEATS = 3
_NO_BOUND = 50_000_000  # bytes: rates are of all rows, past the bound that a call has
_RATE_COLUMNS = ("rows", "ours", "without detectors", "pg8000 as text", "ours / pg8000")
_MEMORY_COLUMNS = ("answer", "its text", "objects", "resident")


@dataclass(frozen=True, slots=True)
class Peak:
    """Bytes of an answer, of it as Python's text, and the most that was held while it was made."""

    body: int
    text: int
    objects: int  # as `tracemalloc` counts them
    resident: int  # pages, as the kernel counts them, in a process without `tracemalloc`


def main() -> None:
    options(__doc__).parse_args()
    with tempfile.TemporaryDirectory(prefix="postern-bench-") as folder, postgres.start(Path(folder)) as server:
        text = "\n\n".join(
            (
                machine.described("PostgreSQL 18", f"pg8000 {pg8000.__version__}"),
                markdown(("thousands of rows a second", *_RATE_COLUMNS), rates(server, FULL_REPEATS)),
                markdown(("memory, times the answer", *_MEMORY_COLUMNS), memory(server, range(len(MEMORY)))),
            )
        )
    publish("performance.md", "bench.rows", text)


def report(console: Console, server: PostgresServer) -> None:
    """Prints the short form: rates of few repeats, and the memory of what is usual."""
    print_table(console, "thousands of rows a second", _RATE_COLUMNS, rates(server, REPEATS))
    console.print()
    print_table(console, "memory, times the answer", _MEMORY_COLUMNS, memory(server, range(3)))


def rates(server: PostgresServer, repeats: int) -> Sequence[Sequence[str]]:
    """A row a shape; the processor's time of this process alone, which the server's is no part of."""
    rows = []
    for shape in RATES:
        contenders = (
            partial(answered, OneAnswer(open_session(server.socket), shape, _NO_BOUND), shape.statement),
            partial(answered, OneAnswer(open_session(server.socket), shape, _NO_BOUND, ()), shape.statement),
            partial(_pg8000(server), shape.statement),
        )
        ours, bare, theirs = interleaved(repeats, *contenders, clock=time.process_time)
        ratio = statistics.median(their / our for our, their in zip(ours, theirs, strict=True))
        speeds = [_speed(shape, times) for times in (ours, bare, theirs)]
        rows.append((shape.name, f"{shape.rows:,}", *speeds, f"{ratio:.1f}"))
    return rows


def memory(server: PostgresServer, places: Sequence[int]) -> Sequence[Sequence[str]]:
    """A row a shape, each measured in processes of its own."""
    rows = []
    for place in places:
        peak = _peak(server, place)
        times = (peak.text, peak.objects, peak.resident)
        rows.append((MEMORY[place].name, f"{peak.body / 1e6:.1f} MB", *(f"{each / peak.body:.1f}" for each in times)))
    return rows


def _speed(shape: Shape, times_ms: Sequence[float]) -> str:
    low, median, high = statistics.quantiles([shape.rows / each for each in times_ms], n=4)
    return f"{median:,.0f} ({low:,.0f} to {high:,.0f})"


def _pg8000(server: PostgresServer) -> Callable[[str], str]:
    connection = server.connect()
    connection.pg_types = defaultdict(lambda: str)
    return lambda sql: json.dumps(connection.prepare(sql).run())


def _peak(server: PostgresServer, place: int) -> Peak:
    traced, plain = (_measured(server, place, is_traced=is_traced) for is_traced in (True, False))
    return Peak(traced["body_bytes"], traced["text_bytes"], traced["peak_bytes"], plain["peak_bytes"])


def _measured(server: PostgresServer, place: int, *, is_traced: bool) -> dict[str, int]:
    command = [sys.executable, "-m", "bench.rows_process", str(server.socket), str(place), str(int(is_traced))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        sys.exit(f"bench.rows: {MEMORY[place].name}: expected an answer, got {done.stderr}")
    return dict(json.loads(done.stdout))


if __name__ == "__main__":
    main()
