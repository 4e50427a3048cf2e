"""The records of a call's statements: an intent each, then an outcome, then for a write a settlement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from postern.audit import bodies
from postern.audit.statements import Asked
from postern.errors import Conflict, IntegrityError, PosternError
from postern.guard.verdict import Allowed, Refused
from postern.ports import Clock, RecordStore, Result, TransactionMark
from postern.services.answers import Delivery, Masked
from postern.services.commands import Command, Unit
from postern.services.statement_texts import StatementTexts
from postern.services.stopwatch import Stopwatch
from postern.types import Sha256Hex, Task

MASKED_NAMED = 100  # columns that an outcome names one by one; a record has a bound

# The outcome's status by the code of what stopped the statement; for all others the database refused it.
_STATUS = {
    "database.unavailable": "not_run",
    "task.parallel": "not_run",
    "sql.lookup": "not_run",
    "request.invalid": "not_run",
    "database.lost": "lost",
    "database.held": "stopped",
    "task.revoked": "stopped",
    "task.expired": "stopped",
    "task.state": "stopped",
    "answer.too_large": "too_large",
    "budget.affected": "over_budget",
    "budget.values": "over_budget",
}


@dataclass(frozen=True, slots=True)
class Journal:
    """Every method returns when its record is durable, or raises what `RecordStore.put` raises.

    An outcome raises `Conflict` (`command.abandoned`) where another closed the command meanwhile: nothing of it may be
    committed or delivered.
    """

    records: RecordStore
    clock: Clock
    log: str
    texts: StatementTexts = field(default_factory=StatementTexts)

    def intend(self, unit: Unit, command: Command, verdict: Allowed) -> Sha256Hex:
        decision: bodies.Body = {"result": "allow", "relations": list(verdict.relations), "writes": verdict.writes}
        return self._intent(unit, command, decision, self.texts.allowed(unit, command, verdict))

    def refuse(self, unit: Unit, command: Command, refused: Refused) -> Sha256Hex:
        decision: bodies.Body = {"result": "refuse", "code": refused.code, "reason": self.texts.reason(refused)}
        return self._intent(unit, command, decision, self.texts.refused(unit, command, refused))

    def succeed(
        self,
        unit: Unit,
        command: Command,
        intent: Sha256Hex,
        result: Result,
        delivery: Delivery,
        mark: TransactionMark | None,
        watch: Stopwatch,
    ) -> Sha256Hex:
        """The outcome of a statement that ran; `pending`, the commit fence, where its transaction is marked."""
        body: bodies.Body = {
            "rows": result.row_count,
            "truncated": result.truncated,
            "bytes": self.texts.answer_bytes(len(delivery.rows_json)),
            "answer_hmac_sha256": bodies.keyed_digest(command.key, delivery.rows_json),
            "masked": self._masked_member(unit.reservation.task, delivery.masked),
            "sensitive_values": delivery.sensitive,
            "duration_ms": spent_ms(watch),
        }
        if result.affected is not None:
            body["affected"] = result.affected
        if mark is not None:
            body["transaction"] = _mark_member(mark)
        return self._outcome(unit, command, intent, "ok" if mark is None else "pending", body)

    def fail(
        self, unit: Unit, command: Command, intent: Sha256Hex, failed: PosternError, watch: Stopwatch
    ) -> Sha256Hex:
        body: bodies.Body = {"error": failed.code, "rows": 0, "duration_ms": spent_ms(watch)}
        sqlstate = getattr(failed, "sqlstate", None)
        if sqlstate is not None:
            body["sqlstate"] = sqlstate
        return self._outcome(unit, command, intent, _STATUS.get(failed.code, "failed"), body)

    def undo(self, unit: Unit, command: Command, intent: Sha256Hex, *, status: str, watch: Stopwatch) -> Sha256Hex:
        """The outcome of a statement that another of its transaction took along: `rolled_back`, or `not_run`."""
        return self._outcome(unit, command, intent, status, {"rows": 0, "duration_ms": spent_ms(watch)})

    def settle(
        self, unit: Unit, command: Command, outcome: Sha256Hex, *, status: str, sqlstate: str | None = None
    ) -> Sha256Hex:
        """What became of a pending outcome: `committed` or `rolled_back`."""
        return self.records.put(
            bodies.statement_settled(
                command.id,
                self.clock.now_us(),
                unit.reservation.task.id,
                outcome,
                status=status,
                result={} if sqlstate is None else {"sqlstate": sqlstate},
            )
        )

    def _intent(self, unit: Unit, command: Command, decision: bodies.Body, asked: Asked) -> Sha256Hex:
        return self.records.put(
            bodies.statement_intent(
                command.id,
                unit.time_us,
                unit.principal,
                unit.reservation.task,
                target=unit.target,
                sequence=command.sequence,
                asked=asked,
                decision=decision,
                policy_digest=unit.bundle.digest,
                transaction=unit.place(command),
            )
        )

    def _masked_member(self, task: Task, masked: Sequence[Masked]) -> list[dict[str, object]]:
        """Column by column; where there are very many, only how often each mask stands in all of them."""
        if len(masked) <= MASKED_NAMED:
            names = self.texts.columns(task, [one.column for one in masked])
            return [
                {"column": name, "mask": one.mask, "count": one.count} for name, one in zip(names, masked, strict=True)
            ]
        sums: Counter[str] = Counter()
        for one in masked:
            sums[one.mask] += one.count
        return [{"column": None, "mask": mask, "count": count} for mask, count in sorted(sums.items())]

    def _outcome(self, unit: Unit, command: Command, intent: Sha256Hex, status: str, result: bodies.Body) -> Sha256Hex:
        record = bodies.statement_outcome(
            command.id, self.clock.now_us(), unit.reservation.task.id, intent, status=status, result=result
        )
        try:
            return self.records.put(record)
        except IntegrityError as conflict:
            if conflict.code != "evidence.conflict":
                raise
            # Who puts an outcome under a command that is not its own takes it for dead.
            raise Conflict(
                "command.abandoned",
                "the command took so long that it was closed as abandoned: it had no effect, send it again",
            ) from conflict


def spent_ms(watch: Stopwatch) -> int:
    return round(watch.elapsed_s() * 1000)


def _mark_member(mark: TransactionMark) -> bodies.Body:
    return {
        "xid": mark.xid,
        "backend_pid": mark.backend_pid,
        "backend_start": mark.backend_start,
        "system_identifier": mark.system_identifier,
        "rows_written": mark.rows_written,
    }
