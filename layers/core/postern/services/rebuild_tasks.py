"""Builds the worlds of suspended tasks again, once nothing holds their database any more.

Each is moved to `provisioning` in a transaction that no hold may stand against, due for the timer after as long as a
build may take: where the build dies, the timer sends the task back to where it was. A world built again has a new
key, so the tokens of masked values are others than before.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, wait
from dataclasses import dataclass
from threading import Lock

from postern.denial_ports import OpenTasks
from postern.denials import keys_against
from postern.errors import BudgetExceeded, DatabaseHeld, PosternError
from postern.ports import Clock, PolicySource, Provisioner, TaskStore
from postern.rate_ports import Rate, Rates
from postern.services.stopwatch import Stopwatch
from postern.task_states import REBUILD
from postern.types import DatabaseName, TaskId, TaskState

WORKERS = 4  # builds at a time in one database: each takes locks
LEAST_LEFT_S = 8.0  # below which none is begun
ANSWER_S = 2.0
BUILDING_S = 120  # for as long a world may be built: the function that does has 60 s


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """Tasks that are active again, and how many wait: for the next minute's rate, for time, or for their database."""

    done: tuple[TaskId, ...] = ()
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class RebuildTasks:
    """The use case. Raises `StateUnavailable` where the table cannot be asked which tasks are open."""

    policy: PolicySource
    tasks: TaskStore
    open_tasks: OpenTasks
    provisioner: Provisioner
    rates: Rates
    clock: Clock
    threads: Callable[[], Executor]

    def run(self, database: DatabaseName, watch: Stopwatch) -> Rebuilt:
        suspended = [
            task.id for task in self.open_tasks.all() if task.database == database and task.state is TaskState.SUSPENDED
        ]
        return self.build(suspended, watch)

    def build(self, suspended: list[TaskId], watch: Stopwatch) -> Rebuilt:
        """Of these, as many as may be."""
        line = _Line(list(reversed(suspended)))
        threads = self.threads()
        workers = [threads.submit(self._work, line, watch) for _ in range(min(WORKERS, len(suspended)))]
        ended, _ = wait(workers, timeout=max(0.0, watch.left_s() - ANSWER_S))
        threads.shutdown(wait=False, cancel_futures=True)
        for worker in ended:
            worker.result()  # a fault of ours is one here, too
        done = line.finished()
        return Rebuilt(done, len(suspended) - len(done))

    def _work(self, line: _Line, watch: Stopwatch) -> None:
        while watch.left_s() >= LEAST_LEFT_S and (task_id := line.take()) is not None:
            try:
                if self._rebuild(task_id):
                    line.note_done(task_id)
            except (BudgetExceeded, DatabaseHeld):
                line.close()  # no other of this database may be built, either
            except PosternError:
                continue  # the timer sends it back, and the next pass tries again

    def _rebuild(self, task_id: TaskId) -> bool:
        task = self.tasks.get(task_id)
        now_s = self.clock.now_us() // 1_000_000
        if task is None or task.state is not TaskState.SUSPENDED or task.expires_at_s <= now_s:
            return False
        database = task.grant.database
        limit = self.policy.load().limits.provisions_of(database)
        self.rates.take(Rate.PROVISIONS, database, 1, limit=limit, now_s=now_s)
        self.tasks.move(
            task_id,
            REBUILD,
            due_s=min(task.expires_at_s, now_s + BUILDING_S),
            unless=keys_against(task.principal, database, runs_once=task.runs_once),
        )
        self.provisioner.provision(task_id)
        return True


class _Line:
    """What the workers of one call share."""

    def __init__(self, waiting: list[TaskId]) -> None:
        self._waiting = waiting
        self._done: list[TaskId] = []
        self._lock = Lock()

    def take(self) -> TaskId | None:
        with self._lock:
            return self._waiting.pop() if self._waiting else None

    def close(self) -> None:
        with self._lock:
            self._waiting.clear()

    def note_done(self, task_id: TaskId) -> None:
        with self._lock:
            self._done.append(task_id)

    def finished(self) -> tuple[TaskId, ...]:
        with self._lock:
            return tuple(self._done)
