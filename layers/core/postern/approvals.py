"""What people said to a task that waited for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from postern.types import Budgets, CommandId, Sha256Hex, Task

SAME_PERSON = "you approved this task already, by another name: another person must"


class Word(StrEnum):
    """What an approver says."""

    APPROVE = "approve"
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class Said:
    """An approver's word on a task, and the digest of the scope that it is about, where the approver names it."""

    word: Word
    comment: str
    digest: Sha256Hex | None = None


@dataclass(frozen=True, slots=True)
class Approval:
    """One person's word on a task: a consent, or the denial that ended its wait."""

    approver: str  # `<issuer name>|<sub>`
    names: tuple[str, ...]  # by which this person may be known elsewhere: see `policy.persons`
    token_sha256: Sha256Hex
    at_s: int
    comment: str  # as it was recorded: what the detectors found is replaced
    event_id: CommandId  # of its record


@dataclass(frozen=True, slots=True)
class TaskApprovals:
    """What was decided about a task when it was opened, and what people said since. There is one for every task.

    Kept apart from the task's own items, since the function that runs statements writes those: it cannot write these.
    """

    needed: int  # 0 where policy approved by itself
    digest: Sha256Hex  # of the scope: see `policy.scope_digest`
    budgets: Budgets  # that the task was opened with
    opened_at_s: int
    given: tuple[Approval, ...] = ()  # in the order in which they counted
    denied: Approval | None = None
    estimates: Mapping[str, int] | None = None  # rows by table; None until somebody asked

    @property
    def missing(self) -> int:
        return max(0, self.needed - len(self.given))


@dataclass(frozen=True, slots=True)
class Review:
    """A task before an approver. `estimates` are rows by table, as far as the database could tell them."""

    task: Task
    approvals: TaskApprovals
    estimates: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Mine:
    """A task before its own principal, and what was said to it where people must approve it."""

    task: Task
    approvals: TaskApprovals | None
