"""The state table's items of approvals, apart from the task's own so that the function that runs statements, which
writes those, cannot write these.

    pk approval#<task id>  sk approval    needed, digest, budgets, opened_at_s, given, count, denied?, estimates?

`given` is a list of JSON texts and `count` its length: an approval is conditional on the count that it saw, so that
each knows whether it is the last one needed. While its task may wait, an item stands in the index by principal under
`pending#<database>`. The table forgets it some time after the longest that its task can live.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from postern.approvals import Approval, TaskApprovals
from postern.edges.task_items import KEPT_AFTER_S, Item
from postern.errors import IntegrityError
from postern.types import AMOUNTS, Budgets, DatabaseName, Sha256Hex, Task, TaskId, TaskState, amounts

_PREFIX = "approval#"
_APPROVAL = msgspec.json.Decoder(Approval)


def approval_key(task_id: str) -> Item:
    return {"pk": {"S": f"{_PREFIX}{task_id}"}, "sk": {"S": "approval"}}


def pending_partition(database: DatabaseName) -> str:
    """The partition of the index by principal that lists what may wait for approval. An owner's begins `owner#`."""
    return f"pending#{database}"


def task_of(key: Mapping[str, Any]) -> TaskId | None:
    """None where it is no item of approvals: who writes other items could put those into the index as well."""
    text = str(key["pk"]["S"])
    return TaskId(text.removeprefix(_PREFIX)) if text.startswith(_PREFIX) else None


def format_opening(task: Task) -> Item:
    """The item of a task as it opens. Every task has one: what is built is held against it."""
    if task.scope_digest is None:
        raise IntegrityError("internal", f"task {task.id}: expected a scope digest, got none")
    item: Item = {
        **approval_key(task.id),
        "needed": {"N": str(task.approvals_needed)},
        "digest": {"S": task.scope_digest},
        "budgets": {"M": {name: {"N": str(amount)} for name, amount in amounts(task.budgets).items()}},
        "opened_at_s": {"N": str(task.created_at_s)},
        "given": {"L": []},
        "count": {"N": "0"},
        # Its wait, its building and its life, one after the other, are the longest that the task needs it.
        "ttl_s": {"N": str(task.expires_at_s + task.ttl_s + KEPT_AFTER_S)},
    }
    if task.state is TaskState.PENDING_APPROVAL:
        item["gsi1pk"] = {"S": pending_partition(task.grant.database)}
        item["gsi1sk"] = {"S": task.id}
    return item


def format_approval(approval: Approval) -> dict[str, Any]:
    return {"S": msgspec.json.encode(approval).decode()}


def format_estimates(estimates: Mapping[str, int]) -> dict[str, Any]:
    return {"M": {table: {"N": str(rows)} for table, rows in estimates.items()}}


def parse_approvals(item: Mapping[str, Any]) -> TaskApprovals:
    budgets = item["budgets"]["M"]
    denied = item.get("denied")
    estimates = item.get("estimates")
    return TaskApprovals(
        needed=int(item["needed"]["N"]),
        digest=Sha256Hex(item["digest"]["S"]),
        budgets=Budgets(**{name: int(budgets[name]["N"]) for name in AMOUNTS}),
        opened_at_s=int(item["opened_at_s"]["N"]),
        given=tuple(_APPROVAL.decode(one["S"]) for one in item["given"]["L"]),
        denied=None if denied is None else _APPROVAL.decode(denied["S"]),
        estimates=None if estimates is None else {name: int(rows["N"]) for name, rows in estimates["M"].items()},
    )
