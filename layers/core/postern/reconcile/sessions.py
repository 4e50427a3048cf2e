"""The sessions of tasks' roles as the log shows them: line by line, one after another.

For each statement it says under which command it ran; for each COMMIT, which commands' it was. Where lines carry
numbers it sees that one is missing: the server counts each session's lines without a gap.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from postern.reconcile.entries import Entry, unreadable
from postern.reconcile.statements import Own, OwnStatement

IDLE_US = 15 * 60 * 1_000_000  # a task's session that was silent for so long is over: the server ends idle ones sooner

_NOBODY = frozenset({"", "[unknown]"})  # before a session's user is known
_COMMIT = "COMMIT"
_ERRORS = frozenset({"ERROR", "FATAL", "PANIC"})
_OVER = re.compile(r"starting PostgreSQL|all server processes terminated|terminating any other active server processes")


@dataclass(slots=True)
class Commit:
    """A COMMIT in the log. `is_failed` where the server answered it with an error, `is_cut` where it ended itself."""

    where: str
    pid: int
    xid: int | None
    commands: frozenset[str]
    is_failed: bool = False
    is_cut: bool = False


@dataclass(slots=True)
class Session:
    """One session as far as the log was read."""

    at_us: int
    number: int = 0
    in_transaction: bool = False
    name: str | None = None  # what the broker set for the transaction
    names: set[str] = field(default_factory=set)  # all that it set in it
    commit: Commit | None = None  # the last line, if that is what it was

    def take(self, own: OwnStatement, entry: Entry) -> Commit | None:
        """Goes on by a statement of the broker's own; the COMMIT, if it is one."""
        if own.does is Own.BEGIN:
            self.in_transaction, self.name, self.names = True, None, set()
        elif own.does is Own.NAME and own.name is not None:
            self.name = own.name
            self.names.add(own.name)
        elif own.does is Own.COMMIT:
            named = self.names | ({entry.application} if entry.application else set())
            self.commit = Commit(entry.where, entry.pid, entry.xid, frozenset(named))
            self._end()
            return self.commit
        elif own.does is Own.ROLLBACK:
            self._end()
        return None

    def command(self, entry: Entry) -> str | None:
        """The application name under which the entry's statement ran: told by the line, or by what the broker set."""
        return entry.application if entry.application is not None else self.name

    def _end(self) -> None:
        self.in_transaction, self.name, self.names = False, None, set()


@dataclass(slots=True)
class Sessions:
    """The sessions that may still go on. Holds as many as are open within a quarter of an hour."""

    open: dict[str, Session] = field(default_factory=dict)
    first_us: int | None = None  # of the whole log
    _swept_us: int = 0

    def follow(self, entry: Entry) -> tuple[Session | None, str | None]:
        """The entry's session if a task's role has it, and what is missing before the entry, in words.

        Raises `UnreadableLog` where the session's lines are not in order.
        """
        if self.first_us is None:
            self.first_us = self._swept_us = entry.time_us
        self._sweep(entry.time_us)
        is_tasks = entry.is_of_task
        if not is_tasks and entry.user not in _NOBODY:
            self.open.pop(entry.session, None)
            return None, None
        if not entry.user and _OVER.search(entry.message):
            self._cut()
        known = self.open.get(entry.session)
        if known is not None and _begins_anew(known, entry):
            known = None
        session = known or Session(entry.time_us)
        self.open[entry.session] = session
        missing = self._missing(session, entry, is_new=known is None)
        session.at_us = entry.time_us
        # An idle session may be ended by the server with an error of its own: that says nothing of the COMMIT before.
        if session.commit is not None and entry.severity in _ERRORS and entry.statement == _COMMIT:
            session.commit.is_failed = True
        session.commit = None
        return (session if is_tasks else None), (missing if is_tasks else None)

    def _missing(self, session: Session, entry: Entry, *, is_new: bool) -> str | None:
        if entry.numbers is None:
            return None
        first, last = entry.numbers
        if first <= session.number:
            raise unreadable(
                entry.file, entry.line, f"line {session.number + 1} of session {entry.session}", f"line {first} again"
            )
        before, session.number = session.number, last
        if first == before + 1:
            return None
        started_us = None if entry.started_s is None else entry.started_s * 1_000_000
        if is_new and (started_us is None or self.first_us is None or started_us <= self.first_us):
            return None  # it began before the log does
        return f"lines {before + 1} to {first - 1}"

    def _cut(self) -> None:
        for session in self.open.values():
            if session.commit is not None:
                session.commit.is_cut = True

    def _sweep(self, now_us: int) -> None:
        if now_us - self._swept_us > IDLE_US:
            self._swept_us = now_us
            over = [name for name, session in self.open.items() if now_us - session.at_us > IDLE_US]
            for name in over:
                del self.open[name]


def _begins_anew(session: Session, entry: Entry) -> bool:
    """Whether a process id was given to another session since: only then is a session told by that alone."""
    if entry.started_s is not None:
        return False
    if entry.numbers is not None:
        return entry.numbers[0] <= session.number
    return entry.message.startswith("connection received: ")
