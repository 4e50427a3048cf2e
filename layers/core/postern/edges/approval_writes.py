"""The writes of the approval store as DynamoDB takes them: each is conditional, and half of a transaction."""

from __future__ import annotations

from typing import Any

from postern.approvals import Approval
from postern.edges import approval_items as items
from postern.edges import task_writes
from postern.edges.task_items import task_key
from postern.task_states import Move
from postern.types import Task, TaskId, TaskState

Write = dict[str, Any]

_SHOW_WHAT_STOOD = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
_UNLIST = " REMOVE gsi1pk, gsi1sk"


def consenting(table: str, task: Task, approval: Approval, *, seen: int, is_last: bool) -> Write:
    """Adds a consent as the one after those that were seen, to the digest that the task was opened with."""
    return {
        "TableName": table,
        "Key": items.approval_key(task.id),
        "UpdateExpression": "SET given = list_append(given, :given), #count = :next" + (_UNLIST if is_last else ""),
        "ConditionExpression": "#count = :seen AND digest = :digest AND attribute_not_exists(denied)",
        "ExpressionAttributeNames": {"#count": "count"},
        "ExpressionAttributeValues": {
            ":given": {"L": [items.format_approval(approval)]},
            ":next": {"N": str(seen + 1)},
            ":seen": {"N": str(seen)},
            ":digest": {"S": str(task.scope_digest)},
        },
        **_SHOW_WHAT_STOOD,
    }


def denying(table: str, task: Task, denial: Approval) -> Write:
    """Adds the denial that ends the wait."""
    return {
        "TableName": table,
        "Key": items.approval_key(task.id),
        "UpdateExpression": "SET denied = :denied" + _UNLIST,
        "ConditionExpression": "digest = :digest AND attribute_not_exists(denied)",
        "ExpressionAttributeValues": {
            ":denied": items.format_approval(denial),
            ":digest": {"S": str(task.scope_digest)},
        },
        **_SHOW_WHAT_STOOD,
    }


def waiting(table: str, task_id: TaskId, *, now_s: int) -> Write:
    """Holds where the task waits for approval, in time."""
    return {
        "TableName": table,
        "Key": task_key(task_id),
        "ConditionExpression": "#state = :pending AND expires_at_s > :now",
        "ExpressionAttributeNames": {"#state": "state"},
        "ExpressionAttributeValues": {":pending": {"S": TaskState.PENDING_APPROVAL.value}, ":now": {"N": str(now_s)}},
        **_SHOW_WHAT_STOOD,
    }


def moving_in_time(
    table: str, task_id: TaskId, move: Move, *, now_s: int, due_s: int, expires_at_s: int | None = None
) -> Write:
    """Moves the task where its deadline has not passed."""
    write = task_writes.moving(table, task_id, move, due_s=due_s, expires_at_s=expires_at_s, rescoped=False, ttl_s=None)
    return {
        **write,
        "ConditionExpression": f"{write['ConditionExpression']} AND expires_at_s > :now",
        "ExpressionAttributeValues": {**write["ExpressionAttributeValues"], ":now": {"N": str(now_s)}},
    }


def amending(table: str, task_id: TaskId, expression: str, **values: object) -> Write:
    """Changes what nothing depends on, where the table has not forgotten the item."""
    given = {f":{name}": value for name, value in values.items()}
    return {
        "TableName": table,
        "Key": items.approval_key(task_id),
        "UpdateExpression": expression,
        "ConditionExpression": "attribute_exists(pk)",
        **({"ExpressionAttributeValues": given} if given else {}),
    }
