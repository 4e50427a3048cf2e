"""What approving needs from the world outside, with the guarantee each port gives in words."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from postern.announcements import Announcement
from postern.approvals import Approval, TaskApprovals
from postern.denials import DenialKey
from postern.types import DatabaseAddress, DatabaseName, Grant, Task, TaskId


@dataclass(frozen=True, slots=True)
class Approved:
    """What an approval came to; `task` has left its wait where it was the last one needed."""

    task: Task
    approvals: TaskApprovals


class ApprovalStore(Protocol):
    """Approvals, each written in one transaction with the state of its task. Reads are strongly consistent.

    `TaskStore.create` makes a task's item, in the same transaction as the task. Raises `StateUnavailable`.
    """

    def get(self, task_id: TaskId) -> TaskApprovals | None: ...

    def approve(
        self, task: Task, approval: Approval, *, now_s: int, expires_at_s: int, unless: Collection[DenialKey]
    ) -> Approved:
        """Adds a consent to the task's scope digest; the last one needed moves the task to `provisioning`.

        `expires_at_s` is then its deadline. Approving twice as the same approver counts once. All or nothing: raises
        `Conflict` and counts nothing where the task no longer waits (`task.state`), its wait is over
        (`task.expired`), its digest is not the one it was opened with (`approval.changed`) or one of the denials
        stands (`task.revoked`, `database.held`); `RefusedByPolicy` (`approval.same_person`) where an approval that
        counted may be the same person's by another name; `NotFound` where it is absent.
        """
        ...

    def deny(self, task: Task, denial: Approval, *, now_s: int, unless: Collection[DenialKey]) -> Approved:
        """Ends the task's wait with a denial: it is `ending`, on its way to `denied`. Raises as `approve` does."""
        ...

    def pending(self, databases: Collection[DatabaseName], *, limit: int) -> Sequence[TaskId]:
        """Tasks of these databases that may wait for approval, the oldest first. Eventually consistent.

        `limit` is of each database: what waits in one hides nothing that waits in another.

        Some of them may have ended since, in other ways than by an approval: `forget` takes them from the list.
        """
        ...

    def forget(self, task_id: TaskId) -> None:
        """Takes a task that no longer waits from the list of `pending`. Idempotent."""
        ...

    def keep_estimates(self, task_id: TaskId, estimates: Mapping[str, int]) -> None:
        """Keeps what was estimated, for who looks next. Nothing is bound by it."""
        ...


class Estimator(Protocol):
    """Asks the database how many rows its tables may have."""

    def estimate(self, task_id: TaskId) -> Mapping[str, int]:
        """Rows by table, as the planner's statistics have them; a table that was never counted is left out.

        Raises `DatabaseUnavailable` where no answer came in a short time.
        """
        ...


class RowCounts(Protocol):
    """Reads a database's own estimates. Raises `DatabaseUnavailable`."""

    def rows(self, grant: Grant, address: DatabaseAddress) -> Mapping[str, int]:
        """Rows by table, as `Estimator.estimate` gives them."""
        ...


class Announcer(Protocol):
    """Tells whoever listens outside. Best effort: what is lost is counted and never raised, and takes a second at most.

    Called after the durable write. A process that dies between the two tells nobody: who must know asks the task, or
    reads the records.
    """

    def announce(self, announcement: Announcement) -> None: ...


class Runner(Protocol):
    """Starts the function that runs a task's run-once statements, and does not wait for it."""

    def start(self, task_id: TaskId) -> None:
        """Returns once the invocation is accepted. Raises `DatabaseUnavailable` where it is not.

        The function claims the task once: to start it twice is harmless.
        """
        ...
