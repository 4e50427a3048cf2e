"""`make faults`: a local stack under load, one fault after the other, and then everything is held together.

`--only NAME` (several, or a group) runs those alone; `--pairs N` draws pairs besides; `--seed` repeats a drawing;
`--write` puts the table into docs/operate.md. Ends with 1 where anything does not hold.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

from tests.faults.agents import Agent
from tests.faults.course import Course, Run
from tests.faults.faults import FAULTS, Fault
from tests.faults.ledger import Ledger
from tests.faults.load import Load
from tests.faults.reckoning import Reckoning
from tests.faults.rig import Rig, run_rig
from tests.faults.table import Result, format_results, publish_results

AGENTS = 4
CLOCKS = "clocks"


def main() -> None:
    parser = argparse.ArgumentParser(prog="make faults", description=__doc__)
    parser.add_argument("--only", action="append", default=[], help="a fault's or a group's name")
    parser.add_argument("--pairs", type=int, default=0, help="so many pairs, drawn")
    parser.add_argument("--no-singles", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--agents", type=int, default=AGENTS)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    chosen = [fault for fault in FAULTS if not asked.only or {fault.name, fault.group} & set(asked.only)]
    if not chosen:
        parser.error(f"--only: expected one of {', '.join(fault.name for fault in FAULTS)}")
    courses: list[list[tuple[Fault, ...]]] = [
        [] if asked.no_singles else [(fault,) for fault in chosen if not _is_last(fault)],
        [] if asked.no_singles else [(fault,) for fault in chosen if _is_last(fault)],
    ]
    courses[0] += draw_pairs(chosen, asked.pairs, asked.seed)
    results = [_run(one, asked.agents, asked.seed) for one in courses if one]
    for result in results:
        print(format_results(result))
    wrong = [one for result in results for one in result.wrong]
    for fault, what in wrong[:50]:
        print(f"WRONG  {fault or 'at the end'}: {what}")
    if asked.write:
        publish_results(results)
    print("all of it holds" if not wrong else f"{len(wrong)} things do not hold")
    sys.exit(1 if wrong else 0)


def _is_last(fault: Fault) -> bool:
    """What a clock that is off leaves in a log, the verifier names: those have a log of their own."""
    return fault.group == CLOCKS and fault.around is not None


def draw_pairs(faults: Sequence[Fault], count: int, seed: int) -> list[tuple[Fault, ...]]:
    """So many pairs, the same for a seed. Two that change the same server would not be two faults."""
    fitting = [
        (one, other)
        for one, other in combinations([fault for fault in faults if not _is_last(fault)], 2)
        if not (one.around is not None and other.around is not None and one.group == other.group)
        and not (one.is_aimed and other.is_aimed and one.group == other.group)
    ]
    return list(random.Random(seed).sample(fitting, min(count, len(fitting))))


def _run(faults: Sequence[tuple[Fault, ...]], agents: int, seed: int) -> Result:
    with tempfile.TemporaryDirectory(prefix="postern-faults-") as name:
        folder = Path(name)
        with run_rig(folder, folder / "state") as rig:
            return _course(rig, faults, agents, seed)


def _course(rig: Rig, faults: Sequence[tuple[Fault, ...]], agents: int, seed: int) -> Result:
    ledger = Ledger()
    course: list[Course] = []

    def now() -> str:
        return course[0].now if course else ""

    products = [(row[0], row[1]) for row in rig.sql("SELECT id, name FROM products ORDER BY id")]
    everyone = [Agent(rig.stack.ready, number, ledger, now, products) for number in range(agents + 1)]
    course.append(Course(rig, ledger, everyone[-1], everyone))
    load = Load(everyone[:-1], seed)
    load.start()
    begun, runs = time.monotonic(), []
    for number, together in enumerate(faults, 1):
        run = course[0].run(*together)
        runs.append(run)
        _tell(f"{time.monotonic() - begun:5.0f} s  {number}/{len(faults)}  {_said(run)}")
    load.stop()
    _tell(f"{len(ledger.calls)} calls by {len(everyone)} agents in {len(ledger.tasks)} tasks")
    named = frozenset[str]().union(*(fault.leaves for together in faults for fault in together))
    commands, wrong = Reckoning(rig, ledger, everyone, rig.folder / "evidence", _tell, named).run()
    return Result(runs, ledger, commands, [*ledger.wrong, *wrong])


def _said(run: Run) -> str:
    told = ", ".join(f"{call.kind} {call.told}" for call in run.calls)
    return f"{run.name}: {run.note or told}; met {run.met}; worked again after {run.back_s:.1f} s"


def _tell(line: str) -> None:
    print(f"  {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
