"""What stopped a statement whose session broke: its task, where that is not active any more.

Whoever revokes, holds or ends a task moves it on first and ends its sessions then. So a statement that lost its
session, or got none, finds the reason in its task's state.
"""

from __future__ import annotations

from postern.errors import Conflict, DatabaseLost, DatabaseUnavailable, PosternError, StateUnavailable
from postern.inactive import refuse_inactive
from postern.ports import TaskStore
from postern.services.commands import Unit
from postern.types import TaskState


def told_by_task(tasks: TaskStore, unit: Unit, stopped: PosternError) -> PosternError:
    """The error that the caller is told and that is recorded: the task's, or the one that came."""
    if not isinstance(stopped, DatabaseLost | DatabaseUnavailable):
        return stopped
    try:
        task = tasks.get(unit.reservation.task.id)
    except StateUnavailable:
        return stopped
    if task is None:
        return Conflict("task.state", "the task is over: open a new one", command_id=stopped.command_id)
    if task.state is TaskState.ACTIVE:
        return stopped
    reason = refuse_inactive(task.state, task.ends_as, worlds=task.worlds)
    reason.__cause__, reason.command_id = stopped, stopped.command_id
    return reason
