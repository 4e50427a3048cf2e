"""Pulls a bucket by its inventory: the same copy as `pull` makes, with a request only for what nothing else tells.

    1  the inventory's lines are read into a table on disk
    2  what is small or newer than it is listed afresh, and replaces what it said of those keys
    3  the log's widest bundles and its checkpoints are fetched
    4  everything that follows from them is put into the copy, where S3's ETag and length say that the object is that
    5  records that the log holds and no list told of are asked for, each by its key
    6  whatever is left is fetched, and `versions.jsonl` is written

An inventory is what the account says of itself. Nothing is believed because it says so: what it leaves out, the tree
misses; bytes that it gives another ETag are fetched. Only locks, and versions put over an object, are as of its day:
the copy says so in `pulled.json`, and every report with it.
"""

from __future__ import annotations

import hashlib
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from postern.audit.canonical import malformed
from postern.audit.keys import LOG_NAME, LogKey, LogPart, parse_key
from postern.audit.versions import Version, format_version
from postern.errors import IntegrityError
from postern.tlog.tiles import Bundle, parse_path
from postern.types import Sha256Hex
from postern_cli.inventory.derive import Derived, LogBytes
from postern_cli.inventory.lines import read_lines
from postern_cli.inventory.manifest import Manifest
from postern_cli.inventory.ranges import fresh_parts
from postern_cli.inventory.source import Source
from postern_cli.inventory.table import Known, VersionTable
from postern_cli.pull import AHEAD, Pulled, Wanted, account_for, begin, finish, wanted
from postern_cli.pull_listing import Bucket, Part, list_told
from postern_cli.pulled import PulledFolder
from postern_cli.side_by_side import in_order

# Records that are asked for one by one: more of them, and the inventory is not of this bucket's day.
_MOST_UNTOLD = 1000


def pull_by_inventory(
    bucket: Bucket, source: Source, folder: PulledFolder, *, workers: int, advance: Callable[[int], None]
) -> Pulled:
    """Brings `folder` up to the bucket. Raises as `pull` does, and `IntegrityError` for an inventory that is none."""
    manifest = source.manifest()
    if manifest.bucket != bucket.name:
        raise malformed("inventory", f"one of {bucket.name}", f"one of {manifest.bucket[:60]}")
    began_us = time.time_ns() // 1000
    begin(folder)
    table = VersionTable(folder.partial / "versions.sqlite")
    try:
        with ThreadPoolExecutor(workers) as fetchers:
            run = _Run(bucket, folder, table, fetchers, workers * AHEAD, advance)
            run.read(source, manifest)
            logs = run.fetch_logs()
            derived = run.derive(logs)
            run.ask_for(derived.untold)
            lines = folder.partial / "lines"
            with lines.open("wb") as file:
                for version in run.versions():
                    file.write(format_version(version) + b"\n")
        about = {
            "created_us": manifest.created_us,
            "manifest_md5": manifest.md5,
            "locks": run.by_inventory,  # of so many versions the lock is as the inventory says
            "derived": derived.count,  # the bytes of so many were not fetched: they follow from the log's
        }
    finally:
        table.close()
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
        """1 and 2."""
        for file in manifest.files:
            with source.opened(file, self.folder.partial) as opened:
                told = read_lines(opened, manifest, file.name)
                self.table.claim(one for one in told if self._is_asked(one.version.key))
        for part in fresh_parts(self.bucket, manifest.created_us):
            self.table.replace(part, list_told(self.bucket, part))

    def _is_asked(self, key: str) -> bool:
        if self.bucket.log is None:
            return True
        return key.startswith(tuple(f"{head}/{self.bucket.log}/" for head in ("blob", "log", "wal/v1")))

    def fetch_logs(self) -> list[str]:
        """3. The logs, by name."""
        logs = list(self.table.names_under("log/"))
        for log in filter(LOG_NAME.fullmatch, logs):
            self._fetch(_widest(self.table.under(f"log/{log}/tile/entries/")))
            self._fetch(self.table.under(f"log/{log}/checkpoints/"))
        return [log for log in logs if LOG_NAME.fullmatch(log)]

    def derive(self, logs: Iterable[str]) -> Derived:
        """4."""
        derived = Derived()
        for log in logs:
            LogBytes(self.table, self.folder, log, derived).derive()
            if len(derived.untold) > _MOST_UNTOLD:
                expected = (
                    f"all but {_MOST_UNTOLD} of the records that the log holds: take a newer one, or pull without"
                )
                raise malformed("inventory", expected, f"none of {len(derived.untold)}")
        return derived

    def ask_for(self, keys: Iterable[str]) -> None:
        """5."""
        for key in keys:
            self.table.add(list_told(self.bucket, Part(key, key)))

    def versions(self) -> Iterator[Version]:
        """6. Every version with its digest and lock, in the listing's order."""
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
        if is_locked and (one.target is None or one.target.is_file()):
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
    last: tuple[int, int, list[Known]] = (-1, 0, [])
    for known in bundles:
        index, width = _place(known.version.key)
        if index != last[0]:
            yield from last[2]
            last = (index, width, [known])
        elif width >= last[1]:
            last = (index, width, [*(last[2] if width == last[1] else []), known])
    yield from last[2]


def _place(key: str) -> tuple[int, int]:
    """Index and width of a bundle; a place of no bundle's for a key that names none."""
    try:
        parsed = parse_key(key)
        part = parse_path(parsed.path) if isinstance(parsed, LogKey) and parsed.part is LogPart.BUNDLE else None
    except IntegrityError:
        part = None
    return (part.index, part.width) if isinstance(part, Bundle) else (-1, 0)
