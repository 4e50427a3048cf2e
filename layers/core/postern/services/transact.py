"""Runs statements in one transaction: a write, or several statements that succeed or fail together.

The outcome of a write is the commit fence: it is durable, says `pending` and names the transaction before COMMIT is
sent, so that whoever finds it can ask the database what became of it. Where another has put its own bytes under that
key, the command was given up for dead: it is rolled back and delivers nothing.

Crash points, by what is durable when the process dies:
    some outcomes    nothing was committed: the session is gone, and its transaction with it
    all outcomes     COMMIT was sent or not: pending outcomes say which transaction to ask the database about
    some settled     it was committed; what is missing is settled by the same question
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn

from postern.audit import bodies
from postern.errors import (
    EvidenceUnavailable,
    IntegrityError,
    OutcomeUnknown,
    PosternError,
    StatementFailed,
)
from postern.guard.scope import Scope
from postern.ports import Clock, Result, Session, TaskStore, Transaction, TransactionMark
from postern.services.answers import Delivery, deliver
from postern.services.bounds import Bounds
from postern.services.calls import Answered
from postern.services.commands import Command, Unit
from postern.services.journal import Journal
from postern.services.parameters import Checked
from postern.services.stopwatch import Stopwatch
from postern.services.told_by_task import told_by_task
from postern.sqlstates import at_position
from postern.types import Receipt, Sha256Hex

SETTLE_S = 7.0  # what one settlement may take where the bucket does not answer; the answer must still go out


@dataclass(frozen=True, slots=True)
class _Ran:
    """A statement that ran, not committed yet."""

    result: Result
    delivery: Delivery


@dataclass(frozen=True, slots=True)
class Transact:
    """One transaction from BEGIN to its settlement."""

    tasks: TaskStore
    journal: Journal
    clock: Clock

    def run(
        self,
        unit: Unit,
        statements: Sequence[Checked],
        scope: Scope,
        intents: Sequence[Sha256Hex],
        session: Session,
        watch: Stopwatch,
    ) -> tuple[list[Answered], bool | None]:
        """What each gave, and whether all settlements are durable; None where nothing writes.

        Raises `OutcomeUnknown` where COMMIT was sent and no answer came; whatever else it raises, nothing was written.
        """
        bounds = Bounds(unit, self.tasks, self.clock, watch)
        writes = any(statement.verdict.writes for statement in statements)
        try:
            with watch.step("execute"):
                transaction = session.begin(bounds.limits(1), command_id=unit.id, read_only=not writes)
        except PosternError as stopped:
            failed = told_by_task(self.tasks, unit, stopped)
            self._record_failure(unit, intents, 0, failed, watch)
            raise failed from stopped
        try:
            ran = self._execute(unit, statements, scope, intents, transaction, bounds, watch)
            mark = self._mark(unit, intents, ran, transaction, bounds, watch) if writes else None
            outcomes = self._fence(unit, intents, ran, transaction, mark, watch)
        except PosternError:
            raise  # undone already, before it was put on record
        except BaseException:
            transaction.rollback()
            raise
        if not writes:
            transaction.rollback()
            settlements: list[Sha256Hex | None] = [None] * len(outcomes)
        else:
            self._commit(unit, outcomes, transaction, bounds, watch)
            with watch.step("settle"):
                settlements = self._settle(unit, outcomes, watch)
        answers = [
            Answered(
                command.id,
                one.delivery,
                one.result.affected,
                one.result.received_bytes,
                receipt(command, intent, outcome, settled, self.journal.log),
            )
            for command, one, intent, outcome, settled in zip(
                unit.commands, ran, intents, outcomes, settlements, strict=True
            )
        ]
        return answers, (None not in settlements) if writes else None

    def _execute(
        self,
        unit: Unit,
        statements: Sequence[Checked],
        scope: Scope,
        intents: Sequence[Sha256Hex],
        transaction: Transaction,
        bounds: Bounds,
        watch: Stopwatch,
    ) -> list[_Ran]:
        """Runs them in order. Where one fails all are on record as undone, and its error says which it was."""
        task = unit.reservation.task
        ran: list[_Ran] = []
        for (words, command), statement in zip(unit.numbered(), statements, strict=True):
            try:
                with watch.step("execute"):
                    result = transaction.run(
                        statement.verdict.sql,
                        statement.parameters,
                        bounds.limits(command.call.max_rows),
                        read_only=not statement.verdict.writes,
                        command_id=command.id,
                    )
                with watch.step("detect"):
                    result = statement.named_as_asked(result, scope)
                    delivery = deliver(result, task.views, task.grant.detectors)
                bounds.spend(result, delivery)
            except OutcomeUnknown:
                # It ended its own transaction, which the guard never lets it: no outcome, the intents stay open.
                transaction.rollback()
                raise
            except PosternError as stopped:
                transaction.rollback()  # access and locks end before the evidence is waited for
                failed = told_by_task(self.tasks, unit, stopped)
                self._record_failure(unit, intents, len(ran), failed, watch)
                failed.command_id = command.id
                raise_as_asked(failed, statement, words)
            ran.append(_Ran(result, delivery))
        return ran

    def _record_failure(
        self, unit: Unit, intents: Sequence[Sha256Hex], failing: int, failed: PosternError, watch: Stopwatch
    ) -> None:
        with watch.step("outcome"):
            for index, (command, intent) in enumerate(zip(unit.commands, intents, strict=True)):
                if index == failing:
                    self.journal.fail(unit, command, intent, failed, watch)
                else:
                    status = "rolled_back" if index < failing else "not_run"
                    self.journal.undo(unit, command, intent, status=status, watch=watch)

    def _mark(
        self,
        unit: Unit,
        intents: Sequence[Sha256Hex],
        ran: Sequence[_Ran],
        transaction: Transaction,
        bounds: Bounds,
        watch: Stopwatch,
    ) -> TransactionMark:
        """What the transaction will be known by, its rows paid for. A deferred constraint is checked here too."""
        try:
            with watch.step("execute"):
                mark = transaction.mark()
            bounds.spend_written(max(mark.rows_written, sum(one.result.affected or 0 for one in ran)))
        except PosternError as stopped:
            transaction.rollback()
            failed = told_by_task(self.tasks, unit, stopped)
            with watch.step("outcome"):
                for command, intent in zip(unit.commands, intents, strict=True):
                    self.journal.fail(unit, command, intent, failed, watch)
            raise failed from stopped
        return mark

    def _fence(
        self,
        unit: Unit,
        intents: Sequence[Sha256Hex],
        ran: Sequence[_Ran],
        transaction: Transaction,
        mark: TransactionMark | None,
        watch: Stopwatch,
    ) -> list[Sha256Hex]:
        """Every outcome, durable. Where one cannot be, those that are pending are settled as rolled back."""
        outcomes: list[Sha256Hex] = []
        try:
            with watch.step("outcome"):
                for command, intent, one in zip(unit.commands, intents, ran, strict=True):
                    outcomes.append(self.journal.succeed(unit, command, intent, one.result, one.delivery, mark, watch))
        except PosternError:
            transaction.rollback()
            if mark is not None:
                self._settle_as_rolled_back(unit, outcomes)
            raise
        return outcomes

    def _commit(
        self,
        unit: Unit,
        outcomes: Sequence[Sha256Hex],
        transaction: Transaction,
        bounds: Bounds,
        watch: Stopwatch,
    ) -> None:
        try:
            if bounds.is_too_late():
                transaction.rollback()
                raise StatementFailed(
                    "database.timeout", "It came too late to commit: nothing was written.", sqlstate="57014"
                )
            with watch.step("commit"):
                transaction.commit()
        except OutcomeUnknown:
            raise
        except PosternError as refused:
            with watch.step("settle"):
                self._settle_as_rolled_back(unit, outcomes, sqlstate=getattr(refused, "sqlstate", None))
            raise told_by_task(self.tasks, unit, refused) from refused

    def _settle_as_rolled_back(self, unit: Unit, outcomes: Sequence[Sha256Hex], *, sqlstate: str | None = None) -> None:
        # What cannot be settled here stays pending; whoever asks the database learns that it was rolled back, and a
        # conflict is the settlement of one who did.
        with suppress(EvidenceUnavailable, IntegrityError):
            for command, outcome in zip(unit.commands, outcomes, strict=False):
                self.journal.settle(unit, command, outcome, status="rolled_back", sqlstate=sqlstate)

    def _settle(self, unit: Unit, outcomes: Sequence[Sha256Hex], watch: Stopwatch) -> list[Sha256Hex | None]:
        """The settlements that are durable. It is committed: the answer goes out, and says where they are missing."""
        settlements: list[Sha256Hex | None] = []
        # A conflict is another's settlement, who came to the same by asking the database.
        with suppress(EvidenceUnavailable, IntegrityError):
            for command, outcome in zip(unit.commands, outcomes, strict=True):
                if watch.left_s() < SETTLE_S:
                    break
                settlements.append(self.journal.settle(unit, command, outcome, status="committed"))
        return [*settlements, *[None] * (len(outcomes) - len(settlements))]


def raise_as_asked(failed: PosternError, statement: Checked, words: str) -> NoReturn:
    """Raises the error about a statement in the agent's terms: which one, and where in the text that it sent."""
    if isinstance(failed, StatementFailed) and failed.position is not None:
        # The database points into the text that ran.
        placed = at_position(failed, statement.verdict.position_as_asked(failed.position))
        placed.detail = words + placed.detail
        raise placed from failed
    failed.detail = words + failed.detail
    raise failed


def receipt(command: Command, intent: Sha256Hex, outcome: Sha256Hex, settled: Sha256Hex | None, log: str) -> Receipt:
    """What the caller keeps of one statement."""
    return Receipt(intent, outcome, log, bodies.format_key(command.key), settled)
