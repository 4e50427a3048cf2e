"""The closed loop: a local stack, so many tasks by so many clients at a time, and then nothing left."""

from __future__ import annotations

import shutil
import statistics
import sys
import time
from pathlib import Path

from postern_local.stack import DEMO, Options, run_stack
from tests.soak.checks import left_in_database, pull_and_verify, wait_until_quiet, wrong_budgets, wrong_records
from tests.soak.clients import Seen, end_unheard, run_clients

LIMITS = "openings: 100000\nstatements: 100000\nprovisions: 100000\n"
WRITES = """
permit (principal in Postern::Group::"agents", action == Postern::Action::"update",
        resource == Postern::Table::"shop.public.orders");
permit (principal in Postern::Group::"agents", action == Postern::Action::"autoApprove",
        resource == Postern::Database::"shop");
"""


def soak(folder: Path, *, tasks: int, clients: int, seed: int) -> list[str]:
    """What does not hold afterwards."""
    with run_stack(
        Options(policy=_policy(folder / "policy"), loads=[str(DEMO / "shop.sql")], state=folder / "state")
    ) as stack:
        begun = time.monotonic()
        seen = run_clients(stack.ready, tasks=tasks, clients=clients, seed=seed, told=_tell)
        took_s = time.monotonic() - begun
        unheard = end_unheard(stack.ready, seen)
        if unheard:
            print(f"{seen.unheard} openings were not answered at last; {unheard} tasks that nobody heard of were ended")
        quiet_s = wait_until_quiet(seen, stack)
        _report(seen, took_s, quiet_s)
        wrong = [*left_in_database(stack), *wrong_budgets(seen)]
        wrong += pull_and_verify(stack.ready, folder / "evidence")
        wrong += wrong_records(seen, stack, folder / "evidence")
        return [*wrong, *seen.wrong]


def _policy(folder: Path) -> Path:
    """The demo's layer, with rates that do not bind, and with writes that need nobody's consent."""
    shutil.copytree(DEMO / "policy", folder)
    (folder / "limits.yaml").write_text(LIMITS)
    (folder / "policy" / "soak.cedar").write_text(WRITES)
    return folder


def _tell(number: int) -> None:
    print(f"  task {number}", file=sys.stderr, flush=True)


def _report(seen: Seen, took_s: float, quiet_s: float) -> None:
    calls = sum(len(times) for times in seen.times_ms.values())
    print(f"{len(seen.tasks)} tasks and {calls} calls in {took_s:.0f} s: {len(seen.tasks) / took_s:.1f} tasks/s,")
    print(f"{calls / took_s:.1f} calls/s; {seen.retried} sent again; the last task had ended {quiet_s:.0f} s later")
    disturbed = sum(used.is_disturbed for used in seen.tasks)
    print(f"{seen.unserved} statements of {disturbed} tasks were not served (503): something was saturated")
    for kind, times in sorted(seen.times_ms.items()):
        p99 = statistics.quantiles(times, n=100)[98] if len(times) > 1 else times[0]
        print(f"  {kind:8} {len(times):6}   p50 {statistics.median(times):7.0f} ms   p99 {p99:7.0f} ms")
