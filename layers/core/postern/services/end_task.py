"""Ends a task at its principal's wish. Idempotent: a task that ended already is answered as it is.

Crash points: after the move to `ending` no statement passes any more; until the teardown is proved and
recorded the task stays `ending`, and the timer that looks for due tasks takes it up again.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from postern.errors import Conflict
from postern.ports import Provisioner, TaskStore
from postern.services.read_tasks import ReadTasks
from postern.task_states import END
from postern.types import Principal, Task, TaskId, TaskState


@dataclass(frozen=True, slots=True)
class EndTask:
    """The use case. Raises `DatabaseUnavailable` where the teardown did not finish; it will be taken up again."""

    reader: ReadTasks
    tasks: TaskStore
    provisioner: Provisioner

    def run(self, principal: Principal, task_id: TaskId) -> Task:
        task = self.reader.stored(principal, task_id)
        if task.state.is_final:
            return task
        if task.state is not TaskState.ENDING:
            with suppress(Conflict):  # somebody else ended it since: that is as good
                self.tasks.move(task_id, END)
        self.provisioner.tear_down(task_id)
        return self.reader.one(principal, task_id)
