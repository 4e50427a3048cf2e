"""The seal table's items: what is left of a task's data keys, and the mark that they were erased.

    pk seal#<task id>  sk <key id>   the data key as KMS wrapped it
    pk seal#<task id>  sk erased     since when no key of the task can be added, for whom and why, and which there were

The table has no backups and no point-in-time recovery, on purpose: a key that is deleted here is gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from postern.types import CommandId, Erasure, TaskId

Item = dict[str, dict[str, Any]]

ERASED = "erased"


def partition(task_id: TaskId) -> dict[str, Any]:
    return {"S": f"seal#{task_id}"}


def key_of(task_id: TaskId, sort: str) -> Item:
    return {"pk": partition(task_id), "sk": {"S": sort}}


def encryption_context(deployment: str, log: str, task_id: TaskId) -> dict[str, str]:
    """What KMS binds a wrapped data key to; decrypting asks for the same, and CloudTrail shows it."""
    return {"deployment": deployment, "log": log, "task": task_id}


def format_wrapped(task_id: TaskId, key_id: str, wrapped: bytes) -> Item:
    return {**key_of(task_id, key_id), "wrapped": {"B": wrapped}}


def format_erasure(task_id: TaskId, erasure: Erasure) -> Item:
    """The mark as it is first written, before any key was deleted."""
    return {
        **key_of(task_id, ERASED),
        "at_us": {"N": str(erasure.at_us)},
        "by": {"S": erasure.by},
        "reason": {"S": erasure.reason},
    }


def parse_erasure(item: Mapping[str, Any]) -> Erasure:
    return Erasure(
        at_us=int(item["at_us"]["N"]),
        by=item["by"]["S"],
        reason=item["reason"]["S"],
        key_ids=tuple(sorted(item.get("keys", {}).get("SS", ()))),
        event_id=CommandId(item["event"]["S"]) if "event" in item else None,
    )
