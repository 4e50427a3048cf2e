"""The tasks in no final state, by the index by deadline, which they leave when they reach one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from postern.denials import OpenTask
from postern.edges import task_items as items
from postern.edges import task_writes as writes
from postern.edges.failed_conditions import failed_conditions, translated
from postern.edges.item_batches import read_items
from postern.task_states import Move
from postern.types import DatabaseName, TaskId, TaskState

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class DynamoOpenTasks:
    """Implements `denial_ports.OpenTasks` on the table of the task store."""

    client: DynamoDBClient
    table: str

    def all(self) -> Sequence[OpenTask]:
        tasks = [parse_open_task(item) for item in open_task_items(self.client, self.table)]
        return [task for task in tasks if not task.state.is_final]

    def move(self, task_id: TaskId, move: Move) -> bool:
        wanted = writes.moving(self.table, task_id, move, due_s=0, expires_at_s=None, rescoped=False, ttl_s=None)
        with translated():
            try:
                self.client.update_item(**wanted)
            except ClientError as error:
                failed_conditions(error)
                return False
        return True


def parse_open_task(item: Mapping[str, Any]) -> OpenTask:
    """Of a task's small item."""
    return OpenTask(
        id=items.task_of(item),
        state=TaskState(item["state"]["S"]),
        principal=item["principal"]["S"],
        on_behalf_of=item["on_behalf_of"]["S"] if "on_behalf_of" in item else None,
        issuer=item["issuer"]["S"],
        database=DatabaseName(item["database"]["S"]),
        runs_once="runs_once" in item,
        worlds=int(item["version"]["N"]),
    )


def open_task_items(client: DynamoDBClient, table: str) -> Iterator[Mapping[str, Any]]:
    """The small items of all open tasks, read strongly consistent. Raises `StateUnavailable`."""
    with translated():
        keys = [items.task_key(items.task_of(key)) for key in _open_keys(client, table)]
        yield from read_items(client, table, keys)


def _open_keys(client: DynamoDBClient, table: str) -> Iterator[Mapping[str, Any]]:
    pages = client.get_paginator("query")
    for partition in items.DEADLINE_PARTITIONS:
        for page in pages.paginate(
            TableName=table,
            IndexName="by_deadline",
            KeyConditionExpression="gsi2pk = :open",
            ExpressionAttributeValues={":open": {"S": partition}},
        ):
            yield from page["Items"]
