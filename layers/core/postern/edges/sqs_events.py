"""What the queue brings: messages that name objects under `wal/`, from S3 itself or from the reaper.

    {"Records": [{"s3": {"bucket": {"name": …}, "object": {"key": <URL-encoded>}}}, …]}

A message is a hint. What it says beyond bucket and key is not read, the version and size least of all. One that cannot
be read, or that names what is not ours, is let go of and counted: it would come again until the queue gives
up on it, and the records that it might have meant are found by listing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus, unquote_plus

MAX_KEY_BYTES = 1024  # S3's bound

_MISFORMED = (KeyError, TypeError, AttributeError, ValueError, RecursionError)


@dataclass(frozen=True, slots=True)
class Message:
    """One message and the keys that it names."""

    id: str
    keys: tuple[str, ...]
    unreadable: int = 0  # parts that name nothing
    foreign: int = 0  # parts that name another bucket


def parse_messages(event: Mapping[str, Any], bucket: str) -> list[Message]:
    """The messages of a Lambda invocation by SQS, as many as it brought."""
    return [_parse_message(record["messageId"], record["body"], bucket) for record in event["Records"]]


def batch_failures(ids: Sequence[str]) -> dict[str, Any]:
    """The answer that leaves these messages in the queue and takes all others out of it."""
    return {"batchItemFailures": [{"itemIdentifier": one} for one in ids]}


def format_message(bucket: str, keys: Sequence[str]) -> str:
    """The body of a message that names these keys as S3 would."""
    named = [{"s3": {"bucket": {"name": bucket}, "object": {"key": quote_plus(key, safe="/")}}} for key in keys]
    return json.dumps({"Records": named})


def _parse_message(id_: str, body: str, bucket: str) -> Message:
    try:
        content = json.loads(body)
        if content.get("Event") == "s3:TestEvent":  # S3 sends one when the notification is configured
            return Message(id_, ())
        parts = list(content["Records"])
    except _MISFORMED:
        return Message(id_, (), unreadable=1)
    keys: list[str] = []
    unreadable = foreign = 0
    for part in parts:
        try:
            name, key = part["s3"]["bucket"]["name"], _parse_key(part["s3"]["object"]["key"])
        except _MISFORMED:
            unreadable += 1
            continue
        if name == bucket:
            keys.append(key)
        else:
            foreign += 1
    return Message(id_, tuple(keys), unreadable, foreign)


def _parse_key(encoded: str) -> str:
    # Encoded as a form is: a blank came as +, a plus sign as %2B.
    key = unquote_plus(encoded, errors="strict")
    if not 1 <= len(key.encode()) <= MAX_KEY_BYTES:
        raise ValueError("key: expected 1 to 1,024 bytes")
    return key
