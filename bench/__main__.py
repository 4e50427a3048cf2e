"""A statement's own cost, views and detectors; then over one local stack its way, the guard, rows, and the log."""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from bench import guard, rows, sequencer, statement, verify
from postern_local.demo.caller import Caller
from postern_local.stack import Options, run_stack

ALONE = ("bench.own_cost", "bench.views", "bench.detectors")  # in processes of their own, without the stack beside


def main() -> None:
    argparse.ArgumentParser(prog="python -m bench", description=__doc__).parse_args()
    console = Console(width=165, highlight=False)
    for module in ALONE:
        subprocess.run([sys.executable, "-m", module], check=True)
        console.print()
    with (
        tempfile.TemporaryDirectory(prefix="postern-bench-") as folder,
        run_stack(Options(state=Path(folder))) as stack,
    ):
        agent = Caller(stack.ready, "repo:acme/bench:main", {"role": "agent"})
        tables = ["customers", "orders", "order_lines", "products"]
        access = [{"tables": tables, "actions": ["select"]}]
        reply = agent.call("POST", "/v1/tasks", {"database": "shop", "purpose": "bench", "access": access})
        if reply.status != 201:
            sys.exit(f"bench: expected a task, got {reply.status} {reply.body}")
        console.print(
            f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores, "
            "PostgreSQL 18 and moto on the same machine; medians, the middle half in brackets\n"
        )
        statement.report(console, stack, agent, str(reply.body["task_id"]))
        console.print()
        guard.report(console, reply.body["scope"], server_major=18)
        console.print()
        rows.report(console, stack.postgres)
        console.print()
        sequencer.report(console)
        console.print()
        verify.report(console)
        console.print()
        verify.report_pull(console, stack.ready)


if __name__ == "__main__":
    main()
