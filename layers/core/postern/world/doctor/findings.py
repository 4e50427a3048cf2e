"""What a check is and what it finds.

A check asks one query, whose columns are all text, and reads findings from its rows. It never asks for a value of a
user's table: names, rights and settings are all that it sees.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from postern.world.live import TableKey
from postern.world.names import quote_ident

Row = Sequence[str | None]


class Severity(StrEnum):
    """How bad a finding is, worst first.

    high: an agent behind the guard could read or change what it was not granted, or act as somebody else.
    medium: one more slip, of ours or of the application's, and it could.
    low: it widens what an agent can learn or use up.
    info: to know; it cannot be closed here, or closing it may cost more than it gives.
    """

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"

    def is_at_least(self, other: Severity) -> bool:
        order = list(Severity)
        return order.index(self) <= order.index(other)


@dataclass(frozen=True, slots=True)
class Subject:
    """What of the database matters: the catalogued columns by table, none where no catalog was named.

    `owner_role` is as whom run-once statements run, None where there are none; they make things in `schema_default`.
    """

    tables: dict[TableKey, tuple[str, ...]] = field(default_factory=dict)
    owner_role: str | None = None
    schema_default: str = "public"


@dataclass(frozen=True, slots=True)
class Finding:
    """One weakness. `mend` are statements, in order, each of which runs alone; empty where no SQL here mends it."""

    check: str
    severity: Severity
    what: str  # names are quoted as SQL identifiers
    why: str
    mend: tuple[str, ...] = ()
    advice: str = ""  # what to know before the SQL is run, or to do where there is none


@dataclass(frozen=True, slots=True)
class Check:
    """One question. `severity` is the worst that it finds; `read` makes findings of rows of `sql`'s answer.

    `sql` gives None where there is nothing to ask.
    """

    name: str
    severity: Severity
    finds: str  # for the table in docs/doctor.md
    why: str
    sql: Callable[[Subject], str | None]
    read: Callable[[Check, Iterable[Row]], Iterator[Finding]]

    def finding(
        self,
        what: str,
        mend: Iterable[str] = (),
        *,
        severity: Severity | None = None,
        why: str | None = None,
        advice: str = "",
    ) -> Finding:
        """A finding of this check, as bad as the check says and for its reason unless told otherwise."""
        return Finding(self.name, severity or self.severity, what, why or self.why, tuple(mend), advice)


def always(sql: str) -> Callable[[Subject], str]:
    """A question that does not depend on the catalog."""
    return lambda _subject: sql


def text(value: str | None) -> str:
    """A value that the query never gives as NULL."""
    if value is None:
        raise ValueError("doctor: expected a value from the query, got NULL")
    return value


def as_grantor(grantor: str | None, owner: str | None, statement: str) -> tuple[str, ...]:
    """The statement as whoever granted what it takes away: REVOKE reaches no other role's grants.

    A superuser, or a member of the owner, acts as the owner anyway.
    """
    if grantor is None or grantor == owner:
        return (statement,)
    return (f"SET ROLE {quote_ident(grantor)}", statement, "RESET ROLE")
