"""What the calls of a task hold in the state table, and the one way in which it is given back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from postern.edges import task_items as items
from postern.edges import task_writes as writes
from postern.edges.failed_conditions import failed_conditions, translated
from postern.edges.task_transaction import transact
from postern.errors import StateUnavailable
from postern.reap_ports import Hold
from postern.types import Budgets, CommandId, TaskId, minus

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


_BATCH = 100  # keys of one BatchGetItem


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
        with translated():
            open_tasks = [items.task_key(items.task_of(key)) for key in self._open_keys()]
            read = [self._read(open_tasks[n : n + _BATCH]) for n in range(0, len(open_tasks), _BATCH)]
        held = {items.task_of(item): items.parse_holds(item) for batch in read for item in batch}
        return {task_id: holds for task_id, holds in held.items() if holds}

    def _open_keys(self) -> Iterator[Mapping[str, Any]]:
        pages = self.client.get_paginator("query")
        for partition in items.DEADLINE_PARTITIONS:
            for page in pages.paginate(
                TableName=self.table,
                IndexName="by_deadline",
                KeyConditionExpression="gsi2pk = :open",
                ExpressionAttributeValues={":open": {"S": partition}},
            ):
                yield from page["Items"]

    def _read(self, keys: Sequence[items.Item]) -> Sequence[Mapping[str, Any]]:
        found = self.client.batch_get_item(RequestItems={self.table: {"Keys": keys, "ConsistentRead": True}})
        if found.get("UnprocessedKeys"):
            raise StateUnavailable("state.unavailable", "the state table is throttled: try again")
        return found["Responses"].get(self.table, [])

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
