"""A local stack under load, and what must hold of it then and afterwards. Two ways:

`--minutes 30 --agents 64 --rate 3`: the open loop. Calls arrive by a schedule, whether or not those before them were
answered, and each agent holds every answer against what it knows. Ctrl-C ends it early, with what was seen.

`--tasks 1000 --clients 16`: the closed loop. So many tasks by so many clients at a time, each waiting for its answer.

Both are repeated by `--seed`, print how long each kind of call took and what does not hold, and end with 1 where
anything does not.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from bench.pages import publish

from tests.soak import closed
from tests.soak.load.loop import Plan
from tests.soak.load.run import soak
from tests.soak.load.summary import shown, summary


def main() -> None:
    asked = _arguments()
    with tempfile.TemporaryDirectory(prefix="postern-soak-") as folder:
        if asked.tasks is not None:
            wrong = closed.soak(Path(folder), tasks=asked.tasks, clients=asked.clients, seed=asked.seed)
        else:
            wrong = _open_loop(Path(folder), asked)
    for line in shown(wrong):
        print(line)
    print("all of it holds" if not wrong else f"{len(wrong)} things do not hold", file=sys.stderr)
    sys.exit(1 if wrong else 0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.soak", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=30.0, help="how long calls arrive")
    parser.add_argument("--agents", type=int, default=64, help="principals, each with tasks of its own")
    parser.add_argument("--rate", type=float, default=4.0, help="calls a second, on average")
    parser.add_argument("--tasks", type=int, help="the closed loop in place of the open one: tasks in all")
    parser.add_argument("--clients", type=int, default=16, help="of the closed loop, at a time")
    parser.add_argument("--seed", type=int, default=0, help="repeats a schedule and its draws")
    parser.add_argument("--write", action="store_true", help="put the summary into docs/performance.md")
    return parser.parse_args()


def _open_loop(folder: Path, asked: argparse.Namespace) -> list[str]:
    """What does not hold; the summary is printed, or written into its page."""
    plan = Plan(asked.agents, asked.rate, asked.minutes * 60, asked.seed)
    loop, watcher, found = soak(folder, plan)
    publish("performance.md", "tests.soak", summary(loop, watcher, found))
    return found.wrong


if __name__ == "__main__":
    main()
