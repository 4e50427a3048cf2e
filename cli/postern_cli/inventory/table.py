"""What is known of the bucket, on disk: a row a version, as S3 lists it now, with the lock that an inventory told.

A lock is all that is taken from the inventory: it is not in S3's listing and, in mode COMPLIANCE, only grows. It counts
for the version that both know by the same ETag and length, and what the inventory tells of and S3 does not is dropped.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from postern.audit.canonical import malformed
from postern.audit.versions import Version
from postern_cli.inventory.lines import Claim
from postern_cli.pull_listing import Listed

_CACHE_KIB = 64 * 1024
_AT_ONCE = 1000
_SCHEMA = (
    """CREATE TABLE versions (key BLOB, version_id TEXT, is_latest INT, is_marker INT, size INT, modified_us INT,
    until_us INT, mode TEXT, etag TEXT, place INT, sha256 TEXT, is_asked INT DEFAULT 0,
    PRIMARY KEY (key, version_id)) WITHOUT ROWID""",
    """CREATE TABLE heads (log TEXT, size INT, root BLOB, md5 TEXT, sha256 TEXT, bytes INT,
    PRIMARY KEY (log, size)) WITHOUT ROWID""",
    "CREATE INDEX heads_by_md5 ON heads (log, md5)",
)
_COLUMNS = "key, version_id, is_latest, is_marker, size, modified_us, until_us, mode, etag, sha256, is_asked"
_CLAIM = "INSERT INTO versions (key, version_id, size, etag, until_us, mode) VALUES (?, ?, ?, ?, ?, ?)"
# A row without a place was told of by the inventory alone. Its lock is kept where it is of the same bytes.
_SAME = "versions.place IS NULL AND versions.etag = excluded.etag AND versions.size IS excluded.size"
_LIST = f"""INSERT INTO versions (key, version_id, is_latest, is_marker, size, modified_us, etag, place)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
    until_us = CASE WHEN {_SAME} THEN versions.until_us END, mode = CASE WHEN {_SAME} THEN versions.mode END,
    is_latest = excluded.is_latest, is_marker = excluded.is_marker, size = excluded.size,
    modified_us = excluded.modified_us, etag = excluded.etag, place = excluded.place"""
# What is published under a log's one name that is written anew: each version is one of its checkpoints.
_SETTLE_LATEST = """UPDATE versions SET sha256 = heads.sha256 FROM heads
    WHERE key = ? AND NOT is_latest AND versions.sha256 IS NULL
    AND log = ? AND md5 = etag AND bytes = versions.size"""
_ORDER = "ORDER BY key, is_latest DESC, modified_us DESC, place"


@dataclass(frozen=True, slots=True)
class Known:
    """A version with what is known of it; its SHA-256 is set once its bytes are in the copy."""

    version: Version
    etag: str
    is_asked: bool = False  # S3 itself told of its lock, in an answer about this version


@dataclass(frozen=True, slots=True)
class Head:
    """A published checkpoint, and the digests of its note."""

    size: int
    root: bytes
    md5: str
    sha256: str
    bytes: int


class VersionTable:
    """Raises `sqlite3.Error` as the disk does."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._lock = Lock()
        for pragma in ("journal_mode=OFF", "synchronous=OFF", f"cache_size=-{_CACHE_KIB}"):
            self._connection.execute(f"PRAGMA {pragma}")
        for statement in _SCHEMA:
            self._connection.execute(statement)
        self._connection.execute("BEGIN")
        self._place = 0

    def claim(self, claims: Iterable[Claim]) -> None:
        """Adds what an inventory tells. Raises `IntegrityError` where it tells of a version twice."""
        for one in claims:
            row = (one.key.encode(), one.version_id, one.size, one.etag, one.retain_until_us, one.mode)
            try:
                self._connection.execute(_CLAIM, row)
            except sqlite3.IntegrityError as error:
                raise malformed("inventory", "each version once", f"{one.key!r} twice"[:200]) from error

    def add(self, listed: Iterable[Listed]) -> None:
        """Adds what S3 lists; many threads may at a time."""
        with self._lock:
            for row in self._rows(listed):
                self._connection.execute(_LIST, row)

    def drop_unlisted(self) -> None:
        """All is listed: what only the inventory told of is not there."""
        self._connection.execute("DELETE FROM versions WHERE place IS NULL")

    def versions_of(self, key: str) -> list[Known]:
        """What is known of a key, newest first."""
        return list(self._select("WHERE key = ?", [key.encode()]))

    def names_under(self, prefix: str) -> list[str]:
        """The folders right under a prefix."""
        names: list[str] = []
        last, until = prefix.encode(), _after_all(prefix.encode())
        while row := self._connection.execute(
            "SELECT key FROM versions WHERE key > ? AND key < ? ORDER BY key LIMIT 1", (last, until)
        ).fetchone():
            name, slash, _ = row[0].decode()[len(prefix) :].partition("/")
            if slash:
                names.append(name)
            last = f"{prefix}{name}0".encode() if slash else row[0]  # 0 is the sign after the slash
        return names

    def under(self, prefix: str) -> Iterator[Known]:
        """What is known of the keys with a prefix, in their order; the table may change meanwhile."""
        until = _after_all(prefix.encode())
        for key in self._keys(prefix.encode(), until):
            yield from self.versions_of(key)

    def every(self) -> Iterator[Known]:
        """All that is known, in the listing's order. Nothing may change meanwhile."""
        return self._select("", [])

    def settle(self, version: Version, *, is_asked: bool) -> None:
        """What is now known of the version: its lock, and the digest of its bytes."""
        self._connection.execute(
            "UPDATE versions SET is_asked = ?, sha256 = ?, size = ?, until_us = ?, mode = ?"
            " WHERE key = ? AND version_id = ?",
            (
                is_asked,
                version.sha256,
                version.size,
                version.retain_until_us,
                version.mode,
                version.key.encode(),
                version.version_id,
            ),
        )

    def add_head(self, log: str, head: Head) -> None:
        """A published checkpoint of the log; once a size."""
        self._connection.execute(
            "INSERT OR IGNORE INTO heads VALUES (?, ?, ?, ?, ?, ?)",
            (log, head.size, head.root, head.md5, head.sha256, head.bytes),
        )

    def head_before(self, log: str, size: int) -> Head | None:
        """The largest published tree that is smaller."""
        return self._head("WHERE log = ? AND size < ? ORDER BY size DESC", (log, size))

    def settle_latest(self, log: str, key: str) -> int:
        """Every older version of the key that is a published checkpoint of the log is settled; how many."""
        return self._connection.execute(_SETTLE_LATEST, (key.encode(), log)).rowcount

    def close(self) -> None:
        self._connection.close()

    def _rows(self, listed: Iterable[Listed]) -> Iterator[tuple[bytes | str | int | None, ...]]:
        for one in listed:
            version = one.version
            self._place += 1
            yield (
                version.key.encode(),
                version.version_id,
                version.is_latest,
                version.delete_marker,
                version.size,
                version.last_modified_us,
                one.etag,
                self._place,
            )

    def _head(self, where: str, values: tuple[str | int, ...]) -> Head | None:
        row = self._connection.execute(
            f"SELECT size, root, md5, sha256, bytes FROM heads {where} LIMIT 1", values
        ).fetchone()
        return None if row is None else Head(*row)

    def _keys(self, prefix: bytes, until: bytes | None) -> Iterator[str]:
        last = prefix
        is_first = True
        while True:
            within = f"key {'>=' if is_first else '>'} ?" + (" AND key < ?" if until else "")
            found = self._connection.execute(
                f"SELECT DISTINCT key FROM versions WHERE {within} ORDER BY key LIMIT ?",
                [last, *([until] if until else []), _AT_ONCE],
            ).fetchall()
            yield from (key.decode() for (key,) in found)
            if len(found) < _AT_ONCE:
                return
            last, is_first = found[-1][0], False

    def _select(self, where: str, values: list[bytes]) -> Iterator[Known]:
        for row in self._connection.execute(f"SELECT {_COLUMNS} FROM versions {where} {_ORDER}", values):
            key, version_id, is_latest, is_marker, size, modified_us, until_us, mode, etag, sha256, is_asked = row
            version = Version(
                key=key.decode(),
                version_id=version_id,
                is_latest=bool(is_latest),
                delete_marker=bool(is_marker),
                size=size,
                sha256=sha256,
                last_modified_us=modified_us,
                retain_until_us=until_us,
                mode=mode,
            )
            yield Known(version, etag, bool(is_asked))


def _after_all(prefix: bytes) -> bytes | None:
    """The first key past all that begin so; None where there is none. The prefixes of a bucket end in ASCII."""
    return prefix[:-1] + bytes([prefix[-1] + 1]) if prefix else None
