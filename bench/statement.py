"""Where a statement's time goes: each step, the product's own CPU, and the same statement straight to the database.

One run, interleaved: a statement through the gate, the same one over a kept pg8000 connection as the superuser,
again and again. Medians with the middle half beside them; machines are noisy, so read the ratios.
"""

from __future__ import annotations

import os
import re
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from bench.samples import middle, print_table, timed
from postern_local.demo.caller import Caller
from postern_local.stack import Stack

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


def report(console: Console, stack: Stack, agent: Caller, task_id: str) -> None:
    """Prints a row a statement; the agent's task must see the demo's tables."""
    first = _ask(agent, task_id, STATEMENTS["point lookup, open columns"])
    rows = [("the first of a process", f"{first.whole_ms:.0f}", *_cells(first.steps), "", "", "")]
    rows += [(name, *_row(_measure(stack, agent, task_id, sql))) for name, sql in STATEMENTS.items()]
    print_table(console, f"median ms of {REPEATS}", ("whole", *STEPS, "CPU", "direct", "whole / direct"), rows)
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
            direct.append(timed(statement.run))
        cpu_ms = (_cpu_s(stack) - cpu_before) * 1000 / REPEATS
    finally:
        connection.close()
    steps = {step: [one.steps.get(step, 0.0) for one in asked] for step in STEPS}
    return Samples([one.whole_ms for one in asked], steps, direct, cpu_ms)


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
        middle(samples.whole),
        *_cells({step: statistics.median(values) for step, values in samples.steps.items()}),
        f"{samples.cpu_ms:.1f}",
        f"{statistics.median(samples.direct):.2f}",
        middle(ratios),
    ]


def _cells(steps: dict[str, float]) -> list[str]:
    return [f"{steps.get(step, 0.0):.1f}" for step in STEPS]
