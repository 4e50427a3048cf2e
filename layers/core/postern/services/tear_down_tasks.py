"""Tears the worlds of several tasks down, some at a time, for as long as a call has time; the reaper does the rest.

Each is put off before it is tried, so that the reaper, to whom it is due at once, leaves it to this call meanwhile.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, wait
from dataclasses import dataclass, field
from threading import Lock

from postern.errors import Conflict, NotFound, PosternError
from postern.ports import Clock, Provisioner, TaskStore, TornDown
from postern.services.stopwatch import Stopwatch
from postern.types import TaskId, TaskState

WORKERS = 8
LEAST_LEFT_S = 6.0  # of a call, below which none is begun
ANSWER_S = 2.0  # of a call: what is still under way then is answered as remaining
PUT_OFF_S = 50  # below the timer's minute
TRIES = 3  # of one, as long as there is time


@dataclass(frozen=True, slots=True)
class Ended:
    """What a call's teardowns came to, in the order in which they ended; `left` by what stopped them last."""

    done: tuple[tuple[TaskId, TornDown], ...]
    left: tuple[tuple[TaskId, str], ...]


@dataclass(frozen=True, slots=True)
class TearDownTasks:
    """The use case. Never raises a `PosternError`: what failed is left."""

    tasks: TaskStore
    provisioner: Provisioner
    clock: Clock
    threads: Callable[[], Executor]  # its own: one may keep a thread for longer than the call has time

    def run(self, task_ids: Iterable[TaskId], watch: Stopwatch) -> Ended:
        line = _Line(deque((task_id, 1) for task_id in task_ids))
        if not line.waiting:
            return Ended((), ())
        threads = self.threads()
        workers = [threads.submit(self._work, line, watch) for _ in range(min(WORKERS, len(line.waiting)))]
        ended, _ = wait(workers, timeout=max(0.0, watch.left_s() - ANSWER_S))
        threads.shutdown(wait=False, cancel_futures=True)
        for worker in ended:
            worker.result()  # a fault of ours is one here, too
        return line.ended()

    def _work(self, line: _Line, watch: Stopwatch) -> None:
        while watch.left_s() >= LEAST_LEFT_S and (taken := line.take()) is not None:
            task_id, attempt = taken
            try:
                line.note_done(task_id, self._tear_down(task_id))
            except PosternError as stopped:
                line.note_failure(task_id, attempt, stopped)

    def _tear_down(self, task_id: TaskId) -> TornDown:
        try:
            self.tasks.put_off(task_id, until_s=self.clock.now_us() // 1_000_000 + PUT_OFF_S)
        except (Conflict, NotFound):
            gone = self.tasks.get(task_id)  # another was faster
            return TornDown(TaskState.ENDED if gone is None else gone.state)
        return self.provisioner.tear_down(task_id)


@dataclass(slots=True)
class _Line:
    """What the workers of one call share."""

    waiting: deque[tuple[TaskId, int]]
    _done: list[tuple[TaskId, TornDown]] = field(default_factory=list)
    _left: dict[TaskId, str] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self._left = {task_id: "time" for task_id, _ in self.waiting}

    def take(self) -> tuple[TaskId, int] | None:
        with self._lock:
            return self.waiting.popleft() if self.waiting else None

    def note_done(self, task_id: TaskId, torn: TornDown) -> None:
        with self._lock:
            self._done.append((task_id, torn))
            del self._left[task_id]

    def note_failure(self, task_id: TaskId, attempt: int, stopped: PosternError) -> None:
        with self._lock:
            self._left[task_id] = stopped.code
            if attempt < TRIES:
                self.waiting.append((task_id, attempt + 1))

    def ended(self) -> Ended:
        with self._lock:
            return Ended(tuple(self._done), tuple(self._left.items()))
