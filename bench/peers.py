"""A statement of an agent, warm, beside the servers of others: one run, one PostgreSQL server, in turns.

What is timed is what an agent waits for, from the statement to the whole answer read; beside it what the serving
processes took of a processor, which other work on the machine disturbs least. Nothing is left out of Postern's own way
but what a row's name says.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.contenders import Contender
from bench.machine import described
from bench.own_contenders import running_own
from bench.pages import publish
from bench.peer_programs import running_peers
from bench.processor_time import of_processes
from bench.samples import middle
from bench.tables import markdown
from postern_local.demo.caller import Caller
from postern_local.postgres import PostgresServer
from postern_local.stack import Options, Stack, run_stack

REPEATS = 31
WARM = 3
STATEMENTS = {
    "point lookup": "SELECT id, status, total FROM orders WHERE id = 4711",
    "aggregate over a join": "SELECT p.category, sum(l.quantity * l.unit_price) FROM order_lines l "
    "JOIN products p ON p.id = l.product_id GROUP BY p.category ORDER BY 1",
    "1,000 rows of 7 columns": "SELECT * FROM orders ORDER BY id LIMIT 1000",
}
STRAIGHT = "pg8000, straight"
_IDLE_MS, _IDLE_S, _LONGEST_S = 15.0, 1.5, 30.0
_COLUMNS = ("ms", "to pg8000", "to the fastest peer", "processor ms", "to the least of a peer")


@dataclass(slots=True)
class Samples:
    """Milliseconds, one entry a turn."""

    whole: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)


Measured = Mapping[str, Samples]  # by contender


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.peers")
    parser.add_argument("--repeats", type=int, default=REPEATS)
    parser.add_argument("--write", action="store_true", help="put the tables into docs/performance.md")
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="postern-peers-") as name,
        run_stack(Options(state=Path(name) / "state")) as stack,
        running_peers(stack.postgres, Path(name)) as peers,
        running_own(stack, Caller(stack.ready, "repo:acme/bench:main", {"role": "agent"}), Path(name)) as own,
    ):
        straight = _straight(stack.postgres)
        quiet = [straight, *peers, *(one for one in own if not one.leaves_work)]
        busy = [straight, own[0], *(one for one in own if one.leaves_work)]
        tables = [
            _table(what, _measure(stack, contenders, sql, given.repeats), [one.name for one in peers])
            for contenders in (quiet, busy)
            for what, sql in STATEMENTS.items()
        ]
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    head = described("PostgreSQL 18", f"Node.js {node}", f"{given.repeats} turns")
    publish("performance.md", "bench.peers", "\n\n".join([head, *tables]))


def _straight(postgres: PostgresServer) -> Contender:
    """The same text over a kept connection of the driver that Postern stands on, with its own decoders."""
    connection = postgres.connect("shop")
    return Contender(STRAIGHT, lambda sql: connection.prepare(sql).run(), len, tuple)


def _measure(stack: Stack, contenders: Sequence[Contender], sql: str, repeats: int) -> Measured:
    """Each in turn, again and again. Ends the run where one gives another number of rows than the first."""
    measured = {one.name: Samples() for one in contenders}
    expected = contenders[0].row_count(contenders[0].ask(sql))
    _wait_until_idle(stack)
    for n in range(-WARM, repeats):
        for one in contenders:
            whole_ms, processor_ms, answer = _turn(one, sql)
            if (got := one.row_count(answer)) != expected:
                sys.exit(f"bench: {one.name}: expected {expected} rows, got {got}")
            if n >= 0:
                measured[one.name].whole.append(whole_ms)
                measured[one.name].processor.append(processor_ms)
    return measured


def _turn(one: Contender, sql: str) -> tuple[float, float, Any]:
    """Milliseconds by the clock, and of a processor: of this thread where no process serves it."""
    one.ask(sql)  # warm: whoever had the turn before has filled the processor's caches with its own
    pids = one.pids()
    before_ms, here_s = of_processes(pids), time.thread_time()
    begun = time.perf_counter()
    answer = one.ask(sql)
    whole_ms = (time.perf_counter() - begun) * 1000
    here_ms = (time.thread_time() - here_s) * 1000
    return whole_ms, of_processes(pids) - before_ms if pids else here_ms, answer


def _wait_until_idle(stack: Stack) -> None:
    """Evidence in the stack's bucket is ordered into its log by its functions, a while later: not beside a turn."""
    names = [function.name for function in stack.deployment.functions]
    end = time.monotonic() + _LONGEST_S
    while time.monotonic() < end:
        pids = [pid for name in names for pid in stack.lambdas.pids(name)]
        before_ms = of_processes(pids)
        time.sleep(_IDLE_S)
        if of_processes(pids) - before_ms < _IDLE_MS:
            return


def _table(what: str, measured: Measured, peers: Sequence[str]) -> str:
    """Ratios are of medians; a turn's own would pair what ran one after the other."""
    whole = {name: statistics.median(samples.whole) for name, samples in measured.items()}
    spent = {name: statistics.median(samples.processor) for name, samples in measured.items()}
    rows = [
        (
            name,
            middle(samples.whole),
            f"{whole[name] / whole[STRAIGHT]:.1f}",
            _to_least(whole, name, peers),
            f"{spent[name]:.2f}",
            _to_least(spent, name, peers),
        )
        for name, samples in measured.items()
    ]
    return markdown((what, *_COLUMNS), rows)


def _to_least(medians: Mapping[str, float], name: str, peers: Sequence[str]) -> str:
    """Empty where no peer was measured beside."""
    beside = [medians[one] for one in peers if one in medians]
    return f"{medians[name] / min(beside):.2f}" if beside else ""


if __name__ == "__main__":
    main()
