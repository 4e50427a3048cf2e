"""The writes of the task store as DynamoDB takes them: each is built here, conditional, and sent there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from postern.denials import DenialKey
from postern.edges import task_items as items
from postern.ports import IdempotencyKey
from postern.reaped import Hold
from postern.task_states import Move
from postern.types import Budgets, CommandId, Principal, TaskId, TaskState, amounts

Write = dict[str, Any]

_SHOW_WHAT_STOOD = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}


def put_new(table: str, item: items.Item) -> Write:
    """Creates an item, or fails showing the one that stood."""
    return {"TableName": table, "Item": item, "ConditionExpression": "attribute_not_exists(pk)", **_SHOW_WHAT_STOOD}


def rescoping(table: str, task_id: TaskId, scope: items.Item) -> Write:
    """Sets a task's scope."""
    return {
        "TableName": table,
        "Key": items.scope_key(task_id),
        "UpdateExpression": "SET #scope = :scope",
        "ConditionExpression": "attribute_exists(pk)",
        "ExpressionAttributeNames": {"#scope": "scope"},
        "ExpressionAttributeValues": {":scope": scope["scope"]},
    }


def reservation(
    table: str, task_id: TaskId, principal: Principal, *, now_s: int, wanted: Budgets, command_id: str, key: str | None
) -> Write:
    """Takes a sequence number a statement and what is wanted of a task that is this principal's, active and in time.

    Once a command: sent again after a lost answer, its condition fails and shows that it is held already.
    """
    return {
        "TableName": table,
        "Key": items.task_key(task_id),
        "UpdateExpression": f"SET #held = :held ADD #sequence :statements, {_adding(wanted)}",
        "ConditionExpression": "attribute_not_exists(#held) AND #owner = :owner AND #state = :active"
        " AND expires_at_s > :now AND " + _enough(wanted),
        "ExpressionAttributeNames": {
            "#sequence": "sequence",
            "#owner": "owner",
            "#state": "state",
            "#held": items.held_by(command_id),
        },
        "ExpressionAttributeValues": {
            **_taking(wanted),
            ":held": items.format_hold(Hold(wanted, key)),
            ":owner": {"S": principal.owner},
            ":active": {"S": TaskState.ACTIVE.value},
            ":now": {"N": str(now_s)},
        },
        **_SHOW_WHAT_STOOD,
    }


def more(table: str, task_id: TaskId, command_id: str, wanted: Budgets) -> Write:
    """Takes more for a call that holds a reservation already."""
    taken = [name for name, _ in _wanted(wanted)]
    held = ", ".join(f"#held.#{name} = #held.#{name} + :{name}" for name in taken)
    return {
        "TableName": table,
        "Key": items.task_key(task_id),
        "UpdateExpression": f"SET {held} ADD {_adding(wanted)}",
        "ConditionExpression": "attribute_exists(#held) AND #state = :active AND " + _enough(wanted),
        "ExpressionAttributeNames": {
            "#held": items.held_by(command_id),
            "#state": "state",
            **{f"#{name}": name for name in taken},
        },
        "ExpressionAttributeValues": {**_taking(wanted), ":active": {"S": TaskState.ACTIVE.value}},
        **_SHOW_WHAT_STOOD,
    }


def _wanted(wanted: Budgets) -> list[tuple[str, int]]:
    return [(name, amount) for name, amount in amounts(wanted).items() if amount]


def _adding(wanted: Budgets) -> str:
    return ", ".join(f"{items.left_of(name)} :minus_{name}" for name, _ in _wanted(wanted))


def _enough(wanted: Budgets) -> str:
    return " AND ".join(f"{items.left_of(name)} >= :{name}" for name, _ in _wanted(wanted))


def _taking(wanted: Budgets) -> Write:
    values: Write = {}
    for name, amount in _wanted(wanted):
        values[f":{name}"] = {"N": str(amount)}
        values[f":minus_{name}"] = {"N": str(-amount)}
    return values


def claim(table: str, task_id: TaskId, command_id: CommandId, key: IdempotencyKey, *, ttl_s: int) -> Write:
    """Takes an idempotency key for a command: a new one, or one that was let go of."""
    item = {
        **items.idempotency_key(task_id, key.value),
        "command_id": {"S": command_id},
        "body_hmac": {"S": key.body_hmac},
        "ttl_s": {"N": str(ttl_s)},
    }
    return {
        **put_new(table, item),
        "ConditionExpression": "attribute_not_exists(pk) OR attribute_exists(released)",
    }


def giving_back(table: str, task_id: TaskId, command_id: str, unused: Budgets) -> Write:
    """Gives back what a call took and did not use, if it was not given back before."""
    back = [(name, amount) for name, amount in amounts(unused).items() if amount] or [("rows", 0)]
    return {
        "TableName": table,
        "Key": items.task_key(task_id),
        "UpdateExpression": "REMOVE #held ADD " + ", ".join(f"{items.left_of(name)} :{name}" for name, _ in back),
        "ConditionExpression": "attribute_exists(#held)",
        "ExpressionAttributeNames": {"#held": items.held_by(command_id)},
        "ExpressionAttributeValues": {f":{name}": {"N": str(amount)} for name, amount in back},
    }


def releasing(table: str, task_id: TaskId, command_id: CommandId, key: str) -> Write:
    """Lets go of a key whose call had no effect; only the command that took it may."""
    return {
        "TableName": table,
        "Key": items.idempotency_key(task_id, key),
        "UpdateExpression": "SET released = :true",
        "ConditionExpression": "command_id = :command",
        "ExpressionAttributeValues": {":command": {"S": command_id}, ":true": {"BOOL": True}},
    }


def closing(table: str, task_id: TaskId, command_id: CommandId, key: str, answer: Mapping[str, object]) -> Write:
    """Closes a key with what came of its command; only the command that took it may."""
    return {
        "TableName": table,
        "Key": items.idempotency_key(task_id, key),
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
    move: Move,
    *,
    due_s: int | None,
    expires_at_s: int | None,
    rescoped: bool,
    ttl_s: int | None,
    teardowns: int | None = None,
) -> Write:
    """Moves a task's state. `due_s` is its place in the index by deadline, which it leaves in a final state."""
    sets = ["#state = :to"]
    values: dict[str, Any] = {":to": {"S": move.to.value}}
    if move.ends_as is not None:
        sets.append("ends_as = :ends_as")
        values[":ends_as"] = {"S": move.ends_as.value}
    if rescoped:
        sets.append("version = version + :one")
        values[":one"] = {"N": "1"}
    for name, seconds in (("gsi2sk", due_s), ("expires_at_s", expires_at_s), ("ttl_s", ttl_s)):
        if seconds is not None:
            sets.append(f"{name} = :{name}")
            values[f":{name}"] = {"N": str(seconds)}
    names = {f":from{n}": {"S": state.value} for n, state in enumerate(sorted(move.sources))}
    condition = f"#state IN ({', '.join(names)})"
    if teardowns is not None:
        values[":teardowns"] = {"N": str(teardowns)}
        none_yet = " OR attribute_not_exists(teardowns)" if teardowns == 0 else ""
        condition += f" AND (teardowns = :teardowns{none_yet})"
    return {
        "TableName": table,
        "Key": items.task_key(task_id),
        "UpdateExpression": "SET " + ", ".join(sets) + (" REMOVE gsi2pk, gsi2sk" if move.to.is_final else ""),
        "ConditionExpression": condition,
        "ExpressionAttributeNames": {"#state": "state"},
        "ExpressionAttributeValues": {**values, **names},
        **_SHOW_WHAT_STOOD,
    }


def unless(table: str, denial: DenialKey) -> Write:
    """Holds where there is no such denial."""
    return {
        "TableName": table,
        "Key": items.denial_key(denial),
        "ConditionExpression": "attribute_not_exists(pk) OR attribute_exists(lifted_at_s)",
        **_SHOW_WHAT_STOOD,
    }


def forgetting_scope(table: str, task_id: TaskId, *, ttl_s: int) -> Write:
    """Lets the table forget a closed task's scope."""
    return {
        "TableName": table,
        "Key": items.scope_key(task_id),
        "UpdateExpression": "SET ttl_s = :ttl",
        "ConditionExpression": "attribute_exists(pk)",
        "ExpressionAttributeValues": {":ttl": {"N": str(ttl_s)}},
    }


def putting_off(table: str, task_id: TaskId, *, until_s: int) -> Write:
    """Moves the place of a task whose world goes in the index by deadline, and counts that it did."""
    return {
        "TableName": table,
        "Key": items.task_key(task_id),
        "UpdateExpression": "SET gsi2sk = :until ADD teardowns :one",
        "ConditionExpression": "#state IN (:ending, :suspending)",
        "ExpressionAttributeNames": {"#state": "state"},
        "ExpressionAttributeValues": {
            ":until": {"N": str(until_s)},
            ":one": {"N": "1"},
            ":ending": {"S": TaskState.ENDING.value},
            ":suspending": {"S": TaskState.SUSPENDING.value},
        },
        **_SHOW_WHAT_STOOD,
    }
