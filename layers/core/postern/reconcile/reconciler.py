"""Goes through a database's log once and holds it against the records, hour by hour.

1. Each statement of a task's role in the log is looked up by its command: on record, allowed, of this role, this text,
   and run once.
2. When the log has passed an hour, each of the hour's records is held against what the log had of it.

So what is held in memory is what one hour has: ids, and no texts.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from postern.audit.times import format_time
from postern.errors import IntegrityError
from postern.reconcile.entries import Entry, encoded, unreadable
from postern.reconcile.findings import Kind, Report
from postern.reconcile.hours import HOUR_US, RUN_US, Hours, command_time_us
from postern.reconcile.recorded import Evidence, Normalise, Recorded, Stray, Unreadable, read_recorded
from postern.reconcile.sessions import Sessions
from postern.reconcile.statements import Protocol, Ran, parse_own, parse_ran
from postern.reconcile.verdicts import Seen, judge_record
from postern.types import CommandId

BROKER = "postern"  # the application name with which the broker logs in
DISORDER_US = 60 * 1_000_000  # sessions write side by side, so lines may be a little out of order
_LOGIN = re.compile(
    r"connection authorized: user=\S+ database=.*?(?: application_name=(?P<name>.*?))?(?: (?:SSL|GSS) .*)?", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Window:
    """The time that is compared, as far as the log covers it; a bound that is given is taken as covered.

    `skew_us` is by how much the clocks of broker and database may differ.
    """

    since_us: int | None = None
    until_us: int | None = None
    skew_us: int = 5_000_000

    def holds(self, time_us: int) -> bool:
        return not (
            (self.since_us is not None and time_us < self.since_us)
            or (self.until_us is not None and time_us > self.until_us)
        )


@dataclass(slots=True)
class Reconciler:
    """Takes the log's messages in the order of their times, then says what it found.

    `databases` are the catalog's names of those whose log it is; None takes all records for theirs.
    """

    evidence: Evidence
    window: Window = field(default_factory=Window)
    databases: frozenset[str] | None = None
    normalise: Normalise = lambda _: None
    report: Report = field(default_factory=Report)
    _sessions: Sessions = field(default_factory=Sessions)
    _seen: dict[str, Seen] = field(default_factory=dict)
    _hours: Hours = field(init=False)
    _forgot_us: int = 0  # when ids were last let go of, by the log's time

    def __post_init__(self) -> None:
        self._hours = Hours.of(self.evidence)

    def run(self, entries: Iterable[Entry]) -> Report:
        """The report. Raises `UnreadableLog`, and what the evidence raises."""
        for entry in entries:
            self._take(entry)
        if self.report.last_us is not None:
            self._judge(self._hours.reached(max(self.report.last_us, self.window.until_us or 0)))
        return self.report

    def _take(self, entry: Entry) -> None:
        self._come_to(entry)
        session, missing = self._sessions.follow(entry)
        if session is None:
            return
        if missing is not None:
            self._find(Kind.GAP, entry, f"{missing} of the session of {entry.user} are not in the log")
        if entry.is_ambiguous:
            self._find(Kind.AMBIGUOUS, entry, "an application name, or values, look like a line of the server's")
        command, ran = session.command(entry), parse_ran(entry.message)
        if ran is None:
            self._take_other(entry, command)
            return
        own = parse_own(ran)
        if own is None or (own.is_query and self._is_agents(command, ran.text)):
            self._take_statement(entry, command, ran)
            return
        self.report.counts.own += 1
        commit = session.take(own, entry)
        for name in commit.commands if commit is not None else ():
            self._of(name).commit = commit

    def _come_to(self, entry: Entry) -> None:
        """Judges what the log has passed with this message, and lets go of it."""
        report = self.report
        report.counts.messages += 1
        if report.last_us is None:
            report.first_us = report.last_us = self._forgot_us = entry.time_us
            self._hours.skip_to(min(entry.time_us, self.window.since_us or entry.time_us))
        if entry.time_us < report.last_us - DISORDER_US:
            raise unreadable(entry.file, entry.line, "times in order", "an earlier one; sort the log by time")
        report.last_us = max(report.last_us, entry.time_us)
        self._judge(self._hours.passed(report.last_us))
        if report.last_us > self._forgot_us + HOUR_US:
            self._forgot_us = report.last_us
            judged_us = report.last_us - HOUR_US - RUN_US
            for name in [one for one in self._seen if (_time_of(one) or 0) < judged_us]:
                del self._seen[name]

    def _take_other(self, entry: Entry, command: str | None) -> None:
        """A message that is no statement's: a login, or an error with the statement that met it."""
        if match := _LOGIN.fullmatch(entry.message):
            self.report.counts.logins += self.window.holds(entry.time_us)
            if match["name"] != BROKER:
                named = "none" if match["name"] is None else f"another of {len(match['name'])} characters"
                self._find(Kind.LOGIN, entry, f"{entry.user}: expected the application name {BROKER}, got {named}")
        elif entry.statement is not None:
            if any(parse_own(Ran(protocol, entry.statement)) is not None for protocol in Protocol):
                return
            recorded = self._look_up(entry, command)
            if recorded is not None and self._holds(entry, recorded, entry.statement):
                self._of(recorded.id).failures += 1

    def _is_agents(self, command: str | None, text: str) -> bool:
        """Whether a text that the broker might send is on record as this command's, which then ran it."""
        recorded = self._recorded(command)
        return (
            isinstance(recorded, Recorded) and self._of(recorded.id).runs == 0 and self._is_text(recorded, text) is True
        )

    def _take_statement(self, entry: Entry, command: str | None, ran: Ran) -> None:
        self.report.counts.statements += self.window.holds(entry.time_us)
        if ran.protocol is not Protocol.EXTENDED:
            self._find(
                Kind.UNRECORDED, entry, f"{entry.user} ran a statement by another way than the broker sends agents' by"
            )
            return
        recorded = self._look_up(entry, command)
        if recorded is None or not self._holds(entry, recorded, ran.text):
            return
        seen = self._of(recorded.id)
        seen.runs += 1
        if seen.runs > 1:
            self._find(Kind.TWICE, entry, f"command {recorded.id} ran its statement again")

    def _look_up(self, entry: Entry, command: str | None) -> Recorded | None:
        """The record of the command that ran this, if its time can be right."""
        time_us = _time_of(command)
        if command is None or time_us is None:
            self._find(Kind.UNRECORDED, entry, f"{entry.user} ran a statement outside of any command")
            return None
        if not -self.window.skew_us <= entry.time_us - time_us <= RUN_US:
            began = format_time(time_us)
            self._find(Kind.TIME, entry, f"{entry.user} ran a statement under command {command}, which began {began}")
            return None
        recorded = self._recorded(command)
        if isinstance(recorded, Recorded):
            return recorded
        if isinstance(recorded, Unreadable):
            # What stands there accounts for nothing: an intent is written before its statement is sent.
            what = f"{entry.user} ran a statement under command {command}, whose record is none: {recorded.key}"
            self._find(Kind.UNRECORDED, entry, what)
            return None
        if time_us > self._hours.newest_us:
            self.report.untold.later += self.window.holds(entry.time_us)
        elif time_us < self._hours.oldest_us:
            self.report.untold.earlier += self.window.holds(entry.time_us)
        else:
            self._find(Kind.UNRECORDED, entry, f"{entry.user} ran a statement under command {command}, not on record")
        return None

    def _recorded(self, command: str | None) -> Recorded | Unreadable | None:
        if command is None or _time_of(command) is None:
            return None
        seen = self._of(command)
        if not seen.is_read:
            seen.is_read, seen.recorded = True, read_recorded(self.evidence, CommandId(command), self.normalise)
        return seen.recorded

    def _holds(self, entry: Entry, recorded: Recorded, text: str) -> bool:
        """Whether what ran is what is on record; otherwise a finding says what is not."""
        if entry.user != recorded.role:
            self._find(Kind.ROLE, entry, f"command {recorded.id}: expected {recorded.role}, got {entry.user}")
        elif recorded.must_not_have_run:
            said = "refused" if recorded.is_refused else "not run"
            self._find(Kind.REFUSED, entry, f"command {recorded.id} is on record as {said}, and ran")
        elif self._is_text(recorded, text) is False:
            self._find(Kind.TEXT, entry, f"command {recorded.id}: expected the text on record, got another")
        else:
            return True
        return False

    def _is_text(self, recorded: Recorded, text: str) -> bool | None:
        """Whether this text is the one on record; None where the record does not tell."""
        shown: str | None = text
        if recorded.text.is_normalised:
            shown = self.normalise(text)
        if recorded.text.sha256 is None or shown is None:
            self._of(recorded.id).is_uncompared = True
            return None
        return hashlib.sha256(encoded(shown)).hexdigest() == recorded.text.sha256

    def _of(self, command: str) -> Seen:
        return self._seen.setdefault(command, Seen())

    def _find(self, kind: Kind, entry: Entry, what: str) -> None:
        if self.window.holds(entry.time_us):
            self.report.find(kind, entry.where, what)

    def _judge(self, hours: Iterable[str]) -> None:
        for hour in hours:
            for one in self.evidence.commands(hour):
                if isinstance(one, Stray):
                    self.report.leave_unread(one.key)
                else:
                    self._judge_command(one)

    def _judge_command(self, command_id: CommandId) -> None:
        recorded = self._recorded(command_id)
        if isinstance(recorded, Unreadable):
            if self.window.holds(command_time_us(command_id)):
                self.report.leave_unread(recorded.key)
        elif recorded is not None and self._is_wanted(recorded):
            for key in recorded.unreadable:
                self.report.leave_unread(key)
            judge_record(recorded, self._of(command_id), self.report, is_covered=self._is_covered(recorded))

    def _is_wanted(self, recorded: Recorded) -> bool:
        is_of_log = self.databases is None or recorded.database in self.databases
        return is_of_log and self.window.holds(recorded.time_us)

    def _is_covered(self, recorded: Recorded) -> bool:
        """Whether what this record tells of must be in the log, which may begin or end near to it."""
        report, window = self.report, self.window
        since_us = (report.first_us or 0) + window.skew_us if window.since_us is None else window.since_us
        until_us = (report.last_us or 0) - window.skew_us if window.until_us is None else window.until_us
        return since_us <= recorded.time_us and recorded.last_us <= until_us


def _time_of(command: str | None) -> int | None:
    """When a command began, by its id; None for an application name that is no command's."""
    try:
        return None if command is None else command_time_us(CommandId(command))
    except IntegrityError:
        return None
