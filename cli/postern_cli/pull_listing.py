"""The versions of a bucket, listed in parts that together hold every key once.

What points at something is listed before what it points at: the log before the records, the records before the rest, in
which their blobs are; and in a log the checkpoints before the tiles, the tiles before the entries, all of them before
the stages. That is the reverse of the order in which they are written, so a pull of a bucket that is written to
meanwhile has whatever its log speaks of.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any

from postern.audit.versions import Version

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

LISTERS = 16  # parts of the records that are listed at a time: their keys are spread over as many shards
_DEEPEST = 3  # slashes after `wal/`: version, log, shard


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket, or the part of it under a prefix, or of one log."""

    client: S3Client
    name: str
    prefix: str = ""
    log: str | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """A version as S3 lists it: without its SHA-256 and its lock, with its ETag."""

    version: Version
    etag: str  # empty for a delete marker


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a bucket: everything under a prefix, or the versions of some keys; `order` is its place in it."""

    order: str
    prefix: str | None = None
    versions: tuple[Listed, ...] = ()


def in_turns(bucket: Bucket) -> Iterator[list[Part]]:
    """All of what is asked for, in the order in which it is to be listed; what comes together, side by side.

    Each part is divided when its turn comes, so what points at something is listed before that.
    """
    for part in in_listing_order(parts_of(bucket)):
        if part.order.startswith("log/"):
            yield from ([one] for one in in_log_order(parts_of_log(bucket, part)))
        else:
            yield spread(bucket, part) if part.order.startswith("wal/") else [part]


def parts_of(bucket: Bucket) -> list[Part]:
    """The parts of what is asked for, in key order."""
    if bucket.log is not None:
        return [Part(f"{head}/{bucket.log}/", f"{head}/{bucket.log}/") for head in ("blob", "log", "wal/v1")]
    return [Part(bucket.prefix, bucket.prefix)] if bucket.prefix else divide(bucket, "")


def in_listing_order(parts: list[Part]) -> list[Part]:
    """What points at something before what it points at: the log, the records, everything else."""
    first = ("log/", "wal/")
    return sorted(
        parts, key=lambda part: next((at for at, head in enumerate(first) if part.order.startswith(head)), len(first))
    )


def parts_of_log(bucket: Bucket, part: Part) -> list[Part]:
    """What is under `log/` in parts, in key order: of each log the checkpoints, the stages, the tiles and bundles."""
    logs = divide(bucket, "log/") if part.prefix == "log/" else [part]
    return [inner for log in logs for inner in ([log] if log.prefix is None else divide(bucket, log.prefix))]


def in_log_order(parts: list[Part]) -> list[Part]:
    """The parts of logs as they are to be listed: the stages last. Under `tile/`, tiles come before bundles by key."""
    return sorted(parts, key=lambda part: part.order.split("/")[2:3] == ["stage"])


def divide(bucket: Bucket, prefix: str) -> list[Part]:
    """A prefix divided at the next slash, in key order."""
    folders: list[Part] = []
    keys: list[Listed] = []
    for page in _pages(bucket, prefix, Delimiter="/"):
        folders += [Part(one["Prefix"], one["Prefix"]) for one in page.get("CommonPrefixes", [])]
        keys += _versions(page)
    files = [Part(key, None, tuple(group)) for key, group in groupby(keys, key=lambda one: one.version.key)]
    return sorted(folders + files, key=lambda part: part.order.encode())


def list_part(bucket: Bucket, part: Part) -> Iterator[Listed]:
    """All versions and delete markers of a part in key order, newest first within a key."""
    yield from part.versions
    if part.prefix is not None:
        for page in _pages(bucket, part.prefix):
            yield from _versions(page)


def spread(bucket: Bucket, part: Part) -> list[Part]:
    """A part as many, to be listed side by side, where it is more than a page: divided until there are enough."""
    parts = [part]
    for _ in range(_DEEPEST):
        if len(parts) >= LISTERS or part.prefix is None or not _is_long(bucket, part.prefix):
            break
        parts = [inner for one in parts for inner in ([one] if one.prefix is None else divide(bucket, one.prefix))]
    return parts


def _is_long(bucket: Bucket, prefix: str) -> bool:
    return bool(next(_pages(bucket, prefix)).get("IsTruncated"))


def _pages(bucket: Bucket, prefix: str, **asked: Any) -> Iterator[Any]:  # noqa: ANN401 - boto3's own parameters
    marker: dict[str, Any] = {}
    while True:
        page: Any = bucket.client.list_object_versions(Bucket=bucket.name, Prefix=prefix, **asked, **marker)
        yield page
        if not page.get("IsTruncated"):
            return
        marker = {"KeyMarker": page["NextKeyMarker"]}
        if page.get("NextVersionIdMarker"):
            marker["VersionIdMarker"] = page["NextVersionIdMarker"]


def _versions(page: Any) -> list[Listed]:  # noqa: ANN401 - S3's answer
    rows = [Listed(_version(row, is_marker=False), row["ETag"].strip('"')) for row in page.get("Versions", [])]
    rows += [Listed(_version(row, is_marker=True), "") for row in page.get("DeleteMarkers", [])]
    return sorted(rows, key=_place)


def _place(one: Listed) -> tuple[bytes, bool, int]:
    version = one.version
    return version.key.encode(), not version.is_latest, -version.last_modified_us


def _version(row: Any, *, is_marker: bool) -> Version:  # noqa: ANN401 - one of two shapes that the stubs keep apart
    return Version(
        key=row["Key"],
        version_id=row["VersionId"],
        is_latest=row["IsLatest"],
        delete_marker=is_marker,
        size=None if is_marker else row["Size"],
        sha256=None,
        last_modified_us=microseconds(row["LastModified"]),
        retain_until_us=None,
        mode=None,
    )


def microseconds(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
