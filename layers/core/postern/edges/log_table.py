"""The log's head and index on DynamoDB: one table, one item a log and one a record, every read strongly consistent.

    pk = head#<log>          size, root (hex), applied, closed
    pk = entry#<wal key>     place: the index in the log

An item gains attributes, and none changes its meaning.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import ClientError

from postern.audit.canonical import malformed
from postern.edges.failed_conditions import failed_conditions, translated
from postern.edges.together import WORKERS, together
from postern.errors import StateUnavailable
from postern.log_ports import Head, empty_head
from postern.tlog.hashing import Hash

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

T = TypeVar("T")

_READ_AT_ONCE = 100  # BatchGetItem's bound
_WRITTEN_AT_ONCE = 25  # BatchWriteItem's
# What the table did not get to is asked for again after each of these, then the caller comes again.
_PAUSES_S = (0.05, 0.1, 0.2, 0.4)
_ROOT = re.compile(r"[0-9a-f]{64}")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}")
_NAMES = {"#size": "size", "#root": "root", "#applied": "applied"}


@dataclass(slots=True)
class DynamoLogTable:
    """Implements `log_ports.LogTable`. The client may retry: every write here may be done twice."""

    client: DynamoDBClient
    table: str
    pause: Callable[[float], None] = time.sleep
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(WORKERS), repr=False)

    def head(self, log: str) -> Head:
        with translated():
            found = self.client.get_item(TableName=self.table, Key=_head_key(log), ConsistentRead=True)
        return _parse_head(log, found["Item"]) if "Item" in found else empty_head(log)

    def commit(self, expected: Head, new: Head) -> bool:
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
        if expected.size:
            condition = {
                "ConditionExpression": "#size = :size AND #root = :root AND #applied = :applied",
                "ExpressionAttributeNames": _NAMES,
                "ExpressionAttributeValues": {**_values(expected), ":applied": {"BOOL": True}},
            }
        with translated():
            try:
                self.client.put_item(TableName=self.table, Item=_format_head(new), **condition)
            except ClientError as error:
                failed_conditions(error)
                return False
        return True

    def mark_applied(self, head: Head) -> None:
        with translated():
            try:
                self.client.update_item(
                    TableName=self.table,
                    Key=_head_key(head.log),
                    UpdateExpression="SET #applied = :applied",
                    ConditionExpression="#size = :size AND #root = :root",
                    ExpressionAttributeNames=_NAMES,
                    ExpressionAttributeValues={**_values(head), ":applied": {"BOOL": True}},
                )
            except ClientError as error:
                failed_conditions(error)  # another head stands, so this one was marked before it

    def positions(self, keys: Sequence[str]) -> Mapping[str, int]:
        places: dict[str, int] = {}
        for found in together(self._pool, self._read, _chunks(dict.fromkeys(keys), _READ_AT_ONCE)):
            places |= found
        return places

    def put_positions(self, positions: Mapping[str, int]) -> None:
        together(self._pool, self._write, _chunks(positions.items(), _WRITTEN_AT_ONCE))

    def _read(self, keys: list[str]) -> dict[str, int]:
        wanted: Any = {self.table: {"Keys": [_entry_key(key) for key in keys], "ConsistentRead": True}}
        places: dict[str, int] = {}
        for _ in self._attempts():
            with translated():
                found = self.client.batch_get_item(RequestItems=wanted)
            for item in found["Responses"].get(self.table, []):
                places[_text(item, "pk").removeprefix("entry#")] = _number(item, "place")
            wanted = found.get("UnprocessedKeys")
            if not wanted:
                return places
        raise _throttled()

    def _write(self, places: list[tuple[str, int]]) -> None:
        wanted: Any = {
            self.table: [
                {"PutRequest": {"Item": {**_entry_key(key), "place": {"N": str(place)}}}} for key, place in places
            ]
        }
        for _ in self._attempts():
            with translated():
                wanted = self.client.batch_write_item(RequestItems=wanted).get("UnprocessedItems")
            if not wanted:
                return
        raise _throttled()

    def _attempts(self) -> Iterator[None]:
        yield
        for pause_s in _PAUSES_S:
            self.pause(pause_s)
            yield


def _chunks(items: Iterable[T], size: int) -> list[list[T]]:
    rest = iter(items)
    return list(iter(lambda: list(islice(rest, size)), []))


def _head_key(log: str) -> dict[str, Any]:
    return {"pk": {"S": f"head#{log}"}}


def _entry_key(key: str) -> dict[str, Any]:
    return {"pk": {"S": f"entry#{key}"}}


def _values(head: Head) -> dict[str, Any]:
    return {":size": {"N": str(head.size)}, ":root": {"S": head.root.hex()}}


def _format_head(head: Head) -> dict[str, Any]:
    return {
        **_head_key(head.log),
        "size": {"N": str(head.size)},
        "root": {"S": head.root.hex()},
        "applied": {"BOOL": head.is_applied},
        "closed": {"BOOL": head.is_closed},
    }


def _parse_head(log: str, item: Mapping[str, Any]) -> Head:
    root = _text(item, "root")
    if _ROOT.fullmatch(root) is None:
        raise malformed("log table", "64 hex digits as root", "something else")
    size, applied, closed = _number(item, "size"), _flag(item, "applied"), _flag(item, "closed")
    return Head(log, size, Hash(bytes.fromhex(root)), is_applied=applied, is_closed=closed)


def _text(item: Mapping[str, Any], name: str) -> str:
    value = item.get(name, {}).get("S")
    if not isinstance(value, str):
        raise malformed("log table", f"a string as {name}", "something else")
    return value


def _number(item: Mapping[str, Any], name: str) -> int:
    value = item.get(name, {}).get("N")
    if not isinstance(value, str) or _NUMBER.fullmatch(value) is None:
        raise malformed("log table", f"a number as {name}", "something else")
    return int(value)


def _flag(item: Mapping[str, Any], name: str) -> bool:
    value = item.get(name, {}).get("BOOL")
    if not isinstance(value, bool):
        raise malformed("log table", f"true or false as {name}", "something else")
    return value


def _throttled() -> StateUnavailable:
    return StateUnavailable("state.unavailable", "the log's table is throttled: try again")
