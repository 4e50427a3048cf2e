"""The counts of what is asked for, on DynamoDB.

    pk rate#<rate>#<hash of the owner or database>#<minute>  sk count    how many so far: one conditional write a call
    pk pending#<hash of the owner>                           sk places   the tasks that took a place in its queue

A count only grows, so what an environment knows of a minute stays true until it ends: once a limit is met there, calls
beyond it are refused without another request.

Places are looked over only when all are taken: those whose tasks no longer wait are given up then. A place without a
task is kept for ten minutes: whoever took it may still be about to create the task.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from postern.edges import task_items as items
from postern.edges.failed_conditions import failed_conditions, translated
from postern.errors import BudgetExceeded, StateUnavailable
from postern.rate_ports import WINDOW_S, Rate
from postern.types import TaskId, TaskState

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_HASH_DIGITS = 32
_KEPT_MINUTES = 256
_KEPT_AFTER_S = 3600  # far above what two clocks may differ by
_CREATED_WITHIN_S = 600  # a function that opens a task has 30 s
_ASK_AGAIN_S = 60  # a person decides: nobody knows when

_TOLD = {
    Rate.OPENINGS: ("rate.openings", "tasks that you may ask for in a minute"),
    Rate.STATEMENTS: ("rate.statements", "statements that you may send in a minute"),
    Rate.PROVISIONS: ("rate.provisions", "tasks that may begin in this database in a minute"),
}


@dataclass(slots=True)
class DynamoRates:
    """Implements `rate_ports.Rates` on the state table."""

    client: DynamoDBClient
    table: str
    _known: dict[str, int] = field(default_factory=dict)  # by partition key: so many were counted at least

    def take(self, rate: Rate, whose: str, amount: int, *, limit: int, now_s: int) -> None:
        key = f"rate#{rate.value}#{_hash(whose)}#{now_s // WINDOW_S}"
        if self._known.get(key, 0) + amount > limit or not self._count(key, amount, limit=limit, ends_s=_end_s(now_s)):
            raise refuse_rate(rate, amount, limit=limit, now_s=now_s)

    def _count(self, key: str, amount: int, *, limit: int, ends_s: int) -> bool:
        """False where that would be more than the limit; how many there are is then known."""
        with translated():
            try:
                self.client.update_item(
                    TableName=self.table,
                    Key={"pk": {"S": key}, "sk": {"S": "count"}},
                    UpdateExpression="SET ttl_s = :ttl ADD taken :amount",
                    ConditionExpression="attribute_not_exists(taken) OR taken <= :most",
                    ExpressionAttributeValues={
                        ":amount": {"N": str(amount)},
                        ":most": {"N": str(limit - amount)},
                        ":ttl": {"N": str(ends_s + _KEPT_AFTER_S)},
                    },
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
            except ClientError as error:
                stood = failed_conditions(error)[0] or {}
            else:
                return True
        if len(self._known) >= _KEPT_MINUTES:
            self._known.clear()
        self._known[key] = int(stood["taken"]["N"])
        return False

    def queue(self, owner: str, task_id: TaskId, *, limit: int, now_s: int) -> None:
        key = {"pk": {"S": f"pending#{_hash(owner)}"}, "sk": {"S": "places"}}
        taken = self._take_place(key, task_id, limit=limit, now_s=now_s)
        if taken is None:
            return
        free = self._free(taken, now_s)
        if free:
            with translated():
                self.client.update_item(
                    TableName=self.table,
                    Key=key,
                    UpdateExpression="DELETE places :free",
                    ExpressionAttributeValues={":free": {"SS": sorted(free)}},
                )
            taken = self._take_place(key, task_id, limit=limit, now_s=now_s)
        if taken is not None:
            raise refuse_pending(limit)

    def _take_place(self, key: items.Item, task_id: TaskId, *, limit: int, now_s: int) -> Collection[TaskId] | None:
        """None where it has one; else the tasks that have all of them."""
        with translated():
            try:
                self.client.update_item(
                    TableName=self.table,
                    Key=key,
                    UpdateExpression="SET ttl_s = :ttl ADD places :one",
                    ConditionExpression="attribute_not_exists(places) OR size(places) < :limit OR"
                    " contains(places, :id)",
                    ExpressionAttributeValues={
                        ":one": {"SS": [task_id]},
                        ":id": {"S": task_id},
                        ":limit": {"N": str(limit)},
                        ":ttl": {"N": str(now_s + items.KEPT_AFTER_S)},
                    },
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
            except ClientError as error:
                stood = failed_conditions(error)[0] or {}
            else:
                return None
        return [TaskId(one) for one in stood["places"]["SS"]]

    def _free(self, taken: Collection[TaskId], now_s: int) -> set[TaskId]:
        """Those of the tasks that do not wait for approval, and will not: none comes back to that state."""
        states = self._states(taken)
        return {
            task_id
            for task_id in taken
            if states.get(task_id, TaskState.ENDED) is not TaskState.PENDING_APPROVAL
            and (task_id in states or _made_s(task_id) < now_s - _CREATED_WITHIN_S)
        }

    def _states(self, tasks: Collection[TaskId]) -> dict[TaskId, TaskState]:
        wanted: Any = {
            "Keys": [items.task_key(task_id) for task_id in tasks],
            "ConsistentRead": True,
            "ProjectionExpression": "pk, #state",
            "ExpressionAttributeNames": {"#state": "state"},
        }
        with translated():
            found = self.client.batch_get_item(RequestItems={self.table: wanted})
        if found.get("UnprocessedKeys"):
            raise StateUnavailable("state.unavailable", "the state table is throttled: try again")
        return {items.task_of(item): TaskState(item["state"]["S"]) for item in found["Responses"].get(self.table, [])}


def refuse_rate(rate: Rate, amount: int, *, limit: int, now_s: int) -> BudgetExceeded:
    """What a caller is told whose minute is full, or who asks for more at once than fits any."""
    code, words = _TOLD[rate]
    if amount > limit:
        return BudgetExceeded(code, f"{words}: expected at most {limit}, got {amount} at once: send fewer")
    wait_s = _end_s(now_s) - now_s
    detail = f"{words}: expected at most {limit}, got more: wait {wait_s} s"
    return BudgetExceeded(code, detail, retry_after_s=wait_s)


def refuse_pending(limit: int) -> BudgetExceeded:
    """What a caller is told for whom so many approvals are asked already."""
    detail = f"tasks of yours that may wait for approval: expected at most {limit}, got another: end one, or wait"
    return BudgetExceeded("rate.pending", detail, retry_after_s=_ASK_AGAIN_S)


def _end_s(now_s: int) -> int:
    return (now_s // WINDOW_S + 1) * WINDOW_S


def _made_s(task_id: TaskId) -> int:
    """When an id was made: a UUIDv7 begins with the time, in milliseconds (RFC 9562 section 5.7)."""
    return int(task_id[:12], 16) // 1000


def _hash(name: str) -> str:
    """An owner may name a person: the key tells nobody's name, and is always as long."""
    return hashlib.sha256(name.encode()).hexdigest()[:_HASH_DIGITS]
