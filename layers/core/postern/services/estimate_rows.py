"""Estimates how many rows the tables of a task that waits may have, for those who may approve it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from postern.approval_ports import RowCounts
from postern.errors import Conflict
from postern.ports import PolicySource, TaskStore
from postern.services.review_tasks import unknown
from postern.types import TaskId, TaskState


@dataclass(frozen=True, slots=True)
class EstimateRows:
    """The use case. Raises `Conflict` for a task that no longer waits, `NotFound`, `DatabaseUnavailable`."""

    policy: PolicySource
    tasks: TaskStore
    counts: RowCounts

    def run(self, task_id: TaskId) -> Mapping[str, int]:
        task = self.tasks.get(task_id)
        if task is None:
            raise unknown(task_id)
        if task.state is not TaskState.PENDING_APPROVAL:
            raise Conflict("task.state", f"task: expected it to wait for approval, got {task.state.value}")
        return self.counts.rows(task.grant, self.policy.load().address(task.grant.database))
