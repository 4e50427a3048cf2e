"""The state table of a race, in memory or real, which remembers what was done to a task."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from postern.edges.holds import DynamoHolds
from postern.edges.task_store import DynamoTaskStore
from postern.task_states import Move
from postern.types import Task, TaskId, TaskState
from tests.support.denials import FakeOpenTasks
from tests.support.fake_task_store import FakeTaskStore

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Change = tuple[TaskState, TaskState]


@dataclass
class TracedTasks(FakeTaskStore):
    """Remembers every change of state, and of which tasks statements were let in: their state, the seconds left."""

    changes: list[Change] = field(default_factory=list)
    let_in: list[tuple[TaskState, int]] = field(default_factory=list)

    def move(self, task_id: TaskId, move: Move, **changed: Any) -> Task:
        before = self.tasks[task_id].state
        moved = super().move(task_id, move, **changed)
        self.changes.append((before, moved.state))
        return moved

    def reserve(self, *arguments: Any, now_s: int, **named: Any) -> Any:
        taken: Any = super().reserve(*arguments, now_s=now_s, **named)
        self.let_in.append((taken.task.state, taken.task.expires_at_s - now_s))
        return taken


class TracedOpenTasks(FakeOpenTasks):
    """Adds its changes of state to those of the store."""

    def move(self, task_id: TaskId, move: Move) -> bool:
        before = self.store.tasks[task_id].state
        moved = super().move(task_id, move)
        if moved:
            self.store.changes.append((before, self.store.tasks[task_id].state))  # type: ignore[attr-defined]
        return moved


class TracedDynamo(DynamoTaskStore):
    """The same of the real store, whose states a test looks up instead."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        super().__init__(client, table)
        self.let_in: list[tuple[TaskState, int]] = []

    def reserve(self, *arguments: Any, now_s: int, **named: Any) -> Any:
        taken: Any = super().reserve(*arguments, now_s=now_s, **named)
        self.let_in.append((taken.task.state, taken.task.expires_at_s - now_s))
        return taken

    def held(self, task_id: TaskId) -> Any:
        return DynamoHolds(self.client, self.table).held(task_id)

    def all_held(self) -> Any:
        return DynamoHolds(self.client, self.table).all_held()

    def give_back(self, *arguments: Any, **named: Any) -> bool:
        return DynamoHolds(self.client, self.table).give_back(*arguments, **named)
