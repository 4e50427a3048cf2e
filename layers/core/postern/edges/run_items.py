"""What is kept of runs beside their task, and the writes that claim one.

    pk task#<id>  sk task   run          the id of the run that claimed it, for ever
                            dry_until_s  until when the dry run dry_id has it; dry_runs  how many there were
                            dry_standing ids of dry runs of which something may be left in the database
    pk task#<id>  sk runs   run          what is known of the run, as JSON; dry#<id>  the same of a dry run

What is in `runs` is only ever shown. It is forgotten after some weeks; records are not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from postern.edges import task_items
from postern.run_ports import DRY_RUNS, DryRun, Run, TaskRuns
from postern.types import CommandId, TaskId, TaskState

Write = dict[str, Any]

KEPT_S = 40 * 86_400  # longer than a task that ended
_DRY = "dry#"
_RUN = msgspec.json.Decoder(Run)
_DRY_RUN = msgspec.json.Decoder(DryRun)


def runs_key(task_id: TaskId) -> task_items.Item:
    return {"pk": {"S": f"task#{task_id}"}, "sk": {"S": "runs"}}


def claiming(table: str, task_id: TaskId, run_id: CommandId, *, now_s: int) -> Write:
    """Takes an active task of statements for its one run."""
    return {
        "TableName": table,
        "Key": task_items.task_key(task_id),
        "UpdateExpression": "SET #run = :run",
        "ConditionExpression": (
            "attribute_exists(pk) AND attribute_not_exists(#run) AND #state = :active AND runs_once = :yes"
            " AND expires_at_s > :now"
        ),
        "ExpressionAttributeNames": {"#run": "run", "#state": "state"},
        "ExpressionAttributeValues": {
            ":run": {"S": run_id},
            ":active": {"S": TaskState.ACTIVE.value},
            ":yes": {"BOOL": True},
            ":now": {"N": str(now_s)},
        },
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def claiming_dry_run(table: str, task_id: TaskId, dry_run: DryRun, *, now_s: int) -> Write:
    """Takes a task that waits for approval for one dry run more."""
    return {
        "TableName": table,
        "Key": task_items.task_key(task_id),
        "UpdateExpression": "SET dry_until_s = :until, dry_id = :id ADD dry_runs :one, dry_standing :ids",
        "ConditionExpression": (
            "attribute_exists(pk) AND #state = :pending AND runs_once = :yes AND expires_at_s > :now"
            " AND (attribute_not_exists(dry_until_s) OR dry_until_s <= :now)"
            " AND (attribute_not_exists(dry_runs) OR dry_runs < :most)"
        ),
        "ExpressionAttributeNames": {"#state": "state"},
        "ExpressionAttributeValues": {
            ":until": {"N": str(dry_run.until_s)},
            ":id": {"S": dry_run.id},
            ":one": {"N": "1"},
            ":ids": {"SS": [dry_run.id]},
            ":pending": {"S": TaskState.PENDING_APPROVAL.value},
            ":yes": {"BOOL": True},
            ":now": {"N": str(now_s)},
            ":most": {"N": str(DRY_RUNS)},
        },
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def ending_dry_run(table: str, task_id: TaskId, dry_run_id: TaskId) -> Write:
    """Lets another begin, where none has begun since."""
    return {
        "TableName": table,
        "Key": task_items.task_key(task_id),
        "UpdateExpression": "SET dry_until_s = :zero DELETE dry_standing :ids",
        "ConditionExpression": "contains(dry_standing, :id) AND dry_id = :id",
        "ExpressionAttributeValues": {":zero": {"N": "0"}, ":ids": {"SS": [dry_run_id]}, ":id": {"S": dry_run_id}},
    }


def forgetting_dry_run(table: str, task_id: TaskId, dry_run_id: TaskId) -> Write:
    """Ends one after which another began: that one has the task for as long as it had."""
    return {
        "TableName": table,
        "Key": task_items.task_key(task_id),
        "UpdateExpression": "DELETE dry_standing :ids",
        "ConditionExpression": "contains(dry_standing, :id)",
        "ExpressionAttributeValues": {":ids": {"SS": [dry_run_id]}, ":id": {"S": dry_run_id}},
    }


def keeping(table: str, task_id: TaskId, run: Run | DryRun) -> Write:
    """What is known of a run now."""
    name = "run" if isinstance(run, Run) else f"{_DRY}{run.id}"
    return {
        "TableName": table,
        "Key": runs_key(task_id),
        "UpdateExpression": "SET #run = :body, ttl_s = :ttl",
        "ExpressionAttributeNames": {"#run": name},
        "ExpressionAttributeValues": {
            ":body": {"S": msgspec.json.encode(run).decode()},
            ":ttl": {"N": str(run.started_at_s + KEPT_S)},
        },
    }


def parse_runs(item: Mapping[str, Any]) -> TaskRuns:
    dry_runs = [_DRY_RUN.decode(value["S"]) for name, value in item.items() if name.startswith(_DRY)]
    return TaskRuns(
        run=_RUN.decode(item["run"]["S"]) if "run" in item else None,
        dry_runs=tuple(sorted(dry_runs, key=lambda one: (one.started_at_s, one.id))),
    )
