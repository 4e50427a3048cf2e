"""What is asked of tasks, from HTTP: each checked for its shape here and nowhere else."""

from __future__ import annotations

from postern.approvals import Said, Word
from postern.edges import contract, http, presenters
from postern.edges.review_contract import APPROVAL
from postern.errors import BadRequest
from postern.policy.requests import TaskRequest
from postern.types import Sha256Hex, TaskId, TaskState


def task_id(event: http.Event) -> TaskId:
    return TaskId(http.path_parameter(event, "id"))


def opening(event: http.Event) -> TaskRequest:
    """A request for a task."""
    return presenters.task_request(http.parse_body(http.raw_body(event), contract.OPEN_TASK))


def said(event: http.Event) -> Said:
    """An approver's word."""
    body = http.parse_body(http.raw_body(event), APPROVAL)
    return Said(Word(body.decision), body.comment, None if body.scope_digest is None else Sha256Hex(body.scope_digest))


def waits(event: http.Event) -> bool:
    """Whether those tasks are asked for that wait, and not the caller's own."""
    state = http.query_parameter(event, "state")
    if state not in {None, TaskState.PENDING_APPROVAL.value}:
        raise BadRequest("request.invalid", f"state: expected {TaskState.PENDING_APPROVAL.value}, got another")
    return state is not None
