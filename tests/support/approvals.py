"""Fakes of what approving needs. `tests/contract/test_approval_store.py` holds the store to the real one's contract."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from postern.approval_ports import Approved
from postern.approvals import Approval, TaskApprovals
from postern.denials import DenialKey, refuse_denied
from postern.errors import Conflict, DatabaseUnavailable, NotFound, RefusedByPolicy
from postern.policy.persons import is_among
from postern.task_states import APPROVE, DENY
from postern.types import DatabaseName, Task, TaskId, TaskState
from tests.support.fake_task_store import FakeTaskStore


@dataclass
class FakeApprovalStore:
    """Keeps `approval_ports.ApprovalStore`'s contract over the tasks of a fake store."""

    tasks: FakeTaskStore

    def get(self, task_id: TaskId) -> TaskApprovals | None:
        self.tasks._reach()
        return self.tasks.approvals.get(task_id)

    def approve(
        self, task: Task, approval: Approval, *, now_s: int, expires_at_s: int, unless: Collection[DenialKey]
    ) -> Approved:
        with self.tasks._lock:
            known = self._known(task)
            if any(one.approver == approval.approver for one in known.given):
                return Approved(self.tasks.tasks[task.id], known)
            if is_among(approval.names, [one.names for one in known.given]):
                raise RefusedByPolicy("approval.same_person", "by another name")
            self._check(task, known, now_s)
            for denial in unless:
                if denial in self.tasks.denials:
                    raise refuse_denied(denial)
            known = replace(known, given=(*known.given, approval))
            self.tasks.approvals[task.id] = known
        if known.missing:
            return Approved(self.tasks.tasks[task.id], known)
        return Approved(self.tasks.move(task.id, APPROVE, expires_at_s=expires_at_s), known)

    def deny(self, task: Task, denial: Approval, *, now_s: int, unless: Collection[DenialKey]) -> Approved:
        known = self._known(task)
        self._check(task, known, now_s)
        for shut in unless:
            if shut in self.tasks.denials:
                raise refuse_denied(shut)
        self.tasks.approvals[task.id] = replace(known, denied=denial)
        return Approved(self.tasks.move(task.id, DENY), self.tasks.approvals[task.id])

    def pending(self, databases: Collection[DatabaseName], *, limit: int) -> Sequence[TaskId]:
        waiting = (task for task in self.tasks.tasks.values() if task.state is TaskState.PENDING_APPROVAL)
        ids = [(task.grant.database, task.id) for task in sorted(waiting, key=lambda task: task.id)]
        return sorted(one for name in databases for one in [id_ for database, id_ in ids if database == name][:limit])

    def forget(self, task_id: TaskId) -> None:
        assert self.tasks.tasks[task_id].state is not TaskState.PENDING_APPROVAL

    def keep_estimates(self, task_id: TaskId, estimates: Mapping[str, int]) -> None:
        self.tasks.approvals[task_id] = replace(self.tasks.approvals[task_id], estimates=estimates)

    def _known(self, task: Task) -> TaskApprovals:
        known = self.get(task.id)
        if known is None:
            raise NotFound("task.unknown", "task: expected one that exists")
        return known

    def _check(self, task: Task, known: TaskApprovals, now_s: int) -> None:
        stored = self.tasks.tasks[task.id]
        if stored.state is not TaskState.PENDING_APPROVAL:
            raise Conflict("task.state", f"task: expected it to wait for approval, got {stored.state.value}")
        if stored.expires_at_s <= now_s:
            raise Conflict("task.expired", "its wait for approval is over: open a new task")
        if known.digest != task.scope_digest:
            raise Conflict("approval.changed", "another scope")


@dataclass
class FakeEstimator:
    """What the database would answer; None where it does not."""

    rows: Mapping[str, int] | None = None
    asked: list[TaskId] = field(default_factory=list)

    def estimate(self, task_id: TaskId) -> Mapping[str, int]:
        self.asked.append(task_id)
        if self.rows is None:
            raise DatabaseUnavailable("database.unavailable", "away")
        return self.rows


@dataclass
class FakeRunner:
    """Which tasks were started."""

    started: list[TaskId] = field(default_factory=list)

    def start(self, task_id: TaskId) -> None:
        self.started.append(task_id)
