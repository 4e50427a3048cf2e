"""The denials on DynamoDB: every change is one conditional write, every read is strongly consistent."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from postern.audit.records import Record
from postern.denial_ports import Owed
from postern.denials import Denial, DenialKey
from postern.edges import denial_items as items
from postern.edges.failed_conditions import failed_conditions, translated
from postern.edges.task_items import Item, denial_key
from postern.errors import StateUnavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_ATTEMPTS = 5  # of a denial that changed under who puts it


@dataclass(frozen=True, slots=True)
class DynamoDenials:
    """Implements `denial_ports.Denials` on the state table."""

    client: DynamoDBClient
    table: str

    def standing(self, keys: Collection[DenialKey]) -> DenialKey | None:
        wanted = [denial_key(key) for key in keys]
        with translated():
            found = self.client.batch_get_item(RequestItems={self.table: {"Keys": wanted, "ConsistentRead": True}})
        if found.get("UnprocessedKeys"):
            raise StateUnavailable("state.unavailable", "the state table is throttled: try again")
        stand = {
            denial.key for item in found["Responses"].get(self.table, []) if (denial := items.parse_denial(item)).stands
        }
        return next((key for key in keys if key in stand), None)

    def all(self) -> Sequence[Denial]:
        denials = [items.parse_denial(item) for item in self._partition() if not items.is_event(item)]
        return sorted((one for one in denials if one.stands or not one.settled), key=lambda one: (one.at_s, one.id))

    def put(self, denial: Denial) -> Denial:
        for _ in range(_ATTEMPTS):
            known = self._get(denial.key)
            if known is None or not known.stands:
                wanted, only = denial, "attribute_not_exists(pk) OR attribute_exists(lifted_at_s)"
            else:
                wanted = replace(known, expires_at_s=_later(known.expires_at_s, denial.expires_at_s), settled=False)
                only = "id = :id AND attribute_not_exists(lifted_at_s)"
            if self._put(wanted, only):
                return wanted
        raise StateUnavailable("state.unavailable", "the denial changes at the same time elsewhere: try again")

    def _put(self, denial: Denial, only: str) -> bool:
        values = {"ExpressionAttributeValues": {":id": {"S": denial.id}}} if ":id" in only else {}
        with translated():
            try:
                self.client.put_item(
                    TableName=self.table,
                    Item=items.format_denial(denial),
                    ConditionExpression=only,
                    **values,  # type: ignore[arg-type]
                )
            except ClientError as error:
                failed_conditions(error)
                return False
        return True

    def lift(self, denial: Denial, *, now_s: int, if_over: bool = False) -> bool:
        return self._update(
            denial_key(denial.key),
            "SET lifted_at_s = :now, settled = :false",
            "id = :id AND attribute_not_exists(lifted_at_s)" + (" AND expires_at_s <= :now" if if_over else ""),
            {":now": {"N": str(now_s)}, ":false": {"BOOL": False}, ":id": {"S": denial.id}},
        )

    def settle(self, denial: Denial) -> None:
        values: dict[str, Any] = {":true": {"BOOL": True}, ":id": {"S": denial.id}}
        if denial.lifted_at_s is None:
            sets, only = "SET settled = :true", "attribute_not_exists(lifted_at_s)"
        else:
            sets, only = "SET settled = :true, ttl_s = :ttl", "attribute_exists(lifted_at_s)"
            values[":ttl"] = {"N": str(denial.lifted_at_s + items.KEPT_S)}
        self._update(denial_key(denial.key), sets, f"id = :id AND {only}", values)

    def owe(self, owed: Owed) -> None:
        with translated():
            self.client.put_item(TableName=self.table, Item=items.format_owed(owed))

    def owed(self) -> Sequence[Owed]:
        return [items.parse_owed(item) for item in self._partition() if items.is_owed(item)]

    def redate(self, owed: Owed, record: Record) -> bool:
        return self._update(
            items.owed_key(owed.name),
            "SET id = :new, time_us = :time",
            "id = :id AND attribute_not_exists(written)",
            {":new": {"S": record.id}, ":time": {"N": str(record.time_us)}, ":id": {"S": owed.record.id}},
        )

    def write_off(self, owed: Owed) -> None:
        ttl_s = owed.record.time_us // 1_000_000 + items.KEPT_S
        values = {":true": {"BOOL": True}, ":ttl": {"N": str(ttl_s)}}
        self._update(items.owed_key(owed.name), "SET written = :true, ttl_s = :ttl", "attribute_exists(pk)", values)

    def _update(self, key: Item, sets: str, only: str, values: Mapping[str, Any]) -> bool:
        with translated():
            try:
                self.client.update_item(
                    TableName=self.table,
                    Key=key,
                    UpdateExpression=sets,
                    ConditionExpression=only,
                    ExpressionAttributeValues=values,
                )
            except ClientError as error:
                failed_conditions(error)
                return False
        return True

    def _get(self, key: DenialKey) -> Denial | None:
        with translated():
            found = self.client.get_item(TableName=self.table, Key=denial_key(key), ConsistentRead=True)
        return items.parse_denial(found["Item"]) if "Item" in found else None

    def _partition(self) -> list[Mapping[str, Any]]:
        with translated():
            pages = self.client.get_paginator("query").paginate(
                TableName=self.table,
                KeyConditionExpression="pk = :deny",
                ExpressionAttributeValues={":deny": {"S": items.PARTITION}},
                ConsistentRead=True,
            )
            return [item for page in pages for item in page["Items"]]


def _later(one: int | None, other: int | None) -> int | None:
    """The later of two ends; None is never."""
    return None if one is None or other is None else max(one, other)
