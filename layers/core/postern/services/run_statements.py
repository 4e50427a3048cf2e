"""Runs a call's statements for a task, the way of a request: reserve, check, record, run, look over, record, answer.

A read that stands alone is here; whatever writes, or is one of several, runs in `transact`.

Crash points, by what is durable when the process dies, or a fault of ours ends the call, which `reap` closes alike:
    reservation      nothing ran; what it took is held in the task, and the reaper gives it back
    intent           nothing ran, or it ran and was not delivered: an open intent says so
    outcome          it ran, and the record says how; the rows were not delivered. For a write see `transact`
    give-back        the same, and the budgets are exact
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace

from postern.errors import (
    Conflict,
    OutcomeUnknown,
    PosternError,
    RefusedByPolicy,
    StateUnavailable,
    Unprocessable,
)
from postern.guard.check import check
from postern.guard.scope import Scope
from postern.guard.verdict import Allowed, Refused
from postern.ports import Clock, Finished, Session, Settled, TaskDatabase, TaskStore, Tokens
from postern.services.admission import Admission
from postern.services.answers import deliver
from postern.services.bounds import Bounds
from postern.services.calls import Answered, Answers, Call
from postern.services.commands import Command, Unit
from postern.services.journal import Journal
from postern.services.kept_scope import KeptScope
from postern.services.needs import check_needs
from postern.services.parameters import Checked, objection_to_parameters, send_parameters
from postern.services.stopwatch import Stopwatch
from postern.services.told_by_task import told_by_task
from postern.services.transact import Transact, raise_as_asked, receipt
from postern.types import Budgets, Principal, Sha256Hex, TaskId


@dataclass(frozen=True, slots=True)
class RunStatements:
    """The use case. Whatever it raises after the reservation carries the command id under which it is on record."""

    admission: Admission
    tasks: TaskStore
    journal: Journal
    database: TaskDatabase
    tokens: Tokens
    clock: Clock
    threads: ThreadPoolExecutor
    scopes: KeptScope = field(default_factory=KeptScope, repr=False)

    def run(self, principal: Principal, task_id: TaskId, call: Call, watch: Stopwatch) -> Answers | Finished:
        """What the statements gave, or what is on record of an earlier call with the same key that wrote."""
        with watch.step("task"):
            unit = self.admission.admit(principal, task_id, call)
        if isinstance(unit, Finished):
            return unit
        try:
            return self._carry_out(unit, watch)
        except PosternError as stopped:
            stopped.command_id = stopped.command_id or unit.id
            # A write whose fate is not known keeps its key and what it took, until it is settled.
            # Where rows were withheld, everything is given back already.
            if not isinstance(stopped, OutcomeUnknown):
                # Where the table is away as well, the reservation stays taken: the budget errs on the safe side.
                with suppress(StateUnavailable):
                    self._give_back(unit, _spent(unit), None)
            raise

    def _carry_out(self, unit: Unit, watch: Stopwatch) -> Answers:
        self.admission.check_policy(unit)
        with watch.step("guard"):
            scope = self.scopes.of(unit.reservation.task)
            verdicts = self._check(unit, scope, watch)
        check_needs(unit.reservation.task, verdicts)
        intents, session = self._intend_and_connect(unit, verdicts, watch)
        try:
            with watch.step("lookup"):
                statements = send_parameters(unit, verdicts, self.tokens)
        except PosternError as failed:
            self._fail_all(unit, intents, failed, watch)
            raise
        if len(statements) == 1 and not statements[0].verdict.writes:
            answers = [self._read(unit, statements[0], scope, intents[0], session, watch)]
            settled = None
        else:
            transact = Transact(self.tasks, self.journal, self.clock)
            answers, settled = transact.run(unit, statements, scope, intents, session, watch)
        remaining = self._finish(unit, answers, watch, settled=settled)
        return Answers(tuple(answers), remaining, unit.reservation.task.expires_at_s, settled)

    def _check(self, unit: Unit, scope: Scope, watch: Stopwatch) -> list[Allowed]:
        """What the guard says to each; the first refusal is raised, once every statement of the call is on record."""
        verdicts: list[Allowed] = []
        for words, command in unit.numbered():
            verdict = check(command.call.sql, scope, command.call.lookups)
            if isinstance(verdict, Allowed):
                verdict = objection_to_parameters(verdict, command.call, scope) or verdict
            if isinstance(verdict, Refused):
                with watch.step("intent"):
                    self._record_refusal(unit, command, verdict)
                raise _refusal(words, command, verdict)
            verdicts.append(verdict)
        return verdicts

    def _record_refusal(self, unit: Unit, command: Command, refused: Refused) -> None:
        for other in unit.commands:
            if other is command:
                self.journal.refuse(unit, command, refused)
            else:
                reason = f"transaction: its statement {unit.commands.index(command)} was refused, so none ran"
                self.journal.refuse(unit, other, Refused("guard.transaction", reason, None, None))

    def _intend_and_connect(
        self, unit: Unit, verdicts: Sequence[Allowed], watch: Stopwatch
    ) -> tuple[list[Sha256Hex], Session]:
        """Every intent is durable when this returns. Meanwhile a session is opened, in which nothing runs yet."""

        def intend() -> list[Sha256Hex]:
            return [
                self.journal.intend(unit, command, verdict)
                for command, verdict in zip(unit.commands, verdicts, strict=True)
            ]

        writing = self.threads.submit(intend)
        opened: Session | PosternError
        try:
            with watch.step("connect"):
                opened = self.database.session(unit.reservation.task, unit.address)
        except PosternError as away:
            opened = away
        finally:
            with watch.step("intent"):
                intents = writing.result()
        if isinstance(opened, PosternError):
            failed = told_by_task(self.tasks, unit, opened)
            self._fail_all(unit, intents, failed, watch)
            raise failed
        return intents, opened

    def _fail_all(self, unit: Unit, intents: Sequence[Sha256Hex], failed: PosternError, watch: Stopwatch) -> None:
        with watch.step("outcome"):
            for command, intent in zip(unit.commands, intents, strict=True):
                self.journal.fail(unit, command, intent, failed, watch)

    def _read(
        self, unit: Unit, statement: Checked, scope: Scope, intent: Sha256Hex, session: Session, watch: Stopwatch
    ) -> Answered:
        bounds = Bounds(unit, self.tasks, self.clock, watch)
        [command] = unit.commands
        try:
            with watch.step("execute"):
                result = session.run(
                    statement.verdict.sql,
                    statement.parameters,
                    bounds.limits(command.call.max_rows),
                    command_id=command.id,
                )
            with watch.step("detect"):
                result = statement.named_as_asked(result, scope)
                delivery = deliver(result, unit.reservation.task.views, unit.reservation.task.grant.detectors)
            bounds.spend(result, delivery)
        except PosternError as stopped:
            failed = told_by_task(self.tasks, unit, stopped)
            with watch.step("outcome"):
                self.journal.fail(unit, command, intent, failed, watch)
            raise_as_asked(failed, statement, "")
        with watch.step("outcome"):
            outcome = self.journal.succeed(unit, command, intent, result, delivery, None, watch)
        return Answered(
            command.id,
            delivery,
            result.affected,
            result.received_bytes,
            receipt(command, intent, outcome, None, self.journal.log),
        )

    def _finish(self, unit: Unit, answers: Sequence[Answered], watch: Stopwatch, *, settled: bool | None) -> Budgets:
        used = replace(
            _spent(unit),
            rows=sum(one.delivery.row_count for one in answers),
            bytes=sum(one.received_bytes for one in answers),
            affected=unit.reservation.taken.affected,
            values=unit.reservation.taken.values,
        )
        # The outcome is durable: the rows go out even where the table is away, with what is surely left.
        with watch.step("task"), suppress(StateUnavailable):
            after = self._give_back(unit, used, _on_record(answers, settled=settled))
            if after.is_revoked:
                raise _withheld(unit, wrote=settled is not None)
            return after.left
        return unit.reservation.task.budgets

    def _give_back(self, unit: Unit, used: Budgets, answer: dict[str, object] | None) -> Settled:
        return self.tasks.settle(unit.reservation, used=used, command_id=unit.id, idempotency=unit.held, answer=answer)


def _spent(unit: Unit) -> Budgets:
    """What a call has used up however it ends."""
    return Budgets(statements=len(unit.commands), lookups=unit.lookups_used)


def _withheld(unit: Unit, *, wrote: bool) -> Conflict:
    """What is said of statements that had ended when their task was revoked."""
    what = "what they wrote is committed" if wrote else "they only read"
    detail = f"an operator revoked this task while its statements ran, so their rows are withheld; {what}"
    return Conflict("task.revoked", detail, command_id=unit.id)


def _refusal(words: str, command: Command, refused: Refused) -> PosternError:
    if refused.code == "sql.syntax":
        return Unprocessable(refused.code, words + refused.reason, position=refused.position, command_id=command.id)
    return RefusedByPolicy(refused.code, words + refused.reason, position=refused.position, command_id=command.id)


def _on_record(answers: Sequence[Answered], *, settled: bool | None) -> dict[str, object]:
    """What a later call with the same key is told: of a write all but its rows and its digest key."""
    if settled is None:
        return {"status": "ok", "writes": False}
    return {
        "status": "ok",
        "writes": True,
        "settled": settled,
        "statements": [
            {
                "command_id": one.command_id,
                "row_count": one.delivery.row_count,
                "affected": one.affected,
                "receipt": {
                    "intent_sha256": one.receipt.intent_sha256,
                    "outcome_sha256": one.receipt.outcome_sha256,
                    "settled_sha256": one.receipt.settled_sha256,
                    "log": one.receipt.log,
                },
            }
            for one in answers
        ],
    }
