"""PostgreSQL's plain log (stderr): lines with a prefix, and lines with a tab, which go on with the one before.

The server puts a tab before each further line of a message, so no line of a statement can pass for one of the log's.
DETAIL, STATEMENT and the like are lines of their own with a prefix, and follow at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from postern.errors import IntegrityError
from postern.reconcile.entries import MAX_ENTRY_BYTES, TASK_ROLE, Entry, decoded, unreadable
from postern.reconcile.prefix import ANY_SEVERITY, Prefix
from postern.reconcile.stamps import parse_stamp
from postern.reconcile.statements import parse_ran

_FOLLOWS = frozenset({"DETAIL", "HINT", "QUERY", "CONTEXT", "LOCATION", "BACKTRACE", "STATEMENT"})
_APPLICATION = re.compile(r"[0-9A-Za-z_.-]{0,63}|\[unknown\]")
_TASK_ANYWHERE = re.compile(rb"task_[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class PlainLine:
    """A line and where it stood; `source` tells the servers apart whose lines are in one file."""

    number: int
    data: bytes
    source: str = ""


@dataclass(slots=True)
class PlainLog:
    """Reads the plain log of one prefix out of several that are possible: the first that fits a session's line."""

    file: str
    prefixes: Sequence[Prefix]
    skipped: int = 0  # lines that are no message's: what a program of the server's own printed
    _prefix: Prefix | None = field(default=None)

    def parse(self, lines: Iterable[PlainLine]) -> Iterator[Entry]:
        """The messages, each with its STATEMENT line. Raises `IntegrityError` (`evidence.malformed`)."""
        held: dict[str, _Message] = {}
        for line in lines:
            message = held.get(line.source)
            if line.data.startswith(b"\t"):
                if message is None:
                    self.skipped += 1  # of a message that begins in an earlier file
                else:
                    message.grow(line.data[1:], self.file)
                continue
            match = self._match(line)
            if match is None:
                if message is not None:
                    yield from self._done(held.pop(line.source))
                continue
            if match["severity"] in _FOLLOWS and message is not None and message.first["pid"] == match["pid"]:
                message.follow(match)
                continue
            if message is not None:
                yield from self._done(message)
            held[line.source] = _Message(line, match)
        for message in held.values():
            yield from self._done(message)

    def _match(self, line: PlainLine) -> re.Match[str] | None:
        text = decoded(line.data)
        for prefix in self.prefixes if self._prefix is None else (self._prefix,):
            match = prefix.pattern.fullmatch(text)
            if match is None or (self._prefix is None and not self._is_sure(match)):
                continue
            # A line about no session may end where the prefixes still are the same.
            if match["user"] is not None:
                self._prefix = prefix
            return match
        if _TASK_ANYWHERE.search(line.data):
            expected = f"a line with the prefix {(self._prefix or self.prefixes[0]).text!r}"
            raise unreadable(self.file, line.number, expected, "another that names a task's role")
        self.skipped += 1
        return None

    def _is_sure(self, match: re.Match[str]) -> bool:
        """Whether this prefix is told from the others: not by what a client may have called itself."""
        name = match.groupdict().get("application")
        return len(self.prefixes) == 1 or name is None or _APPLICATION.fullmatch(name) is not None

    def _done(self, message: _Message) -> Iterator[Entry]:
        try:
            yield message.entry(self.file)
        except IntegrityError as error:
            raise unreadable(self.file, message.line.number, "a time", error.detail) from error


@dataclass(slots=True)
class _Message:
    """A message whose lines are still being read."""

    line: PlainLine
    first: re.Match[str]
    parts: list[tuple[str, list[str]]] = field(default_factory=list)
    size: int = 0
    last: re.Match[str] | None = None

    def __post_init__(self) -> None:
        self.follow(self.first)

    def follow(self, match: re.Match[str]) -> None:
        self.last = match
        self.parts.append((match["severity"], [match["message"]]))

    def grow(self, data: bytes, file: str) -> None:
        self.size += len(data)
        if self.size > MAX_ENTRY_BYTES:
            raise unreadable(file, self.line.number, f"a message of at most {MAX_ENTRY_BYTES} bytes", "a longer one")
        self.parts[-1][1].append(decoded(data))

    def entry(self, file: str) -> Entry:
        told = {name: value for name, value in self.first.groupdict().items() if value is not None}
        pid, user = int(told["pid"]), told.get("user", "")
        severity, text = self.parts[0][0], "\n".join(self.parts[0][1])
        statement = next(("\n".join(lines) for kind, lines in self.parts if kind == "STATEMENT"), None)
        entry = Entry(
            file=file,
            line=self.line.number,
            time_us=_time_us(told),
            session=told.get("session", f"{self.line.source}/{pid}"),
            pid=pid,
            user=user,
            severity=severity,
            message=text,
            statement=statement,
            application=told.get("application"),
            started_s=int(told["session"].partition(".")[0], 16) if "session" in told else None,
            numbers=self._numbers(),
            xid=int(told["xid"]) if "xid" in told else None,
        )
        if "application" in self.first.re.groupindex and TASK_ROLE.fullmatch(user):
            return replace(entry, is_ambiguous=self._is_ambiguous(entry))
        return entry

    def _numbers(self) -> tuple[int, int] | None:
        if self.last is None or "number" not in self.first.re.groupindex:
            return None
        return int(self.first["number"]), int(self.last["number"])

    def _is_ambiguous(self, entry: Entry) -> bool:
        """Whether an application name may have been made to look like the message that follows it.

        A statement's text may hold such words: it is compared as a whole, so nothing hides behind it.
        """
        if _APPLICATION.fullmatch(entry.application or "") is None:
            return True
        is_statement = parse_ran(entry.message) is not None
        told = [lines for kind, lines in self.parts if kind != "STATEMENT"][1 if is_statement else 0 :]
        return any(ANY_SEVERITY.search(line) for lines in told for line in lines)


def _time_us(told: dict[str, str]) -> int:
    if "stamp" in told:
        return parse_stamp(told["stamp"])
    seconds, _, milliseconds = told["epoch"].partition(".")
    return int(seconds) * 1_000_000 + int(milliseconds) * 1000
