"""Approves or denies a task that waits for people.

Who may is Cedar's to say, with the product's own `postern.four-eyes` among its policies; here it is looked at once
more, by every name that the tokens give: nobody approves what they asked for, or what was asked for on their behalf.
An agent never approves, on whosever behalf.

Crash points: after the record and before the transaction, the record names an approval that never counted; the approver
tries again. After the transaction that counted the last one and before the world stands, the task is `provisioning`;
its deadline ends it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from postern.announcements import Announcement
from postern.approval_ports import Announcer, ApprovalStore, Approved, Runner
from postern.approvals import SAME_PERSON, Approval, Said, TaskApprovals, Word
from postern.audit.approval_bodies import approval_event
from postern.denials import DenialKey, keys_against
from postern.errors import Conflict, RefusedByPolicy
from postern.masking.detectors import redact_text
from postern.policy.approving import is_own, may_approve
from postern.policy.bundle import PolicyBundle
from postern.policy.cedar import Verdict
from postern.policy.decided import BUILDING_S
from postern.policy.persons import is_among, names_of
from postern.policy.scope_digest import scope_digest
from postern.ports import Clock, Identifiers, PolicySource, Provisioner, RecordStore, TaskStore
from postern.services.admit_task import AdmitTask, keys_on_speaker
from postern.services.review_tasks import unknown
from postern.task_states import END
from postern.types import CommandId, Principal, Task, TaskId, TaskState

_UNDER_WAY = frozenset({TaskState.PENDING_APPROVAL, TaskState.PROVISIONING, TaskState.ACTIVE})


@dataclass(frozen=True, slots=True)
class _Case:
    """One word before it is recorded."""

    bundle: PolicyBundle
    approver: Principal
    task: Task
    approvals: TaskApprovals
    verdict: Verdict
    said: Said
    now_us: int

    @property
    def now_s(self) -> int:
        return self.now_us // 1_000_000


@dataclass(frozen=True, slots=True)
class ApproveTask:
    """The use case. An approver's second approval of a task is answered as its first, and recorded no more.

    Raises `NotFound` for who may not approve, `RefusedByPolicy` (`approval.*`) for who may not approve this task,
    `Conflict` where nothing counts any more, and what provisioning raises after the last approval counted.
    """

    policy: PolicySource
    tasks: TaskStore
    approvals: ApprovalStore
    records: RecordStore
    admit: AdmitTask
    provisioner: Provisioner
    runner: Runner
    announcer: Announcer
    identifiers: Identifiers
    clock: Clock

    def run(self, principal: Principal, task_id: TaskId, said: Said) -> Approved:
        if principal.on_behalf_of is not None:
            # Before anything is looked up: what an agent is told does not depend on any task.
            raise RefusedByPolicy(
                "approval.delegated", "an agent that acts for a person approves nothing: ask a person"
            )
        case = self._case(principal, task_id, replace(said, comment=redact_text(said.comment)))
        self._check_eyes(case)
        if self._is_repeated(case):
            if case.task.runs_once and case.task.state is TaskState.ACTIVE:
                # The first start may have been lost, and to start what was started is harmless.
                self.runner.start(task_id)
            return Approved(case.task, case.approvals)
        self._check_wait(case)
        self.admit.speaking(_keys_on(case))
        if said.word is Word.DENY:
            return self._deny(case)
        return self._approve(case)

    def _case(self, principal: Principal, task_id: TaskId, said: Said) -> _Case:
        now_us = self.clock.now_us()
        bundle, task = self.policy.load(), self.tasks.get(task_id)
        if task is None:
            raise unknown(task_id)
        verdict = may_approve(bundle, principal, task, now_us=now_us)
        approvals = self.approvals.get(task_id)
        # Whose task it is knows of it already, and is told why not.
        if approvals is None or not (verdict.is_permitted or is_own(principal, task)):
            raise unknown(task_id)
        return _Case(bundle, principal, task, approvals, verdict, said, now_us)

    def _check_eyes(self, case: _Case) -> None:
        if is_own(case.approver, case.task) or not case.verdict.is_permitted:
            raise self._refuse(
                case,
                "approval.four_eyes",
                "this task is yours, or was opened on your behalf, as far as names tell: another person must decide",
            )
        others = [one.names for one in case.approvals.given if one.approver != case.approver.id]
        if case.said.word is Word.APPROVE and is_among(names_of(case.approver), others):
            raise self._refuse(case, "approval.same_person", SAME_PERSON)

    def _is_repeated(self, case: _Case) -> bool:
        """The second click on what was said before, where that still holds."""
        if case.said.word is Word.DENY:
            denied = case.approvals.denied
            return denied is not None and denied.approver == case.approver.id
        is_same = any(one.approver == case.approver.id for one in case.approvals.given)
        return is_same and case.task.state in _UNDER_WAY

    def _check_wait(self, case: _Case) -> None:
        """Returns where the task still waits, for exactly what the approver saw, under today's policy."""
        task = case.task
        if task.state is not TaskState.PENDING_APPROVAL:
            raise Conflict("task.state", f"task: expected it to wait for approval, got {task.state.value}")
        if task.expires_at_s <= case.now_s:
            raise Conflict("task.expired", "its wait for approval is over: it must be asked for anew")
        if task.grant.policy_digest != case.bundle.digest:
            self.tasks.move(task.id, END)
            raise Conflict(
                "task.policy_changed", "the policy changed since this task was opened, so it was ended: open a new one"
            )
        digest = scope_digest(task)
        if digest != case.approvals.digest or case.said.digest not in {None, digest}:
            raise Conflict(
                "approval.changed", "scope_digest: expected the digest that the task has now: look at it once more"
            )

    def _approve(self, case: _Case) -> Approved:
        if case.approvals.missing <= 1:
            self.admit.building(case.bundle, case.task, now_s=case.now_s)
        approval = self._record(case)
        approved = self.approvals.approve(
            case.task,
            approval,
            now_s=case.now_s,
            expires_at_s=case.now_s + BUILDING_S,
            unless=_keys_on(case),
        )
        if approval not in approved.approvals.given:
            return approved  # the same click came twice, and the other one counted
        self._announce(approved)
        if approved.approvals.missing or approved.approvals.given[-1] != approval:
            return approved
        self.provisioner.provision(case.task.id)
        if case.task.runs_once:
            self.runner.start(case.task.id)
        return replace(approved, task=self._read(case.task.id))

    def _deny(self, case: _Case) -> Approved:
        denied = self.approvals.deny(case.task, self._record(case), now_s=case.now_s, unless=_keys_on(case))
        self._announce(denied)
        self.provisioner.tear_down(case.task.id)
        return replace(denied, task=self._read(case.task.id))

    def _record(self, case: _Case) -> Approval:
        event_id = self.identifiers.command_id(case.now_us)
        self._put(case, event_id=event_id, result=case.said.word.value)
        return Approval(
            approver=case.approver.id,
            names=names_of(case.approver),
            token_sha256=case.approver.token_sha256,
            at_s=case.now_s,
            comment=case.said.comment,
            event_id=event_id,
        )

    def _refuse(self, case: _Case, code: str, detail: str) -> RefusedByPolicy:
        self.admit.refusing(case.bundle, case.approver, now_s=case.now_s)
        event_id = self.identifiers.command_id(case.now_us)
        self._put(case, event_id=event_id, result="refuse", code=code)
        return RefusedByPolicy(code, detail, command_id=event_id)

    def _put(self, case: _Case, *, event_id: CommandId, result: str, code: str | None = None) -> None:
        self.records.put(
            approval_event(
                event_id,
                case.now_us,
                case.approver,
                case.task,
                case.approvals,
                result=result,
                comment=case.said.comment,
                policies=case.verdict.policies,
                policy_digest=case.bundle.digest,
                code=code,
            )
        )

    def _announce(self, approved: Approved) -> None:
        given = len(approved.approvals.given)
        self.announcer.announce(Announcement(approved.task, before=TaskState.PENDING_APPROVAL, given=given))

    def _read(self, task_id: TaskId) -> Task:
        task = self.tasks.get(task_id)
        if task is None:
            raise unknown(task_id)
        return task


def _keys_on(case: _Case) -> tuple[DenialKey, ...]:
    """The denials that keep the word from counting: of who says it.

    Of an approval also those of whose task it is and where, and of who approved before: they may have been shut out
    because it was not them.
    """
    task, speaker = case.task, keys_on_speaker(case.approver.id)
    if case.said.word is Word.DENY:
        return speaker
    keys = keys_against(task.principal, task.grant.database, runs_once=task.runs_once)
    earlier = (key for one in case.approvals.given for key in keys_on_speaker(one.approver))
    return tuple(dict.fromkeys((*keys, *speaker, *earlier)))
