"""Runs on DynamoDB, in the items of their task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from postern.edges import run_items, task_items
from postern.edges.failed_conditions import Stored, failed_conditions, translated
from postern.edges.task_transaction import transact
from postern.errors import Conflict, NotFound
from postern.run_ports import DRY_RUNS, DryRun, Run, TaskRuns
from postern.types import CommandId, TaskId, TaskState

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True, slots=True)
class DynamoRuns:
    """Implements `run_ports.Runs`."""

    client: DynamoDBClient
    table: str

    def claim(self, task_id: TaskId, run_id: CommandId, *, now_s: int) -> None:
        with translated():
            try:
                self.client.update_item(**run_items.claiming(self.table, task_id, run_id, now_s=now_s))
            except ClientError as error:
                stood = failed_conditions(error)[0]
                if stood and stood.get("run") == {"S": run_id}:
                    return  # this very claim, whose first answer was lost
                raise _refuse_claim(task_id, stood) from error

    def keep(self, task_id: TaskId, run: Run) -> None:
        self._keep(task_id, run)

    def claim_dry_run(self, task_id: TaskId, dry_run: DryRun, *, now_s: int) -> None:
        claim = run_items.claiming_dry_run(self.table, task_id, dry_run, now_s=now_s)
        with translated():
            try:
                transact(self.client, {"Update": claim}, {"Update": run_items.keeping(self.table, task_id, dry_run)})
            except ClientError as error:
                stood = failed_conditions(error)[0]
                if stood and dry_run.id in stood.get("dry_standing", {}).get("SS", ()):
                    return
                raise _refuse_dry_run(task_id, stood, now_s) from error

    def keep_dry_run(self, task_id: TaskId, dry_run: DryRun) -> None:
        self._keep(task_id, dry_run)

    def end_dry_run(self, task_id: TaskId, dry_run_id: TaskId) -> None:
        if not self._end(run_items.ending_dry_run(self.table, task_id, dry_run_id)):
            self._end(run_items.forgetting_dry_run(self.table, task_id, dry_run_id))

    def standing_dry_runs(self, task_id: TaskId) -> frozenset[TaskId]:
        item = self._get(task_items.task_key(task_id))
        return frozenset(TaskId(one) for one in item.get("dry_standing", {}).get("SS", ()))

    def of(self, task_id: TaskId) -> TaskRuns:
        return run_items.parse_runs(self._get(run_items.runs_key(task_id)))

    def _end(self, ending: run_items.Write) -> bool:
        """False where its condition does not hold: another began, it has ended, or its task is gone."""
        with translated():
            try:
                self.client.update_item(**ending)
            except ClientError as error:
                failed_conditions(error)  # raised again where it is anything else
                return False
            return True

    def _keep(self, task_id: TaskId, run: Run | DryRun) -> None:
        with translated():
            self.client.update_item(**run_items.keeping(self.table, task_id, run))

    def _get(self, key: task_items.Item) -> dict[str, Any]:
        with translated():
            return dict(self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True).get("Item", {}))


def _refuse_claim(task_id: TaskId, stood: Stored | None) -> NotFound | Conflict:
    if not stood:
        return NotFound("task.unknown", f"task: expected one that exists, got {task_id!r}")
    if "run" in stood:
        return Conflict("task.state", "run: expected a task that has not run, got one that was claimed for its run")
    state = stood["state"]["S"]
    return Conflict("task.state", f"run: expected an active task of statements before its deadline, got one {state}")


def _refuse_dry_run(task_id: TaskId, stood: Stored | None, now_s: int) -> NotFound | Conflict:
    if not stood:
        return NotFound("task.unknown", f"task: expected one that exists, got {task_id!r}")
    state = stood["state"]["S"]
    if state != TaskState.PENDING_APPROVAL.value or int(stood["expires_at_s"]["N"]) <= now_s:
        return Conflict("task.state", f"dry run: expected a task that waits for approval, got one {state}")
    if int(stood.get("dry_runs", {"N": "0"})["N"]) >= DRY_RUNS:
        return Conflict("run_once.dry_run", f"dry run: a task has {DRY_RUNS} at most, and this one had them")
    return Conflict("run_once.dry_run", "dry run: one of this task runs: wait for its result")
