"""Pulls a bucket by its inventory: the same copy as `pull` makes, with a request only for what nothing else tells.

    1  the inventory's locks are read into a table on disk
    2  the whole bucket is listed, a thousand versions a request, and each takes its lock from the table
    3  the log's widest bundles and its checkpoints are fetched
    4  everything that follows from them is put into the copy, where S3's ETag and length say that the object is that
    5  whatever is left is fetched, and `versions.jsonl` is written

What is there, since when, and which bytes it has is S3's own answer of today. An inventory is what the account says of
itself: locks alone are taken from it, and the copy says of how many in `pulled.json`, as does every report with it.
"""

from __future__ import annotations

import hashlib
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice

from postern.audit.canonical import malformed
from postern.audit.keys import LOG_NAME
from postern.audit.versions import Version, format_version
from postern.tlog.tiles import Bundle
from postern.types import Sha256Hex
from postern_cli.inventory.derive import LogBytes, part_of
from postern_cli.inventory.lines import read_lines
from postern_cli.inventory.manifest import Manifest
from postern_cli.inventory.source import Source
from postern_cli.inventory.table import Known, VersionTable
from postern_cli.pull import AHEAD, Pulled, Wanted, account_for, begin, finish, make_room, wanted
from postern_cli.pull_listing import LISTERS, Bucket, Part, in_turns, list_part
from postern_cli.pulled import PulledFolder, is_plain
from postern_cli.side_by_side import in_order

_SLOW_CLOCK_US = 900_000_000
_PAGE = 1000


def pull_by_inventory(
    bucket: Bucket, source: Source, folder: PulledFolder, *, workers: int, advance: Callable[[int], None]
) -> Pulled:
    """Brings `folder` up to the bucket. Raises as `pull` does, and `IntegrityError` for an inventory that is none."""
    began_us = time.time_ns() // 1000
    manifest = source.manifest()
    if manifest.bucket != bucket.name:
        raise malformed("inventory", f"one of {bucket.name}", f"one of {manifest.bucket[:60]}")
    if manifest.created_us > began_us + _SLOW_CLOCK_US:
        raise malformed("inventory's creationTimestamp", "a time that has been", "one to come")
    make_room(folder)
    kept = folder.partial / "versions.sqlite"
    table = VersionTable(kept)
    try:
        with ThreadPoolExecutor(workers) as fetchers:
            run = _Run(bucket, folder, table, fetchers, workers * AHEAD, advance)
            run.read(source, manifest)
            run.list_bucket()
            begin(folder)
            derived = run.derive(run.fetch_logs())
            lines = folder.partial / "lines"
            with lines.open("wb") as file:
                for version in run.versions():
                    file.write(format_version(version) + b"\n")
        about = {
            "created_us": manifest.created_us,
            "manifest_md5": manifest.md5,
            "locks": run.by_inventory,  # of so many versions the lock is as the inventory says
            "derived": derived,  # the bytes of so many were not fetched: they follow from the log's
        }
    finally:
        table.close()
        kept.unlink()
    finish(folder, [lines], {"bucket": bucket.name, "began_us": began_us, "inventory": about})
    return Pulled(run.count, run.fetched)


@dataclass(frozen=True, slots=True)
class _Accounted:
    """A version with digest and lock; `is_asked`: S3 told of the lock in an answer about this version."""

    version: Version
    is_asked: bool
    was_fetched: bool


@dataclass(slots=True)
class _Run:
    bucket: Bucket
    folder: PulledFolder
    table: VersionTable
    fetchers: ThreadPoolExecutor
    ahead: int
    advance: Callable[[int], None]
    count: int = 0
    fetched: int = 0
    by_inventory: int = 0  # locks that are as the inventory says

    def read(self, source: Source, manifest: Manifest) -> None:
        """1."""
        for file in manifest.files:
            with source.opened(file, self.folder.partial) as opened:
                claims = read_lines(opened, manifest, file.name)
                self.table.claim(one for one in claims if self._is_asked(one.key))

    def _is_asked(self, key: str) -> bool:
        if self.bucket.log is None:
            return True
        return key.startswith(tuple(f"{head}/{self.bucket.log}/" for head in ("blob", "log", "wal/v1")))

    def list_bucket(self) -> None:
        """2."""
        with ThreadPoolExecutor(LISTERS) as listers:
            for parts in in_turns(self.bucket):
                for _ in listers.map(self._list, parts):
                    pass  # an error of one is raised here
        self.table.drop_unlisted()

    def _list(self, part: Part) -> None:
        listed = list_part(self.bucket, part)
        while page := list(islice(listed, _PAGE)):
            self.table.add(page)

    def fetch_logs(self) -> list[str]:
        """3. The logs, by name."""
        logs = [name for name in self.table.names_under("log/") if LOG_NAME.fullmatch(name)]
        for log in logs:
            self._fetch(_widest(self.table.under(f"log/{log}/tile/entries/")))
            self._fetch(self.table.under(f"log/{log}/checkpoints/"))
        return logs

    def derive(self, logs: Iterable[str]) -> int:
        """4. How many versions' bytes did not have to be fetched."""
        count = 0
        for log in logs:
            held = LogBytes(self.table, self.folder, log)
            held.derive()
            count += held.count
        return count

    def versions(self) -> Iterator[Version]:
        """5. Every version with its digest and lock, in the listing's order."""
        for one in self._accounted(self.table.every()):
            self.count += 1
            self.fetched += one.was_fetched
            self.by_inventory += not one.is_asked and not one.version.delete_marker
            self.advance(1)
            yield one.version

    def _fetch(self, known: Iterable[Known]) -> None:
        for one in self._accounted(known):
            self.table.settle(one.version, is_asked=one.is_asked)
            self.fetched += one.was_fetched

    def _accounted(self, known: Iterable[Known]) -> Iterator[_Accounted]:
        """Each of these with digest and lock, asked for side by side and given in their order."""
        pairs = _wanted(self.folder, known)
        return in_order(self.fetchers, lambda pair: self._account_for(*pair), pairs, ahead=self.ahead)

    def _account_for(self, one: Wanted, row: Known) -> _Accounted:
        """Without a request where digest and lock are known, or the file that is there has S3's own ETag."""
        if one.listed.delete_marker:
            return _Accounted(one.listed, is_asked=False, was_fetched=False)
        is_locked = one.listed.mode is not None and one.listed.retain_until_us is not None
        if is_locked and (one.target is None or is_plain(one.target)):
            version = one.listed if one.listed.sha256 is not None else _by_etag(one, row.etag)
            if version is not None:
                return _Accounted(version, is_asked=row.is_asked, was_fetched=False)
        version, was_fetched = account_for(self.bucket, self.folder, one)
        return _Accounted(version, is_asked=True, was_fetched=was_fetched)


def _wanted(folder: PulledFolder, known: Iterable[Known]) -> Iterator[tuple[Wanted, Known]]:
    rows: deque[Known] = deque()

    def listed() -> Iterator[Version]:
        for one in known:
            rows.append(one)
            yield one.version

    # In the same order and of the same number: so nothing more is held than `wanted` holds.
    for one in wanted(folder, listed()):
        yield one, rows.popleft()


def _by_etag(one: Wanted, etag: str) -> Version | None:
    """The version, where the file on disk has the length and ETag that S3 states."""
    if one.target is None or one.listed.size != one.target.stat().st_size:
        return None
    with one.target.open("rb") as file:
        if hashlib.file_digest(file, "md5").hexdigest() != etag:
            return None
        file.seek(0)
        return replace(one.listed, sha256=Sha256Hex(hashlib.file_digest(file, "sha256").hexdigest()))


def _widest(bundles: Iterable[Known]) -> Iterator[Known]:
    """Of each bundle the widest form that there is."""
    index, width = -1, 0
    widest: list[Known] = []
    for known in bundles:
        part = part_of(known.version.key)
        if not isinstance(part, Bundle):
            continue
        if part.index != index:
            yield from widest
            index, width, widest = part.index, part.width, [known]
        elif part.width > width:
            width, widest = part.width, [known]
        elif part.width == width:
            widest.append(known)
    yield from widest
