"""What a run was and what it found, as Markdown: for the terminal, and for docs/performance.md."""

from __future__ import annotations

import os
import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.machine import described
from bench.samples import percentile

from tests.soak.load.leaks import trends
from tests.soak.load.loop import Loop
from tests.soak.load.processes import Watcher


@dataclass
class Findings:
    """What was found after a run."""

    quiet_s: float = 0.0
    records: int = 0
    report: dict[str, Any] = field(default_factory=dict)  # of `postern audit reconcile`
    wrong: list[str] = field(default_factory=list)


def summary(loop: Loop, watcher: Watcher, found: Findings) -> str:
    """The whole text."""
    parts = (
        described("PostgreSQL 18 and moto on the same machine"),
        _run(loop, watcher, found),
        _calls(loop),
        _unserved(loop),
        _processes(watcher),
        _log(found),
        _verdict(found.wrong),
    )
    return "\n\n".join(part for part in parts if part)


def _run(loop: Loop, watcher: Watcher, found: Findings) -> str:
    plan, seen = loop.plan, loop.seen
    tasks = [task for agent in loop.agents for task in agent.tasks]
    ends = Counter(task.ends_as for task in tasks)
    cores, a_call_s = os.cpu_count() or 1, max(0.001, watcher.used_s / max(1, seen.calls))
    lag = percentile(loop.lag_ms, 0.99) if loop.lag_ms else 0.0
    return (
        f"{plan.agents} agents, {plan.rate:g} calls a second by schedule for {loop.sent_s / 60:.1f} minutes, seed"
        f" {plan.seed}: {seen.calls:,} calls, {len(tasks):,} tasks"
        f" ({', '.join(f'{count} {end}' for end, count in sorted(ends.items()))}). The generator itself was late by"
        f" {lag:.0f} ms at p99, and did not send {seen.unsent}. All tasks were gone {found.quiet_s:.0f} s later.\n"
        f"The stack took {a_call_s:.2f} s of processor a call: {cores} processors of nobody else's bear"
        f" {cores / a_call_s:.1f} calls a second at the most."
    )


def _calls(loop: Loop) -> str:
    rows = ["| call | how many | p50, ms | p99 | longest | p50 from sending it on |", "|---|---:|---:|---:|---:|---:|"]
    for kind, late in sorted(loop.seen.late_ms.items()):
        rows.append(
            f"| {kind} | {len(late):,} | {statistics.median(late):.0f} | {percentile(late, 0.99):.0f}"
            f" | {max(late):.0f} | {statistics.median(loop.seen.took_ms[kind]):.0f} |"
        )
    return "\n".join(rows)


def _unserved(loop: Loop) -> str:
    if not loop.seen.unserved:
        return "Every call was served."
    told = ", ".join(f"{count} × `{said}`" for said, count in sorted(loop.seen.unserved.items()))
    return f"Not served, and said so: {told}."


def _processes(watcher: Watcher) -> str:
    rows = [
        "| process | of them | memory, MB, warm → end | KB a minute | threads | descriptors |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for part, count, memory, threads, descriptors in trends(watcher.samples):
        rows.append(
            f"| {part} | {count} | {memory.warm / 1024:.1f} → {memory.end / 1024:.1f} | {memory.a_minute:+.0f}"
            f" | {threads.warm:.0f} → {threads.end:.0f} | {descriptors.warm:.0f} → {descriptors.end:.0f} |"
        )
    return "\n".join(rows) if len(rows) > 2 else "The run was too short to say what a process keeps."


def _log(found: Findings) -> str:
    counts = found.report.get("counts")
    if counts is None:
        return ""
    differ = sum(found.report["found"].values())
    return (
        f"Log: {found.records:,} records, pulled and verified. Reconciled: {counts['statements']:,} statements of tasks"
        f" in the database's log, {counts['matched']:,} records with their statement, {counts['commits']:,} with"
        f" COMMIT, {counts['logins']:,} logins; {differ} differ."
    )


def _verdict(wrong: Sequence[str]) -> str:
    return "All of it holds." if not wrong else f"{len(wrong)} things do not hold."


def shown(wrong: Sequence[str], at_most: int = 50) -> Iterator[str]:
    """The first of what does not hold, a line each."""
    for one in wrong[:at_most]:
        yield f"WRONG  {one[:1000]}"
    if len(wrong) > at_most:
        yield f"WRONG  and {len(wrong) - at_most} more"
