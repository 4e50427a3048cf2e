"""`postern audit report` over a large log: seconds and memory, verification included, from disk.

Two logs of the same size: one as work is, of forty identities, and one in which every statement has another identity
and names another table, which is the worst for whatever is counted by identity and table. A record is an entry.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import resource
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from tests.support.report_log import BEGIN_US, SECOND_US, VKEY, Work

from bench.memory import Memory
from bench.samples import print_table
from postern_cli.main import main as postern

Made = TypeVar("Made")
RECORDS = 100_000
_DAYS = 90
_OF_TASK = 40  # statements


@dataclass(frozen=True, slots=True)
class Spent:
    """What one report took, of all its processes."""

    wall_s: float
    cpu_s: float
    own_cpu_s: float  # of the one process that reads entries, queries and writes; the rest is shared by all cores
    megabytes: int  # of physical memory at its highest, what is shared counted once
    pack_megabytes: float


def report(console: Console, records: int = RECORDS) -> None:
    """Prints seconds and memory of one report on each log."""
    rows = []
    for name, identities in (("forty identities", 40), ("each statement another identity and table", 0)):
        with tempfile.TemporaryDirectory(prefix="postern-bench-report-") as folder:
            made = _fresh(_write, Path(folder) / "copy", records, identities)
            spent = _fresh(_measured, Path(folder))
        seconds = [f"{one:.1f}" for one in (spent.wall_s, spent.cpu_s, spent.own_cpu_s)]
        rows.append((name, f"{made:,}", *seconds, f"{spent.megabytes}", f"{spent.pack_megabytes:.0f}"))
    print_table(
        console, "report of a log of", ("records", "s", "CPU s", "of it in one process", "MB, all", "pack, MB"), rows
    )


def _fresh(call: Callable[..., Made], *arguments: object) -> Made:
    """In a process of its own, that holds nothing of what was made before."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as fresh:
        return fresh.submit(call, *arguments).result()


def _measured(folder: Path) -> Spent:
    out = folder / "pack"
    memory, begun, cpu_s = Memory(os.getpid()), time.perf_counter(), _cpu_s()
    own_s = time.process_time()
    arguments = ["--dir", str(folder / "copy"), "--vkey", VKEY, "--from", "2026-03-01", "--to", "2026-06-01"]
    with memory, contextlib.redirect_stdout(io.StringIO()):
        code = postern(["audit", "report", *arguments, "--out", str(out)])
    spent = Spent(
        time.perf_counter() - begun,
        _cpu_s() - cpu_s,
        time.process_time() - own_s,
        memory.highest_kb // 1024,
        sum(path.stat().st_size for path in out.rglob("*") if path.is_file()) / 1e6,
    )
    if code != 0:
        raise SystemExit(f"bench: expected a log that holds, got exit code {code}")
    return spent


def _cpu_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _write(folder: Path, records: int, identities: int) -> int:
    """A pulled log of about so many records, evenly over ninety days; how many they are. 0 identities: no bound."""
    work = Work()
    tasks = records // (2 * _OF_TASK + 6) + 1
    step_s = _DAYS * 86_400 / (tasks * (_OF_TASK + 4))
    for number in range(tasks):
        task, who = f"{number:032x}", f"repo:acme/service-{number % 40}"
        work.later(step_s).grant(task, who, needed=int(number % 3 == 0))
        given = (work.later(step_s).approve(task, f"person:{number % 5}"),) if number % 3 == 0 else ()
        work.world("provision", task, given=given)
        for at in range(_OF_TASK):
            _statement(work.later(step_s), task, who, number * _OF_TASK + at, identities=identities)
        work.later(step_s).world("teardown", task)
    copy = work.copy()
    copy.write_to(folder)
    (folder / "pulled.json").write_text(json.dumps({"began_us": BEGIN_US + 100 * 86_400 * SECOND_US}))
    return len(work.stored_us)


def _statement(work: Work, task: str, who: str, number: int, *, identities: int) -> None:
    if number % 25 == 0:
        work.refuse(task, ("guard.relation", "guard.function", "guard.kind")[number // 25 % 3], who=who)
        return
    table = ("public.orders", "public.customers", "public.notes")[number % 3]
    work.statement(
        task,
        f"select o.id, o.total from {table} as o where o.id = $1 order by o.id limit {number % 50}",
        (table,) if identities else (f"public.t{number}",),
        who=who if identities else f"{who}/{number}",
        writes=number % 40 == 0,
        settled="committed" if number % 40 == 0 else None,
        outcome={"masked": [{"column": "email", "mask": "email", "count": number % 9}]},
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Times a report over a large log.")
    parser.add_argument("--records", type=int, default=RECORDS)
    report(Console(width=140, highlight=False), parser.parse_args().records)
