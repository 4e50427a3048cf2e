"""The bounds of a call's statements: what is left of its time and of what it reserved, statement after statement."""

from __future__ import annotations

from postern.errors import BudgetExceeded
from postern.ports import Clock, Limits, Result, TransactionMark
from postern.services.answers import Delivery
from postern.services.commands import Unit
from postern.services.stopwatch import Stopwatch

STATEMENT_S = 18.0  # of a request's 28 s; what is left is for the records and the answer
COMMIT_S = 24.0  # after which nothing is committed any more
MARGIN_S = 6.0
MAX_CELL_BYTES = 1_000_000
LOCK_TIMEOUT_MS = 2_000


class Bounds:
    """What the statements of one call may still use."""

    def __init__(self, unit: Unit, clock: Clock, watch: Stopwatch) -> None:
        self._unit = unit
        self._clock = clock
        self._watch = watch
        taken = unit.reservation.taken
        self._rows, self._bytes, self._affected, self._values = taken.rows, taken.bytes, taken.affected, taken.values

    def limits(self, max_rows: int) -> Limits:
        """The next statement's."""
        task = self._unit.reservation.task
        until_deadline_s = task.expires_at_s - self._clock.now_us() / 1_000_000
        left_s = min(STATEMENT_S - self._watch.elapsed_s(), self._watch.left_s() - MARGIN_S, until_deadline_s)
        return Limits(
            max_rows=min(max_rows, self._rows),
            max_bytes=max(0, self._bytes),
            max_cell_bytes=MAX_CELL_BYTES,
            statement_timeout_ms=max(1, int(left_s * 1000)),
            lock_timeout_ms=LOCK_TIMEOUT_MS,
        )

    def spend(self, result: Result, delivery: Delivery) -> None:
        """Takes off what a statement used. Raises `BudgetExceeded` where that is more than there was."""
        self._rows -= result.row_count
        self._bytes -= result.received_bytes
        self._affected -= result.affected or 0
        self._values -= delivery.sensitive
        if self._unit.reservation.taken.affected and self._affected < 0:
            raise _over("budget.affected", "rows to write", "nothing was written: narrow the statement")
        if self._unit.reservation.taken.values and self._values < 0:
            raise _over("budget.values", "sensitive values", "nothing is delivered: select fewer rows or columns")

    def spend_written(self, mark: TransactionMark) -> int:
        """What a transaction wrote in all, by every way of writing. Raises `BudgetExceeded` where that is too much."""
        taken = self._unit.reservation.taken.affected
        written = max(mark.rows_written, taken - self._affected)
        if written > taken:
            raise _over("budget.affected", "rows to write", "nothing was written: narrow the statement")
        return written

    def is_too_late(self) -> bool:
        """Whether it is too late to commit: what must follow would not fit into the request."""
        return self._watch.elapsed_s() > COMMIT_S or self._watch.left_s() < MARGIN_S / 2


def _over(code: str, words: str, advice: str) -> BudgetExceeded:
    return BudgetExceeded(code, f"the statement takes more {words} than the task has left; {advice}")
