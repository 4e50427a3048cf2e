"""What must hold before a task opens or is approved, beside policy: the one place that looks at rates and denials.

opening     before policy is asked: whoever asks too often, or is denied, is told so at once
creating    before what policy granted is recorded and stored
refusing    before it is recorded that somebody may not approve a task
speaking    before an approver's word is recorded
building    before the approval that lets a world be built is recorded
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from postern.denial_ports import Denials
from postern.denials import DenialKey, DenialKind, keys_against, refuse_denied
from postern.policy.bundle import PolicyBundle
from postern.policy.requests import TaskRequest
from postern.rate_ports import Rate, Rates
from postern.types import Principal, Task, TaskState


@dataclass(frozen=True, slots=True)
class AdmitTask:
    """Returns where the task is admitted; raises where it is not, and then nothing is recorded or stored.

    Raises `BudgetExceeded` (`rate.*`), `Conflict` (`task.revoked`), `DatabaseHeld`. What is asked for is counted,
    granted or not: a refusal costs a record as well.
    """

    rates: Rates
    denials: Denials

    def opening(self, bundle: PolicyBundle, principal: Principal, request: TaskRequest, *, now_s: int) -> None:
        """Of a request, whatever policy says to it."""
        most = bundle.limits.of(principal).openings
        self.rates.take(Rate.OPENINGS, principal.owner, 1, limit=most, now_s=now_s)
        # Looked at here so that nothing is recorded, built or queued for nothing. What forbids it for certain is the
        # transaction in which it becomes active.
        keys = keys_against(principal, request.database, runs_once=bool(request.statements))
        if (denial := self.denials.standing(keys)) is not None:
            raise refuse_denied(denial)

    def creating(self, bundle: PolicyBundle, task: Task, *, now_s: int) -> None:
        """Of a task that policy grants and that is about to be stored."""
        if task.state is TaskState.PENDING_APPROVAL:
            most = bundle.limits.of(task.principal).pending
            self.rates.queue(task.principal.owner, task.id, limit=most, now_s=now_s)
        else:
            self.building(bundle, task, now_s=now_s)

    def refusing(self, bundle: PolicyBundle, approver: Principal, *, now_s: int) -> None:
        """Of a word that will be refused: its record counts as that of a task which was asked for and refused."""
        most = bundle.limits.of(approver).openings
        self.rates.take(Rate.OPENINGS, approver.owner, 1, limit=most, now_s=now_s)

    def speaking(self, keys: Collection[DenialKey]) -> None:
        """Of a word that none of these denials may stand against."""
        if (denial := self.denials.standing(keys)) is not None:
            raise refuse_denied(denial)

    def building(self, bundle: PolicyBundle, task: Task, *, now_s: int) -> None:
        """Of a task whose world is about to be built."""
        most = bundle.limits.provisions_of(task.grant.database)
        self.rates.take(Rate.PROVISIONS, task.grant.database, 1, limit=most, now_s=now_s)


def keys_on_speaker(approver: str) -> tuple[DenialKey, ...]:
    """The denials each of which forbids this principal to approve or deny anything: a stolen token approves nothing."""
    issuer, _, _ = approver.partition("|")
    return (DenialKey(DenialKind.PRINCIPAL, approver), DenialKey(DenialKind.ISSUER, issuer))
