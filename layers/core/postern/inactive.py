"""What a caller is told whose task is not active: by its state, the one it is on its way to, and what to do next."""

from __future__ import annotations

from postern.denials import HELD_RETRY_S
from postern.errors import Conflict, DatabaseHeld
from postern.types import TaskState

REBUILT_RETRY_S = 5  # a world is built in a second or two

_NEXT = {
    TaskState.PENDING_APPROVAL: "wait until a person has approved it",
    TaskState.PROVISIONING: "wait until its world stands",
    TaskState.ENDING: "open a new one",
    TaskState.ENDED: "open a new one",
    TaskState.DENIED: "ask for something else, or talk to who denied it",
    TaskState.FAILED: "open a new one",
}


def refuse_inactive(state: TaskState, ends_as: TaskState | None, *, worlds: int) -> Conflict | DatabaseHeld:
    """Why a task in this state, which is not `active`, runs nothing. `worlds` is how many it has had."""
    reason = ends_as if state is TaskState.ENDING and ends_as is not None else state
    if reason is TaskState.REVOKED:
        return Conflict("task.revoked", "an operator revoked this task: ask one before you open another")
    if reason is TaskState.EXPIRED:
        return Conflict("task.expired", "the task's deadline has passed: open a new one")
    if state in (TaskState.SUSPENDING, TaskState.SUSPENDED):
        return DatabaseHeld(
            "database.held",
            "the task's database is held for maintenance, or was until just now: send it again later, the task goes on",
            retry_after_s=HELD_RETRY_S,
        )
    if state is TaskState.PROVISIONING and worlds:
        return DatabaseHeld(
            "database.held",
            "the task's world is built again after maintenance: send it again in a few seconds",
            retry_after_s=REBUILT_RETRY_S,
        )
    return Conflict("task.state", f"task: expected it to be active, got {state.value}: {_NEXT[state]}")
