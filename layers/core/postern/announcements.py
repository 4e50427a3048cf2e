"""What people and machines outside are told of a task: its state, and nothing that could hold a value or a secret.

No purpose, ticket, statement, comment, table or column. Evolution: members may be added, none changes its meaning.
"""

from __future__ import annotations

from dataclasses import dataclass

from postern.types import Task, TaskState

_ALLOWED = frozenset({TaskState.PROVISIONING, TaskState.ACTIVE, TaskState.SUSPENDING, TaskState.SUSPENDED})


@dataclass(frozen=True, slots=True)
class Announcement:
    """A task in a new state, or one more approval of it."""

    task: Task
    before: TaskState | None = None  # None where it was created, or where the state before is not known
    given: int | None = None  # approvals; None where they are not known

    @property
    def approvals_given(self) -> int | None:
        """How many approvals the task has; all that it needs once its wait is over."""
        if self.given is not None:
            return self.given
        return self.task.approvals_needed if self.task.state in _ALLOWED else None
