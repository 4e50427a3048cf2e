"""Runs the steps of approved statements: a transaction each, or one statement outside of any.

Of a transaction the outcomes are the commit fence, as in `transact`: they are durable, say `pending` and name the
transaction before COMMIT is sent. A statement outside of a transaction has its outcome after the fact.

Crash points, by what is durable when the process dies in a step:
    intents            nothing of a transaction; of a statement alone, what the server did of it. The reaper closes
                       them as abandoned once no run can live any more
    some outcomes      nothing was committed: the session is gone, and its transaction with it
    all outcomes       COMMIT was sent or not: pending outcomes say which transaction to ask the database about
    some settled       it was committed; what is missing is settled by the same question
Steps before it stand, those after it never ran.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from postern.errors import (
    CallerError,
    Conflict,
    DatabaseLost,
    DatabaseUnavailable,
    OutcomeUnknown,
    PosternError,
    StatementFailed,
)
from postern.ports import TaskStore, TransactionMark
from postern.run_once.steps import Step
from postern.run_ports import RunBounds, RunSession, Status
from postern.services.run_once_journal import RunCommand
from postern.services.run_once_records import ATTEMPTS, RunRecords
from postern.services.stopwatch import Stopwatch
from postern.types import Sha256Hex, TaskState


@dataclass(frozen=True, slots=True)
class RunSteps:
    """One run's session, records and bounds."""

    records: RunRecords
    session: RunSession
    bounds: RunBounds
    left_ms: Callable[[], int]  # raises `StatementFailed` where no time is left for another statement
    tasks: TaskStore
    watch: Stopwatch

    def run(self, steps: Sequence[Step]) -> PosternError | None:
        """Runs them in order, up to the first that does not stand; what stopped it, all of it on record."""
        for step in steps:
            commands = self.records.unit.commands[step.first : step.first + len(step.statements)]
            stopped = self._together(commands) if step.in_transaction else self._alone(commands[0])
            self.records.progress.show()
            if stopped is not None:
                after = self.records.unit.commands[step.first + len(step.statements) :]
                self.records.end_all(after, Status.NOT_RUN)
                return stopped
        return None

    def _together(self, commands: Sequence[RunCommand]) -> PosternError | None:
        try:
            self._check_live()
            self.session.begin(self._bounds(), command_id=commands[0].id)
        except PosternError as stopped:
            self.session.rollback()
            self.records.end_all(commands, Status.NOT_RUN, stopped)
            return stopped
        for done, command in enumerate(commands):
            try:
                self._execute(command)
            except PosternError as failed:
                self.session.rollback()  # its locks end before the evidence is waited for
                self.records.end_all(commands[:done], Status.ROLLED_BACK)
                self.records.end(command, _status_of(failed), failed)
                self.records.end_all(commands[done + 1 :], Status.NOT_RUN)
                return failed
        try:
            mark = self.session.mark(timeout_ms=self.left_ms())
        except PosternError as failed:  # what was deferred does not hold: which statement is to blame nobody knows
            self.session.rollback()
            self.records.end_all(commands, _status_of(failed), failed)
            return failed
        return self._fence_and_commit(commands, mark)

    def _execute(self, command: RunCommand) -> None:
        begun_s = self.watch.elapsed_s()
        affected = self.session.run(command.sql, command_id=command.id, timeout_ms=self.left_ms())
        self.records.progress.ran(command.index, affected, self._since_ms(begun_s))

    def _fence_and_commit(self, commands: Sequence[RunCommand], mark: TransactionMark) -> PosternError | None:
        outcomes: list[Sha256Hex] = []
        try:
            for command in commands:
                outcomes.append(self.records.pend(command, mark))  # those written before one failed
            self._check_live()
            self.left_ms()
            self.session.commit()
        except OutcomeUnknown as unknown:
            self.records.note_all(commands, Status.UNKNOWN, unknown)
            return unknown
        except PosternError as refused:
            self.session.rollback()
            self.records.rolled_back(commands, outcomes, refused)
            return refused
        self.records.committed(commands, outcomes)
        return None

    def _alone(self, command: RunCommand) -> PosternError | None:
        try:
            self._check_live()
            bounds = self._bounds()
        except PosternError as stopped:
            self.records.end(command, Status.NOT_RUN, stopped)
            return stopped
        begun_s = self.watch.elapsed_s()
        try:
            affected = self.session.run_alone(command.sql, bounds, command_id=command.id)
        except PosternError as failed:
            status = Status.UNKNOWN if isinstance(failed, OutcomeUnknown) else _status_of(failed)
            self.records.end(command, status, failed, attempts=ATTEMPTS)
            return failed
        self.records.progress.ran(command.index, affected, self._since_ms(begun_s))
        self.records.end(command, Status.OK, None, attempts=ATTEMPTS)
        return None

    def _check_live(self) -> None:
        """Raises `Conflict` where the task was ended meanwhile, `StateUnavailable` where that cannot be told."""
        task = self.tasks.get(self.records.unit.task.id)
        if task is None or task.state is not TaskState.ACTIVE:
            state = "gone" if task is None else task.state.value
            raise Conflict("task.state", f"task: expected it to be active still, got {state}: nothing more runs")

    def _bounds(self) -> RunBounds:
        return replace(self.bounds, statement_timeout_ms=self.left_ms())

    def _since_ms(self, begun_s: float) -> int:
        return round((self.watch.elapsed_s() - begun_s) * 1000)


def _status_of(failed: PosternError) -> Status:
    match failed:
        case OutcomeUnknown():
            return Status.UNKNOWN
        case DatabaseLost():
            return Status.LOST
        case CallerError() | DatabaseUnavailable() | StatementFailed():
            return Status.FAILED
    return Status.ROLLED_BACK  # the table was away
