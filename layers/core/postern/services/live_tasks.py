"""The live tasks of databases whose operators or auditors ask: who works there now, what for, and what is left of it.

Live is every task whose world stands, is being built, waits for a hold to end, or goes; not one that waits for people.
Who may revoke or audit a database sees its tasks, with a token of its own that no denial is about.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from postern.approval_ports import ApprovalStore
from postern.denial_ports import Denials, OpenTasks
from postern.denials import OpenTask, keys_against_caller
from postern.policy.cedar import Inquiry
from postern.policy.entities import Entity
from postern.policy.task_context import time_context
from postern.ports import Clock, PolicySource, TaskStore
from postern.types import Budgets, Principal, Task, TaskId, TaskState

LISTED = 200


@dataclass(frozen=True, slots=True)
class LiveTask:
    """A task as its operators see it. `granted` is None where the account of its opening is gone."""

    task: Task
    granted: Budgets | None
    may_revoke: bool


@dataclass(frozen=True, slots=True)
class LivePage:
    """The youngest first. `next` is the task after which more may follow; None at the end."""

    tasks: Sequence[LiveTask]
    next: TaskId | None


@dataclass(frozen=True, slots=True)
class LiveTasks:
    """The use case. Raises `PolicyUnavailable`, `StateUnavailable`.

    It reads the small items of all open tasks, as a revocation does, and the whole of those that it shows.
    """

    policy: PolicySource
    denials: Denials
    open_tasks: OpenTasks
    tasks: TaskStore
    approvals: ApprovalStore
    clock: Clock

    def page(self, principal: Principal, after: TaskId | None) -> LivePage:
        """At most 200 of those that this principal may see, from after this task on."""
        if principal.on_behalf_of is not None or self.denials.standing(keys_against_caller(principal)) is not None:
            return LivePage((), None)
        bundle = self.policy.load()
        asked = bundle.cedar.asked_by(principal, time_context(self.clock.now_us()))
        revocable = {name for name in bundle.catalogs if _may(asked, "revoke", name)}
        seen = {name for name in bundle.catalogs if name in revocable or _may(asked, "audit", name)}
        if not seen:
            return LivePage((), None)
        # A task's id begins with the time of its opening, so the order of ids is that of age.
        live = sorted((one for one in self.open_tasks.all() if _is_live(one)), key=lambda one: one.id, reverse=True)
        open_to = [one for one in live if one.database in seen and (after is None or one.id < after)]
        shown = [self._shown(one, may_revoke=one.database in revocable) for one in open_to[:LISTED]]
        last = open_to[LISTED - 1].id if len(open_to) > LISTED else None
        return LivePage([one for one in shown if one is not None], last)

    def _shown(self, one: OpenTask, *, may_revoke: bool) -> LiveTask | None:
        """None where it went away in the meantime."""
        task = self.tasks.get(one.id)
        if task is None or task.state.is_final or task.grant.database != one.database:
            return None
        opened = self.approvals.get(task.id)
        return LiveTask(task, None if opened is None else opened.budgets, may_revoke)


def _is_live(task: OpenTask) -> bool:
    return not task.state.is_final and task.state is not TaskState.PENDING_APPROVAL


def _may(asked: Inquiry, action: str, database: str) -> bool:
    return asked.may(action, Entity("Database", database)).is_permitted
