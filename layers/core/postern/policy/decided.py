"""Whether a task is the one that policy, or people, said yes to: asked before anything is built for it."""

from __future__ import annotations

from dataclasses import astuple, replace

from postern.approvals import TaskApprovals
from postern.errors import IntegrityError
from postern.policy.persons import is_among
from postern.policy.scope_digest import scope_digest
from postern.types import Task

BUILDING_S = 120  # for as long after the yes a world may be built: the function that does has 60 s
LONGEST_TTL_S = 28_800  # that a task may ask for
TIMER_S = 900  # in which the timer ends a task that is past its deadline: it has tried several times by then


def check_decided(task: Task, decided: TaskApprovals | None) -> TaskApprovals:
    """What was decided, where it was consent to this very task. Raises `IntegrityError` (`approval.mismatch`).

    The digest is taken anew, over the budgets that the task was opened with: of these it may have used some since, and
    can never have more.
    """
    if decided is None:
        raise _mismatch("what was decided about it", "nothing")
    if not is_as_opened(task, decided):
        raise _mismatch("the scope that it was opened with", "another")
    if any(left > opened for left, opened in zip(astuple(task.budgets), astuple(decided.budgets), strict=True)):
        raise _mismatch("at most the budgets that it was opened with", "more")
    if decided.denied is not None:
        raise _mismatch("no denial", "one")
    if persons(decided) < decided.needed:
        raise _mismatch(f"{decided.needed} people's approval", str(persons(decided)))
    return decided


def check_in_time(task: Task, decided: TaskApprovals, *, now_s: int) -> None:
    """Returns where the task, which was decided so, may still have a world. Raises as `check_decided` does."""
    if now_s >= ends_by_s(task, decided):
        raise _mismatch("one whose time is not over", "one that ended")


def ends_by_s(task: Task, decided: TaskApprovals) -> int:
    """When the task ends at the latest, whatever its own items say: who writes those makes no task live longer."""
    return max((one.at_s for one in decided.given), default=decided.opened_at_s) + BUILDING_S + task.ttl_s


def is_past_consent(task: Task, decided: TaskApprovals, *, now_s: int) -> bool:
    """Whether its world should be gone by what was decided about it, for whatever its own items say."""
    return now_s >= ends_by_s(replace(task, ttl_s=min(task.ttl_s, LONGEST_TTL_S)), decided) + TIMER_S


def is_as_opened(task: Task, decided: TaskApprovals) -> bool:
    """Whether the task asks for exactly what it was opened with, whatever it has used of its budgets since."""
    return scope_digest(task, budgets=decided.budgets) == decided.digest


def persons(decided: TaskApprovals) -> int:
    """How many different people approved."""
    counted: list[tuple[str, ...]] = []
    for one in decided.given:
        if not is_among(one.names, counted):
            counted.append(one.names)
    return len(counted)


def _mismatch(expected: str, got: str) -> IntegrityError:
    return IntegrityError("approval.mismatch", f"task: expected {expected}, got {got}; it is not built")
