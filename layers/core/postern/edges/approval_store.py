"""The approval store on DynamoDB: each word of a person and what it does to the task are one transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from postern.approval_ports import Approved
from postern.approvals import SAME_PERSON, Approval, TaskApprovals
from postern.denials import DenialKey, refuse_denied
from postern.edges import approval_items as items
from postern.edges import approval_writes as writes
from postern.edges import task_writes
from postern.edges.failed_conditions import Stored, failed_conditions, translated
from postern.edges.task_transaction import transact
from postern.errors import Conflict, NotFound, PosternError, RefusedByPolicy, StateUnavailable
from postern.policy.persons import is_among
from postern.ports import TaskStore
from postern.task_states import APPROVE, DENY
from postern.types import DatabaseName, Task, TaskId, TaskState

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_ATTEMPTS = 12  # each but the last was overtaken by another approver, and no task needs more of them than 10


@dataclass(frozen=True, slots=True)
class DynamoApprovalStore:
    """Implements `approval_ports.ApprovalStore` beside a task store of the same table."""

    client: DynamoDBClient
    table: str
    tasks: TaskStore

    def get(self, task_id: TaskId) -> TaskApprovals | None:
        with translated():
            found = self.client.get_item(TableName=self.table, Key=items.approval_key(task_id), ConsistentRead=True)
        return items.parse_approvals(found["Item"]) if "Item" in found else None

    def approve(
        self, task: Task, approval: Approval, *, now_s: int, expires_at_s: int, unless: Collection[DenialKey]
    ) -> Approved:
        for _ in range(_ATTEMPTS):
            known = self._known(task.id)
            if any(one.approver == approval.approver for one in known.given):
                return self._stands(task.id)
            if is_among(approval.names, [one.names for one in known.given]):
                # Looked at before it was recorded, too: the other came in between.
                raise RefusedByPolicy("approval.same_person", SAME_PERSON)
            seen = len(known.given)
            is_last = seen + 1 >= known.needed
            word = writes.consenting(self.table, task, approval, seen=seen, is_last=is_last)
            effect: writes.Write
            if is_last:
                effect = {
                    "Update": writes.moving_in_time(
                        self.table, task.id, APPROVE, now_s=now_s, due_s=expires_at_s, expires_at_s=expires_at_s
                    )
                }
            else:
                effect = {"ConditionCheck": writes.waiting(self.table, task.id, now_s=now_s)}
            stood = self._write({"Update": word}, effect, unless)
            if stood is None:
                return self._stands(task.id)
            if (refusal := _refusal(task, stood, now_s, unless)) is not None:
                raise refusal
        raise StateUnavailable("state.unavailable", "too many approvals of this task at once: try again")

    def deny(self, task: Task, denial: Approval, *, now_s: int, unless: Collection[DenialKey]) -> Approved:
        word = writes.denying(self.table, task, denial)
        effect = writes.moving_in_time(self.table, task.id, DENY, now_s=now_s, due_s=0)
        stood = self._write({"Update": word}, {"Update": effect}, unless)
        if stood is not None:
            raise _refusal(task, stood, now_s, unless) or _not_waiting("denied")
        return self._stands(task.id)

    def pending(self, databases: Collection[DatabaseName], *, limit: int) -> Sequence[TaskId]:
        found: list[TaskId] = []
        for database in databases:
            with translated():
                page = self.client.query(
                    TableName=self.table,
                    IndexName="by_principal",
                    KeyConditionExpression="gsi1pk = :pending",
                    ExpressionAttributeValues={":pending": {"S": items.pending_partition(database)}},
                    Limit=limit,
                )
            found += [task_id for key in page["Items"] if (task_id := items.task_of(key)) is not None]
        return sorted(found)  # an id begins with its time

    def forget(self, task_id: TaskId) -> None:
        self._amend(writes.amending(self.table, task_id, "REMOVE gsi1pk, gsi1sk"))

    def keep_estimates(self, task_id: TaskId, estimates: Mapping[str, int]) -> None:
        kept = items.format_estimates(estimates)
        self._amend(writes.amending(self.table, task_id, "SET estimates = :estimates", estimates=kept))

    def _amend(self, write: writes.Write) -> None:
        with translated():
            try:
                self.client.update_item(**write)
            except ClientError as error:
                failed_conditions(error)  # the table has forgotten it, which is as good

    def _known(self, task_id: TaskId) -> TaskApprovals:
        known = self.get(task_id)
        if known is None:
            raise NotFound("task.unknown", f"task: expected one that exists, got {task_id!r}")
        return known

    def _stands(self, task_id: TaskId) -> Approved:
        task = self.tasks.get(task_id)
        if task is None:
            raise NotFound("task.unknown", f"task: expected one that exists, got {task_id!r}")
        return Approved(task, self._known(task_id))

    def _write(
        self, word: writes.Write, effect: writes.Write, unless: Collection[DenialKey]
    ) -> tuple[Stored | None, ...] | None:
        """None once it is written; else what stood where a condition failed, as `failed_conditions` has it."""
        checks = [{"ConditionCheck": task_writes.unless(self.table, denial)} for denial in unless]
        with translated():
            try:
                transact(self.client, word, effect, *checks)
            except ClientError as error:
                return failed_conditions(error)
        return None


def _refusal(
    task: Task, stood: Sequence[Stored | None], now_s: int, unless: Collection[DenialKey]
) -> PosternError | None:
    """Why nothing was written; None where only another word came in between."""
    word, effect, *denials = stood
    if effect is not None:
        return _refuse_task(effect, now_s)
    for key, denial in zip(unless, denials, strict=False):
        if denial is not None:
            return refuse_denied(key)
    if word is not None and word and word["digest"]["S"] != task.scope_digest:
        return Conflict("approval.changed", "scope: expected the one that the task was opened with, got another")
    return None


def _refuse_task(stored: Stored, now_s: int) -> PosternError:
    if not stored:
        return NotFound("task.unknown", "task: expected one that exists")
    state = str(stored["state"]["S"])
    if state == TaskState.PENDING_APPROVAL.value and int(stored["expires_at_s"]["N"]) <= now_s:
        return Conflict("task.expired", "its wait for approval is over: open a new task")
    return _not_waiting(state)


def _not_waiting(state: str) -> Conflict:
    return Conflict("task.state", f"task: expected it to wait for approval, got {state}")
