"""The wrapped data keys on DynamoDB: deleted by who erases, read by an auditor who unseals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from postern.edges import seal_items
from postern.edges.failed_conditions import failed_conditions, translated
from postern.types import CommandId, Erasure, TaskId

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class DynamoSealTable:
    """Implements `seal_ports.SealTable`. All reads are strongly consistent."""

    client: DynamoDBClient
    table: str

    def erasure(self, task_id: TaskId) -> Erasure | None:
        item = self._get(task_id, seal_items.ERASED)
        return None if item is None else seal_items.parse_erasure(item)

    def has_keys(self, task_id: TaskId) -> bool:
        return bool(self._key_ids(task_id))

    def mark_erased(self, task_id: TaskId, erasure: Erasure) -> Erasure:
        with translated("the seal table"):
            try:
                self.client.put_item(
                    TableName=self.table,
                    Item=seal_items.format_erasure(task_id, erasure),
                    ConditionExpression="attribute_not_exists(pk)",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
            except ClientError as error:
                (stood,) = failed_conditions(error)
                return seal_items.parse_erasure(stood or {})
        return erasure

    def delete_keys(self, task_id: TaskId) -> tuple[str, ...]:
        while key_ids := self._key_ids(task_id):
            # On the mark first: what was deleted is then known even where this process dies in between.
            self._update_mark(task_id, "ADD #keys :keys", {"#keys": "keys"}, {":keys": {"SS": key_ids}})
            for key_id in key_ids:
                with translated("the seal table"):
                    self.client.delete_item(TableName=self.table, Key=seal_items.key_of(task_id, key_id))
        marked = self.erasure(task_id)
        return () if marked is None else marked.key_ids

    def finish_erasure(self, task_id: TaskId, event_id: CommandId) -> None:
        self._update_mark(task_id, "SET #event = :event", {"#event": "event"}, {":event": {"S": event_id}})

    def wrapped(self, task_id: TaskId, key_id: str) -> bytes | None:
        """The data key as KMS wrapped it; None where it is not there, or no longer."""
        item = self._get(task_id, key_id)
        return None if item is None else bytes(item["wrapped"]["B"])

    def _get(self, task_id: TaskId, sort: str) -> Mapping[str, Any] | None:
        with translated("the seal table"):
            found = self.client.get_item(
                TableName=self.table, Key=seal_items.key_of(task_id, sort), ConsistentRead=True
            )
        return found.get("Item")

    def _key_ids(self, task_id: TaskId) -> list[str]:
        """Some of the task's keys: as many as one answer holds, none only where there are none."""
        with translated("the seal table"):
            found = self.client.query(
                TableName=self.table,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": seal_items.partition(task_id)},
                ProjectionExpression="sk",
                ConsistentRead=True,
            )
        # The mark is one item beside them, so an answer without keys is the last.
        return [str(item["sk"]["S"]) for item in found["Items"] if item["sk"]["S"] != seal_items.ERASED]

    def _update_mark(self, task_id: TaskId, update: str, names: dict[str, str], values: dict[str, Any]) -> None:
        with translated("the seal table"):
            self.client.update_item(
                TableName=self.table,
                Key=seal_items.key_of(task_id, seal_items.ERASED),
                UpdateExpression=update,
                ConditionExpression="attribute_exists(pk)",
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=values,
            )
