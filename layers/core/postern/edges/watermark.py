"""Each log's watermark on DynamoDB: one item, every write conditional, so that it only ever moves forward.

    pk = watermark#<log>    at_us, closed_us, swept_us, open_from_us, is_closed

An item gains attributes, and none changes its meaning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from postern.audit.canonical import malformed
from postern.edges.failed_conditions import failed_conditions, translated
from postern.reaped import Watermark

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class DynamoWatermarks:
    """Implements `reap_ports.Watermarks` on the log's table."""

    client: DynamoDBClient
    table: str

    def read(self, log: str) -> Watermark | None:
        with translated():
            found = self.client.get_item(TableName=self.table, Key=_key(log), ConsistentRead=True)
        item = found.get("Item", {})
        # An epoch that was ended before it had a watermark has nothing else in its item.
        if "at_us" not in item:
            return Watermark(0, 0, is_closed=True) if item else None
        return Watermark(
            at_us=_number(item, "at_us"),
            closed_us=_number(item, "closed_us"),
            swept_us=_number(item, "swept_us"),
            open_from_us=_number(item, "open_from_us"),
            is_closed=bool(item.get("is_closed", {}).get("BOOL", False)),
        )

    def advance(self, log: str, *, at_us: int, closed_us: int) -> bool:
        return self._set(
            log,
            {"at_us": at_us, "closed_us": closed_us},
            "attribute_not_exists(at_us) OR at_us < :at_us",
        )

    def close_commands(self, log: str, closed_us: int) -> None:
        self._set(log, {"closed_us": closed_us}, "closed_us < :closed_us")

    def note_sweep(self, log: str, *, swept_us: int, open_from_us: int) -> None:
        self._set(
            log,
            {"swept_us": swept_us, "open_from_us": open_from_us},
            "attribute_exists(pk) AND (attribute_not_exists(swept_us) OR swept_us < :swept_us)",
        )

    def close(self, log: str) -> None:
        with translated():
            self.client.update_item(
                TableName=self.table,
                Key=_key(log),
                UpdateExpression="SET is_closed = :true",
                ExpressionAttributeValues={":true": {"BOOL": True}},
            )

    def _set(self, log: str, numbers: Mapping[str, int], condition: str) -> bool:
        """Sets the attributes where the condition holds, which may speak of each by its name and by `:name`."""
        with translated():
            try:
                self.client.update_item(
                    TableName=self.table,
                    Key=_key(log),
                    UpdateExpression="SET " + ", ".join(f"{name} = :{name}" for name in numbers),
                    ConditionExpression=condition,
                    ExpressionAttributeValues={f":{name}": {"N": str(value)} for name, value in numbers.items()},
                )
            except ClientError as error:
                failed_conditions(error)
                return False
        return True


def _key(log: str) -> dict[str, Any]:
    return {"pk": {"S": f"watermark#{log}"}}


def _number(item: Mapping[str, Any], name: str) -> int:
    text = item.get(name, {"N": "0"}).get("N")
    if not isinstance(text, str) or not text.isdecimal():
        raise malformed("log table", f"a number as {name}", "something else")
    return int(text)
