"""Who may approve a task: what Cedar is asked, and the four eyes that no policy is asked about."""

from __future__ import annotations

from postern.policy.approvals import raw_classes
from postern.policy.bundle import PolicyBundle
from postern.policy.cedar import ContextValue, Verdict
from postern.policy.entities import Entity
from postern.policy.persons import all_names_of, may_be_one, names_of
from postern.policy.task_context import time_context
from postern.types import Principal, Task


def may_approve(bundle: PolicyBundle, principal: Principal, task: Task, *, now_us: int) -> Verdict:
    """What the policies say to this principal's approval of this task, four eyes among them.

    A database that the layer no longer speaks of can be approved by nobody. Raises `PolicyUnavailable`.
    """
    if task.grant.database not in bundle.catalogs:
        return Verdict(is_permitted=False, policies=(), failed=())
    inquiry = bundle.cedar.asked_by(principal, _context(task, now_us))
    return inquiry.may("approve", Entity("Database", task.grant.database))


def is_own(principal: Principal, task: Task) -> bool:
    """Whether this principal may be who opened the task, or the person on whose behalf it was opened.

    Held against everything that the approver's token says of it, since each issuer has its own names for a person.
    """
    return may_be_one(all_names_of(principal), names_of(task.principal))


def _context(task: Task, now_us: int) -> dict[str, ContextValue]:
    context: dict[str, ContextValue] = {
        "ttl": task.ttl_s,
        "purpose": bool(task.purpose.strip()),
        "writes": task.grant.writes or task.runs_once,
        **time_context(now_us),
        "requester": task.principal.id,
        "raw": bool(raw_classes(task.grant)),
        "statements": task.runs_once,
    }
    if task.ticket is not None and task.ticket.strip():
        context["ticket"] = task.ticket
    if task.principal.on_behalf_of is not None:
        context["on_behalf_of"] = task.principal.on_behalf_of
    return context
