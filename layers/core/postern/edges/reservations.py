"""Why a reservation was not had: from the task's item as the failed condition showed it, to the caller's error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec

from postern.edges.task_items import parse_budgets, parse_holds
from postern.errors import BudgetExceeded, Conflict, IntegrityError, NotFound, OutcomeUnknown, Unprocessable
from postern.inactive import refuse_inactive
from postern.ports import Finished, IdempotencyKey
from postern.reaped import Hold
from postern.types import Budgets, CommandId, Principal, TaskId, TaskState


def refuse_reservation(
    task_id: TaskId, stored: Mapping[str, Any] | None, principal: Principal, *, now_s: int, wanted: Budgets
) -> Budgets:
    """What to ask for instead, where fewer rows or bytes are left than were asked; raises for every other reason.

    Whether a task exists is told to its owner only.
    """
    if not stored or stored["owner"]["S"] != principal.owner:
        raise NotFound("task.unknown", f"task: expected one of yours, got {task_id!r}: list them at /v1/tasks")
    _check_active(stored)
    if int(stored["expires_at_s"]["N"]) <= now_s:
        raise Conflict("task.expired", "the task's deadline has passed: open a new one")
    left = parse_budgets(stored)
    if left.statements < wanted.statements:
        raise BudgetExceeded("budget.statements", f"the task has {left.statements} statements left: open a new one")
    if left.lookups < wanted.lookups:
        raise BudgetExceeded("budget.lookups", f"the task has {left.lookups} lookups left: open a new one")
    for name, code, words in (("rows", "budget.rows", "rows"), ("bytes", "budget.bytes", "bytes of answers")):
        if getattr(left, name) < 1 <= getattr(wanted, name):
            detail = f"the task has no {words} left that no running statement holds: open a new one, or wait for it"
            raise BudgetExceeded(code, detail, retry_after_s=RETRY_AFTER_S)
    return replace(wanted, rows=min(wanted.rows, left.rows), bytes=min(wanted.bytes, left.bytes))


def _check_active(stored: Mapping[str, Any]) -> None:
    state, ends_as = TaskState(stored["state"]["S"]), stored.get("ends_as")
    if state is not TaskState.ACTIVE:
        ending = None if ends_as is None else TaskState(ends_as["S"])
        raise refuse_inactive(state, ending, worlds=int(stored["version"]["N"]))


def own_hold(stored: Mapping[str, Any] | None, principal: Principal, command_id: CommandId) -> Hold | None:
    """What this very command of this principal's holds already; None where it holds nothing."""
    if not stored or stored["owner"]["S"] != principal.owner:
        return None
    return parse_holds(stored).get(command_id)


def refuse_more(
    stored: Mapping[str, Any] | None, wanted: Budgets, command_id: CommandId
) -> BudgetExceeded | Conflict | IntegrityError:
    """Why a call that ran cannot have what it used: rows that it wrote, or sensitive values that it would deliver.

    Raises where its task is not active any more: so what a revoked task wrote is not committed.
    """
    if not stored:
        return IntegrityError("internal", "task: expected its item, got none after a reservation")
    if command_id not in parse_holds(stored):
        detail = "the command took so long that it was closed as abandoned: it had no effect, send it again"
        return Conflict("command.abandoned", detail)
    _check_active(stored)
    left = parse_budgets(stored)
    if left.affected < wanted.affected:
        return BudgetExceeded(
            "budget.affected",
            f"the statement writes {wanted.affected} rows and the task has {left.affected} left: nothing was written,"
            " narrow it",
        )
    return BudgetExceeded(
        "budget.values",
        f"the answer holds {wanted.values} sensitive values and the task has {left.values} left: nothing is delivered,"
        " select fewer rows or columns",
    )


RETRY_AFTER_S = 5


def earlier_call(stored: Mapping[str, Any], key: IdempotencyKey) -> Finished:
    """What became of the first call with this key. Raises where it runs still, or was made with another body."""
    if stored["body_hmac"]["S"] != key.body_hmac:
        raise Unprocessable("idempotency.reused", "Idempotency-Key: expected the body it was used with, got another")
    command_id = CommandId(stored["command_id"]["S"])
    answer = None if "answer" not in stored else msgspec.json.decode(stored["answer"]["S"])
    if answer is None:
        raise Conflict(
            "idempotency.running",
            "the first call with this Idempotency-Key still runs or is not settled: ask again later",
            command_id=command_id,
        )
    if answer["status"] == "unknown":
        raise OutcomeUnknown(
            "outcome.unknown",
            "the database could not tell what became of the first call with this Idempotency-Key, and never will:"
            " look whether it was written before you write again, under another key",
            command_id=command_id,
        )
    return Finished(command_id, answer)
