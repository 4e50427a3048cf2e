"""A log as this environment knows it: what it need not read again, and what it has seen that must stay so.

Paths of tiles and bundles name the same bytes for ever, so what was read or written once is kept: a warm environment
continues a tree and proves its growth without a read. The head is asked for each time, and may only grow: one that
shrank, or that is behind what the bucket shows, means that the table has lost what it once committed (a restore
from a backup). To go on from there would fork the log, so nothing is sequenced until someone has looked.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

from postern.errors import IntegrityError
from postern.log_ports import Head, LogBucket, LogTable
from postern.tlog.tiles import TILE_WIDTH, Bundle, parse_path

_MAX_KEPT_BYTES = 32 * 1024 * 1024  # the right edge is at most a bundle of 16 MB and a tile of 8 KB a level


@dataclass(slots=True)
class KnownLog:
    """One log's head and tree. For one thread."""

    log: str
    table: LogTable
    bucket: LogBucket
    _seen: Head | None = None  # the largest head so far
    _kept: OrderedDict[str, bytes] = field(default_factory=OrderedDict, repr=False)
    _kept_bytes: int = 0

    def head(self) -> Head:
        """The committed head. Raises `IntegrityError` (`evidence.behind`) where it is behind what it once was."""
        head = self.table.head(self.log)
        if self._seen is None:
            head = self._checked_against_bucket(head)
        elif head.size < self._seen.size or (head.size == self._seen.size and head.root != self._seen.root):
            raise behind(self.log, f"{self._seen.size} entries, as it had before", head)
        self._seen = head
        return head

    def read(self, path: str) -> bytes:
        """A tile's or bundle's bytes. Raises as `LogBucket.read` does."""
        data = self._kept.get(path)
        if data is None:
            data = self.bucket.read(path)
            self._keep(path, data)
        else:
            self._kept.move_to_end(path)
        return data

    def write(self, writes: Mapping[str, bytes]) -> None:
        """Makes these tiles and bundles durable. Only for a committed tree. Raises as `LogBucket.create_all` does.

        Bundles first: whoever copies the log meanwhile finds no tile over entries that are not there yet.
        """
        bundles = {path: data for path, data in writes.items() if isinstance(parse_path(path), Bundle)}
        for part in (bundles, {path: data for path, data in writes.items() if path not in bundles}):
            if part:
                self.bucket.create_all(part)
        for path, data in writes.items():
            self._keep(path, data)

    def _checked_against_bucket(self, head: Head) -> Head:
        applied = self.bucket.applied_size(head.size)
        if applied > head.size:
            # Another sequencer may have committed and applied since the head was read. If so, the table shows it now.
            head = self.table.head(self.log)
            if applied > head.size:
                raise behind(self.log, f"at least {applied} entries, which are in the bucket", head)
        return head

    def _keep(self, path: str, data: bytes) -> None:
        part = parse_path(path)
        if isinstance(part, Bundle) and part.width == TILE_WIDTH:
            return  # what is appended next never reads it
        self._kept_bytes += len(data) - len(self._kept.pop(path, b""))
        self._kept[path] = data
        while self._kept_bytes > _MAX_KEPT_BYTES:
            _, dropped = self._kept.popitem(last=False)
            self._kept_bytes -= len(dropped)


def behind(log: str, expected: str, head: Head) -> IntegrityError:
    """The error for a table that has lost a part of this log. docs/adr/0014 says how it is mended."""
    return IntegrityError("evidence.behind", f"head of {log}: expected {expected}, got {head.size}")
