"""What counts how much is asked for, beside `ports.py`; guarantees in words."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from postern.types import TaskId

WINDOW_S = 60  # a minute is one of the clock's: from a multiple of 60 s since the Unix epoch to the next


class Rate(StrEnum):
    """What is counted by the minute. `rate.<value>` is the code of the refusal."""

    OPENINGS = "openings"  # of an owner
    STATEMENTS = "statements"  # of an owner
    PROVISIONS = "provisions"  # of a database


class Rates(Protocol):
    """Counts in the state table. Raises `StateUnavailable`, after which it may have been counted.

    However many callers count at once, no minute's count passes its limit. What was counted is never given back: a
    call that then fails has been made all the same, and a lost answer may count twice.
    """

    def take(self, rate: Rate, whose: str, amount: int, *, limit: int, now_s: int) -> None:
        """Counts so many of this owner's or database's into the minute of `now_s`: all of them or none.

        Raises `BudgetExceeded` (`rate.<rate>`), with the seconds until the next minute, where the limit leaves too
        few; without them where no minute would do.
        """
        ...

    def queue(self, owner: str, task_id: TaskId, *, limit: int, now_s: int) -> None:
        """Takes one of the owner's places for a task that is about to be created, and will wait for approval.

        Raises `BudgetExceeded` (`rate.pending`) where so many wait already. A place is free again once its task is no
        longer pending, or was never created in ten minutes. Taking a place for the same task again changes nothing.
        """
        ...
