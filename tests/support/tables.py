"""The tables as `template.yaml` describes them, for tests that talk to a DynamoDB of their own."""

from __future__ import annotations

import threading
from typing import Any


def make_state_table(client: Any, name: str) -> None:
    """Creates the table with its two indexes."""

    def index(name: str, partition: str, sort: str) -> dict[str, Any]:
        keys = [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}]
        return {"IndexName": name, "KeySchema": keys, "Projection": {"ProjectionType": "KEYS_ONLY"}}

    types = {"pk": "S", "sk": "S", "gsi1pk": "S", "gsi1sk": "S", "gsi2pk": "S", "gsi2sk": "N"}
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": one, "AttributeType": kind} for one, kind in types.items()],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        GlobalSecondaryIndexes=[index("by_principal", "gsi1pk", "gsi1sk"), index("by_deadline", "gsi2pk", "gsi2sk")],
    )


def make_log_table(client: Any, name: str) -> None:
    """The log's table: one key."""
    _make_plain_table(client, name, {"pk": "HASH"})


def make_seal_table(client: Any, name: str) -> None:
    """The table of wrapped keys: partition and sort key."""
    _make_plain_table(client, name, {"pk": "HASH", "sk": "RANGE"})


def _make_plain_table(client: Any, name: str, keys: dict[str, str]) -> None:
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
        KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in keys.items()],
    )


class OneAtATime:
    """A client whose requests wait for each other: moto in process does not make a conditional write in one step."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        known = getattr(self._client, name)
        if not callable(known):
            return known

        def call(*arguments: Any, **named: Any) -> Any:
            with self._lock:
                return known(*arguments, **named)

        return call
