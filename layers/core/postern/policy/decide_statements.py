"""The decision over statements that run once: `runStatements` on the database, and always a person's word after it.

Such statements reach past views and masks, so nothing here is ever approved by policy alone, whatever `autoApprove`
says. They run as the catalog's `owner_role`: a database without one has none.
"""

from __future__ import annotations

from postern.approvals import TaskApprovals
from postern.errors import Conflict, IntegrityError, Refusal, RefusedByPolicy
from postern.policy.approvals import needed_approvals
from postern.policy.bundle import PolicyBundle
from postern.policy.catalog import Catalog
from postern.policy.decided import check_decided, is_as_opened
from postern.policy.entities import database_entity
from postern.policy.hearing import Hearing
from postern.policy.requests import Denied, Granted, TaskRequest
from postern.policy.task_context import task_context
from postern.types import Budgets, DatabaseName, Grant, Principal, Task

RUN, DRY_RUN = "runStatements", "dryRun"


def decide_statements(
    bundle: PolicyBundle, principal: Principal, request: TaskRequest, *, now_us: int
) -> Granted | Denied:
    """The grant without tables under which the statements run, once people approved them; or why not.

    Raises `PolicyUnavailable` where the policies cannot be asked about this principal at all.
    """
    hearing = Hearing(bundle.cedar.asked_by(principal, task_context(request, now_us)), request.database)
    catalog = _hear(hearing, bundle, RUN)
    if catalog is not None and catalog.owner_role is None:
        hearing.refuse(RUN, "its catalog names no `owner_role` to run statements as: ask your operator")
    if hearing.refusals or hearing.failed or catalog is None:
        return Denied(hearing.all_refusals())
    grant = Grant(
        database=catalog.database,
        schema_default=catalog.schema_default,
        tables=(),
        functions=(),
        policy_digest=bundle.digest,
        owner_role=catalog.owner_role,
    )
    return Granted(grant, needs_approval=True, reasons=tuple(sorted(hearing.policies)))


def check_dry_run(bundle: PolicyBundle, principal: Principal, task: Task, *, now_us: int) -> None:
    """Returns where policy lets the principal try the task's statements. Raises `RefusedByPolicy`."""
    request = request_of(task)
    hearing = Hearing(bundle.cedar.asked_by(principal, task_context(request, now_us)), request.database)
    if _hear(hearing, bundle, DRY_RUN) is None or hearing.failed:
        refusals: tuple[Refusal, ...] = hearing.all_refusals()
        raise RefusedByPolicy("policy.refused", "a dry run of this task is not open to you", refusals=refusals)


def run_as(bundle: PolicyBundle, task: Task) -> str:
    """The role as which an approved task's statements run: its grant's, as the deployed catalog still has it.

    Raises `Conflict` (`task.policy_changed`), `RefusedByPolicy` where the two differ.
    """
    if task.grant.policy_digest != bundle.digest:
        raise Conflict("task.policy_changed", "the policy changed since this task was opened: open a new one")
    catalog = bundle.catalogs.get(DatabaseName(task.grant.database))
    if catalog is None or catalog.owner_role is None or catalog.owner_role != task.grant.owner_role:
        raise RefusedByPolicy("policy.refused", "owner_role: expected the catalog's in the task's grant, got another")
    return catalog.owner_role


def check_consent(bundle: PolicyBundle, task: Task, decided: TaskApprovals | None) -> None:
    """Returns where people, and as many as the layer asks for, consented to these very statements.

    Raises `IntegrityError` (`approval.mismatch`).
    """
    check_decided(task, decided)
    needed = needed_approvals(bundle.approvals, task.grant, task.statements)
    if decided is None or decided.needed < needed:
        detail = f"statements: expected the approval of {needed} people, got a task that asked for fewer"
        raise IntegrityError("approval.mismatch", detail)


def check_opened(task: Task, decided: TaskApprovals | None) -> None:
    """Returns where the task asks for what it was opened with: who writes tasks by statements does not change it.

    Raises `IntegrityError` (`approval.mismatch`).
    """
    if decided is None or not is_as_opened(task, decided):
        raise IntegrityError("approval.mismatch", "task: expected the scope that it was opened with, got another")


def request_of(task: Task) -> TaskRequest:
    """What was asked for when a task of statements was opened, as far as policies are told of it."""
    return TaskRequest(
        database=DatabaseName(task.grant.database),
        purpose=task.purpose,
        ticket=task.ticket,
        access=(),
        unmask=(),
        lookup=(),
        ttl_s=task.ttl_s,
        budgets=Budgets(),
        statements=task.statements,
    )


def _hear(hearing: Hearing, bundle: PolicyBundle, action: str) -> Catalog | None:
    """The catalog, where the action on its database is permitted; refused in the same words where there is none."""
    catalog = bundle.catalogs.get(DatabaseName(hearing.database))
    if catalog is None or not hearing.permits(action, database_entity(catalog)):
        hearing.refuse_closed(action, f"`{action}`")
        return None
    return catalog
