"""Epochs, keys and quarantined objects in the log's table: what is fixed there before its event is written.

    pk = epoch#<log>        revision, doc: `reap_ports.Epoch` as JSON
    pk = epoch##latest      log: the last one that was begun (no log's name holds a #)
    pk = keys#<log>         revision, doc: `reap_ports.LogKeys` as JSON
    pk = quarantine#<key>   event_id, time_us, is_recorded

A `doc` gains members, and none changes its meaning.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from botocore.exceptions import ClientError

from postern.edges.failed_conditions import failed_conditions, translated
from postern.errors import StateUnavailable
from postern.reap_ports import Epoch, Fixed, LogKeys
from postern.types import CommandId

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_EPOCH = msgspec.json.Decoder(Epoch)
_KEYS = msgspec.json.Decoder(LogKeys)
_LATEST = {"pk": {"S": "epoch##latest"}}
_READ_AT_ONCE = 100  # BatchGetItem's bound


@dataclass(frozen=True, slots=True)
class DynamoEpochs:
    """Implements `reap_ports.Epochs`."""

    client: DynamoDBClient
    table: str

    def get(self, log: str) -> Epoch | None:
        doc = self._doc(f"epoch#{log}")
        return None if doc is None else _EPOCH.decode(doc)

    def put(self, epoch: Epoch) -> bool:
        return self._put(f"epoch#{epoch.log}", epoch.revision, msgspec.json.encode(epoch))

    def latest(self) -> str | None:
        with translated():
            found = self.client.get_item(TableName=self.table, Key=_LATEST, ConsistentRead=True)
        return str(found["Item"]["log"]["S"]) if "Item" in found else None

    def set_latest(self, expected: str | None, log: str) -> bool:
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
        if expected is not None:
            condition = {
                "ConditionExpression": "#log = :expected",
                "ExpressionAttributeNames": {"#log": "log"},
                "ExpressionAttributeValues": {":expected": {"S": expected}},
            }
        return self._create({**_LATEST, "log": {"S": log}}, condition)

    def keys(self, log: str) -> LogKeys | None:
        doc = self._doc(f"keys#{log}")
        return None if doc is None else _KEYS.decode(doc)

    def put_keys(self, keys: LogKeys) -> bool:
        return self._put(f"keys#{keys.log}", keys.revision, msgspec.json.encode(keys))

    def _doc(self, pk: str) -> str | None:
        with translated():
            found = self.client.get_item(TableName=self.table, Key={"pk": {"S": pk}}, ConsistentRead=True)
        return str(found["Item"]["doc"]["S"]) if "Item" in found else None

    def _put(self, pk: str, revision: int, doc: bytes) -> bool:
        item = {"pk": {"S": pk}, "revision": {"N": str(revision)}, "doc": {"S": doc.decode()}}
        if revision == 0:
            return self._create(item, {"ConditionExpression": "attribute_not_exists(pk)"})
        before = {":before": {"N": str(revision - 1)}}
        return self._create(item, {"ConditionExpression": "revision = :before", "ExpressionAttributeValues": before})

    def _create(self, item: Mapping[str, Any], condition: Mapping[str, Any]) -> bool:
        with translated():
            try:
                self.client.put_item(TableName=self.table, Item=item, **condition)
            except ClientError as error:
                failed_conditions(error)
                return False
        return True


@dataclass(frozen=True, slots=True)
class DynamoQuarantines:
    """Implements `reap_ports.Quarantines`."""

    client: DynamoDBClient
    table: str

    def fix(self, key: str, event_id: CommandId, time_us: int) -> Fixed:
        item = {**_quarantine(key), "event_id": {"S": event_id}, "time_us": {"N": str(time_us)}}
        with translated():
            try:
                self.client.put_item(
                    TableName=self.table,
                    Item={**item, "is_recorded": {"BOOL": False}},
                    ConditionExpression="attribute_not_exists(pk)",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
            except ClientError as error:
                stood = failed_conditions(error)[0] or {}
                return Fixed(
                    CommandId(stood["event_id"]["S"]), int(stood["time_us"]["N"]), bool(stood["is_recorded"]["BOOL"])
                )
        return Fixed(event_id, time_us)

    def recorded(self, keys: Sequence[str]) -> frozenset[str]:
        found: set[str] = set()
        for start in range(0, len(keys), _READ_AT_ONCE):
            found.update(self._recorded(keys[start : start + _READ_AT_ONCE]))
        return frozenset(found)

    def mark_recorded(self, key: str) -> None:
        with translated():
            self.client.update_item(
                TableName=self.table,
                Key=_quarantine(key),
                UpdateExpression="SET is_recorded = :true",
                ConditionExpression="attribute_exists(pk)",
                ExpressionAttributeValues={":true": {"BOOL": True}},
            )

    def _recorded(self, keys: Sequence[str]) -> Iterator[str]:
        wanted: Any = {self.table: {"Keys": [_quarantine(key) for key in keys], "ConsistentRead": True}}
        with translated():
            found = self.client.batch_get_item(RequestItems=wanted)
        if found.get("UnprocessedKeys"):
            raise StateUnavailable("state.unavailable", "the log's table is throttled: try again")
        for item in found["Responses"].get(self.table, []):
            if item["is_recorded"]["BOOL"]:
                yield str(item["pk"]["S"]).removeprefix("quarantine#")


def _quarantine(key: str) -> dict[str, Any]:
    return {"pk": {"S": f"quarantine#{key}"}}
