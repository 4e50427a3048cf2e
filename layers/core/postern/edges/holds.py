"""What the calls of a task hold in the state table, and the one way in which it is given back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from postern.edges import task_items as items
from postern.edges import task_writes as writes
from postern.edges.failed_conditions import failed_conditions, translated
from postern.edges.open_tasks import open_task_items
from postern.edges.task_transaction import transact
from postern.reaped import Hold
from postern.types import Budgets, CommandId, TaskId, minus

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class DynamoHolds:
    """Implements `reap_ports.Holds` on the table of the task store."""

    client: DynamoDBClient
    table: str

    def held(self, task_id: TaskId) -> Mapping[CommandId, Hold]:
        with translated():
            found = self.client.get_item(TableName=self.table, Key=items.task_key(task_id), ConsistentRead=True)
        return items.parse_holds(found.get("Item", {}))

    def all_held(self) -> Mapping[TaskId, Mapping[CommandId, Hold]]:
        held = {items.task_of(item): items.parse_holds(item) for item in open_task_items(self.client, self.table)}
        return {task_id: holds for task_id, holds in held.items() if holds}

    def give_back(
        self, task_id: TaskId, command_id: CommandId, hold: Hold, *, used: Budgets, answer: Mapping[str, object] | None
    ) -> bool:
        unused = minus(hold.taken, used)
        with translated():
            if hold.key is None:
                return give_back(self.client, self.table, task_id, command_id, unused) is not None
            return give_back_with_key(self.client, self.table, task_id, command_id, unused, hold.key, answer)


def give_back(
    client: DynamoDBClient, table: str, task_id: TaskId, command_id: CommandId, unused: Budgets
) -> Mapping[str, Any] | None:
    """The task's item after it; None where it was given back before. Raises the SDK's errors."""
    back = writes.giving_back(table, task_id, command_id, unused)
    try:
        return client.update_item(**back, ReturnValues="ALL_NEW")["Attributes"]
    except ClientError as error:
        failed_conditions(error)
        return None


def give_back_with_key(
    client: DynamoDBClient,
    table: str,
    task_id: TaskId,
    command_id: CommandId,
    unused: Budgets,
    key: str,
    answer: Mapping[str, object] | None,
) -> bool:
    """The same, and with it the key is closed or let go of; False where that happened before."""
    back = writes.giving_back(table, task_id, command_id, unused)
    end = (
        writes.releasing(table, task_id, command_id, key)
        if answer is None
        else writes.closing(table, task_id, command_id, key, answer)
    )
    try:
        transact(client, {"Update": back}, {"Update": end})
    except ClientError as error:
        is_held = failed_conditions(error)[0] is None
        # The key's item alone can be gone: the table lets go of it after its time.
        return is_held and give_back(client, table, task_id, command_id, unused) is not None
    return True
