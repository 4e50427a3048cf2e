"""Where a statement's time goes: each step, the product's own CPU, and the same statement straight to the database.

One run, interleaved: a statement through the gate, the same one over a kept pg8000 connection as the superuser,
again and again. Medians with the middle half beside them; machines are noisy, so read the ratios.
"""

from __future__ import annotations

import os
import platform
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from postern_local.demo.caller import Caller
from postern_local.stack import Options, Stack, run_stack

REPEATS = 40
STATEMENTS = {
    "point lookup, open columns": "SELECT id, status, total FROM orders WHERE id = 4711",
    "the newest row, masked columns": "SELECT id, full_name, email, birth_date FROM customers "
    "ORDER BY created_at DESC LIMIT 1",
    "aggregate over a join": "SELECT p.category, sum(l.quantity * l.unit_price) FROM order_lines l "
    "JOIN products p ON p.id = l.product_id GROUP BY p.category ORDER BY 1",
    "1,000 rows of 7 columns": "SELECT * FROM orders ORDER BY id LIMIT 1000",
}
STEPS = ("task", "guard", "intent", "connect", "execute", "detect", "outcome")


@dataclass(frozen=True, slots=True)
class Samples:
    """Milliseconds, one entry a repeat."""

    whole: list[float]
    steps: dict[str, list[float]]
    direct: list[float]
    cpu_ms: float  # of the function's process, a statement


def main() -> None:
    console = Console(width=150, highlight=False)
    with (
        tempfile.TemporaryDirectory(prefix="postern-bench-") as folder,
        run_stack(Options(state=Path(folder))) as stack,
    ):
        agent = Caller(stack.ready, "repo:acme/bench:main", {"role": "agent"})
        task_id = _open(agent)
        first = _ask(agent, task_id, STATEMENTS["point lookup, open columns"])
        console.print(
            f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores, "
            f"PostgreSQL 18 and moto on the same machine; {REPEATS} repeats\n"
        )
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        table.add_column("median ms", no_wrap=True)
        for column in ("whole", *STEPS, "CPU", "direct", "whole / direct"):
            table.add_column(column, justify="right", no_wrap=True)
        table.add_row("the first of a process", f"{first.whole_ms:.0f}", *_cells(first.steps), "", "", "")
        for name, sql in STATEMENTS.items():
            table.add_row(name, *_row(_measure(stack, agent, task_id, sql)))
        console.print(table)
        console.print(
            "\nwhole: HTTP request to answer, with the gateway and the authorizer; in brackets the middle half.\n"
            "task, intent, outcome: for the most part what the emulated DynamoDB and S3 take; intent is what was\n"
            "left of it when the session stood. CPU: of the function's process, all of it. direct: the same text\n"
            "over a kept connection on a unix socket, without TLS, masks or JSON."
        )


@dataclass(frozen=True, slots=True)
class _Asked:
    whole_ms: float
    steps: dict[str, float]


def _open(agent: Caller) -> str:
    tables = ["customers", "orders", "order_lines", "products"]
    access = [{"tables": tables, "actions": ["select"]}]
    reply = agent.call("POST", "/v1/tasks", {"database": "shop", "purpose": "bench", "access": access})
    if reply.status != 201:
        sys.exit(f"bench: expected a task, got {reply.status} {reply.body}")
    return str(reply.body["task_id"])


def _ask(agent: Caller, task_id: str, sql: str) -> _Asked:
    begun = time.perf_counter()
    reply = agent.call("POST", f"/v1/tasks/{task_id}/query", {"sql": sql})
    whole_ms = (time.perf_counter() - begun) * 1000
    if reply.status != 200:
        sys.exit(f"bench: expected an answer, got {reply.status} {reply.body}")
    return _Asked(whole_ms, {name: float(ms) for name, ms in re.findall(r"(\w+);dur=([\d.]+)", reply.timing)})


def _measure(stack: Stack, agent: Caller, task_id: str, sql: str) -> Samples:
    connection = stack.postgres.connect("shop")
    try:
        statement = connection.prepare(sql)
        asked: list[_Asked] = []
        direct: list[float] = []
        cpu_before = _cpu_s(stack)
        for _ in range(REPEATS):
            asked.append(_ask(agent, task_id, sql))
            direct.append(_timed(statement.run))
        cpu_ms = (_cpu_s(stack) - cpu_before) * 1000 / REPEATS
    finally:
        connection.close()
    steps = {step: [one.steps.get(step, 0.0) for one in asked] for step in STEPS}
    return Samples([one.whole_ms for one in asked], steps, direct, cpu_ms)


def _timed(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    call()
    return (time.perf_counter() - begun) * 1000


def _cpu_s(stack: Stack) -> float:
    """User and system time of the query function's processes so far (proc(5), fields 14 and 15)."""
    ticks = 0
    for pid in stack.lambdas.pids("postern-query"):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _row(samples: Samples) -> list[str]:
    ratios = [whole / direct for whole, direct in zip(samples.whole, samples.direct, strict=True)]
    return [
        _middle(samples.whole),
        *_cells({step: statistics.median(values) for step, values in samples.steps.items()}),
        f"{samples.cpu_ms:.1f}",
        f"{statistics.median(samples.direct):.2f}",
        _middle(ratios),
    ]


def _cells(steps: dict[str, float]) -> list[str]:
    return [f"{steps.get(step, 0.0):.1f}" for step in STEPS]


def _middle(values: Sequence[float]) -> str:
    low, median, high = statistics.quantiles(values, n=4)
    return f"{median:.1f} ({low:.1f} to {high:.1f})"


if __name__ == "__main__":
    main()
