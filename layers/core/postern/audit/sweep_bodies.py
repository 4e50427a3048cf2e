"""The record of a role that is dropped because no live task owns it."""

from __future__ import annotations

from postern.audit.bodies import Body, world_intent
from postern.audit.records import Record, RecordType
from postern.types import CommandId, Task, TaskId

SWEEP = "sweep"  # as `by` of a teardown


def sweep_intent(command_id: CommandId, time_us: int, task_id: TaskId, task: Task | None, *, target: Body) -> Record:
    """As of any teardown. Where the task is forgotten, all that is known of it is its id."""
    if task is not None:
        return world_intent("teardown", command_id, time_us, task, target=target, by=SWEEP)
    body: Body = {"task": {"id": task_id}, "target": target, "decision": {"result": "allow"}, "by": SWEEP}
    return Record(RecordType.INTENT, "teardown", command_id, time_us, body)
