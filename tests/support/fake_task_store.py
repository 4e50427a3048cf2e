"""The state table in memory, held to the same suite as the real one (`tests/contract/test_task_store.py`)."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from postern.approvals import TaskApprovals
from postern.denials import DenialKey, refuse_denied
from postern.errors import (
    BudgetExceeded,
    Conflict,
    IntegrityError,
    NotFound,
    OutcomeUnknown,
    StateUnavailable,
    Unprocessable,
)
from postern.inactive import refuse_inactive
from postern.ports import Finished, IdempotencyKey, Reservation, Settled, World
from postern.reap_ports import Hold
from postern.task_states import Move
from postern.types import Budgets, CommandId, Principal, Task, TaskId, TaskState, minus, plus

_WORLD_GOES = frozenset({TaskState.ENDING, TaskState.SUSPENDING})


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
