"""Opening a task, and waiting for it where people must approve it."""

from __future__ import annotations

import sys
from typing import Any

from postern.edges.contract import TaskAnswer
from postern_cli.gate.client import ApiClient
from postern_cli.stop import Exit, Stop
from postern_cli.tasks.awaiting import await_decision, is_undecided
from postern_cli.tasks.shapes import parse_task
from postern_cli.terminal import printable
from postern_cli.waiting import waiting

ACTIVE = "active"


def request_task(client: ApiClient, body: dict[str, Any]) -> object:
    """The gate's answer: a task that is active, or waits for people. Raises `Stop` where it is refused."""
    with waiting("opening the task"):
        return client.call("POST", "/v1/tasks", body).body


def await_active(client: ApiClient, opened: object) -> object:
    """The task's answer once it is active, which it may be already.

    Raises `Stop` where it came to another end. Whoever interrupts this leaves the task waiting.
    """
    task = parse_task(opened)
    after = opened
    if is_undecided(task.state):
        # Said at once: who interrupts must know its name.
        name = printable(task.task_id)
        print(f"task {name} waits for approval; `postern task show {name}` tells how it stands", file=sys.stderr)
        with waiting(f"for approval of task {name}"):
            after = await_decision(client, task.task_id)
    ended = parse_task(after)
    if ended.state != ACTIVE:
        raise Stop(Exit.REFUSED, f"task {ended.task_id}: expected people to approve it, got {ended.state}{_why(ended)}")
    return after


def _why(task: TaskAnswer) -> str:
    return "; ask who denied it before you ask for it anew" if task.state == "denied" else ""
