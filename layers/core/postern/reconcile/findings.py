"""What a comparison can find, and what it cannot tell."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

MAX_FINDINGS = 1000  # that are kept one by one; all are counted


class Kind(StrEnum):
    """How log and records disagree."""

    UNRECORDED = "statement.unrecorded"  # the log has a statement of a task's role, the records none
    TEXT = "statement.text"  # another text ran than the record says
    TWICE = "statement.twice"  # a statement ran again under one record
    REFUSED = "statement.refused"  # it ran, though its record says that it did not
    ROLE = "statement.role"  # it ran as another role than its record says
    TIME = "statement.time"  # it ran at another time than its command
    MISSING = "record.statement"  # the records say that it ran, the log does not have it
    NO_COMMIT = "record.commit"  # on record as committed, without a COMMIT in the log
    COMMITTED = "commit.record"  # a COMMIT in the log, and its record says otherwise
    TRANSACTION = "commit.transaction"  # committed in another transaction than its record names
    LOGIN = "login"  # a task's role logged in otherwise than by the broker
    GAP = "log.gap"  # lines of a session are missing from the log
    AMBIGUOUS = "log.ambiguous"  # a line that could be a client's words as well as the server's


@dataclass(frozen=True, slots=True)
class Finding:
    """One disagreement. `where` is a place of the log or a command id; no text of a statement is in it."""

    kind: Kind
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what} ({self.kind.value})"


@dataclass(slots=True)
class Counts:
    """What was compared."""

    messages: int = 0  # of the log
    statements: int = 0  # of tasks' roles, without the broker's own
    own: int = 0  # statements of the broker's own
    logins: int = 0  # of tasks' roles that the log tells of
    records: int = 0  # of statements, within the time that the log covers
    matched: int = 0  # records whose statement is in the log
    commits: int = 0  # records as committed whose COMMIT is in the log
    uncompared: int = 0  # matched by id alone: the record shows no text


@dataclass(slots=True)
class Untold:
    """What cannot be told, and no disagreement: it lies where one side begins or ends."""

    later: int = 0  # statements in the log whose commands are newer than the newest record
    earlier: int = 0  # statements in the log whose commands are older than the oldest record
    edge: int = 0  # records so near to the log's first or last line that their statement may be beyond it
    uncertain: int = 0  # COMMITs that the server's own end cut off
    skipped: int = 0  # lines of the log that are no message's
    unreadable: int = 0  # objects at records' places that are none, or have not their form


@dataclass(slots=True)
class Report:
    """The result. `first_us` and `last_us` are the times of the log's first and last line, None of an empty one."""

    counts: Counts = field(default_factory=Counts)
    untold: Untold = field(default_factory=Untold)
    findings: list[Finding] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)  # keys of what is untold for that, as many as findings at most
    found: Counter[Kind] = field(default_factory=Counter)
    unmatched: Counter[str] = field(default_factory=Counter)  # records without a statement, by database
    matched: Counter[str] = field(default_factory=Counter)  # records with one, by database
    first_us: int | None = None
    last_us: int | None = None

    def find(self, kind: Kind, where: str, what: str) -> None:
        self.found[kind] += 1
        if len(self.findings) < MAX_FINDINGS:
            self.findings.append(Finding(kind, where, what))

    def leave_unread(self, key: str) -> None:
        self.untold.unreadable += 1
        if len(self.unreadable) < MAX_FINDINGS:
            self.unreadable.append(key)

    @property
    def agrees(self) -> bool:
        return not self.found
