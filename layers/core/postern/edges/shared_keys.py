"""Issuers' key sets in the state table, where only the authorizer may write them.

    pk jwks#<issuer's URL>  sk keys    key_set (bytes as fetched), fetched_at_s, asked_at_s, paid_until_s, ttl_s

Public keys only; who could write here could sign as anyone, so the role of no other function may, and what is read
is parsed as strictly as what comes from the issuer. An item gains attributes, and none changes its meaning.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from postern.edges.failed_conditions import failed_conditions, translated
from postern.edges.issuer_http import MAX_BODY_BYTES
from postern.errors import StateUnavailable
from postern.identity.key_sets import KEEP_S, SKEW_S, Ask, KeySet, Known
from postern.identity.keys import parse_key_set

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_KEPT_LONGER_S = 3600  # than the keys serve; the table's own clean-up is for issuers that are used no more
_SECONDS = re.compile(r"[0-9]{1,12}")


@dataclass(frozen=True, slots=True)
class DynamoKeySets:
    """Implements `identity.key_sets.SharedKeySets` on the state table."""

    client: DynamoDBClient
    table: str

    def read(self, issuer_url: str) -> Known:
        with translated():
            found = self.client.get_item(TableName=self.table, Key=_key(issuer_url), ConsistentRead=True)
        return _known(found.get("Item", {}))

    def claim(self, issuer_url: str, seen: Known, ask: Ask, *, now_s: int) -> bool:
        numbers = {":now": now_s, ":paid": ask.paid_until_s, ":ttl": now_s + KEEP_S + _KEPT_LONGER_S}
        condition = "attribute_not_exists(paid_until_s)"
        if seen.paid_until_s is not None:
            numbers[":seen"] = seen.paid_until_s
            condition = "paid_until_s = :seen"
        return self._update(
            issuer_url, "SET asked_at_s = :now, paid_until_s = :paid, ttl_s = :ttl", condition, _numbers(numbers)
        )

    def put(self, issuer_url: str, key_set: bytes, *, fetched_at_s: int) -> None:
        ttl_s = fetched_at_s + KEEP_S + _KEPT_LONGER_S
        numbers = {":fetched": fetched_at_s, ":ahead": fetched_at_s + SKEW_S, ":ttl": ttl_s}
        self._update(
            issuer_url,
            "SET key_set = :set, fetched_at_s = :fetched, ttl_s = :ttl",
            "attribute_not_exists(fetched_at_s) OR fetched_at_s <= :fetched OR fetched_at_s > :ahead",
            {":set": {"B": key_set}, **_numbers(numbers)},
        )

    def _update(self, issuer_url: str, update: str, condition: str, values: Mapping[str, Any]) -> bool:
        """Whether the condition held."""
        with translated():
            try:
                self.client.update_item(
                    TableName=self.table,
                    Key=_key(issuer_url),
                    UpdateExpression=update,
                    ConditionExpression=condition,
                    ExpressionAttributeValues=values,
                )
            except ClientError as error:
                failed_conditions(error)
                return False
        return True


def _key(issuer_url: str) -> dict[str, Any]:
    return {"pk": {"S": f"jwks#{issuer_url}"}, "sk": {"S": "keys"}}


def _numbers(values: Mapping[str, int]) -> dict[str, Any]:
    return {name: {"N": str(value)} for name, value in values.items()}


def _known(item: Mapping[str, Any]) -> Known:
    """Raises `StateUnavailable` where any of it is malformed: then nothing of it is believed."""
    fetched_at_s = _seconds(item, "fetched_at_s")
    body = item.get("key_set", {}).get("B")
    if (fetched_at_s is None) != (body is None):
        raise _malformed("`key_set` and `fetched_at_s` together")
    key_set = None if body is None or fetched_at_s is None else KeySet(_keys(body), fetched_at_s)
    return Known(key_set, _seconds(item, "asked_at_s"), _seconds(item, "paid_until_s"))


def _keys(body: object) -> tuple[Any, ...]:
    if not isinstance(body, bytes) or len(body) > MAX_BODY_BYTES:
        raise _malformed(f"at most {MAX_BODY_BYTES} bytes as `key_set`")
    try:
        return parse_key_set(body)
    except ValueError as error:
        raise _malformed("a key set") from error


def _seconds(item: Mapping[str, Any], name: str) -> int | None:
    if name not in item:
        return None
    text = item[name].get("N")
    if not isinstance(text, str) or not _SECONDS.fullmatch(text):
        raise _malformed(f"seconds as `{name}`")
    return int(text)


def _malformed(expected: str) -> StateUnavailable:
    return StateUnavailable("state.unavailable", f"shared key set: expected {expected}, got something else: delete it")
