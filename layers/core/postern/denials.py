"""What operators have shut: a principal, an issuer, a database; and the hold of a database for maintenance.

A denial stands in the state table until it is lifted. It is looked at when a task opens and once more in the very
transaction that makes a task active: after a denial is written no task that it is about becomes active. Tasks that were
active before are found by who wrote it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from postern.errors import Conflict
from postern.types import DatabaseName, Principal


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

    def __str__(self) -> str:
        return f"{self.kind.value}#{self.name}"


def keys_against(principal: Principal, database: DatabaseName, *, runs_once: bool) -> tuple[DenialKey, ...]:
    """The denials each of which forbids this principal a task in this database.

    A hold is there so that a migration is not blocked by views: it does not stop a task that runs once.
    """
    about = [
        DenialKey(DenialKind.PRINCIPAL, principal.id),
        DenialKey(DenialKind.ISSUER, principal.issuer),
        DenialKey(DenialKind.DATABASE, database),
    ]
    if principal.on_behalf_of is not None:
        about.append(DenialKey(DenialKind.PRINCIPAL, f"{principal.issuer}|{principal.on_behalf_of}"))
    if not runs_once:
        about.append(DenialKey(DenialKind.HOLD, database))
    return tuple(about)


def refuse_denied(denial: DenialKey) -> Conflict:
    """What a caller is told whose task a denial forbids."""
    if denial.kind is DenialKind.HOLD:
        return Conflict(
            "database.held",
            f"database {denial.name} is held for maintenance: try again once an operator has released it",
        )
    return Conflict("task.revoked", f"access was revoked for this {denial.kind.value}: ask an operator")
