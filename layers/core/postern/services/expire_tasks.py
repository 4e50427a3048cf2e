"""Ends what is due: tasks past their deadline, and endings that did not finish. Run by a timer.

Removing access is never gated by evidence: it asks the one function that may, which does it and then records it.

No task keeps others waiting. The longest due comes first, and each is put off before it is tried, for longer every
time: however it fails, and whatever dies meanwhile, the next pass begins with others. Several are torn down at once,
and within a pass the tasks of a database that did not answer come behind those of databases that may.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, wait
from dataclasses import dataclass, field
from threading import Lock

from postern.errors import Conflict, PosternError
from postern.ports import Clock, Provisioner, TaskStore
from postern.services.stopwatch import Stopwatch
from postern.task_states import EXPIRE, SUSPEND, Move
from postern.types import DatabaseName, Task, TaskId, TaskState

AT_ONCE = 400  # looked at in one pass
WORKERS = 8  # teardowns at a time: each may hold locks in a database, and wait for a while
LEAST_LEFT_S = 6.0  # of a pass, below which none is begun
ANSWER_S = 2.0  # of a pass: what is still under way then goes on where it was asked for, and is looked at again later
FIRST_PAUSE_S = 50  # below the timer's minute, so that what failed once is tried by the next pass
LONGEST_PAUSE_S = 600  # below the period of the alarm on what is left, so that each period sees an attempt


@dataclass(frozen=True, slots=True)
class Expired:
    """What one pass did: tasks torn down, tasks that failed with the code of what stopped them, and how many wait.

    Those that wait were due, and time did not suffice for them, or for their end.
    """

    done: tuple[TaskId, ...]
    left: tuple[tuple[TaskId, str], ...]
    waiting: int = 0
    revoked_left: int = 0  # of those that are not done, tasks that were revoked or whose database is held


@dataclass(frozen=True, slots=True)
class ExpireTasks:
    """The use case. One task that cannot be torn down does not keep the others waiting."""

    tasks: TaskStore
    provisioner: Provisioner
    clock: Clock
    threads: Callable[[], Executor]  # of one pass: a teardown may keep a thread for longer than the pass has time

    def run(self, watch: Stopwatch) -> Expired:
        """As many as time suffices for. Raises `StateUnavailable` where the table cannot be asked what is due."""
        due = _Due(list(self.tasks.due(self._now_s(), limit=AT_ONCE)))
        if not due.waiting:
            return Expired((), ())
        threads = self.threads()
        workers = [threads.submit(self._work, due, watch) for _ in range(min(WORKERS, len(due.waiting)))]
        ended, _ = wait(workers, timeout=max(0.0, watch.left_s() - ANSWER_S))
        threads.shutdown(wait=False, cancel_futures=True)
        for worker in ended:
            worker.result()  # a fault of ours is one here, too
        return due.expired()

    def _work(self, due: _Due, watch: Stopwatch) -> None:
        while watch.left_s() >= LEAST_LEFT_S and (task := due.take()) is not None:
            try:
                is_ending = self._is_ending(task)
                if is_ending:
                    self.provisioner.tear_down(task.id)
                due.note_end(task, was_torn_down=is_ending)
            except PosternError as stopped:
                due.note_failure(task, stopped)

    def _is_ending(self, task: Task) -> bool:
        """Sends the task where its world goes and puts its next teardown off; False where another was faster."""
        try:
            if not _is_due(task, self._now_s()):
                return False
            move = _move_for(task, self._now_s())
            if move is not None:
                self.tasks.move(task.id, move)
            self.tasks.put_off(task.id, until_s=self._now_s() + pause_s(task.teardowns))
        except Conflict:
            return False  # ended since it was listed; where it is `ending`, the next pass looks again
        return True

    def _now_s(self) -> int:
        return self.clock.now_us() // 1_000_000


def _is_due(task: Task, now_s: int) -> bool:
    """Whether the task is, and not only the index, which may tell of it as it was a moment ago."""
    is_going = task.state in (TaskState.ENDING, TaskState.SUSPENDING)
    is_built_again = task.state is TaskState.PROVISIONING and task.worlds > 0
    return is_going or is_built_again or task.expires_at_s <= now_s


def _move_for(task: Task, now_s: int) -> Move | None:
    """What is to be done with a task that is due; None where its world goes already."""
    if task.state is TaskState.ENDING:
        return None
    if task.expires_at_s <= now_s:
        return EXPIRE
    # Due before its deadline: a world that goes for maintenance, or one that was built again and never stood.
    return None if task.state is TaskState.SUSPENDING else SUSPEND


def is_revoked(task: Task) -> bool:
    """Whether somebody waits for its world to be gone."""
    return task.state is TaskState.SUSPENDING or task.ends_as is TaskState.REVOKED


def pause_s(teardowns: int) -> int:
    """Until the next attempt, after so many before this one."""
    return min(LONGEST_PAUSE_S, FIRST_PAUSE_S << min(teardowns, 16))


@dataclass(slots=True)
class _Due:
    """What the workers of one pass share."""

    waiting: list[Task]  # the longest due first
    _under_way: dict[TaskId, Task] = field(default_factory=dict)
    _done: list[TaskId] = field(default_factory=list)
    _left: list[tuple[TaskId, str]] = field(default_factory=list)
    _failed: list[Task] = field(default_factory=list)
    _away: set[DatabaseName] = field(default_factory=set)
    _lock: Lock = field(default_factory=Lock)

    def take(self) -> Task | None:
        """The longest due, of a database that answers as long as there is one; None where none is left."""
        with self._lock:
            if not self.waiting:
                return None
            answers = (n for n, task in enumerate(self.waiting) if task.grant.database not in self._away)
            task = self.waiting.pop(next(answers, 0))
            self._under_way[task.id] = task
            return task

    def note_end(self, task: Task, *, was_torn_down: bool) -> None:
        with self._lock:
            del self._under_way[task.id]
            if was_torn_down:
                self._done.append(task.id)

    def expired(self) -> Expired:
        with self._lock:
            waiting = [*self.waiting, *self._under_way.values()]
            revoked_left = sum(is_revoked(task) for task in (*waiting, *self._failed))
            return Expired(tuple(self._done), tuple(self._left), len(waiting), revoked_left)

    def note_failure(self, task: Task, stopped: PosternError) -> None:
        with self._lock:
            del self._under_way[task.id]
            self._left.append((task.id, stopped.code))
            self._failed.append(task)
            if stopped.code == "database.unavailable":
                self._away.add(task.grant.database)
