"""The records of statements that run once: an intent each, then an outcome, then in a transaction a settlement."""

from __future__ import annotations

from dataclasses import dataclass, field

from postern.audit import bodies
from postern.audit.run_bodies import run_intent, run_outcome
from postern.errors import Conflict, IntegrityError, PosternError
from postern.ports import Clock, RecordStore, TransactionMark
from postern.run_once.verdict import Checked
from postern.services.statement_texts import StatementTexts
from postern.types import CommandId, Sha256Hex, Task


@dataclass(frozen=True, slots=True)
class RunCommand:
    """One statement of a run, by its place from 0; `key` is the digest key of its records."""

    id: CommandId
    index: int
    sql: str
    key: bytes
    checked: Checked | None = None  # None where it was refused


@dataclass(frozen=True, slots=True)
class RunUnit:
    """A run's statements, and what all of their records say."""

    kind: str  # `run_once` or `dry_run`
    task: Task
    target: bodies.Body
    policy_digest: Sha256Hex
    approval: bodies.Body | None
    by: str
    commands: tuple[RunCommand, ...]


@dataclass(frozen=True, slots=True)
class RunJournal:
    """Every method returns when its record is durable, or raises what `RecordStore.put` raises."""

    records: RecordStore
    clock: Clock
    texts: StatementTexts = field(default_factory=StatementTexts)

    def intend(self, unit: RunUnit, command: RunCommand) -> Sha256Hex:
        decision: bodies.Body = {"result": "allow", unit.kind: True}
        if command.checked is not None:
            decision |= {"kind": command.checked.kind, "writes": command.checked.writes}
        return self._intent(unit, command, decision, None)

    def refuse(self, unit: RunUnit, command: RunCommand, code: str, reason: str) -> Sha256Hex:
        words = self.texts.words(code, reason)
        return self._intent(unit, command, {"result": "refuse", unit.kind: True, "code": code, "reason": words}, reason)

    def pend(
        self,
        unit: RunUnit,
        command: RunCommand,
        intent: Sha256Hex,
        mark: TransactionMark,
        *,
        affected: int | None,
        duration_ms: int,
    ) -> Sha256Hex:
        """The outcome before COMMIT, which is its fence.

        Raises `Conflict` (`command.abandoned`) where another closed the command meanwhile: it must not be committed.
        """
        body: bodies.Body = {"rows": 0, "duration_ms": duration_ms, "transaction": _mark_member(mark)}
        if affected is not None:
            body["affected"] = affected
        return self._outcome(unit, command, intent, "pending", body)

    def end(
        self,
        unit: RunUnit,
        command: RunCommand,
        intent: Sha256Hex,
        *,
        status: str,
        affected: int | None = None,
        failed: PosternError | None = None,
        duration_ms: int = 0,
    ) -> Sha256Hex:
        """The outcome of one that needs no settlement."""
        body: bodies.Body = {"rows": 0, "duration_ms": duration_ms}
        if affected is not None:
            body["affected"] = affected
        if failed is not None:
            body["error"] = failed.code
            sqlstate = getattr(failed, "sqlstate", None)
            if sqlstate is not None:
                body["sqlstate"] = sqlstate
        return self._outcome(unit, command, intent, status, body)

    def settle(
        self, unit: RunUnit, command: RunCommand, outcome: Sha256Hex, *, status: str, sqlstate: str | None = None
    ) -> Sha256Hex:
        """What became of a pending outcome: `committed` or `rolled_back`."""
        result = {} if sqlstate is None else {"sqlstate": sqlstate}
        now_us, task_id = self.clock.now_us(), unit.task.id
        return self.records.put(
            bodies.statement_settled(command.id, now_us, task_id, outcome, status=status, result=result, kind=unit.kind)
        )

    def _intent(self, unit: RunUnit, command: RunCommand, decision: bodies.Body, reason: str | None) -> Sha256Hex:
        checked = command.checked
        fingerprint = None if checked is None else checked.fingerprint
        asked = self.texts.once(unit.task, command.id, command.key, command.sql, fingerprint, reason)
        place: bodies.Body = {"id": unit.commands[0].id, "index": command.index, "count": len(unit.commands)}
        if checked is not None:
            place["in_transaction"] = checked.in_transaction
        return self.records.put(
            run_intent(
                unit.kind,
                command.id,
                self.clock.now_us(),
                unit.task,
                target=unit.target,
                asked=asked,
                decision=decision,
                policy_digest=unit.policy_digest,
                place=place,
                approval=unit.approval,
                by=unit.by,
            )
        )

    def _outcome(
        self, unit: RunUnit, command: RunCommand, intent: Sha256Hex, status: str, result: bodies.Body
    ) -> Sha256Hex:
        now_us = self.clock.now_us()
        record = run_outcome(unit.kind, command.id, now_us, unit.task.id, intent, status=status, result=result)
        try:
            return self.records.put(record)
        except IntegrityError as conflict:
            if conflict.code != "evidence.conflict":
                raise
            # Who puts an outcome under a command that is not its own takes it for dead.
            detail = "the run took so long that a statement of it was closed as abandoned: it was rolled back"
            raise Conflict("command.abandoned", detail) from conflict


def _mark_member(mark: TransactionMark) -> bodies.Body:
    return {
        "xid": mark.xid,
        "backend_pid": mark.backend_pid,
        "backend_start": mark.backend_start,
        "system_identifier": mark.system_identifier,
        "rows_written": mark.rows_written,
    }
