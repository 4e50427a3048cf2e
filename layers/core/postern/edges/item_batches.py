"""Many items of one table, read strongly consistent, a batch a request."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from postern.edges.task_items import Item
from postern.errors import StateUnavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_BATCH = 100  # keys of one BatchGetItem
_WAITS_S = (0.05, 0.1, 0.2, None)  # before the rest of one that gave a part: of 16 MB, or of what is free


def read_items(client: DynamoDBClient, table: str, keys: Sequence[Item]) -> Iterator[Mapping[str, Any]]:
    """Those that there are, in no order. Raises `StateUnavailable` where the table is throttled, and the SDK's errors.

    No key may be among them twice.
    """
    for first in range(0, len(keys), _BATCH):
        yield from _read(client, table, keys[first : first + _BATCH])


def _read(client: DynamoDBClient, table: str, keys: Sequence[Item]) -> Iterator[Mapping[str, Any]]:
    wanted: Any = {table: {"Keys": keys, "ConsistentRead": True}}
    for wait_s in _WAITS_S:
        found = client.batch_get_item(RequestItems=wanted)
        yield from found["Responses"].get(table, [])
        wanted = found.get("UnprocessedKeys")
        if not wanted:
            return
        if wait_s is not None:
            time.sleep(wait_s)
    raise StateUnavailable("state.unavailable", "the state table is throttled: try again")
