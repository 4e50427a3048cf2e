"""Ends what is due: tasks past their deadline, and endings that did not finish. Run by a timer.

Removing access is never gated by evidence: it asks the one function that may, which does it and then records it.
"""

from __future__ import annotations

from dataclasses import dataclass

from postern.errors import PosternError
from postern.ports import Clock, Provisioner, TaskStore
from postern.services.stopwatch import Stopwatch
from postern.services.task_states import MAY_BE_ENDED
from postern.types import Task, TaskId, TaskState

AT_ONCE = 25
LEAST_LEFT_S = 28.0  # what one teardown may take


@dataclass(frozen=True, slots=True)
class Expired:
    """What one pass did: tasks torn down, and tasks left for the next pass with the code of what stopped them."""

    done: tuple[TaskId, ...]
    left: tuple[tuple[TaskId, str], ...]


@dataclass(frozen=True, slots=True)
class ExpireTasks:
    """The use case. One task that cannot be torn down does not keep the others waiting."""

    tasks: TaskStore
    provisioner: Provisioner
    clock: Clock

    def run(self, watch: Stopwatch) -> Expired:
        """As many as time suffices for. Raises `StateUnavailable` where the table cannot be asked what is due."""
        done: list[TaskId] = []
        left: list[tuple[TaskId, str]] = []
        for task in self.tasks.due(self.clock.now_us() // 1_000_000, limit=AT_ONCE):
            if watch.left_s() < LEAST_LEFT_S:
                break
            try:
                self._end(task)
            except PosternError as stopped:
                left.append((task.id, stopped.code))
            else:
                done.append(task.id)
        return Expired(tuple(done), tuple(left))

    def _end(self, task: Task) -> None:
        if task.state is not TaskState.ENDING:
            # A Conflict here says that its principal ended it since it was listed: the next pass looks again.
            self.tasks.move(task.id, expected=MAY_BE_ENDED, to=TaskState.ENDING, ends_as=TaskState.EXPIRED)
        self.provisioner.tear_down(task.id)
