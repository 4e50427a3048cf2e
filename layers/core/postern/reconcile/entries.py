"""One message of the database's log, whatever form the log has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from postern.errors import IntegrityError

TASK_ROLE = re.compile(r"task_[0-9a-f]{32}")
MAX_ENTRY_BYTES = 32 * 1024 * 1024  # a request holds 1 MB of SQL; escapes and a server's own texts make it longer

Lines = Iterator[bytes]  # of a log, split at line feeds and nowhere else, each without its own


@dataclass(frozen=True, slots=True)
class Entry:
    """A message with what the log says of the session that it is about. None stands where the log's form is silent."""

    file: str
    line: int  # where it starts in the file, from 1
    time_us: int
    session: str  # tells sessions of the log apart
    pid: int
    user: str  # empty where it is about no session
    severity: str
    message: str
    statement: str | None = None  # that was running, where the server says so: with errors
    application: str | None = None
    started_s: int | None = None  # of the session
    numbers: tuple[int, int] | None = None  # of its first and last line in the session, from 1 and without gaps
    xid: int | None = None  # 32 bits of it; 0 where none is assigned yet
    is_ambiguous: bool = False  # what another wrote may stand in the server's own words

    @property
    def where(self) -> str:
        return f"{self.file}:{self.line}"

    @property
    def is_of_task(self) -> bool:
        return TASK_ROLE.fullmatch(self.user) is not None


def decoded(data: bytes) -> str:
    """The text in the log's bytes; what is no UTF-8 comes back from `encoded` as it was."""
    return data.decode("utf-8", "surrogateescape")


def encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


class UnreadableLog(IntegrityError):
    """Raised where the database's log cannot be read any further: what it holds after that place cannot be told."""


def unreadable(file: str, line: int, expected: str, got: str) -> UnreadableLog:
    return UnreadableLog("evidence.malformed", f"{file}:{line}: expected {expected}, got {got}")
