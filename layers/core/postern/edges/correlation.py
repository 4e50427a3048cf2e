"""The ids of the invocation under way, which stand in each of its log lines and on its trace.

An execution environment runs one invocation at a time, its threads among it, so the ids are the process's own. Ids
come from outside too (a path, a gateway): what does not look like an id is left out, so that nobody writes text into
the log by way of one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

# Ids of tasks are 32 hex digits, of commands UUIDs; AWS's request ids are UUIDs too.
_ID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}")
_ROOT = re.compile(r"Root=(1-[0-9a-f]{8}-[0-9a-f]{24})(?:;|$)")

_ids: dict[str, str] = {}


def begin(event: object, request_id: str) -> None:
    """Forgets the invocation before, and notes what this one's event names."""
    _ids.clear()
    gateways = _member(_member(event, "requestContext"), "requestId")
    _note("request_id", request_id)
    _note("correlation_id", gateways if _is_id(gateways) else request_id)
    for named in (_member(_member(event, "pathParameters"), "id"), _member(event, "task_id")):
        # A path's `id` is a task's or a revocation's, which has the form of a command's.
        if isinstance(named, str) and "-" not in named:
            _note("task_id", named)


def drew_command(command_id: str) -> None:
    """Notes the id that an act of this invocation goes by on record; the first of several."""
    if "command_id" not in _ids:
        _note("command_id", command_id)


def drew_task(task_id: str) -> None:
    """Notes the task that this invocation opens."""
    _note("task_id", task_id)


def ids() -> Mapping[str, str]:
    """`request_id` and `correlation_id` always; `task_id` and `command_id` from where they are known on.

    `correlation_id` is the gateway's id of the request: the authorizer, the function behind it and the access log
    have the same, and its caller reads it in a problem body.
    """
    return _ids.copy()


def trace_id(environment: Mapping[str, str]) -> str | None:
    """X-Ray's id of the trace, or None. A caller may send one, so it has a trace id's form or is none."""
    found = _ROOT.match(environment.get("_X_AMZN_TRACE_ID", ""))
    return found[1] if found else None


def _member(event: object, name: str) -> object:
    return event.get(name) if isinstance(event, Mapping) else None


def _note(name: str, value: object) -> None:
    if _is_id(value):
        _ids[name] = str(value)


def _is_id(value: object) -> bool:
    return isinstance(value, str) and _ID.fullmatch(value) is not None
