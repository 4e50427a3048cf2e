"""One function's workers, as many as are asked for at once, up to a limit.

Each worker has a thread that takes invocations from the pool's line and drives its process; the first
one's process is started before there is anything to run. A worker that is gone, or half an hour old,
is replaced before the next invocation. A caller waits on a future and always gets an outcome.
"""

from __future__ import annotations

import queue
import threading
from concurrent.futures import Future

from postern_local.failure import StackFailure
from postern_local.runtime_api import Invocation
from postern_local.worker_process import Outcome, Worker, WorkerPlan, error_outcome

_STOPPED = error_outcome("Sandbox.Stopped", "the local stack is stopping")


class Pool:
    """The workers of one function. `limit` bounds how many run at once; further invocations wait in line."""

    def __init__(self, plan: WorkerPlan, *, limit: int) -> None:
        self._plan = plan
        self._limit = limit
        self._line: queue.SimpleQueue[tuple[Invocation, Future[Outcome]] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._workers: set[Worker] = set()
        self._busy = 0  # invocations in line or running
        self._closed = False

    def warm(self) -> None:
        """Starts one worker without waiting for it, unless there is one already."""
        with self._lock:
            if not self._threads:
                self._grow()

    def invoke(self, payload: bytes) -> Future[Outcome]:
        """Puts an event in line; its outcome is the future's result."""
        future: Future[Outcome] = Future()
        with self._lock:
            if self._closed:
                future.set_result(_STOPPED)
                return future
            self._busy += 1
            if self._busy > len(self._threads) and len(self._threads) < self._limit:
                self._grow()
            self._line.put((Invocation(payload), future))
        return future

    def stop(self) -> None:
        """Kills every worker and waits until all are gone; open invocations end with an error."""
        with self._lock:
            self._closed = True
            workers, threads = list(self._workers), list(self._threads)
        for worker in workers:
            worker.stop()
        for _ in threads:
            self._line.put(None)
        for thread in threads:
            thread.join()

    @property
    def pids(self) -> frozenset[int]:
        """Process ids of the workers, for tests and for who wants to look at one."""
        with self._lock:
            return frozenset(worker.pid for worker in self._workers)

    def _grow(self) -> None:
        thread = threading.Thread(target=self._drive, name=self._plan.function.name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _drive(self) -> None:
        """One worker's life after the other's, on the thread that they are to die with."""
        worker: Worker | None = None
        try:
            worker = self._start()
        except (OSError, StackFailure):
            worker = None  # told to the first caller, who tries again
        try:
            while (waiting := self._line.get()) is not None:
                invocation, future = waiting
                try:
                    worker = self._replace(worker)
                    outcome = _STOPPED if worker is None else worker.run(invocation)
                except (OSError, StackFailure) as error:
                    worker, outcome = None, error_outcome("Sandbox.Start", f"the worker could not be started: {error}")
                with self._lock:
                    self._busy -= 1
                future.set_result(outcome)
        finally:
            self._end(worker)

    def _replace(self, worker: Worker | None) -> Worker | None:
        if worker is not None and worker.is_reusable():
            return worker
        self._end(worker)
        return self._start()

    def _start(self) -> Worker | None:
        """A new worker, unless the pool is closed: `stop` must know of every one."""
        with self._lock:
            if self._closed:
                return None
            worker = Worker(self._plan)
            self._workers.add(worker)
            return worker

    def _end(self, worker: Worker | None) -> None:
        if worker is None:
            return
        worker.stop()
        with self._lock:
            self._workers.discard(worker)
