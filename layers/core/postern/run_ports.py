"""Statements that run once: what is known of a run, and what running needs from the world outside."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from postern.approval_ports import ApprovalStore
from postern.ports import (
    Clock,
    Identifiers,
    PolicySource,
    Provisioner,
    RecordStore,
    TaskStore,
    TransactionMark,
)
from postern.reap_ports import Watermark
from postern.seal_ports import SealKeys
from postern.types import CommandId, DatabaseAddress, DatabaseName, StatementText, Task, TaskId

DRY_RUNS = 5  # of one task


class Status(StrEnum):
    """What came of one statement."""

    WAITING = "waiting"
    OK = "ok"  # committed; of a dry run: it ran, and was rolled back
    FAILED = "failed"
    ROLLED_BACK = "rolled_back"  # another of its transaction failed
    NOT_RUN = "not_run"  # one before it failed, or the run was refused
    NOT_TRIED = "not_tried"  # of a dry run: it cannot run in a transaction
    LOST = "lost"  # the session broke; in a transaction nothing of it stands
    UNKNOWN = "unknown"  # it may stand: only the database can tell


class RunState(StrEnum):
    """Where a run is."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"  # COMMIT was sent and no answer came


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock on a table, view or sequence that the statements took."""

    relation: str  # `schema.name`
    mode: str  # as pg_locks has it, for example AccessExclusiveLock


@dataclass(frozen=True, slots=True)
class StatementRun:
    """One statement of a run. `affected`: rows written, or for a SELECT those that were thrown away."""

    status: Status = Status.WAITING
    affected: int | None = None
    error: str | None = None  # a code of `errors.CODES`
    sqlstate: str | None = None
    duration_ms: int | None = None
    command_id: CommandId | None = None  # of its records; None where it has none
    locks: tuple[Lock, ...] = ()  # of a dry run: those that it was the first to take


@dataclass(frozen=True, slots=True)
class Run:
    """The one run of a task's statements."""

    id: CommandId
    started_at_s: int
    state: RunState
    statements: tuple[StatementRun, ...]
    error: str | None = None  # a code, where no statement is to blame
    finished_at_s: int | None = None


@dataclass(frozen=True, slots=True)
class DryRun:
    """A trial of a task's statements, rolled back. Its role has a name of its own, `task_<id>`, for it may overlap
    with the task's."""

    id: TaskId
    started_at_s: int
    until_s: int  # when it is dead at the latest, and another may begin
    by: str  # a `Principal.id`
    database: DatabaseName
    state: RunState
    statements: tuple[StatementRun, ...]
    error: str | None = None
    finished_at_s: int | None = None


@dataclass(frozen=True, slots=True)
class TaskRuns:
    """What is known of a task's run and dry runs, these in the order in which they began."""

    run: Run | None = None
    dry_runs: tuple[DryRun, ...] = ()


class Runs(Protocol):
    """Runs beside their tasks. Every claim is one conditional write; reads are strongly consistent.

    Raises `StateUnavailable`.
    """

    def claim(self, task_id: TaskId, run_id: CommandId, *, now_s: int) -> None:
        """Takes the task for its one run, for ever.

        Raises `Conflict` (`task.state`) where it is not an active task of statements, is past its deadline or was
        claimed before; `NotFound` where it is absent.
        """
        ...

    def keep(self, task_id: TaskId, run: Run) -> None:
        """Keeps what is known of the run, to be shown. Nothing is decided by it."""
        ...

    def claim_dry_run(self, task_id: TaskId, dry_run: DryRun, *, now_s: int) -> None:
        """Takes the task for a dry run, until it ends or its time is over.

        Raises `Conflict`: `task.state` where the task does not wait for approval, `run_once.dry_run` where one runs or
        there were as many as there may be; `NotFound`.
        """
        ...

    def keep_dry_run(self, task_id: TaskId, dry_run: DryRun) -> None:
        """Keeps what is known of it."""
        ...

    def end_dry_run(self, task_id: TaskId, dry_run_id: TaskId) -> None:
        """Lets another begin, once nothing of this one is left in the database. Idempotent.

        One that has begun since keeps the task.
        """
        ...

    def standing_dry_runs(self, task_id: TaskId) -> frozenset[TaskId]:
        """Those that have not ended: something of each may be left in the database."""
        ...

    def of(self, task_id: TaskId) -> TaskRuns: ...


@dataclass(frozen=True, slots=True)
class RunBounds:
    """What a session of statements runs as, and within."""

    owner_role: str
    schema_default: str
    lock_timeout_ms: int
    statement_timeout_ms: int


class RunSession(Protocol):
    """The one session of a run. For one thread; never kept.

    Whatever a call raises but `StatementFailed`, the session is of no more use. Raises `DatabaseLost`.
    """

    def begin(self, bounds: RunBounds, *, command_id: CommandId) -> None:
        """Begins a transaction as the owner role, with none of the settings that statements before it made."""
        ...

    def run(self, sql: str, *, command_id: CommandId, timeout_ms: int, bounds: RunBounds | None = None) -> int | None:
        """Runs the next statement of the transaction; the count that its command tag tells.

        `timeout_ms` is how long an answer is waited for. The role and limits of `bounds` are set anew before it,
        whatever a statement before it set. Raises `StatementFailed` (sanitised; the transaction can only be rolled
        back), `TooLarge` where it gave more rows than can be thrown away, `OutcomeUnknown` where it ended its
        transaction.
        """
        ...

    def locks(self) -> tuple[Lock, ...]:
        """What this transaction has locked so far, sorted, at most 200."""
        ...

    def mark(self, *, timeout_ms: int) -> TransactionMark:
        """As `ports.Transaction.mark`."""
        ...

    def commit(self) -> None:
        """As `ports.Transaction.commit`."""
        ...

    def rollback(self) -> None:
        """As `ports.Transaction.rollback`."""
        ...

    def run_alone(self, sql: str, bounds: RunBounds, *, command_id: CommandId) -> int | None:
        """Runs a statement outside of any transaction, as the owner role. Raises `OutcomeUnknown` where no answer came.

        A statement that failed may have left something behind.
        """
        ...

    def close(self) -> None: ...


class RunDatabase(Protocol):
    """Sessions as a task's own role, over an IAM token minted for exactly that role. Raises `DatabaseUnavailable`."""

    def open(self, task: Task, address: DatabaseAddress) -> RunSession: ...


class DryRunner(Protocol):
    """Starts the function that tries statements, and does not wait for it."""

    def start_dry_run(self, task_id: TaskId, dry_run_id: TaskId) -> None:
        """Returns once the invocation is accepted. Raises `DatabaseUnavailable` where it is not."""
        ...


class DryRunRoles(Protocol):
    """Asks the function that alone makes and drops roles for that of a dry run. Raises as `ports.Provisioner` does."""

    def provision_dry_run(self, task_id: TaskId, dry_run_id: TaskId) -> None: ...

    def tear_down_dry_run(self, task_id: TaskId, dry_run_id: TaskId) -> None: ...


@dataclass(frozen=True, slots=True)
class RunParts:
    """What the function `run` stands on."""

    policy: PolicySource
    tasks: TaskStore
    runs: Runs
    approvals: ApprovalStore
    records: RecordStore
    database: RunDatabase
    provisioner: Provisioner
    roles: DryRunRoles
    watermarks: ReadsWatermark
    seals: SealKeys | None
    identifiers: Identifiers
    clock: Clock
    log: str
    epoch_ends_s: int
    max_staleness_s: int
    statement_text: StatementText
    lock_timeout_ms: int


class ReadsWatermark(Protocol):
    """How far the log holds what was written. Raises `StateUnavailable`."""

    def read(self, log: str) -> Watermark | None: ...
