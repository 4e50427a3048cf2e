"""A fake of the rates, in memory; `tests/contract/test_rate_items.py` holds it to the contract of the real ones."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from postern.errors import BudgetExceeded, StateUnavailable
from postern.rate_ports import WINDOW_S, Rate
from postern.types import Task, TaskId, TaskState


@dataclass
class FakeRates:
    """Counts in memory. `task_of` shows the tasks as a store has them; `away` makes the next calls fail."""

    task_of: Callable[[TaskId], Task | None] = lambda _: None
    counts: dict[tuple[Rate, str, int], int] = field(default_factory=dict)
    places: dict[str, dict[TaskId, int]] = field(default_factory=dict)  # the ids, and when each took its place
    away: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, rate: Rate, whose: str, amount: int, *, limit: int, now_s: int) -> None:
        self._reach()
        minute = now_s // WINDOW_S
        with self._lock:
            counted = self.counts.get((rate, whose, minute), 0) + amount
            if counted > limit:
                wait_s = None if amount > limit else (minute + 1) * WINDOW_S - now_s
                raise BudgetExceeded(f"rate.{rate.value}", "wait", retry_after_s=wait_s)
            self.counts[rate, whose, minute] = counted

    def queue(self, owner: str, task_id: TaskId, *, limit: int, now_s: int) -> None:
        self._reach()
        with self._lock:
            places = self.places.setdefault(owner, {})
            if task_id not in places and len(places) >= limit:
                for other in [other for other, since_s in places.items() if self._is_free(other, since_s, now_s)]:
                    del places[other]
            if task_id not in places and len(places) >= limit:
                raise BudgetExceeded("rate.pending", "wait", retry_after_s=60)
            places[task_id] = now_s

    def _is_free(self, task_id: TaskId, since_s: int, now_s: int) -> bool:
        task = self.task_of(task_id)
        if task is None:
            return since_s < now_s - 600
        return task.state is not TaskState.PENDING_APPROVAL

    def _reach(self) -> None:
        if self.away:
            raise StateUnavailable("state.unavailable", "the state table cannot be reached: try again")
