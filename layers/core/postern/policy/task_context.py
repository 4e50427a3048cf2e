"""What policies are told of the task that is asked for: `Task` of the Cedar schema."""

from __future__ import annotations

from collections.abc import Mapping

from postern.policy.cedar import ContextValue
from postern.policy.requests import TaskRequest

_DAY_S = 86_400
_HOUR_S = 3_600


def task_context(request: TaskRequest, now_us: int) -> Mapping[str, ContextValue]:
    """The context of every question about a task; statements that run once count as writes."""
    statements = bool(request.statements)
    context: dict[str, ContextValue] = {
        "ttl": request.ttl_s,
        "purpose": bool(request.purpose.strip()),
        "writes": statements or any(action.writes for part in request.access for action in part.actions),
        "statements": statements,
        **time_context(now_us),
    }
    if request.ticket is not None and request.ticket.strip():
        context["ticket"] = request.ticket
    return context


def time_context(now_us: int) -> dict[str, ContextValue]:
    """When a question is asked: `Time` of the Cedar schema."""
    now_s = now_us // 1_000_000
    return {
        "hour": now_s % _DAY_S // _HOUR_S,
        "weekday": (now_s // _DAY_S + 3) % 7 + 1,  # the epoch's first day was a Thursday
    }
