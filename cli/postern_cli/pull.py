"""Copies an evidence bucket to disk: every version listed and hashed, and of each key the one that counts is kept.

That is the first version: anything later is what somebody put over it. Of `log/<log>/checkpoint`, which is replaced as
the log grows, it is the latest. A pull changes nothing in the bucket. It can be stopped and run again: an object that
is there with the size and SHA-256 that the bucket states is not fetched twice, and the listing is always read afresh.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any
from uuid import uuid4

from postern.audit.keys import LogKey, LogPart, parse_key
from postern.audit.versions import Version, format_version
from postern.errors import IntegrityError
from postern.types import Sha256Hex
from postern_cli.pull_listing import LISTERS, Part, in_turns, list_part, microseconds
from postern_cli.pull_listing import Bucket as Bucket
from postern_cli.pulled import PulledFolder, is_plain
from postern_cli.side_by_side import in_order

_CHUNK_BYTES = 1024 * 1024
AHEAD = 4  # versions asked for per worker before the first of them is written


@dataclass(frozen=True, slots=True)
class Pulled:
    """What a pull did."""

    versions: int
    fetched: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """A version to account for; `target` is where its bytes are kept, None where they are only hashed."""

    listed: Version  # as the listing has it: without digest and lock
    target: Path | None


def pull(bucket: Bucket, folder: PulledFolder, *, workers: int, advance: Callable[[int], None]) -> Pulled:
    """Brings `folder` up to the bucket. Raises botocore's errors and `OSError`; what was fetched stays."""
    make_room(folder)
    begin(folder)
    began_us = time.time_ns() // 1000
    done: dict[str, _Done] = {}
    with ThreadPoolExecutor(workers) as fetchers, ThreadPoolExecutor(LISTERS) as listers:
        puller = _Puller(bucket, folder, fetchers, workers * AHEAD, advance)
        for parts in in_turns(bucket):
            done |= zip((part.order for part in parts), listers.map(puller.pull_versions, parts), strict=True)
    rows = [done[order].rows for order in sorted(done, key=str.encode)]
    finish(folder, rows, {"bucket": bucket.name, "began_us": began_us})
    return Pulled(sum(one.versions for one in done.values()), sum(one.fetched for one in done.values()))


def make_room(folder: PulledFolder) -> None:
    """A place for what is unfinished. What was pulled before stands as it is."""
    folder.path.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(folder.partial, ignore_errors=True)
    folder.partial.mkdir()


def begin(folder: PulledFolder) -> None:
    """From here until `finish` the folder says that it is unfinished."""
    folder.versions.unlink(missing_ok=True)
    folder.about.unlink(missing_ok=True)  # it tells of the pull before, not of what will lie here


def finish(folder: PulledFolder, rows: Iterable[Path], about: Mapping[str, object]) -> None:
    """The listing is whole: these files, one after the other."""
    _write_listing(folder, rows)
    folder.about.write_text(json.dumps(about), "utf-8")
    shutil.rmtree(folder.partial)


def _write_listing(folder: PulledFolder, parts: Iterable[Path]) -> None:
    unfinished = folder.partial / "versions"
    with unfinished.open("wb") as file:
        for path in parts:
            with path.open("rb") as part:
                shutil.copyfileobj(part, file)
            path.unlink()
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(folder.versions)


@dataclass(frozen=True, slots=True)
class _Done:
    """A part that was pulled, and the file of its lines."""

    versions: int
    fetched: int
    rows: Path


@dataclass(frozen=True, slots=True)
class _Puller:
    bucket: Bucket
    folder: PulledFolder
    fetchers: ThreadPoolExecutor
    ahead: int
    advance: Callable[[int], None]

    def pull_versions(self, part: Part) -> _Done:
        """Fetches what is wanted of a part, and writes a line for each of its versions, in their order."""
        count = fetched = 0
        path = self.folder.partial / f"rows-{uuid4().hex}"
        with path.open("wb") as file:
            for version, was_fetched in self._in_order(one.version for one in list_part(self.bucket, part)):
                file.write(format_version(version) + b"\n")
                count += 1
                fetched += was_fetched
                self.advance(1)
        return _Done(count, fetched, path)

    def _in_order(self, versions: Iterable[Version]) -> Iterator[tuple[Version, bool]]:
        """Every version with its digest and lock, fetched side by side and given in the listing's order."""
        fetch = partial(account_for, self.bucket, self.folder)
        return in_order(self.fetchers, fetch, wanted(self.folder, versions), ahead=self.ahead)


def wanted(folder: PulledFolder, listed: Iterable[Version]) -> Iterator[Wanted]:
    """What to do with each version, in the order of the listing: of each key the one that counts is kept."""
    for key, group in groupby(listed, key=lambda version: version.key):
        part = _part_of(key)
        if part is LogPart.LATEST:
            # As many versions as there were checkpoints: one at a time.
            for number, version in enumerate(group):
                yield Wanted(version, folder.objects / key if number == 0 and not version.delete_marker else None)
            continue
        versions = list(group)
        with_bytes = [version for version in versions if not version.delete_marker]
        for version in versions:
            is_kept = part is not None and bool(with_bytes) and version is with_bytes[-1]
            yield Wanted(version, folder.objects / key if is_kept else None)


def _part_of(key: str) -> LogPart | str | None:
    """What a key of the log's forms is of; those are safe as paths. None for others: they are hashed, never written."""
    try:
        parsed = parse_key(key)
    except IntegrityError:
        return None
    return parsed.part if isinstance(parsed, LogKey) else "record"


def account_for(bucket: Bucket, folder: PulledFolder, one: Wanted) -> tuple[Version, bool]:
    """The version with its digest and lock, and whether its bytes had to be fetched."""
    if one.listed.delete_marker:
        return one.listed, False
    if one.target is not None and is_plain(one.target):
        kept = _kept(bucket, one.listed, one.target)
        if kept is not None:
            return kept, False
    return _fetch(bucket, folder, one), True


def _kept(bucket: Bucket, listed: Version, target: Path) -> Version | None:
    """The version, where the file on disk is surely its bytes; None where it has to be fetched."""
    answer = bucket.client.head_object(
        Bucket=bucket.name, Key=listed.key, VersionId=listed.version_id, ChecksumMode="ENABLED"
    )
    with target.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    stated = answer.get("ChecksumSHA256")
    if target.stat().st_size != answer["ContentLength"] or stated != _base64(digest.digest()):
        return None
    return _locked(replace(listed, sha256=Sha256Hex(digest.hexdigest())), answer)


def _fetch(bucket: Bucket, folder: PulledFolder, one: Wanted) -> Version:
    listed = one.listed
    answer = bucket.client.get_object(Bucket=bucket.name, Key=listed.key, VersionId=listed.version_id)
    digest = hashlib.sha256()
    size = 0
    unfinished = folder.partial / uuid4().hex
    with unfinished.open("wb") as file:
        for chunk in answer["Body"].iter_chunks(_CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
            file.write(chunk)
    if one.target is None:
        unfinished.unlink()
    else:
        folder.put(unfinished, one.target)
    return _locked(replace(listed, size=size, sha256=Sha256Hex(digest.hexdigest())), answer)


def _locked(version: Version, answer: Any) -> Version:  # noqa: ANN401 - HEAD's answer or GET's
    until = answer.get("ObjectLockRetainUntilDate")
    return replace(
        version,
        retain_until_us=None if until is None else microseconds(until),
        mode=answer.get("ObjectLockMode"),
    )


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode("ascii")
