"""A task as its agent knows it: what it may still use of it, while several of its statements are under way."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

STATEMENTS, ROWS, AFFECTED = "statements", "rows", "affected"


@dataclass(eq=False)
class Holding:
    """One task. `ends_as` is what it must end as, or one of several; `is_live` whether its agent still uses it."""

    id: str
    had: dict[str, int]
    deadline_s: float  # of the monotonic clock
    ends_as: str = "ended"
    is_live: bool = True
    is_told: bool = False  # that it ends: an answer said so
    is_disturbed: bool = False  # a call was not served: what it had reserved counts until the reaper gives it back
    used: dict[str, int] = field(default_factory=lambda: {STATEMENTS: 0, ROWS: 0, AFFECTED: 0})
    under_way: int = 0  # statements
    begun: int = 0  # calls, ever
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, statements: int) -> int:
        """Takes note of a call; returns the statements that were surely taken before it."""
        with self._lock:
            self.under_way += statements
            self.begun += 1
            return self.used[STATEMENTS]

    def end(self, statements: int, *, is_admitted: bool, rows: int = 0, affected: int = 0) -> None:
        """Takes note of its end, and of what it used."""
        with self._lock:
            self.under_way -= statements
            if is_admitted:
                self.used[STATEMENTS] += statements
                self.used[ROWS] += rows
                self.used[AFFECTED] += affected

    def disturb(self) -> None:
        with self._lock:
            self.is_disturbed = True

    def take_out(self) -> bool:
        """Stops using the task, unless a call of it is under way or somebody did already."""
        with self._lock:
            if self.under_way or not self.is_live:
                return False
            self.is_live = False
            return True

    def wrong_admission(self, statements: int, taken_before: int, *, is_refused: bool) -> Iterator[str]:
        """What is wrong with a call's being refused for its budget, or not; asked before its `end`."""
        with self._lock:
            most = self.used[STATEMENTS] + self.under_way  # its own are under way still
        if self.is_disturbed:
            return
        if is_refused and most <= self.had[STATEMENTS]:
            yield f"{self.id}: expected {statements} of {self.had[STATEMENTS]} statements to be left, got a refusal"
        if not is_refused and taken_before + statements > self.had[STATEMENTS]:
            yield f"{self.id}: expected a refusal, {taken_before} of {self.had[STATEMENTS]} statements were used"

    def wrong_budgets(self, budgets: dict[str, int]) -> Iterator[str]:
        """What is wrong with what is left of the task, while no call is under way.

        After a call that was not served there may be less, never more than what the answers leave.
        """
        left = {name: self.had[name] - self.used[name] for name in self.had}
        told = {name: budgets[name] for name in left}
        is_right = all(told[name] <= left[name] for name in left) if self.is_disturbed else told == left
        if not is_right:
            yield f"{self.id} budgets: expected {left}, got {told}"
