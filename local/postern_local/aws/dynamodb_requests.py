"""Which actions a DynamoDB request needs, on which tables and indexes.

Pure. Operations that reach data by a language of their own (PartiQL) are refused.
Reference: "Actions, resources, and condition keys for Amazon DynamoDB" (service authorization reference).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from postern_local.aws.authorization import Operation
from postern_local.aws.faults import Refused

_TARGET = re.compile(r"DynamoDB_20120810\.([A-Za-z]+)")
_TABLE_ARN = re.compile(r"arn:aws:dynamodb:[a-z0-9-]+:[0-9]{12}:table/([A-Za-z0-9_.-]+)")
_WHOLE_SERVICE = frozenset({"ListTables", "DescribeLimits", "DescribeEndpoints"})
_TRANSACTED = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
    "Get": "GetItem",
}
_LEADING_KEYS = "dynamodb:LeadingKeys"
# Stands for a key that this reading does not find: no `ForAllValues` condition is then met by absence.
_UNKNOWN_KEY = "\0unknown"

# table and index -> its partition key's name; None where there is no such table
PartitionKey = Callable[[str, str | None], str | None]


@dataclass(frozen=True, slots=True)
class DynamoDbRequest:
    """One request as it arrived."""

    target: str  # the X-Amz-Target header
    body: bytes
    region: str
    account: str

    def arn(self, table: str, index: str | None = None) -> str:
        arn = f"arn:aws:dynamodb:{self.region}:{self.account}:table/{table}"
        return f"{arn}/index/{index}" if index else arn


def operations(request: DynamoDbRequest, partition_key: PartitionKey) -> Iterator[Operation]:
    """Every operation that the request needs; all must be allowed. Raises `Refused` where it is not known."""
    target = _TARGET.fullmatch(request.target)
    if target is None:
        raise _unknown(request.target)
    name = target[1]
    body = _decode(request.body)
    if name in ("TransactWriteItems", "TransactGetItems"):
        yield from _transacted(request, body, partition_key)
    elif name in ("BatchGetItem", "BatchWriteItem"):
        yield from _batched(request, name, body, partition_key)
    elif name in _WHOLE_SERVICE:
        yield Operation(f"dynamodb:{name}", "*")
    elif isinstance(body.get("TableName"), str):
        yield _on_table(request, name, body, partition_key)
    else:
        raise _unknown(request.target)


def _on_table(request: DynamoDbRequest, name: str, body: Mapping[str, Any], partition_key: PartitionKey) -> Operation:
    table = _table_name(body["TableName"])
    index = body.get("IndexName") if name in ("Query", "Scan") else None
    key = partition_key(table, index)
    values: tuple[str, ...] = ()
    if name == "Query":
        values = (_queried_value(body, key),)
    elif "Key" in body or "Item" in body:
        values = (_key_value(body.get("Key") or body.get("Item"), key),)
    context = {_LEADING_KEYS: values} if values else {}
    return Operation(f"dynamodb:{name}", request.arn(table, index), context)


def _transacted(request: DynamoDbRequest, body: Mapping[str, Any], partition_key: PartitionKey) -> Iterator[Operation]:
    for entry in body.get("TransactItems", []):
        for kind, item in entry.items():
            if kind not in _TRANSACTED:
                raise _unknown(f"{request.target} with {kind}")
            yield _on_table(request, _TRANSACTED[kind], item, partition_key)


def _batched(
    request: DynamoDbRequest, name: str, body: Mapping[str, Any], partition_key: PartitionKey
) -> Iterator[Operation]:
    for named, entries in body.get("RequestItems", {}).items():
        table = _table_name(named)
        key = partition_key(table, None)
        if name == "BatchGetItem":
            items = list(entries.get("Keys", []))
        else:
            items = [inner.get("Key") or inner.get("Item") for entry in entries for inner in entry.values()]
        values = tuple(_key_value(item, key) for item in items)
        yield Operation(f"dynamodb:{name}", request.arn(table), {_LEADING_KEYS: values})


def _key_value(item: object, key: str | None) -> str:
    value = item.get(key) if isinstance(item, Mapping) and key is not None else None
    if isinstance(value, Mapping) and len(value) == 1:
        return str(next(iter(value.values())))
    return _UNKNOWN_KEY


def _queried_value(body: Mapping[str, Any], key: str | None) -> str:
    """The partition key's value in `KeyConditionExpression`, where it stands as `name = :value`."""
    names = body.get("ExpressionAttributeNames", {})
    for found in re.finditer(r"(#?[\w.-]+)\s*=\s*(:\w+)", str(body.get("KeyConditionExpression", ""))):
        if names.get(found[1], found[1]) == key:
            return _key_value({"value": body.get("ExpressionAttributeValues", {}).get(found[2])}, "value")
    return _UNKNOWN_KEY


def _table_name(named: str) -> str:
    arn = _TABLE_ARN.fullmatch(named)
    return arn[1] if arn else named


def _decode(body: bytes) -> Mapping[str, Any]:
    try:
        decoded = json.loads(body)
    except ValueError as error:
        raise Refused("SerializationException", "body: expected JSON", 400) from error
    if not isinstance(decoded, dict):
        raise Refused("SerializationException", "body: expected an object", 400)
    return decoded


def _unknown(what: str) -> Refused:
    return Refused("AccessDeniedException", f"{what}: not served to a role's session by the local stack", 400)
