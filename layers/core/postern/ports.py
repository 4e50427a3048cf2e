"""What the services need from the world outside, with the guarantee each port gives in words.

An edge implements a port, and a fake in `tests/support` implements it too. What both are held to is written once, in
`tests/contract`, which runs on the fake, on the local stack and on what lies outside.
Every method may raise the `UpstreamError` named on its port, and nothing of an SDK's own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from postern.audit.records import Record
from postern.clock_ports import Clock as Clock
from postern.denials import DenialKey
from postern.task_states import Move
from postern.types import (
    Budgets,
    CommandId,
    DatabaseAddress,
    Principal,
    Secret,
    Sha256Hex,
    Task,
    TaskId,
    TaskState,
)
from postern.world_ports import Maker as Maker
from postern.world_ports import Provisioner as Provisioner
from postern.world_ports import StandingRole as StandingRole
from postern.world_ports import TeardownProof as TeardownProof
from postern.world_ports import TeardownSteps as TeardownSteps
from postern.world_ports import TornDown as TornDown
from postern.world_ports import World as World
from postern.world_ports import WorldDatabase as WorldDatabase

if TYPE_CHECKING:
    # Only a name here: at run time it would load Cedar into every function that needs a clock.
    from postern.policy.bundle import PolicyBundle


class Identifiers(Protocol):
    """Fresh identifiers and secrets from the system's random source, never reused after a snapshot is restored."""

    def task_id(self) -> TaskId: ...

    def command_id(self, now_us: int) -> CommandId:
        """A UUIDv7 whose time is `now_us`, in milliseconds (RFC 9562 section 5.7)."""
        ...

    def key(self) -> bytes:
        """32 random bytes."""
        ...


class RecordStore(Protocol):
    """Where records become evidence.

    `put` returns only when the record's bytes are durable and locked under their key, and returns their
    SHA-256. It creates: where the key holds other bytes already it raises `IntegrityError`
    (`evidence.conflict`); the same bytes are success, so a retry after a lost answer is safe. It links
    the record into this environment's writer chain; after a PUT whose result stays unknown a new chain
    starts. Raises `EvidenceUnavailable`. It never retries past the caller's deadline.
    """

    def put(self, record: Record) -> Sha256Hex: ...


class PolicySource(Protocol):
    """The deployed policy layer, validated whole. Raises `PolicyUnavailable`; keeps what it loaded."""

    def load(self) -> PolicyBundle: ...


@dataclass(frozen=True, slots=True)
class Reservation:
    """A call's place in its task: taken before its statements are looked at, settled after their outcome."""

    task: Task  # as it stands with the reservation taken off
    sequence: int  # of its last statement
    taken: Budgets
    command_id: CommandId  # of the call's first command: what it took is held under this id until it is given back


@dataclass(frozen=True, slots=True)
class Settled:
    """What a task's item says once a call has given back what it did not use."""

    left: Budgets
    state: TaskState
    ends_as: TaskState | None = None

    @property
    def is_revoked(self) -> bool:
        return TaskState.REVOKED in (self.state, self.ends_as)


@dataclass(frozen=True, slots=True)
class Finished:
    """An earlier call with the same idempotency key, finished: what was recorded of it."""

    command_id: CommandId
    answer: Mapping[str, object]  # status, counts and receipt; never rows


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """The caller's key for one call, as it may be kept: neither member tells anything to who does not know that key."""

    value: str  # a name that follows from the key and the task
    body_hmac: Sha256Hex  # of what it stands for, under the key


class TaskStore(Protocol):
    """The tasks and their budgets. Every change is one conditional write; reads are strongly consistent.

    Raises `StateUnavailable`.
    """

    def create(self, task: Task) -> None:
        """Stores a new task. Raises `IntegrityError` where the id is taken."""
        ...

    def get(self, task_id: TaskId) -> Task | None: ...

    def list_of(self, owner: str, *, limit: int) -> Sequence[Task]:
        """The tasks of a `Principal.owner`, newest first. Eventually consistent."""
        ...

    def due(self, now_s: int, *, limit: int) -> Sequence[Task]:
        """Tasks past their deadline and not in a final state, or whose world goes and that are not put off.

        Their world goes where they are `ending` or `suspending`. The longest due first. Eventually consistent.
        """
        ...

    def put_off(self, task_id: TaskId, *, until_s: int) -> None:
        """Makes a task that is `ending` or `suspending` due again at `until_s`, and counts one teardown more.

        Raises `Conflict` (`task.state`) where it is in another state, `NotFound` where it is absent.
        """
        ...

    def reserve(
        self,
        task_id: TaskId,
        principal: Principal,
        *,
        now_s: int,
        wanted: Budgets,
        command_id: CommandId,
        idempotency: IdempotencyKey | None,
    ) -> Reservation | Finished:
        """Takes a sequence number a statement and what is wanted, or of rows and bytes what is left: all or nothing.

        Raises `NotFound` where the task is absent or another principal's; `Conflict` where it is not
        active, is past its deadline, or the key's first call still runs; `Unprocessable` where the key
        was used with another body; `BudgetExceeded` where not enough is left.
        """
        ...

    def reserve_more(self, reservation: Reservation, wanted: Budgets) -> Reservation:
        """Adds what is wanted to a reservation, all or nothing; `taken` is then all that the call holds.

        Raises `BudgetExceeded` where less than that is left of one amount, `Conflict` or `DatabaseHeld` where the task
        is not active any more.
        """
        ...

    def settle(
        self,
        reservation: Reservation,
        *,
        used: Budgets,
        command_id: CommandId,
        idempotency: IdempotencyKey | None,
        answer: Mapping[str, object] | None,
    ) -> Settled:
        """Gives back what was taken and not used, once: where it was given back already, nothing changes.

        Closes the idempotency key with `answer`; None lets go of the key, so that the same call may be sent again:
        only where it surely had no effect.
        """
        ...

    def move(
        self,
        task_id: TaskId,
        move: Move,
        *,
        world: World | None = None,
        expires_at_s: int | None = None,
        due_s: int | None = None,
        unless: Collection[DenialKey] = (),
        teardowns: int | None = None,
    ) -> Task:
        """Moves a task from one of the move's states, setting what is given. Returns it as it then stands.

        It is due for the timer at its deadline, or at once where its world goes, unless `due_s` names another time.

        Raises `Conflict` (`task.state`) where it is in another state, or `teardowns` is not how many the task had;
        `Conflict` (`task.revoked`) or `DatabaseHeld` (`database.held`) where one of the denials stands at that moment;
        `NotFound` where it is absent.
        """
        ...


@dataclass(frozen=True, slots=True)
class Parameter:
    """One `$n` as it is sent: text of unknown type, or NULL."""

    text: str | None


@dataclass(frozen=True, slots=True)
class Lookup:
    """One `$n` that stands for the token of a value: the value itself reaches neither task role nor record."""

    class_name: str
    value: Secret


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one statement."""

    max_rows: int  # rows received at most; one more is asked for, to know whether there were more
    max_bytes: int  # of row data received at most
    max_cell_bytes: int
    statement_timeout_ms: int
    lock_timeout_ms: int


@dataclass(frozen=True, slots=True)
class ResultColumn:
    """A result column as the database describes it."""

    name: str
    type_oid: int
    type: str  # PostgreSQL's name, for example `numeric`, `integer[]`
    table_oid: int  # 0 where it is computed
    attribute_number: int
    delimiter: str = ","  # between elements, where its values are arrays of a type that is not built in


@dataclass(frozen=True, slots=True)
class Result:
    """What a statement gave: text values a column at a time, `None` for NULL."""

    columns: tuple[ResultColumn, ...]
    values: tuple[Sequence[str | None], ...]  # all of the same length; from a server, as `packed_cells` has them
    row_count: int
    affected: int | None  # rows inserted, updated, deleted or merged; None for a statement that does none of these
    truncated: bool
    received_bytes: int


@dataclass(frozen=True, slots=True)
class TransactionMark:
    """What the database knows a transaction by, so that its fate can be asked of it later.

    `pg_xact_status(xid)` tells the fate on the server that `system_identifier` names, and only there. While a backend
    of this pid and start is alive, it may still commit.
    """

    xid: str  # pg_current_xact_id(), 64 bits in decimal
    backend_pid: int
    backend_start: str  # ISO 8601 in UTC, with microseconds
    system_identifier: str | None  # None where this server does not tell it to a task's role
    rows_written: int = 0  # in all tables, by its statements and by what they set off


class Transaction(Protocol):
    """Statements that are written together or not at all. For one thread.

    Whatever `run` or `mark` raises, everything is undone: nothing but `rollback` may be called after it. Nothing is
    written before `commit` is called; a transaction that is dropped without it is undone when its session goes.
    """

    def run(
        self,
        sql: str,
        parameters: Sequence[Parameter],
        limits: Limits,
        *,
        read_only: bool,
        command_id: CommandId | None = None,
    ) -> Result:
        """Runs the next statement; where it is `read_only` the database refuses to let it write.

        The database's log names the statement by `command_id`, or by the one of `begin`. Raises `StatementFailed`
        (sanitised), `TooLarge` where the rows of a write pass a bound or those of a read pass a bound of bytes (the
        rows of a read past `max_rows` are truncated), `DatabaseUnavailable`, `DatabaseLost`, and
        `OutcomeUnknown` where the statement ended the transaction, which the guard never lets it.
        """
        ...

    def mark(self) -> TransactionMark:
        """Gives the transaction its id and checks its deferred constraints: after the statements, before `commit`.

        Raises `StatementFailed` where a constraint does not hold, `DatabaseUnavailable`, `DatabaseLost`.
        """
        ...

    def commit(self) -> None:
        """Makes it durable. Raises `OutcomeUnknown` where COMMIT was sent and its result is not known.

        After any other error (`StatementFailed`, `DatabaseUnavailable`, `DatabaseLost`) nothing was written.
        """
        ...

    def rollback(self) -> None:
        """Undoes what was not committed; where the server does not confirm it, by closing the session. Never raises."""
        ...


class Session(Protocol):
    """One session of a task's role, in which one statement or one transaction at a time runs."""

    def run(self, sql: str, parameters: Sequence[Parameter], limits: Limits, *, command_id: CommandId) -> Result:
        """Runs one statement that cannot write, over the extended protocol, in a transaction of its own.

        Raises `StatementFailed` (sanitised) where the database refused it, `TooLarge` where a cell or row
        passes its bound, `DatabaseLost` where the session broke. After anything but a clean
        result or a clean database error the session is closed and the next `TaskDatabase.session` opens a new one.
        """
        ...

    def begin(self, limits: Limits, *, command_id: CommandId, read_only: bool) -> Transaction:
        """Begins a transaction, READ WRITE unless `read_only`. The session is its own until it has ended.

        Raises `DatabaseUnavailable` where the server takes no writes, `DatabaseLost` where the session broke.
        """
        ...


class TaskDatabase(Protocol):
    """Sessions as a task's own role, over an IAM token minted for exactly that role.

    Keeps at most one session per execution environment: the one of the last task. Raises `DatabaseUnavailable`.
    """

    def session(self, task: Task, address: DatabaseAddress) -> Session: ...

    def discard(self) -> None:
        """Closes the kept session, if there is one."""
        ...


@dataclass(frozen=True, slots=True)
class Sought:
    """A value whose token is asked for, and the type that it must be read as: `ViewColumn.token_of`."""

    token_of: str
    value: Secret


class Tokens(Protocol):
    """The tokens of values under a task's key, over a connection that can do nothing else.

    Raises `Unprocessable` (`sql.lookup`) for a value that is none of its type, `DatabaseUnavailable`.
    """

    def tokens(self, task: Task, address: DatabaseAddress, sought: Sequence[Sought]) -> list[str]:
        """One token a value, in their order."""
        ...
