"""Work for several processes at once, answered in the order in which it was given."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

Task = TypeVar("Task")
Done = TypeVar("Done")

_AHEAD = 4  # tasks given out per process before the first of them is answered


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class Processes:
    """Implements `postern.audit.verify.Run`. `advance` is told of each task that is done."""

    pool: ProcessPoolExecutor | None  # None: here, one after the other
    ahead: int
    advance: Callable[[int], None]

    def __call__(self, call: Callable[[Task], Done], tasks: Iterable[Task]) -> Iterator[Done]:
        if self.pool is None:
            for task in tasks:
                yield call(task)
                self.advance(1)
            return
        under_way: deque[Future[Done]] = deque()
        try:
            for task in tasks:
                under_way.append(self.pool.submit(call, task))
                if len(under_way) >= self.ahead:
                    yield self._answer(under_way)
            while under_way:
                yield self._answer(under_way)
        finally:
            for future in under_way:
                future.cancel()

    def _answer(self, under_way: deque[Future[Done]]) -> Done:
        answer = under_way.popleft().result()
        self.advance(1)
        return answer


@contextmanager
def processes(workers: int, advance: Callable[[int], None]) -> Iterator[Processes]:
    """Yields so many processes; with one, this one does the work."""
    if workers == 1:
        yield Processes(None, 1, advance)
        return
    with ProcessPoolExecutor(workers) as pool:
        try:
            yield Processes(pool, workers * _AHEAD, advance)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
