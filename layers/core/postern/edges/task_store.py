"""The task store on DynamoDB: every change is one conditional write, every read of a task is strongly consistent."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from postern.denials import DenialKey, refuse_denied
from postern.edges import task_items as items
from postern.edges import task_writes as writes
from postern.edges.failed_conditions import failed_conditions, translated
from postern.edges.holds import give_back, give_back_with_key
from postern.edges.item_batches import read_items
from postern.edges.reservations import earlier_call, own_hold, refuse_more, refuse_reservation
from postern.edges.task_transaction import transact
from postern.errors import Conflict, DatabaseHeld, IntegrityError, NotFound, StateUnavailable
from postern.ports import Finished, IdempotencyKey, Reservation, Settled, World
from postern.task_states import Move
from postern.types import Budgets, CommandId, Principal, Task, TaskId, TaskState, minus, plus

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_ATTEMPTS = 5  # of a reservation whose rows changed under it
_KEPT_SCOPES = 64
_PUT_OFF = frozenset({TaskState.ENDING, TaskState.SUSPENDING})


@dataclass(slots=True)
class DynamoTaskStore:
    """Implements `ports.TaskStore` on one table."""

    client: DynamoDBClient
    table: str
    _scopes: dict[str, items.Scope] = field(default_factory=dict)

    def create(self, task: Task) -> None:
        from postern.edges.approval_items import format_opening  # only where tasks are opened

        with translated():
            try:
                transact(
                    self.client,
                    {"Put": writes.put_new(self.table, items.format_task(task))},
                    {"Put": writes.put_new(self.table, items.format_scope(task, 0))},
                    {"Put": writes.put_new(self.table, format_opening(task))},
                )
            except ClientError as error:
                failed_conditions(error)
                raise IntegrityError("internal", f"task id: expected a fresh one, got {task.id}") from error

    def get(self, task_id: TaskId) -> Task | None:
        keys = [items.task_key(task_id), items.scope_key(task_id)]
        with translated():
            found = self.client.batch_get_item(RequestItems={self.table: {"Keys": keys, "ConsistentRead": True}})
        if found.get("UnprocessedKeys"):
            raise StateUnavailable("state.unavailable", "the state table is throttled: try again")
        by_sort_key = {str(item["sk"]["S"]): item for item in found["Responses"].get(self.table, [])}
        if "task" not in by_sort_key or "scope" not in by_sort_key:
            return None
        return items.parse_task(by_sort_key["task"], self._keep(task_id, by_sort_key["scope"]))

    def list_of(self, owner: str, *, limit: int) -> Sequence[Task]:
        with translated():
            found = self.client.query(
                TableName=self.table,
                IndexName="by_principal",
                KeyConditionExpression="gsi1pk = :owner",
                ExpressionAttributeValues={":owner": {"S": f"owner#{owner}"}},
                ScanIndexForward=False,
                Limit=limit,
            )
        return self._tasks(found["Items"])

    def due(self, now_s: int, *, limit: int) -> Sequence[Task]:
        keys: list[Mapping[str, Any]] = []
        for partition in items.DEADLINE_PARTITIONS:
            with translated():
                found = self.client.query(
                    TableName=self.table,
                    IndexName="by_deadline",
                    KeyConditionExpression="gsi2pk = :open AND gsi2sk <= :now",
                    ExpressionAttributeValues={":open": {"S": partition}, ":now": {"N": str(now_s)}},
                    Limit=limit,
                )
            keys += found["Items"]
        # Over all partitions: else one that is full of tasks which fail would keep the next from being read.
        keys.sort(key=lambda key: int(key["gsi2sk"]["N"]))
        return [task for task in self._tasks(keys[:limit]) if not task.state.is_final]

    def put_off(self, task_id: TaskId, *, until_s: int) -> None:
        with translated():
            try:
                self.client.update_item(**writes.putting_off(self.table, task_id, until_s=until_s))
            except ClientError as error:
                raise _refuse_move(task_id, _PUT_OFF, failed_conditions(error)[0]) from error

    def reserve(
        self,
        task_id: TaskId,
        principal: Principal,
        *,
        now_s: int,
        wanted: Budgets,
        command_id: CommandId,
        idempotency: IdempotencyKey | None,
    ) -> Reservation | Finished:
        for _ in range(_ATTEMPTS):
            key = None if idempotency is None else idempotency.value
            take = writes.reservation(
                self.table, task_id, principal, now_s=now_s, wanted=wanted, command_id=command_id, key=key
            )
            with translated():
                try:
                    taken: Mapping[str, Any]
                    if idempotency is None:
                        taken = self.client.update_item(**take, ReturnValues="ALL_NEW")["Attributes"]
                    else:
                        ttl_s = now_s + items.KEPT_AFTER_S
                        claim = writes.claim(self.table, task_id, command_id, idempotency, ttl_s=ttl_s)
                        transact(self.client, {"Update": take}, {"Put": claim})
                        taken = self._read(task_id)
                    return self._reserved(task_id, taken, wanted, command_id)
                except ClientError as error:
                    stood = failed_conditions(error)
                if (earlier := own_hold(stood[0], principal, command_id)) is not None:
                    # Sent twice, since the first answer was lost: it is held already.
                    return self._reserved(task_id, stood[0] or {}, earlier.taken, command_id)
            if idempotency is not None and len(stood) == 2 and stood[1] is not None:
                # Told to the task's owner only: the key's item lies under the task, and the first condition held
                # or failed for a reason that a second statement would have met too.
                self._check_owner(task_id, principal)
                return earlier_call(stood[1], idempotency)
            wanted = refuse_reservation(task_id, stood[0], principal, now_s=now_s, wanted=wanted)
        raise StateUnavailable("state.unavailable", "too many statements of this task at once: try again")

    def reserve_more(self, reservation: Reservation, wanted: Budgets) -> Reservation:
        take = writes.more(self.table, reservation.task.id, reservation.command_id, wanted)
        with translated():
            try:
                taken = self.client.update_item(**take, ReturnValues="ALL_NEW")["Attributes"]
            except ClientError as error:
                raise refuse_more(failed_conditions(error)[0], wanted, reservation.command_id) from error
        task = replace(reservation.task, budgets=items.parse_budgets(taken))
        return replace(reservation, task=task, taken=plus(reservation.taken, wanted))

    def settle(
        self,
        reservation: Reservation,
        *,
        used: Budgets,
        command_id: CommandId,
        idempotency: IdempotencyKey | None,
        answer: Mapping[str, object] | None,
    ) -> Settled:
        task_id = reservation.task.id
        unused = minus(reservation.taken, used)
        with translated():
            if idempotency is not None:
                give_back_with_key(self.client, self.table, task_id, command_id, unused, idempotency.value, answer)
                return items.parse_settled(self._read(task_id))
            after = give_back(self.client, self.table, task_id, command_id, unused)
            return items.parse_settled(self._read(task_id) if after is None else after)

    def move(
        self,
        task_id: TaskId,
        move: Move,
        *,
        world: World | None = None,
        expires_at_s: int | None = None,
        due_s: int | None = None,
        unless: Collection[DenialKey] = (),
        teardowns: int | None = None,
    ) -> Task:
        known = self._known(task_id)
        deadline_s = known.expires_at_s if expires_at_s is None else expires_at_s
        ttl_s = deadline_s + items.KEPT_AFTER_S if move.to.is_final else None
        wanted = writes.moving(
            self.table,
            task_id,
            move,
            due_s=_due_s(move.to, deadline_s) if due_s is None else due_s,
            expires_at_s=expires_at_s,
            rescoped=world is not None,
            ttl_s=ttl_s,
            teardowns=teardowns,
        )
        transaction: list[dict[str, Any]] = [{"Update": wanted}]
        transaction += ({"ConditionCheck": writes.unless(self.table, denial)} for denial in unless)
        if ttl_s is not None:
            transaction.append({"Update": writes.forgetting_scope(self.table, task_id, ttl_s=ttl_s)})
        if world is not None:
            transaction.append({"Update": writes.rescoping(self.table, task_id, self._rescoped(known, world))})
        with translated():
            try:
                transact(self.client, *transaction)
            except ClientError as error:
                stood = failed_conditions(error)
                raise _refuse_move(task_id, move.sources, stood[0], tuple(unless), stood[1:]) from error
        moved = self.get(task_id)
        if moved is None:
            raise IntegrityError("internal", f"task {task_id}: expected its items, got none after a write")
        return moved

    def _known(self, task_id: TaskId) -> Task:
        task = self.get(task_id)
        if task is None:
            raise NotFound("task.unknown", f"task: expected one that exists, got {task_id!r}")
        return task

    def _rescoped(self, known: Task, world: World) -> items.Item:
        rebuilt = replace(
            known, views=world.views, server_major=world.server_major, address=world.address or known.address
        )
        return items.format_scope(rebuilt, self._scopes[known.id].version + 1)

    def _check_owner(self, task_id: TaskId, principal: Principal) -> None:
        with translated():
            if self._read(task_id)["owner"]["S"] != principal.owner:
                raise NotFound("task.unknown", f"task: expected one of yours, got {task_id!r}: list them at /v1/tasks")

    def _read(self, task_id: TaskId) -> Mapping[str, Any]:
        found = self.client.get_item(TableName=self.table, Key=items.task_key(task_id), ConsistentRead=True)
        if "Item" not in found:
            raise IntegrityError("internal", f"task {task_id}: expected its item, got none after a write")
        return found["Item"]

    def _reserved(
        self, task_id: TaskId, taken: Mapping[str, Any], wanted: Budgets, command_id: CommandId
    ) -> Reservation:
        scope = self._scopes.get(task_id)
        if scope is None or scope.version != int(taken["version"]["N"]):
            found = self.client.get_item(TableName=self.table, Key=items.scope_key(task_id), ConsistentRead=True)
            scope = self._keep(task_id, found["Item"])
        task = items.parse_task(taken, scope)
        return Reservation(task=task, sequence=task.sequence, taken=wanted, command_id=command_id)

    def _keep(self, task_id: str, item: Mapping[str, Any]) -> items.Scope:
        if len(self._scopes) >= _KEPT_SCOPES:
            self._scopes.clear()
        self._scopes[task_id] = scope = items.parse_scope(item)
        return scope

    def _tasks(self, keys: Sequence[Mapping[str, Any]]) -> list[Task]:
        """The tasks that an index names, in its order."""
        named = list(dict.fromkeys(items.task_of(key) for key in keys))
        wanted = [key for task_id in named for key in (items.task_key(task_id), items.scope_key(task_id))]
        with translated():
            found = list(read_items(self.client, self.table, wanted))
        small = {items.task_of(item): item for item in found if "state" in item}
        large = {items.task_of(item): item for item in found if "scope" in item}
        return [
            items.parse_task(small[task_id], self._keep(task_id, large[task_id]))
            for task_id in named
            if task_id in small and task_id in large
        ]


def _due_s(state: TaskState, deadline_s: int) -> int | None:
    """When a task is due for the timer: at once where its world goes, and at its deadline otherwise."""
    if state.is_final:
        return None
    return 0 if state in _PUT_OFF else deadline_s


def _refuse_move(
    task_id: TaskId,
    expected: frozenset[TaskState],
    stood: Mapping[str, Any] | None,
    unless: Sequence[DenialKey] = (),
    denied: Sequence[Mapping[str, Any] | None] = (),
) -> NotFound | Conflict | DatabaseHeld:
    if stood is None:
        return refuse_denied(next(key for key, denial in zip(unless, denied, strict=False) if denial is not None))
    if not stood:
        return NotFound("task.unknown", f"task: expected one that exists, got {task_id!r}")
    wanted = ", ".join(sorted(state.value for state in expected))
    return Conflict("task.state", f"task: expected it to be {wanted}, got {stood['state']['S']}")
