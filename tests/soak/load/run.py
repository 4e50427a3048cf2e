"""One run from nothing: a local stack in a process of its own, the open loop over it, and then all that must hold."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from postern_local.ready import Ready, read_ready
from tests.soak.checks import pull_and_verify, records_of
from tests.soak.load.aftermath import end_unheard, wait_until_quiet, wrong_rows
from tests.soak.load.evidence import reconcile, strange_tasks, wrong_commands, wrong_counts, wrong_reconciliation
from tests.soak.load.layer import LOADS, write_layer
from tests.soak.load.leaks import leaks
from tests.soak.load.loop import Loop, Plan
from tests.soak.load.processes import Watcher
from tests.soak.load.summary import Findings
from tests.support import direct
from tests.support.stack import postern_process, wait_until

_START_S = 120.0
_LOOKS = 300  # at the processes in a run, at most one a second
_EDGE_S = 6.0  # what lies nearer to the log's end than its reader's allowance for clocks is not compared


def soak(folder: Path, plan: Plan) -> tuple[Loop, Watcher, Findings]:
    """Runs the plan over a stack of its own below the folder."""
    with _stack(folder) as (ready, pid):
        loop, watcher, found = Loop(ready, plan), Watcher(pid, max(1.0, plan.seconds / _LOOKS)), Findings()
        watcher.start()
        try:
            with _interrupted(loop):
                loop.run()
        finally:
            watcher.stop()
        found.wrong += loop.seen.wrong  # as far as it came: what comes after it takes minutes
        unheard = end_unheard(loop.agents)
        if unheard:
            print(f"  {unheard} tasks stood whose opening was not heard, and were ended", file=sys.stderr)
        found.quiet_s, wrong = wait_until_quiet(ready.databases["shop"], loop.agents)
        found.wrong += wrong
        found.wrong += leaks(watcher.samples)
        found.wrong += wrong_rows(ready.databases["shop"], loop.agents)
        _compare(ready, folder / "evidence", loop, found)
    return loop, watcher, found


@contextmanager
def _stack(folder: Path) -> Iterator[tuple[Ready, int]]:
    """A running stack, and its process: nothing of it is in ours, so that each is measured by itself."""
    ready, layer = folder / "ready.json", write_layer(folder / "policy")
    loads = [part for path in LOADS for part in ("--load", f"shop={path}")]
    command = ("local", "up", "--policy", layer, *loads, "--ready", ready, "--state", folder / "state")
    with postern_process(*command, cwd=folder, env=dict(os.environ)) as process:
        wait_until(lambda: ready.is_file() or process.poll() is not None, limit_s=_START_S)
        if process.poll() is not None:
            sys.exit(f"the local stack did not start: {process.communicate()[1][-1000:]}")
        running = read_ready(ready)
        _log_logins(running.databases["shop"])
        yield running, process.pid


def _log_logins(dsn: str) -> None:
    for statement in ("ALTER SYSTEM SET log_connections = on", "SELECT pg_reload_conf()"):
        direct.answer(dsn, statement)


@contextmanager
def _interrupted(loop: Loop) -> Iterator[None]:
    """Ctrl-C ends the schedule, and what was sent is still looked over; a second one ends the program."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        print("  stopping: what was sent is looked over; once more to leave it", file=sys.stderr, flush=True)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        loop.stop()

    kept = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, kept)


def _compare(ready: Ready, evidence: Path, loop: Loop, found: Findings) -> None:
    """The log, pulled and verified, against the agents' receipts and the database's own log."""
    print("  pulling and verifying the log", file=sys.stderr, flush=True)
    tasks = [task for agent in loop.agents for task in agent.tasks]
    unheard = sum(agent.unheard for agent in loop.agents)
    found.wrong += pull_and_verify(ready, evidence)
    digests, by_task = records_of(evidence)
    found.records = len(digests)
    found.wrong += wrong_commands(ready.log, loop.seen.commands, digests)
    found.wrong += wrong_counts(tasks, by_task)
    found.wrong += strange_tasks(tasks, by_task, unheard=unheard)
    time.sleep(_EDGE_S)
    direct.answer(ready.databases["shop"], "DO $$ BEGIN RAISE LOG 'the last line of the load'; END $$")
    found.report = reconcile(evidence, Path(ready.state) / "logs" / "postgres.log")
    is_whole = not loop.seen.unserved
    found.wrong += wrong_reconciliation(found.report, loop.seen.ran, is_whole=is_whole)
