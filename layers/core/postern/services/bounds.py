"""The bounds of a call's statements: what is left of its time and of what it reserved, statement after statement."""

from __future__ import annotations

from postern.errors import StatementFailed, TooLarge
from postern.ports import Clock, Limits, Result, TaskStore
from postern.services.answer_bytes import answer_bytes
from postern.services.answers import Delivery
from postern.services.commands import Unit
from postern.services.stopwatch import Stopwatch
from postern.types import Budgets

STATEMENT_S = 18.0  # of a request's 28 s; what is left is for the records and the answer
COMMIT_S = 24.0  # after which nothing is committed any more
MARGIN_S = 6.0
MAX_CELL_BYTES = 1_000_000
LOCK_TIMEOUT_MS = 2_000
# Of rows, columns and masks. Lambda takes 6,291,556 bytes of a function's answer, as its error says, the body as a JSON
# string within it; receipts and what is left of the task have the rest.
MAX_BODY_BYTES = 6_000_000


class Bounds:
    """What the statements of one call may still use."""

    def __init__(self, unit: Unit, tasks: TaskStore, clock: Clock, watch: Stopwatch) -> None:
        self._unit = unit
        self._tasks = tasks
        self._clock = clock
        self._watch = watch
        self._rows, self._bytes = unit.reservation.taken.rows, unit.reservation.taken.bytes
        self._body = MAX_BODY_BYTES

    def limits(self, max_rows: int) -> Limits:
        """The next statement's. Raises `StatementFailed` (`database.timeout`) where no time is left for one."""
        task = self._unit.reservation.task
        until_deadline_s = task.expires_at_s - self._clock.now_us() / 1_000_000
        left_s = min(STATEMENT_S - self._watch.elapsed_s(), self._watch.left_s() - MARGIN_S, until_deadline_s)
        if left_s <= 0:
            detail = "No time is left for the statement: the call or the task is at its end. Send less at once."
            raise StatementFailed("database.timeout", detail, sqlstate="57014")
        return Limits(
            max_rows=min(max_rows, self._rows),
            max_bytes=max(0, self._bytes),
            max_cell_bytes=MAX_CELL_BYTES,
            statement_timeout_ms=max(1, int(left_s * 1000)),
            lock_timeout_ms=LOCK_TIMEOUT_MS,
        )

    def spend(self, result: Result, delivery: Delivery) -> None:
        """Takes off what a statement used.

        Raises `BudgetExceeded` where the task has fewer sensitive values left, `TooLarge` where the call's answer
        would not get out of the function: text of which JSON escapes much is longer there than it came.
        """
        self._rows -= result.row_count
        self._bytes -= result.received_bytes
        self._body -= answer_bytes(delivery)
        if self._body < 0:
            detail = f"the answer as JSON within JSON: expected at most {MAX_BODY_BYTES:,} bytes."
            raise TooLarge("answer.too_large", f"{detail} Select fewer rows or columns.")
        self._take(Budgets(values=delivery.sensitive))

    def spend_written(self, written: int) -> None:
        """Takes off the rows that a transaction wrote. Raises `BudgetExceeded` where the task has fewer left."""
        self._take(Budgets(affected=written))

    def _take(self, used: Budgets) -> None:
        if used != Budgets():
            with self._watch.step("task"):
                self._unit.reservation = self._tasks.reserve_more(self._unit.reservation, used)

    def is_too_late(self) -> bool:
        """Whether it is too late to commit: the task is over, or what must follow would not fit into the request."""
        if self._clock.now_us() >= self._unit.reservation.task.expires_at_s * 1_000_000:
            return True
        return self._watch.elapsed_s() > COMMIT_S or self._watch.left_s() < MARGIN_S / 2
