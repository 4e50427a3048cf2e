"""Fakes of the ports. Each keeps its port's contract; `tests/edges` runs one suite on the fake and on the real edge."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from postern.approvals import TaskApprovals
from postern.audit.ids import uuid7
from postern.denials import DenialKey, refuse_denied
from postern.errors import (
    BudgetExceeded,
    Conflict,
    DatabaseUnavailable,
    IntegrityError,
    NotFound,
    OutcomeUnknown,
    PolicyUnavailable,
    PosternError,
    StateUnavailable,
    Unprocessable,
)
from postern.inactive import refuse_inactive
from postern.policy.limits import RateLimits
from postern.ports import (
    Finished,
    IdempotencyKey,
    Limits,
    Parameter,
    Reservation,
    Result,
    ResultColumn,
    Settled,
    Sought,
    TeardownProof,
    TransactionMark,
    World,
)
from postern.reap_ports import Hold, Watermark
from postern.task_states import Move
from postern.types import (
    Budgets,
    CommandId,
    DatabaseAddress,
    DatabaseName,
    Grant,
    Principal,
    Sha256Hex,
    Task,
    TaskId,
    TaskState,
    minus,
    plus,
)
from tests.support.domain import ADDRESS, DIGEST, NOW_S, WORLD

_WORLD_GOES = frozenset({TaskState.ENDING, TaskState.SUSPENDING})


@dataclass
class FakeClock:
    """Stands still until a test moves it."""

    at_us: int = NOW_S * 1_000_000
    at_s: float = 1000.0

    def now_us(self) -> int:
        return self.at_us

    def monotonic_s(self) -> float:
        return self.at_s


@dataclass
class FakeIdentifiers:
    """Counts."""

    count: int = 0

    def _random(self) -> bytes:
        self.count += 1
        return self.count.to_bytes(10, "big")

    def task_id(self) -> TaskId:
        return TaskId(uuid7(NOW_S * 1_000_000, self._random()).replace("-", ""))

    def command_id(self, now_us: int) -> CommandId:
        return CommandId(uuid7(now_us, self._random()))

    def key(self) -> bytes:
        return b"k" * 32


@dataclass
class FakeTaskStore:
    """Keeps the contracts of `ports.TaskStore` and `reap_ports.Holds` in memory.

    `away` makes the next calls fail as an unreachable table does. `approvals` are for `FakeApprovalStore`.
    """

    tasks: dict[TaskId, Task] = field(default_factory=dict)
    approvals: dict[TaskId, TaskApprovals] = field(default_factory=dict)
    keys: dict[tuple[TaskId, str], dict[str, object]] = field(default_factory=dict)
    holds: dict[tuple[TaskId, CommandId], Hold] = field(default_factory=dict)
    put_off_until: dict[TaskId, int] = field(default_factory=dict)
    denials: set[DenialKey] = field(default_factory=set)
    away: bool = False
    writes: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def _reach(self) -> None:
        if self.away:
            raise StateUnavailable("state.unavailable", "the state table cannot be reached: try again")

    def create(self, task: Task) -> None:
        self._reach()
        if task.id in self.tasks:
            raise IntegrityError("internal", "task id: expected a fresh one")
        assert task.scope_digest is not None
        self.writes += 1
        self.tasks[task.id] = task
        self.approvals[task.id] = TaskApprovals(
            task.approvals_needed, task.scope_digest, task.budgets, task.created_at_s
        )

    def get(self, task_id: TaskId) -> Task | None:
        self._reach()
        return self.tasks.get(task_id)

    def list_of(self, owner: str, *, limit: int) -> Sequence[Task]:
        self._reach()
        mine = [task for task in self.tasks.values() if task.principal.owner == owner]
        return sorted(mine, key=lambda task: task.id, reverse=True)[:limit]

    def due(self, now_s: int, *, limit: int) -> Sequence[Task]:
        self._reach()
        with self._lock:
            open_tasks = [task for task in self.tasks.values() if not task.state.is_final]
            due = [task for task in open_tasks if self._due_s(task) <= now_s]
            return sorted(due, key=self._due_s)[:limit]

    def _due_s(self, task: Task) -> int:
        at_once = 0 if task.state in _WORLD_GOES else task.expires_at_s
        return self.put_off_until.get(task.id, at_once)

    def put_off(self, task_id: TaskId, *, until_s: int) -> None:
        self._reach()
        with self._lock:
            task = self.tasks.get(task_id)
            if task is None:
                raise NotFound("task.unknown", "task: expected one that exists")
            if task.state not in _WORLD_GOES:
                raise Conflict("task.state", f"task: expected its world to go, got {task.state.value}")
            self.writes += 1
            self.tasks[task_id] = replace(task, teardowns=task.teardowns + 1)
            self.put_off_until[task_id] = until_s

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
        self._reach()
        with self._lock:
            task = self.tasks.get(task_id)
            if task is None or task.principal.owner != principal.owner:
                raise NotFound("task.unknown", "task: expected one of yours")
            if (known := self.holds.get((task_id, command_id))) is not None:
                return Reservation(task, task.sequence, known.taken, command_id)
            if idempotency is not None and (earlier := self.keys.get((task_id, idempotency.value))) is not None:
                return _earlier(earlier, idempotency)
            taken = _take(task, now_s, wanted, command_id)
            self.holds[task_id, command_id] = Hold(taken.taken, None if idempotency is None else idempotency.value)
            if idempotency is not None:
                held = {"command_id": command_id, "body": idempotency.body_hmac}
                self.keys[task_id, idempotency.value] = held
            self.writes += 1
            self.tasks[task_id] = taken.task
            return taken

    def reserve_more(self, reservation: Reservation, wanted: Budgets) -> Reservation:
        self._reach()
        with self._lock:
            task = self.tasks[reservation.task.id]
            if (task.id, reservation.command_id) not in self.holds:
                raise Conflict("command.abandoned", "given back already")
            if task.state is not TaskState.ACTIVE:
                raise refuse_inactive(task.state, task.ends_as, worlds=task.worlds)
            for name in ("affected", "values"):
                if getattr(task.budgets, name) < getattr(wanted, name):
                    raise BudgetExceeded(f"budget.{name}", "not enough left")
            task = replace(task, budgets=minus(task.budgets, wanted))
            held = self.holds[task.id, reservation.command_id]
            self.holds[task.id, reservation.command_id] = replace(held, taken=plus(held.taken, wanted))
            self.writes += 1
            self.tasks[task.id] = task
            return replace(reservation, task=task, taken=plus(reservation.taken, wanted))

    def settle(
        self,
        reservation: Reservation,
        *,
        used: Budgets,
        command_id: CommandId,
        idempotency: IdempotencyKey | None,
        answer: Mapping[str, object] | None,
    ) -> Settled:
        key = None if idempotency is None else idempotency.value
        self.give_back(reservation.task.id, command_id, Hold(reservation.taken, key), used=used, answer=answer)
        task = self.tasks[reservation.task.id]
        return Settled(task.budgets, task.state, task.ends_as)

    def held(self, task_id: TaskId) -> Mapping[CommandId, Hold]:
        self._reach()
        return {command_id: hold for (task, command_id), hold in self.holds.items() if task == task_id}

    def all_held(self) -> Mapping[TaskId, Mapping[CommandId, Hold]]:
        return {task_id: self.held(task_id) for task_id, _ in self.holds if not self.tasks[task_id].state.is_final}

    def give_back(
        self, task_id: TaskId, command_id: CommandId, hold: Hold, *, used: Budgets, answer: Mapping[str, object] | None
    ) -> bool:
        self._reach()
        with self._lock:
            if (task_id, command_id) not in self.holds:
                return False
            if hold.key is not None:
                assert self.keys[task_id, hold.key]["command_id"] == command_id
                if answer is None:
                    del self.keys[task_id, hold.key]
                else:
                    self.keys[task_id, hold.key]["answer"] = answer
            task = self.tasks[task_id]
            self.writes += 1
            self.tasks[task_id] = replace(task, budgets=plus(task.budgets, minus(hold.taken, used)))
            del self.holds[task_id, command_id]
            return True

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
        self._reach()
        with self._lock:
            task = self.tasks.get(task_id)
            if task is None:
                raise NotFound("task.unknown", "task: expected one that exists")
            if task.state not in move.sources or teardowns not in (None, task.teardowns):
                raise Conflict("task.state", f"task: expected another state, got {task.state.value}")
            for denial in unless:
                if denial in self.denials:
                    raise refuse_denied(denial)
            task = replace(task, state=move.to, ends_as=move.ends_as or task.ends_as)
            if expires_at_s is not None:
                task = replace(task, expires_at_s=expires_at_s)
            if world is not None:
                known, address = task.worlds + 1, world.address or task.address
                task = replace(task, views=world.views, server_major=world.server_major, worlds=known, address=address)
            self.writes += 1
            self.put_off_until.pop(task_id, None)
            if due_s is not None:
                self.put_off_until[task_id] = due_s
            self.tasks[task_id] = task
            return task


def _earlier(earlier: Mapping[str, object], key: IdempotencyKey) -> Finished:
    if earlier["body"] != key.body_hmac:
        raise Unprocessable("idempotency.reused", "another body")
    if "answer" not in earlier:
        raise Conflict("idempotency.running", "still running", command_id=str(earlier["command_id"]))
    answer = earlier["answer"]
    assert isinstance(answer, Mapping)
    if answer["status"] == "unknown":
        raise OutcomeUnknown("outcome.unknown", "never to be known", command_id=str(earlier["command_id"]))
    return Finished(CommandId(str(earlier["command_id"])), answer)


def _take(task: Task, now_s: int, wanted: Budgets, command_id: CommandId) -> Reservation:
    if task.state is not TaskState.ACTIVE:
        raise refuse_inactive(task.state, task.ends_as, worlds=task.worlds)
    if task.expires_at_s <= now_s:
        raise Conflict("task.expired", "past its deadline")
    if task.budgets.statements < wanted.statements:
        raise BudgetExceeded("budget.statements", "none left")
    if task.budgets.lookups < wanted.lookups:
        raise BudgetExceeded("budget.lookups", "none left")
    wanted = _at_most(task.budgets, wanted, ("rows", "bytes"))
    left = minus(task.budgets, wanted)
    taken = replace(task, budgets=left, sequence=task.sequence + wanted.statements)
    return Reservation(taken, taken.sequence, wanted, command_id)


def _at_most(left: Budgets, wanted: Budgets, names: tuple[str, ...]) -> Budgets:
    for name in names:
        if getattr(left, name) < 1 <= getattr(wanted, name):
            raise BudgetExceeded(f"budget.{name}", "none left", retry_after_s=5)
    return replace(wanted, **{name: min(getattr(left, name), getattr(wanted, name)) for name in names})


ONE_ROW = Result(
    columns=(ResultColumn("id", 23, "integer", 4711, 1), ResultColumn("email", 25, "text", 4711, 2)),
    values=(["7"], ["a***@e***.com"]),
    row_count=1,
    affected=None,
    truncated=False,
    received_bytes=20,
)


MARK = TransactionMark("7711", 4242, "2026-09-21T14:13:20.000001Z", "7400000000000000001", rows_written=1)


@dataclass
class FakeDatabase:
    """A task's database whose answers a test chooses. `ran` is what reached it, and how the evidence stood then.

    `results` are given first, one a statement, then `result`. `events` is the life of transactions; only what a
    transaction committed counts as written.
    """

    result: Result | PosternError = ONE_ROW
    results: list[Result | PosternError] = field(default_factory=list)
    reachable: bool = True
    before_run: Callable[[], None] = lambda: None
    before_commit: Callable[[], None] = lambda: None
    mark_fails: PosternError | None = None
    commit_fails: PosternError | None = None
    written: int = 0
    ran: list[str] = field(default_factory=list)
    parameters: list[Sequence[Parameter]] = field(default_factory=list)
    limits: list[Limits] = field(default_factory=list)
    read_only: list[bool] = field(default_factory=list)
    events: list[str] = field(default_factory=list)

    def session(self, task: Task, address: DatabaseAddress) -> FakeDatabase:
        if not self.reachable:
            raise DatabaseUnavailable("database.unavailable", "no session could be had: try again")
        return self

    def discard(self) -> None:
        self.reachable = False

    def run(self, sql: str, parameters: Sequence[Parameter], limits: Limits, *, command_id: CommandId) -> Result:
        return self.take(sql, parameters, limits, read_only=True)

    def take(self, sql: str, parameters: Sequence[Parameter], limits: Limits, *, read_only: bool) -> Result:
        self.ran.append(sql)
        self.before_run()
        self.parameters.append(parameters)
        self.limits.append(limits)
        self.read_only.append(read_only)
        result = self.results.pop(0) if self.results else self.result
        if isinstance(result, PosternError):
            raise result
        return result

    def begin(self, limits: Limits, *, command_id: CommandId, read_only: bool) -> FakeTransaction:
        self.events.append("begin read only" if read_only else "begin")
        return FakeTransaction(self)


@dataclass
class FakeTransaction:
    """Keeps `ports.Transaction`'s contract: once ended or failed, nothing but `rollback` may be called."""

    database: FakeDatabase
    is_open: bool = True

    def run(
        self,
        sql: str,
        parameters: Sequence[Parameter],
        limits: Limits,
        *,
        read_only: bool,
        command_id: CommandId | None = None,
    ) -> Result:
        with self._undone_by_failure():
            assert command_id is not None
            return self.database.take(sql, parameters, limits, read_only=read_only)

    def mark(self) -> TransactionMark:
        with self._undone_by_failure():
            self.database.events.append("mark")
            if self.database.mark_fails is not None:
                raise self.database.mark_fails
            return replace(MARK, rows_written=self.database.written)

    def commit(self) -> None:
        with self._undone_by_failure():
            self.database.before_commit()
            self.database.events.append("commit")
            self.is_open = False
            if self.database.commit_fails is not None:
                raise self.database.commit_fails

    def rollback(self) -> None:
        self.database.events.append("rollback")
        self.is_open = False

    @contextmanager
    def _undone_by_failure(self) -> Iterator[None]:
        assert self.is_open
        try:
            yield
        except PosternError:
            self.is_open = False
            raise


@dataclass
class FakeTokens:
    """Gives every value a token that tells which it is; `asked` is what it was asked."""

    fails: PosternError | None = None
    asked: list[Sought] = field(default_factory=list)

    def tokens(self, task: Task, address: DatabaseAddress, sought: Sequence[Sought]) -> list[str]:
        self.asked.extend(sought)
        if self.fails is not None:
            raise self.fails
        return [f"tok_of_{one.value.reveal()}" for one in sought]


@dataclass
class FakeWorlds:
    """A provisioner's hands: which worlds stand, and what the next call does instead of its work."""

    standing: set[TaskId] = field(default_factory=set)
    build_fails: PosternError | None = None
    fails_after_commit: bool = False
    tear_down_fails: PosternError | None = None
    left: int = 0
    torn_down_at: list[DatabaseAddress] = field(default_factory=list)

    def build(
        self,
        task_id: TaskId,
        grant: Grant,
        address: DatabaseAddress,
        *,
        key: bytes,
        still_wanted: Callable[[], None] = lambda: None,
    ) -> World:
        assert task_id not in self.standing
        still_wanted()
        if self.fails_after_commit:
            self.standing.add(task_id)
        if self.build_fails is not None:
            raise self.build_fails
        self.standing.add(task_id)
        return WORLD

    def tear_down(
        self, task_id: TaskId, address: DatabaseAddress, still_goes: Callable[[], None] = lambda: None
    ) -> TeardownProof:
        if self.tear_down_fails is not None:
            raise self.tear_down_fails
        still_goes()
        self.torn_down_at.append(address)
        self.standing.discard(task_id)
        return TeardownProof(sessions=self.left, schemas=0, roles=0, keys=0, terminated=0)


@dataclass
class FakePolicy:
    """A deployed policy of which services only need the digest, the limits and the addresses."""

    digest: Sha256Hex = DIGEST
    limits: RateLimits = field(default_factory=RateLimits)
    databases: dict[DatabaseName, DatabaseAddress] = field(default_factory=lambda: {ADDRESS.name: ADDRESS})
    is_broken: bool = False

    def load(self) -> FakePolicy:
        return self

    @property
    def cedar(self) -> None:
        """Nobody is asked; where it was put off and is wrong, this tells."""
        if self.is_broken:
            raise PolicyUnavailable("policy.unavailable", "the policy layer cannot be loaded, so nothing is allowed")

    def address(self, database: str) -> DatabaseAddress:
        if database != ADDRESS.name:
            raise PolicyUnavailable("policy.unavailable", f"database {database}: expected it in the policy layer")
        return ADDRESS


@dataclass
class FakeWatermarks:
    """What the gate reads: a watermark two minutes old, unless a test says otherwise."""

    mark: Watermark | None = field(default_factory=lambda: Watermark(NOW_S * 1_000_000 - 120_000_000, 0))
    away: bool = False
    reads: int = 0

    def read(self, log: str) -> Watermark | None:
        self.reads += 1
        if self.away:
            raise StateUnavailable("state.unavailable", "the state table cannot be reached: try again")
        return self.mark
