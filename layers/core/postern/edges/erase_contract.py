"""What an operator says to `reap` to erase a task's sealed statements, and what that answers: plain JSON.

{"action": "erase", "task_id", "by", "reason"}
{"status": "ok", "task_id", "erased_at", "keys": 2, "event_id"}      {"status": "refused", "code", "detail", …}
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from postern.audit.times import format_time
from postern.edges.provision_contract import format_error
from postern.errors import BadRequest, PosternError
from postern.types import Erasure, TaskId

_TASK_ID = re.compile(r"[0-9a-f]{32}")
_MEMBERS = frozenset({"action", "task_id", "by", "reason"})


def answer(event: Mapping[str, Any], erase: Callable[..., Erasure]) -> dict[str, Any]:
    """What the function answers to the request; `erase` is the use case."""
    try:
        task_id, by, reason = parse_request(event)
        return format_answer(task_id, erase(task_id, by=by, reason=reason))
    except PosternError as error:
        return format_error(error)


def format_request(task_id: str, *, by: str, reason: str) -> dict[str, str]:
    return {"action": "erase", "task_id": task_id, "by": by, "reason": reason}


def parse_request(event: Mapping[str, Any]) -> tuple[TaskId, str, str]:
    """The task, who asks, and why. Raises `BadRequest`."""
    if event.keys() != _MEMBERS or not all(isinstance(value, str) for value in event.values()):
        raise BadRequest("request.invalid", f"erase: expected the texts {', '.join(sorted(_MEMBERS))}, got others")
    if _TASK_ID.fullmatch(event["task_id"]) is None:
        raise BadRequest("request.invalid", "task_id: expected 32 lower-case hex digits, got another form")
    return TaskId(event["task_id"]), event["by"], event["reason"]


def format_answer(task_id: TaskId, erasure: Erasure) -> dict[str, Any]:
    return {
        "status": "ok",
        "task_id": task_id,
        "erased_at": format_time(erasure.at_us),
        "keys": len(erasure.key_ids),
        "event_id": erasure.event_id,
    }
