"""Reads tasks: a principal sees its own, and no other's existence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from postern.errors import NotFound
from postern.ports import Clock, TaskStore
from postern.types import Principal, Task, TaskId, TaskState

LISTED = 100
_ENDS_AT_DEADLINE = frozenset({TaskState.ACTIVE, TaskState.SUSPENDING, TaskState.SUSPENDED})


@dataclass(frozen=True, slots=True)
class ReadTasks:
    """The use case."""

    tasks: TaskStore
    clock: Clock

    def one(self, principal: Principal, task_id: TaskId) -> Task:
        """The task as a caller sees it: past its deadline it is expired, torn down or not."""
        return self._as_of_now(self.stored(principal, task_id))

    def stored(self, principal: Principal, task_id: TaskId) -> Task:
        """The task as it is stored, where it is this principal's. Raises `NotFound` alike for one that is not there."""
        task = self.tasks.get(task_id)
        if task is None or task.principal.owner != principal.owner:
            raise NotFound("task.unknown", f"task: expected one of yours, got {task_id!r}: list them at /v1/tasks")
        return task

    def all(self, principal: Principal) -> Sequence[Task]:
        """The principal's tasks, newest first, at most 100."""
        return [self._as_of_now(task) for task in self.tasks.list_of(principal.owner, limit=LISTED)]

    def _as_of_now(self, task: Task) -> Task:
        # Past its deadline a task is refused at once, though the timer may not have torn it down yet.
        if task.state in _ENDS_AT_DEADLINE and task.expires_at_s <= self.clock.now_us() // 1_000_000:
            return replace(task, state=TaskState.EXPIRED)
        return task
