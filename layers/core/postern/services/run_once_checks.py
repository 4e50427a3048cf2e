"""What is asked about a task of statements before anything of it runs, by the function that runs it.

It believes nobody: the digest is taken anew over the task as it is stored and held against what people consented to,
which the functions that write tasks by statements cannot write; the statements go through their check once more.
"""

from __future__ import annotations

from dataclasses import dataclass

from postern.approvals import TaskApprovals
from postern.audit.approval_bodies import decided_member
from postern.audit.bodies import Body
from postern.errors import PosternError, RefusedByPolicy, Unprocessable
from postern.policy.bundle import PolicyBundle
from postern.policy.decide_statements import check_consent, check_opened, run_as
from postern.run_once.check import check_statements
from postern.run_once.verdict import Accepted, Refused
from postern.server_majors import SUPPORTED_MAJORS
from postern.types import Task


@dataclass(frozen=True, slots=True)
class Cleared:
    """A task whose statements may run: as whom, and under whose consent."""

    owner_role: str
    accepted: Accepted
    approval: Body | None


def clear_run(bundle: PolicyBundle, task: Task, decided: TaskApprovals | None) -> Cleared:
    """The statements that may run for good. Raises what is wrong with them or with the consent to them."""
    check_consent(bundle, task, decided)
    approval = None if decided is None else decided_member(decided)
    return Cleared(run_as(bundle, task), _accepted(task), approval)


def clear_dry_run(bundle: PolicyBundle, task: Task, decided: TaskApprovals | None) -> Cleared:
    """The statements that may be tried and rolled back: nobody need have approved them yet."""
    check_opened(task, decided)
    return Cleared(run_as(bundle, task), _accepted(task), None)


def refusal_of(refused: Refused) -> PosternError:
    """The error that tells the caller which statement cannot stand, where, and why."""
    place = "" if refused.index is None else f"statements[{refused.index}]: "
    if refused.code == "sql.syntax":
        return Unprocessable(refused.code, place + refused.reason, position=refused.position)
    return RefusedByPolicy(refused.code, place + refused.reason, position=refused.position)


def _accepted(task: Task) -> Accepted:
    verdict = check_statements(task.statements, server_major=task.server_major or max(SUPPORTED_MAJORS))
    if isinstance(verdict, Refused):
        raise refusal_of(verdict)
    return verdict
