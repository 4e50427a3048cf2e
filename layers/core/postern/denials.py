"""What operators have shut: a principal, an issuer, a database; and the hold of a database for maintenance.

A denial stands in the state table until it is lifted. It is looked at when a task opens and once more in the very
transaction that makes a task active: after a denial is written no task that it is about becomes active. Tasks that were
active before are found by who wrote it, and for a while by the reaper.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from postern.errors import Conflict, DatabaseHeld
from postern.task_states import FAIL, REVOKE, SUSPEND, Move
from postern.types import CommandId, DatabaseName, Principal, TaskId, TaskState

HELD_RETRY_S = 30  # a hold lasts as long as a migration: nobody knows how long


class DenialKind(StrEnum):
    PRINCIPAL = "principal"  # `<issuer name>|<sub>`: who acts, or on whose behalf
    ISSUER = "issuer"  # an issuer's name in issuers.yaml
    DATABASE = "database"
    HOLD = "hold"  # of a database: its worlds are dropped, its tasks go on once it is released


@dataclass(frozen=True, slots=True, order=True)
class DenialKey:
    """What a denial is about; there is one at most for each."""

    kind: DenialKind
    name: str

    @property
    def database(self) -> DatabaseName | None:
        """The one database that it is about; None where it may be about all."""
        return DatabaseName(self.name) if self.kind in (DenialKind.DATABASE, DenialKind.HOLD) else None

    def __str__(self) -> str:
        return f"{self.kind.value}#{self.name}"


@dataclass(frozen=True, slots=True)
class Denial:
    """A denial as it is kept. Once it is lifted it forbids nothing; it is kept for a while to be looked at."""

    key: DenialKey
    id: CommandId  # of the event that says so, and by which it is lifted
    at_s: int
    by: str  # a `Principal.id`
    reason: str  # as it was recorded
    expires_at_s: int | None = None  # when it is lifted by itself
    lifted_at_s: int | None = None
    settled: bool = False  # no task has to be looked for any more

    @property
    def stands(self) -> bool:
        return self.lifted_at_s is None


@dataclass(frozen=True, slots=True)
class OpenTask:
    """A task in no final state, as far as denials are concerned with it."""

    id: TaskId
    state: TaskState
    principal: str  # a `Principal.id`
    on_behalf_of: str | None
    issuer: str
    database: DatabaseName
    runs_once: bool
    worlds: int  # that stood so far

    @property
    def is_going(self) -> bool:
        """Whether its world is on its way out."""
        return self.state in (TaskState.ENDING, TaskState.SUSPENDING)


def keys_against(principal: Principal, database: DatabaseName, *, runs_once: bool) -> tuple[DenialKey, ...]:
    """The denials each of which forbids this principal a task in this database.

    A hold is there so that a migration is not blocked by views: it does not stop a task that runs once.
    """
    about = [*keys_against_caller(principal), DenialKey(DenialKind.DATABASE, database)]
    if not runs_once:
        about.append(DenialKey(DenialKind.HOLD, database))
    return tuple(about)


def keys_against_caller(principal: Principal) -> tuple[DenialKey, ...]:
    """The denials of who calls, whatever it calls for: of itself, of the person it acts for, of its issuer."""
    about = [DenialKey(DenialKind.PRINCIPAL, principal.id), DenialKey(DenialKind.ISSUER, principal.issuer)]
    if principal.on_behalf_of is not None:
        about.append(DenialKey(DenialKind.PRINCIPAL, f"{principal.issuer}|{principal.on_behalf_of}"))
    return tuple(dict.fromkeys(about))  # it may act for itself


def is_about(denial: DenialKey, task: OpenTask) -> bool:
    """Whether the denial forbids this task: the other side of `keys_against`."""
    match denial.kind:
        case DenialKind.PRINCIPAL:
            persons = {task.principal, f"{task.issuer}|{task.on_behalf_of}"} if task.on_behalf_of else {task.principal}
            return denial.name in persons
        case DenialKind.ISSUER:
            return denial.name == task.issuer
        case DenialKind.DATABASE:
            return denial.name == task.database
        case DenialKind.HOLD:
            return denial.name == task.database and not task.runs_once


def move_for(denial: DenialKey, task: OpenTask) -> Move | None:
    """What a denial that is about the task does to it; None where there is nothing to do, or it is going already."""
    if denial.kind is not DenialKind.HOLD:
        return REVOKE if task.state in REVOKE.sources else None
    if task.state is TaskState.PROVISIONING and not task.worlds:
        return FAIL  # who opens it waits for the answer, and asks again
    return SUSPEND if task.state in SUSPEND.sources else None


def refuse_denied(denial: DenialKey) -> Conflict | DatabaseHeld:
    """What a caller is told whose task a denial forbids."""
    if denial.kind is DenialKind.HOLD:
        return DatabaseHeld(
            "database.held",
            f"database {denial.name} is held for maintenance: try again once an operator has released it",
            retry_after_s=HELD_RETRY_S,
        )
    return Conflict("task.revoked", f"access was revoked for this {denial.kind.value}: ask an operator")
