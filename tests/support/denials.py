"""Fakes of the ports of revoking, and the raw material of their contract (`tests/contract/test_denial_store.py`)."""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from postern.audit.records import Record
from postern.denial_ports import Owed
from postern.denials import Denial, DenialKey, DenialKind, OpenTask
from postern.errors import BudgetExceeded, StateUnavailable
from postern.rate_ports import Rate
from postern.task_states import Move
from postern.types import CommandId, Task, TaskId
from tests.support.domain import NOW_S
from tests.support.fake_task_store import FakeTaskStore

DENIAL = Denial(
    DenialKey(DenialKind.PRINCIPAL, "ci|repo:acme/shop:main"),
    CommandId("0199a0b0-c0d0-7000-8000-0000000000d1"),
    NOW_S,
    "people|olga",
    "stolen token",
)


@dataclass
class FakeDenials:
    """Keeps `denial_ports.Denials`' contract in memory, beside the tasks that they forbid."""

    store: FakeTaskStore = field(default_factory=FakeTaskStore)
    kept: dict[DenialKey, Denial] = field(default_factory=dict)
    events: dict[CommandId, Record] = field(default_factory=dict)
    away: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def _reach(self) -> None:
        if self.away:
            raise StateUnavailable("state.unavailable", "the state table cannot be reached: try again")

    def _keep(self, denial: Denial) -> None:
        self.kept[denial.key] = denial
        self.store.denials = {key for key, one in self.kept.items() if one.stands}

    def standing(self, keys: Collection[DenialKey]) -> DenialKey | None:
        self._reach()
        return next((key for key in keys if key in self.store.denials), None)

    def all(self) -> Sequence[Denial]:
        self._reach()
        seen = [one for one in self.kept.values() if one.stands or not one.settled]
        return sorted(seen, key=lambda one: (one.at_s, one.id))

    def put(self, denial: Denial) -> Denial:
        self._reach()
        with self._lock:
            known = self.kept.get(denial.key)
            if known is not None and known.stands:
                ends = (known.expires_at_s, denial.expires_at_s)
                last = None if None in ends else max(one for one in ends if one is not None)
                denial = replace(known, expires_at_s=last, settled=False)
            self._keep(denial)
            return denial

    def lift(self, denial: Denial, *, now_s: int, if_over: bool = False) -> bool:
        self._reach()
        known = self.kept.get(denial.key)
        if known is None or known.id != denial.id or not known.stands:
            return False
        if if_over and (known.expires_at_s is None or known.expires_at_s > now_s):
            return False
        self._keep(replace(known, lifted_at_s=now_s, settled=False))
        return True

    def settle(self, denial: Denial) -> None:
        self._reach()
        known = self.kept.get(denial.key)
        if known is not None and (known.id, known.stands) == (denial.id, denial.stands):
            self._keep(replace(known, settled=True))

    def owe(self, owed: Owed) -> None:
        self._reach()
        self.events[owed.name] = owed.record

    def owed(self) -> Sequence[Owed]:
        self._reach()
        return [Owed(name, record) for name, record in self.events.items()]

    def redate(self, owed: Owed, record: Record) -> bool:
        self._reach()
        if self.events.get(owed.name) != owed.record:
            return False
        self.events[owed.name] = record
        return True

    def write_off(self, owed: Owed) -> None:
        self._reach()
        self.events.pop(owed.name, None)


@dataclass
class FakeOpenTasks:
    """Keeps `denial_ports.OpenTasks`' contract over a fake store. `hidden` is what the index does not show yet."""

    store: FakeTaskStore = field(default_factory=FakeTaskStore)
    hidden: set[TaskId] = field(default_factory=set)
    looks: int = 0

    def all(self) -> Sequence[OpenTask]:
        self.store._reach()
        self.looks += 1
        return [
            open_task(task)
            for task in list(self.store.tasks.values())
            if not task.state.is_final and task.id not in self.hidden
        ]

    def move(self, task_id: TaskId, move: Move) -> bool:
        self.store._reach()
        with self.store._lock:
            task = self.store.tasks.get(task_id)
            if task is None or task.state not in move.sources:
                return False
            self.store.tasks[task_id] = replace(task, state=move.to, ends_as=move.ends_as or task.ends_as)
            self.store.put_off_until.pop(task_id, None)
            return True


def open_task(task: Task, **changes: object) -> OpenTask:
    return replace(
        OpenTask(
            id=task.id,
            state=task.state,
            principal=task.principal.id,
            on_behalf_of=task.principal.on_behalf_of,
            issuer=task.principal.issuer,
            database=task.grant.database,
            runs_once=task.runs_once,
            worlds=task.worlds,
        ),
        **changes,  # type: ignore[arg-type]
    )


@dataclass
class FreeRates:
    """Lets everything through, up to a number of worlds."""

    provisions: int = 1_000

    def take(self, rate: Rate, whose: str, amount: int, *, limit: int, now_s: int) -> None:
        self.provisions -= amount
        if self.provisions < 0:
            raise BudgetExceeded("rate.provisions", "as many as may", retry_after_s=30)

    def queue(self, owner: str, task_id: TaskId, *, limit: int, now_s: int) -> None:
        pass
