"""Live tasks as an operator sees them: `GET /v1/tasks?state=live`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from postern_cli.gate.shapes import convert_answer
from postern_cli.tables import print_table
from postern_cli.terminal import printable


@dataclass(frozen=True, slots=True)
class Budgets:
    """What was granted and what is left, by name."""

    left: dict[str, int]
    granted: dict[str, int] | None = None


@dataclass(frozen=True, slots=True)
class LiveTask:
    """The members that are shown."""

    task_id: str
    state: str
    database: str
    principal: str
    on_behalf_of: str | None
    expires_at: str
    purpose: str
    budgets: Budgets


@dataclass(frozen=True, slots=True)
class LiveTasks:
    """One page; `next` is there where there are more."""

    tasks: list[LiveTask]
    next: Any = field(default=None)


def print_live(body: object) -> None:
    """Raises `Stop` for what is no list of live tasks."""
    listed = convert_answer(body, LiveTasks)
    rows = [[printable(text) for text in _cells(one)] for one in listed.tasks]
    print_table("", ["task", "state", "database", "who", "until", "rows left", "purpose"], rows)
    if not rows:
        print("no live tasks where you may revoke or audit")
    if listed.next is not None:
        print("there are more than these")


def _cells(task: LiveTask) -> list[str]:
    who = task.principal if task.on_behalf_of is None else f"{task.principal} for {task.on_behalf_of}"
    rows = f"{task.budgets.left.get('rows', 0):,}"
    return [task.task_id, task.state, task.database, who, task.expires_at, rows, task.purpose]
