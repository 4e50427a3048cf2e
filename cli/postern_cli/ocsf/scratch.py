"""The commands of an export, on disk until they are sorted: memory does not grow with the log."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from postern.audit.records import RecordType
from postern.audit.stored import StoredRecord

_ENDED = "SELECT log, at, time_us, sha256, data FROM ending WHERE log = ? AND id = ? AND type = ? AND names = ?"
_TABLES = (
    "CREATE TABLE first (class INT, time_us INT, log TEXT, at INT, type TEXT, kind TEXT, id TEXT, sha256 TEXT,"
    " data BLOB)",
    "CREATE TABLE ending (log TEXT, id TEXT, type TEXT, names TEXT, at INT, time_us INT, sha256 TEXT, data BLOB,"
    " PRIMARY KEY (log, id, type, names)) WITHOUT ROWID",
    "CREATE TABLE scope (task TEXT, name TEXT, class TEXT, PRIMARY KEY (task, name, class)) WITHOUT ROWID",
)


@dataclass(frozen=True, slots=True)
class Row:
    """One record's bytes and its place."""

    log: str
    at: int
    type: RecordType
    kind: str
    id: str
    time_us: int
    sha256: str
    data: bytes


class Scratch:
    """Rows go in, then `seal`, then they come out in the order of their times. Raises `sqlite3.Error` as it does."""

    def __init__(self, path: Path) -> None:
        self._base = sqlite3.connect(path, isolation_level=None)
        self._base.execute("PRAGMA journal_mode = OFF")  # a scratch file is made anew, never mended
        self._base.execute("PRAGMA synchronous = OFF")
        for table in _TABLES:
            self._base.execute(table)
        self._base.execute("BEGIN")

    def close(self) -> None:
        self._base.close()

    def add_first(self, class_uid: int, at: int, record: StoredRecord, data: bytes) -> None:
        row = (
            class_uid,
            record.time_us,
            record.source.log,
            at,
            record.type,
            record.kind,
            record.id,
            record.sha256,
            data,
        )
        self._base.execute("INSERT INTO first VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)

    def add_ending(self, at: int, record: StoredRecord, data: bytes) -> bool:
        """False where another ending of the same record came before it: the first in the log counts."""
        row = (record.source.log, record.id, record.type, record.names, at, record.time_us, record.sha256, data)
        return self._base.execute("INSERT OR IGNORE INTO ending VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row).rowcount == 1

    def add_class(self, task: str, column: str, class_: str) -> None:
        self._base.execute("INSERT OR IGNORE INTO scope VALUES (?, ?, ?)", (task, column, class_))

    def class_of(self, task: str, column: str) -> str | None:
        """The class that the task's grants give the column; None where there is none or more than one."""
        found = self._base.execute(
            "SELECT class FROM scope WHERE task = ? AND name = ? LIMIT 2", (task, column)
        ).fetchall()
        return found[0][0] if len(found) == 1 else None

    def seal(self) -> None:
        self._base.execute("CREATE INDEX in_order ON first (class, time_us, log, at)")
        self._base.execute("CREATE INDEX in_time ON first (time_us, log, at)")
        self._base.execute("COMMIT")

    def firsts(self, class_uid: int | None) -> Iterator[Row]:
        """Intents and events by time, then by their places; of one class, or of all."""
        wanted = "" if class_uid is None else "WHERE class = ?"
        rows = self._base.execute(
            f"SELECT log, at, type, kind, id, time_us, sha256, data FROM first {wanted} ORDER BY time_us, log, at",
            () if class_uid is None else (class_uid,),
        )
        for log, at, type_, kind, id_, time_us, sha256, data in rows:
            yield Row(log, at, RecordType(type_), kind, id_, time_us, sha256, data)

    def ending(self, before: Row, type_: RecordType) -> Row | None:
        """The outcome or settlement of the same command that names these very bytes."""
        found = self._base.execute(_ENDED, (before.log, before.id, type_, before.sha256)).fetchone()
        if found is None:
            return None
        log, at, time_us, sha256, data = found
        return Row(log, at, type_, before.kind, before.id, time_us, sha256, data)
