"""A task as its principal sees it, and as those who may approve it: with everything that they would consent to.

Who may neither own nor approve a task is told the same as of a task that is not there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice

from postern.approval_ports import ApprovalStore, Estimator
from postern.approvals import Mine, Review
from postern.errors import DatabaseUnavailable, IntegrityError, NotFound
from postern.policy.approving import is_own, may_approve
from postern.policy.bundle import PolicyBundle
from postern.policy.decided import is_as_opened
from postern.ports import Clock, PolicySource, TaskStore
from postern.services.read_tasks import ReadTasks
from postern.types import Principal, Task, TaskId, TaskState

LISTED = 100
LOOKED_AT = 500  # of each database: to find those that the caller may approve among others


@dataclass(frozen=True, slots=True)
class ReviewTasks:
    """The use case. Raises `NotFound` where the caller may not approve the task, or there is none."""

    read: ReadTasks
    policy: PolicySource
    tasks: TaskStore
    approvals: ApprovalStore
    estimator: Estimator
    clock: Clock

    def one(self, principal: Principal, task_id: TaskId) -> Review:
        """The task with everything that an approver needs; the first who looks waits a moment for the estimates."""
        review = self._review(self.policy.load(), principal, self.tasks.get(task_id))
        if review is None:
            raise unknown(task_id)
        if not is_as_opened(review.task, review.approvals):
            # Who could change a task for as long as somebody looks would get consent to what nobody saw.
            raise IntegrityError(
                "approval.mismatch", "task: expected it as it was opened, got another: do not approve it"
            )
        return self._estimated(review)

    def pending(self, principal: Principal) -> Sequence[Review]:
        """Every task that waits and that this principal may approve, the oldest first, at most 100.

        They are sought among the oldest 500 of each database. One that is not as it was opened is left out: `one` says
        why.
        """
        if principal.on_behalf_of is not None:
            return []  # it approves nothing, so no task need be looked at
        bundle = self.policy.load()
        waiting = self.approvals.pending(sorted(bundle.databases), limit=LOOKED_AT)
        reviews = (self._waiting(bundle, principal, task_id) for task_id in waiting)
        return list(islice((review for review in reviews if review is not None), LISTED))

    def look(self, principal: Principal, task_id: TaskId) -> Mine | Review:
        """The principal's own task, or one that it may approve."""
        try:
            return self._mine(self.read.one(principal, task_id))
        except NotFound:
            return self.one(principal, task_id)

    def all(self, principal: Principal, *, waiting: bool) -> Sequence[Mine | Review]:
        """The principal's own tasks, or those that wait and that it may approve."""
        return self.pending(principal) if waiting else self.mine(principal)

    def mine(self, principal: Principal) -> Sequence[Mine]:
        """The principal's own tasks, newest first, at most 100."""
        return [self._mine(task) for task in self.read.all(principal)]

    def _waiting(self, bundle: PolicyBundle, principal: Principal, task_id: TaskId) -> Review | None:
        task = self.tasks.get(task_id)
        if task is None or task.state is not TaskState.PENDING_APPROVAL:
            self.approvals.forget(task_id)
            return None
        if task.expires_at_s <= self.clock.now_us() // 1_000_000:
            return None
        review = self._review(bundle, principal, task)
        return review if review is not None and is_as_opened(task, review.approvals) else None

    def _mine(self, task: Task) -> Mine:
        """Its principal is told how many approved, while that may change."""
        waits = task.state is TaskState.PENDING_APPROVAL
        return Mine(task, self.approvals.get(task.id) if waits else None)

    def _review(self, bundle: PolicyBundle, principal: Principal, task: Task | None) -> Review | None:
        if task is None:
            return None
        verdict = may_approve(bundle, principal, task, now_us=self.clock.now_us())
        if not verdict.is_permitted or is_own(principal, task):
            return None
        approvals = self.approvals.get(task.id)
        return None if approvals is None else Review(task, approvals, approvals.estimates or {})

    def _estimated(self, review: Review) -> Review:
        if review.approvals.estimates is not None or review.task.state is not TaskState.PENDING_APPROVAL:
            return review
        try:
            estimates = self.estimator.estimate(review.task.id)
        except DatabaseUnavailable:
            return review  # an approver who knows less can still decide; the next who looks asks again
        self.approvals.keep_estimates(review.task.id, estimates)
        return replace(review, estimates=estimates)


def unknown(task_id: TaskId) -> NotFound:
    """What who may not see a task is told, in the words of one that is not there."""
    return NotFound("task.unknown", f"task: expected one of yours, got {task_id!r}: list them at /v1/tasks")
