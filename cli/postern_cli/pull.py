"""Copies an evidence bucket to disk: every version listed and hashed, the first of each key kept.

A pull changes nothing in the bucket. It can be stopped and run again: an object that is there with the
size and SHA-256 that the bucket states is not fetched twice, and the listing is always read afresh.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from postern.audit.keys import parse_key
from postern.audit.versions import Version, format_version
from postern.errors import IntegrityError
from postern.types import Sha256Hex
from postern_cli.pulled import PulledFolder

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_CHUNK_BYTES = 1024 * 1024
_AHEAD = 4  # versions asked for per worker before the first of them is written


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket, or the part of it under a prefix."""

    client: S3Client
    name: str
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Pulled:
    """What a pull did."""

    versions: int
    fetched: int


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A version to account for; `target` is where its bytes are kept, None where they are only hashed."""

    listed: Version  # as the listing has it: without digest and lock
    target: Path | None


def pull(bucket: Bucket, folder: PulledFolder, *, workers: int, advance: Callable[[int], None]) -> Pulled:
    """Brings `folder` up to the bucket. Raises botocore's errors and `OSError`; what was fetched stays."""
    folder.objects.mkdir(parents=True, exist_ok=True)
    # From here until the end the folder says that it is unfinished.
    folder.versions.unlink(missing_ok=True)
    shutil.rmtree(folder.partial, ignore_errors=True)
    folder.partial.mkdir()
    versions = fetched = 0
    unfinished = folder.partial / "versions"
    with unfinished.open("wb") as file:
        for version, was_fetched in _in_order(bucket, folder, workers):
            file.write(format_version(version) + b"\n")
            versions += 1
            fetched += was_fetched
            advance(1)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(folder.versions)
    shutil.rmtree(folder.partial)
    return Pulled(versions, fetched)


def _in_order(bucket: Bucket, folder: PulledFolder, workers: int) -> Iterator[tuple[Version, bool]]:
    """Every version with its digest and lock, fetched side by side and given in the listing's order."""
    with ThreadPoolExecutor(workers) as threads:
        under_way: deque[Future[tuple[Version, bool]]] = deque()
        try:
            for wanted in _wanted(bucket, folder):
                under_way.append(threads.submit(_account_for, bucket, folder, wanted))
                if len(under_way) >= workers * _AHEAD:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:
            for future in under_way:
                future.cancel()


def _wanted(bucket: Bucket, folder: PulledFolder) -> Iterator[_Wanted]:
    for key, group in groupby(_list_versions(bucket), key=lambda version: version.key):
        versions = list(group)
        with_bytes = [version for version in versions if not version.delete_marker]
        for version in versions:
            # The first version of a key is the record; anything later is what somebody put over it.
            is_kept = bool(with_bytes) and version is with_bytes[-1] and _is_ours(key)
            yield _Wanted(version, folder.objects / key if is_kept else None)


def _is_ours(key: str) -> bool:
    """Whether a key has one of the log's forms, which are safe as paths. Others are hashed, never written."""
    try:
        parse_key(key)
    except IntegrityError:
        return False
    return True


def _list_versions(bucket: Bucket) -> Iterator[Version]:
    """All versions and delete markers in key order, newest first within a key."""
    pages = bucket.client.get_paginator("list_object_versions").paginate(Bucket=bucket.name, Prefix=bucket.prefix)
    for page in pages:
        rows = [_version(row, is_marker=False) for row in page.get("Versions", [])]
        rows += [_version(row, is_marker=True) for row in page.get("DeleteMarkers", [])]
        yield from sorted(rows, key=lambda row: (row.key.encode(), not row.is_latest, -row.last_modified_us))


def _version(row: Any, *, is_marker: bool) -> Version:  # noqa: ANN401 - one of two shapes that the stubs keep apart
    return Version(
        key=row["Key"],
        version_id=row["VersionId"],
        is_latest=row["IsLatest"],
        delete_marker=is_marker,
        size=None if is_marker else row["Size"],
        sha256=None,
        last_modified_us=_microseconds(row["LastModified"]),
        retain_until_us=None,
        mode=None,
    )


def _account_for(bucket: Bucket, folder: PulledFolder, wanted: _Wanted) -> tuple[Version, bool]:
    """The version with its digest and lock, and whether its bytes had to be fetched."""
    if wanted.listed.delete_marker:
        return wanted.listed, False
    if wanted.target is not None and wanted.target.is_file():
        kept = _kept(bucket, wanted.listed, wanted.target)
        if kept is not None:
            return kept, False
    return _fetch(bucket, folder, wanted), True


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


def _fetch(bucket: Bucket, folder: PulledFolder, wanted: _Wanted) -> Version:
    listed = wanted.listed
    answer = bucket.client.get_object(Bucket=bucket.name, Key=listed.key, VersionId=listed.version_id)
    digest = hashlib.sha256()
    size = 0
    unfinished = folder.partial / uuid4().hex
    with unfinished.open("wb") as file:
        for chunk in answer["Body"].iter_chunks(_CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
            file.write(chunk)
    if wanted.target is None:
        unfinished.unlink()
    else:
        wanted.target.parent.mkdir(parents=True, exist_ok=True)
        unfinished.replace(wanted.target)
    return _locked(replace(listed, size=size, sha256=Sha256Hex(digest.hexdigest())), answer)


def _locked(version: Version, answer: Any) -> Version:  # noqa: ANN401 - HEAD's answer or GET's
    until = answer.get("ObjectLockRetainUntilDate")
    return replace(
        version,
        retain_until_us=None if until is None else _microseconds(until),
        mode=answer.get("ObjectLockMode"),
    )


def _microseconds(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode("ascii")
