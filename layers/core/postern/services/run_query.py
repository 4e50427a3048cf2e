"""Runs one statement for a task, the way of a request: reserve, check, record, run, look over, record, answer.

Crash points, by what is durable when the process dies:
    reservation      nothing ran; the statement stays taken off the budget until it is given back by the reaper
    intent           nothing ran, or it ran and was not delivered: an open intent says so
    outcome          it ran, and the record says how; the rows were not delivered
    settlement       the same, and the budgets are exact
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

from postern.audit import bodies
from postern.errors import (
    Conflict,
    DatabaseUnavailable,
    PosternError,
    RefusedByPolicy,
    StatementFailed,
    StateUnavailable,
    Unprocessable,
)
from postern.guard.check import check
from postern.guard.scope import scope_of
from postern.guard.verdict import Allowed, Refused
from postern.policy.bundle import PolicyBundle
from postern.ports import (
    Clock,
    Finished,
    IdempotencyKey,
    Identifiers,
    Limits,
    Parameter,
    PolicySource,
    RecordStore,
    Reservation,
    Result,
    Session,
    TaskDatabase,
    TaskStore,
)
from postern.services.answers import Answer, Delivery, Masked, deliver
from postern.services.stopwatch import Stopwatch
from postern.sqlstates import at_position
from postern.types import Budgets, CommandId, DatabaseAddress, Principal, Receipt, Sha256Hex, TaskId, TaskState
from postern.world.names import role_name

STATEMENT_S = 18.0  # of a request's 28 s; what is left is for the records and the answer
MARGIN_S = 6.0
MAX_BYTES = 5_000_000
MAX_CELL_BYTES = 1_000_000
LOCK_TIMEOUT_MS = 2_000
MASKED_NAMED = 100  # columns that an outcome names one by one; a record has a bound


@dataclass(frozen=True, slots=True)
class QueryCall:
    """One call: the statement as asked, its parameters as they will be sent, the bound on rows, the caller's key."""

    sql: str
    parameters: tuple[Parameter, ...]
    max_rows: int
    idempotency: IdempotencyKey | None = None


@dataclass(frozen=True, slots=True)
class _Command:
    """What stays the same from the reservation to the answer."""

    id: CommandId
    time_us: int
    principal: Principal
    call: QueryCall
    held: IdempotencyKey | None  # the key that this command took and must close
    reservation: Reservation
    address: DatabaseAddress
    bundle: PolicyBundle
    key: bytes


@dataclass(frozen=True, slots=True)
class RunQuery:
    """The use case. Whatever it raises after the reservation carries the command id under which it is on record."""

    policy: PolicySource
    tasks: TaskStore
    records: RecordStore
    database: TaskDatabase
    identifiers: Identifiers
    clock: Clock
    log: str
    threads: ThreadPoolExecutor

    def run(self, principal: Principal, task_id: TaskId, call: QueryCall, watch: Stopwatch) -> Answer:
        command = self._reserve(principal, task_id, call, watch)
        try:
            return self._carry_out(command, watch)
        except PosternError as stopped:
            stopped.command_id = stopped.command_id or command.id
            # Where the table is away as well, the reservation stays taken: the budget errs on the safe side.
            with suppress(StateUnavailable):
                self._settle(command, 0, {"status": stopped.code})
            raise

    def _reserve(self, principal: Principal, task_id: TaskId, call: QueryCall, watch: Stopwatch) -> _Command:
        now_us = self.clock.now_us()
        command_id = self.identifiers.command_id(now_us)
        with watch.step("task"):
            bundle = self.policy.load()

            def take(key: IdempotencyKey | None) -> Reservation | Finished:
                return self.tasks.reserve(
                    task_id,
                    principal,
                    now_s=now_us // 1_000_000,
                    rows=call.max_rows,
                    command_id=command_id,
                    idempotency=key,
                )

            held = call.idempotency
            taken = take(held)
            if isinstance(taken, Finished):
                # Rows are never stored: a finished read is run anew, as a command of its own that holds no key.
                held = None
                taken = take(held)
        if isinstance(taken, Finished):
            raise Conflict("idempotency.running", "the key's first call is not settled: ask again later")
        address = bundle.address(taken.task.grant.database)
        return _Command(command_id, now_us, principal, call, held, taken, address, bundle, self.identifiers.key())

    def _carry_out(self, command: _Command, watch: Stopwatch) -> Answer:
        self._check_policy(command)
        with watch.step("guard"):
            verdict = check(command.call.sql, scope_of(command.reservation.task.grant))
        if isinstance(verdict, Refused):
            raise self._refuse(command, verdict, watch)
        intent, session = self._intend_and_connect(command, verdict, watch)
        try:
            with watch.step("execute"):
                result = session.run(
                    verdict.sql,
                    command.call.parameters,
                    self._limits(command, watch),
                    command_id=command.id,
                    read_only=not verdict.writes,
                )
        except PosternError as failed:
            self._record_failure(command, intent, failed, watch)
            if isinstance(failed, StatementFailed) and failed.position is not None:
                # The database points into the text that ran; the agent knows the text that it sent.
                raise at_position(failed, verdict.position_as_asked(failed.position)) from failed
            raise
        with watch.step("detect"):
            delivery = deliver(result, command.reservation.task.views)
        outcome = self._record_outcome(command, intent, result, delivery, watch)
        remaining = self._give_back(command, result.row_count, watch)
        receipt = Receipt(intent, outcome, self.log, bodies.format_key(command.key))
        return Answer(command.id, delivery, result.affected, remaining, command.reservation.task.expires_at_s, receipt)

    def _check_policy(self, command: _Command) -> None:
        task = command.reservation.task
        if task.grant.policy_digest != command.bundle.digest:
            self.tasks.move(
                task.id, expected=frozenset({TaskState.ACTIVE}), to=TaskState.ENDING, ends_as=TaskState.ENDED
            )
            raise Conflict(
                "task.policy_changed", "the policy changed since this task was opened, so it was ended: open a new one"
            )

    def _intend_and_connect(self, command: _Command, verdict: Allowed, watch: Stopwatch) -> tuple[Sha256Hex, Session]:
        """The intent is durable when this returns. A session is opened meanwhile; nothing of the agent's runs in it."""
        record = bodies.statement_intent(
            command.id,
            command.time_us,
            command.principal,
            command.reservation.task,
            target=self._target(command),
            sequence=command.reservation.sequence,
            asked=_asked(command, verdict.sql, verdict.fingerprint),
            decision={"result": "allow", "relations": list(verdict.relations)},
            policy_digest=command.bundle.digest,
        )
        writing = self.threads.submit(self.records.put, record)
        unavailable: DatabaseUnavailable | None = None
        session: Session | None = None
        try:
            with watch.step("connect"):
                session = self.database.session(command.reservation.task, command.address)
        except DatabaseUnavailable as away:
            unavailable = away
        finally:
            with watch.step("intent"):
                intent = writing.result()
        if session is None:
            failed = unavailable or DatabaseUnavailable("database.unavailable", "no session could be had")
            self._record_failure(command, intent, failed, watch)
            raise failed
        return intent, session

    def _refuse(self, command: _Command, verdict: Refused, watch: Stopwatch) -> PosternError:
        with watch.step("intent"):
            self.records.put(
                bodies.statement_intent(
                    command.id,
                    command.time_us,
                    command.principal,
                    command.reservation.task,
                    target=self._target(command),
                    sequence=command.reservation.sequence,
                    asked=_asked(command, command.call.sql, verdict.fingerprint),
                    decision={"result": "refuse", "code": verdict.code, "reason": verdict.reason},
                    policy_digest=command.bundle.digest,
                )
            )
        if verdict.code == "sql.syntax":
            return Unprocessable(verdict.code, verdict.reason, position=verdict.position, command_id=command.id)
        return RefusedByPolicy(verdict.code, verdict.reason, position=verdict.position, command_id=command.id)

    def _record_failure(self, command: _Command, intent: Sha256Hex, failed: PosternError, watch: Stopwatch) -> None:
        result: dict[str, object] = {"error": failed.code, "rows": 0, "duration_ms": _spent_ms(watch)}
        sqlstate = getattr(failed, "sqlstate", None)
        if sqlstate is not None:
            result["sqlstate"] = sqlstate
        self._put_outcome(command, intent, _STATUS.get(failed.code, "failed"), result, watch)

    def _record_outcome(
        self, command: _Command, intent: Sha256Hex, result: Result, delivery: Delivery, watch: Stopwatch
    ) -> Sha256Hex:
        return self._put_outcome(
            command,
            intent,
            "ok",
            {
                "rows": result.row_count,
                "truncated": result.truncated,
                "bytes": len(delivery.rows_json),
                "answer_hmac_sha256": bodies.keyed_digest(command.key, delivery.rows_json),
                "masked": _masked_member(delivery.masked),
                "duration_ms": _spent_ms(watch),
            },
            watch,
        )

    def _put_outcome(
        self, command: _Command, intent: Sha256Hex, status: str, result: dict[str, object], watch: Stopwatch
    ) -> Sha256Hex:
        with watch.step("outcome"):
            return self.records.put(
                bodies.statement_outcome(
                    command.id,
                    self.clock.now_us(),
                    command.reservation.task.id,
                    intent,
                    status=status,
                    result=result,
                )
            )

    def _give_back(self, command: _Command, rows: int, watch: Stopwatch) -> Budgets:
        # The outcome is durable: the rows go out even where the table is away, with what is surely left.
        with watch.step("task"), suppress(StateUnavailable):
            return self._settle(command, rows, {"status": "ok"})
        return command.reservation.task.budgets

    def _settle(self, command: _Command, rows: int, answer: dict[str, object]) -> Budgets:
        return self.tasks.settle(
            command.reservation,
            rows_used=rows,
            command_id=command.id,
            idempotency=command.held,
            answer=answer,
        )

    def _limits(self, command: _Command, watch: Stopwatch) -> Limits:
        task = command.reservation.task
        until_deadline_s = task.expires_at_s - self.clock.now_us() / 1_000_000
        left_s = min(STATEMENT_S - watch.elapsed_s(), watch.left_s() - MARGIN_S, until_deadline_s)
        return Limits(
            max_rows=command.reservation.rows,
            max_bytes=MAX_BYTES,
            max_cell_bytes=MAX_CELL_BYTES,
            statement_timeout_ms=max(1, int(left_s * 1000)),
            lock_timeout_ms=LOCK_TIMEOUT_MS,
        )

    def _target(self, command: _Command) -> bodies.Body:
        return bodies.target_member(command.address, role_name(command.reservation.task.id))


# The outcome's status by the code of what stopped the statement; all others: the database refused it.
_STATUS = {"database.unavailable": "not_run", "database.lost": "lost", "answer.too_large": "too_large"}


def _masked_member(masked: Sequence[Masked]) -> list[dict[str, object]]:
    """Column by column; where there are very many, only how often each mask stands in all of them."""
    if len(masked) <= MASKED_NAMED:
        return [{"column": one.column, "mask": one.mask, "count": one.count} for one in masked]
    sums: Counter[str] = Counter()
    for one in masked:
        sums[one.mask] += one.count
    return [{"column": None, "mask": mask, "count": count} for mask, count in sorted(sums.items())]


def _asked(command: _Command, ran: str, fingerprint: str | None) -> bodies.Asked:
    texts = [parameter.text for parameter in command.call.parameters]
    return bodies.Asked(command.call.sql, ran, fingerprint, texts, command.key)


def _spent_ms(watch: Stopwatch) -> int:
    return round(watch.elapsed_s() * 1000)
