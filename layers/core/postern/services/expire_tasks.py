"""Ends what is due: tasks past their deadline, and endings that did not finish. Run by a timer.

Removing access is never gated by evidence: it asks the one function that may, which does it and then records it.

No task keeps others waiting. The longest due comes first, and each is put off before it is tried, for longer every
time: however it fails, and whatever dies meanwhile, the next pass begins with others. Several are torn down at once,
and within a pass the tasks of a database that did not answer come behind those of databases that may.
"""

from __future__ import annotations

from concurrent.futures import Executor, wait
from dataclasses import dataclass, field
from threading import Lock

from postern.errors import Conflict, PosternError
from postern.ports import Clock, Provisioner, TaskStore
from postern.services.stopwatch import Stopwatch
from postern.task_states import EXPIRE
from postern.types import DatabaseName, Task, TaskId, TaskState

AT_ONCE = 100  # looked at in one pass
WORKERS = 4  # teardowns at a time: each may hold locks in a database, and wait for a while
LEAST_LEFT_S = 28.0  # what one teardown may take
FIRST_PAUSE_S = 50  # below the timer's minute, so that what failed once is tried by the next pass
LONGEST_PAUSE_S = 600  # below the period of the alarm on what is left, so that each period sees an attempt


@dataclass(frozen=True, slots=True)
class Expired:
    """What one pass did: tasks torn down, tasks that failed with the code of what stopped them, and how many wait.

    Those that wait were due, and time did not suffice for them.
    """

    done: tuple[TaskId, ...]
    left: tuple[tuple[TaskId, str], ...]
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class ExpireTasks:
    """The use case. One task that cannot be torn down does not keep the others waiting."""

    tasks: TaskStore
    provisioner: Provisioner
    clock: Clock
    threads: Executor  # its own: a teardown may keep a thread for half a minute

    def run(self, watch: Stopwatch) -> Expired:
        """As many as time suffices for. Raises `StateUnavailable` where the table cannot be asked what is due."""
        due = _Due(list(self.tasks.due(self._now_s(), limit=AT_ONCE)))
        workers = [self.threads.submit(self._work, due, watch) for _ in range(WORKERS)]
        wait(workers)
        for worker in workers:
            worker.result()
        return Expired(tuple(due.done), tuple(due.left), len(due.waiting))

    def _work(self, due: _Due, watch: Stopwatch) -> None:
        while watch.left_s() >= LEAST_LEFT_S and (task := due.take()) is not None:
            try:
                if self._is_ending(task):
                    self.provisioner.tear_down(task.id)
                    due.done.append(task.id)
            except PosternError as stopped:
                due.note_failure(task, stopped)

    def _is_ending(self, task: Task) -> bool:
        """Sends the task there and puts its next teardown off; False where somebody else was faster."""
        try:
            if task.state is not TaskState.ENDING:
                self.tasks.move(task.id, EXPIRE)
            self.tasks.put_off(task.id, until_s=self._now_s() + pause_s(task.teardowns))
        except Conflict:
            return False  # ended since it was listed; where it is `ending`, the next pass looks again
        return True

    def _now_s(self) -> int:
        return self.clock.now_us() // 1_000_000


def pause_s(teardowns: int) -> int:
    """Until the next attempt, after so many before this one."""
    return min(LONGEST_PAUSE_S, FIRST_PAUSE_S << min(teardowns, 16))


@dataclass(slots=True)
class _Due:
    """What the workers of one pass share."""

    waiting: list[Task]  # the longest due first
    done: list[TaskId] = field(default_factory=list)
    left: list[tuple[TaskId, str]] = field(default_factory=list)
    _away: set[DatabaseName] = field(default_factory=set)
    _lock: Lock = field(default_factory=Lock)

    def take(self) -> Task | None:
        """The longest due, of a database that answers as long as there is one; None where none is left."""
        with self._lock:
            if not self.waiting:
                return None
            answers = (n for n, task in enumerate(self.waiting) if task.grant.database not in self._away)
            return self.waiting.pop(next(answers, 0))

    def note_failure(self, task: Task, stopped: PosternError) -> None:
        with self._lock:
            self.left.append((task.id, stopped.code))
            if stopped.code == "database.unavailable":
                self._away.add(task.grant.database)
