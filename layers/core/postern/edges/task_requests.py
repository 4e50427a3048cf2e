"""What is asked of tasks, from HTTP: each checked for its shape here and nowhere else."""

from __future__ import annotations

import re
from enum import StrEnum

from postern.approvals import Said, Word
from postern.edges import contract, http, presenters
from postern.edges.review_contract import APPROVAL
from postern.errors import BadRequest
from postern.policy.requests import TaskRequest
from postern.types import Sha256Hex, TaskId, TaskState

_TASK_ID = re.compile(r"[0-9a-f]{32}")
CURSOR_SCHEMA = {"type": "string", "pattern": f"^{_TASK_ID.pattern}$"}  # for the API's description


class Listed(StrEnum):
    """Whose tasks a list has; the value is what `state` says."""

    OWN = "own"  # without a state
    WAITING = TaskState.PENDING_APPROVAL.value  # for the caller's word
    LIVE = "live"  # of the databases that the caller operates or audits


def task_id(event: http.Event) -> TaskId:
    return TaskId(http.path_parameter(event, "id"))


def opening(event: http.Event) -> TaskRequest:
    """A request for a task."""
    return presenters.task_request(http.parse_body(http.raw_body(event), contract.OPEN_TASK))


def said(event: http.Event) -> Said:
    """An approver's word."""
    body = http.parse_body(http.raw_body(event), APPROVAL)
    return Said(Word(body.decision), body.comment, None if body.scope_digest is None else Sha256Hex(body.scope_digest))


def listed(event: http.Event) -> Listed:
    """Which tasks are asked for. Raises `BadRequest`."""
    state = http.query_parameter(event, "state")
    if state is None:
        return Listed.OWN
    if state not in {Listed.WAITING.value, Listed.LIVE.value}:
        raise BadRequest("request.invalid", f"state: expected {Listed.WAITING} or {Listed.LIVE}, got another")
    return Listed(state)


def after(event: http.Event) -> TaskId | None:
    """The task that a list of live tasks goes on after: it is sought nowhere, and only compared with."""
    cursor = http.query_parameter(event, "cursor")
    if cursor is not None and _TASK_ID.fullmatch(cursor) is None:
        raise BadRequest("request.invalid", "cursor: expected one that an answer gave, got another form")
    return None if cursor is None else TaskId(cursor)
