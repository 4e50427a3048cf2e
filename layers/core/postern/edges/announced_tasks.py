"""A task store that tells of every change of a task's state, once it is durable, whoever made it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from postern.announcements import Announcement
from postern.denials import DenialKey
from postern.ports import Finished, IdempotencyKey, Reservation, Settled, TaskStore, World
from postern.task_states import Move
from postern.types import Budgets, CommandId, Principal, Task, TaskId, TaskState

if TYPE_CHECKING:
    from postern.approval_ports import Announcer  # with all that approvals are


@dataclass(frozen=True, slots=True)
class AnnouncedTasks:
    """Implements `ports.TaskStore` over another. What a statement does to its task is no change of state."""

    store: TaskStore
    announcer: Announcer

    def create(self, task: Task) -> None:
        self.store.create(task)
        self.announcer.announce(Announcement(task, given=0))

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
        moved = self.store.move(
            task_id,
            move,
            world=world,
            expires_at_s=expires_at_s,
            due_s=due_s,
            unless=unless,
            teardowns=teardowns,
        )
        self.announcer.announce(Announcement(moved, before=only_source(move)))
        return moved

    def get(self, task_id: TaskId) -> Task | None:
        return self.store.get(task_id)

    def list_of(self, owner: str, *, limit: int) -> Sequence[Task]:
        return self.store.list_of(owner, limit=limit)

    def due(self, now_s: int, *, limit: int) -> Sequence[Task]:
        return self.store.due(now_s, limit=limit)

    def put_off(self, task_id: TaskId, *, until_s: int) -> None:
        self.store.put_off(task_id, until_s=until_s)

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
        return self.store.reserve(
            task_id, principal, now_s=now_s, wanted=wanted, command_id=command_id, idempotency=idempotency
        )

    def reserve_more(self, reservation: Reservation, wanted: Budgets) -> Reservation:
        return self.store.reserve_more(reservation, wanted)

    def settle(
        self,
        reservation: Reservation,
        *,
        used: Budgets,
        command_id: CommandId,
        idempotency: IdempotencyKey | None,
        answer: Mapping[str, object] | None,
    ) -> Settled:
        return self.store.settle(reservation, used=used, command_id=command_id, idempotency=idempotency, answer=answer)


def only_source(move: Move) -> TaskState | None:
    """The state before the move, where it can start from one alone."""
    [*sources] = move.sources
    return sources[0] if len(sources) == 1 else None
