"""The writes of the task store as DynamoDB takes them: each is built here, conditional, and sent there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from postern.edges import task_items as items
from postern.ports import IdempotencyKey
from postern.types import CommandId, Principal, TaskId, TaskState

Write = dict[str, Any]

_SHOW_WHAT_STOOD = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}


def put_new(table: str, item: items.Item) -> Write:
    """Creates an item, or fails showing the one that stood."""
    return {"TableName": table, "Item": item, "ConditionExpression": "attribute_not_exists(pk)", **_SHOW_WHAT_STOOD}


def rescoping(table: str, task_id: TaskId, scope: items.Item) -> Write:
    """Sets the text of a task's scope."""
    return {
        "TableName": table,
        "Key": items.scope_key(task_id),
        "UpdateExpression": "SET #scope = :scope",
        "ConditionExpression": "attribute_exists(pk)",
        "ExpressionAttributeNames": {"#scope": "scope"},
        "ExpressionAttributeValues": {":scope": scope["scope"]},
    }


def reservation(table: str, task_id: TaskId, principal: Principal, *, now_s: int, rows: int) -> Write:
    """Takes a sequence number, a statement and so many rows of a task that is this principal's, active and in time."""
    return {
        "TableName": table,
        "Key": items.task_key(task_id),
        "UpdateExpression": "ADD #sequence :one, statements_left :minus_one, rows_left :minus_rows",
        "ConditionExpression": "#owner = :owner AND #state = :active AND expires_at_s > :now"
        " AND statements_left >= :one AND rows_left >= :rows",
        "ExpressionAttributeNames": {"#sequence": "sequence", "#owner": "owner", "#state": "state"},
        "ExpressionAttributeValues": {
            ":one": {"N": "1"},
            ":minus_one": {"N": "-1"},
            ":minus_rows": {"N": str(-rows)},
            ":rows": {"N": str(rows)},
            ":owner": {"S": principal.owner},
            ":active": {"S": TaskState.ACTIVE.value},
            ":now": {"N": str(now_s)},
        },
        **_SHOW_WHAT_STOOD,
    }


def claim(table: str, task_id: TaskId, command_id: CommandId, key: IdempotencyKey, *, ttl_s: int) -> Write:
    """Takes an idempotency key for a command."""
    item = {
        **items.idempotency_key(task_id, key.value),
        "command_id": {"S": command_id},
        "body_sha256": {"S": key.body_sha256},
        "ttl_s": {"N": str(ttl_s)},
    }
    return put_new(table, item)


def giving_back(table: str, task_id: TaskId, rows: int) -> Write:
    """Gives rows back to a task."""
    return {
        "TableName": table,
        "Key": items.task_key(task_id),
        "UpdateExpression": "ADD rows_left :back",
        "ConditionExpression": "attribute_exists(pk)",
        "ExpressionAttributeValues": {":back": {"N": str(rows)}},
    }


def closing(
    table: str, task_id: TaskId, command_id: CommandId, key: IdempotencyKey, answer: Mapping[str, object]
) -> Write:
    """Closes a key with what came of its command; only the command that took it may."""
    return {
        "TableName": table,
        "Key": items.idempotency_key(task_id, key.value),
        "UpdateExpression": "SET answer = :answer",
        "ConditionExpression": "command_id = :command",
        "ExpressionAttributeValues": {
            ":answer": {"S": msgspec.json.encode(answer).decode()},
            ":command": {"S": command_id},
        },
    }


def moving(
    table: str,
    task_id: TaskId,
    *,
    expected: frozenset[TaskState],
    to: TaskState,
    ends_as: TaskState | None,
    rescoped: bool,
) -> Write:
    """Moves a task's state. While it ends it is due at once; in a final state it leaves the index by deadline."""
    sets = ["#state = :to"]
    values: dict[str, Any] = {":to": {"S": to.value}}
    if ends_as is not None:
        sets.append("ends_as = :ends_as")
        values[":ends_as"] = {"S": ends_as.value}
    if rescoped:
        sets.append("version = version + :one")
        values[":one"] = {"N": "1"}
    if to is TaskState.ENDING:
        sets.append("gsi2sk = :at_once")
        values[":at_once"] = {"N": "0"}
    names = {f":from{n}": {"S": state.value} for n, state in enumerate(sorted(expected))}
    return {
        "TableName": table,
        "Key": items.task_key(task_id),
        "UpdateExpression": "SET " + ", ".join(sets) + (" REMOVE gsi2pk, gsi2sk" if to.is_final else ""),
        "ConditionExpression": f"#state IN ({', '.join(names)})",
        "ExpressionAttributeNames": {"#state": "state"},
        "ExpressionAttributeValues": {**values, **names},
        **_SHOW_WHAT_STOOD,
    }
