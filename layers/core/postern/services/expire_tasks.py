"""Tears down what is due: tasks past their deadline, and endings that did not finish. Run by a timer."""

from __future__ import annotations

from dataclasses import dataclass

from postern.errors import PosternError
from postern.ports import Clock, TaskStore
from postern.services.remove_world import RemoveWorld
from postern.services.task_states import MAY_BE_ENDED
from postern.types import Task, TaskId, TaskState

AT_ONCE = 25


@dataclass(frozen=True, slots=True)
class Expired:
    """What one pass did: tasks torn down, and tasks left for the next pass with the code of what stopped them."""

    done: tuple[TaskId, ...]
    left: tuple[tuple[TaskId, str], ...]


@dataclass(frozen=True, slots=True)
class ExpireTasks:
    """The use case. One task that cannot be torn down does not keep the others waiting."""

    tasks: TaskStore
    remove: RemoveWorld
    clock: Clock

    def run(self) -> Expired:
        done: list[TaskId] = []
        left: list[tuple[TaskId, str]] = []
        for task in self.tasks.due(self.clock.now_us() // 1_000_000, limit=AT_ONCE):
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
        self.remove.run(task.id, by="timer")
