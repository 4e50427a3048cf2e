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

_ENOUGH = 16  # parts of the records: their keys are spread over as many shards
_DEEPEST = 3  # slashes after `wal/`: version, log, shard


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket, or the part of it under a prefix, or of one log."""

    client: S3Client
    name: str
    prefix: str = ""
    log: str | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a bucket: everything under a prefix, or the versions of some keys; `order` is its place in it."""

    order: str
    prefix: str | None = None
    versions: tuple[Version, ...] = ()
    after: str = ""  # only keys that follow this one


@dataclass(frozen=True, slots=True)
class Told:
    """A version as a list tells of it: without its SHA-256, with the ETag that S3 gives it."""

    version: Version
    etag: str  # empty for a delete marker


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
    keys: list[Version] = []
    for page in _pages(bucket, prefix, Delimiter="/"):
        folders += [Part(one["Prefix"], one["Prefix"]) for one in page.get("CommonPrefixes", [])]
        keys += _versions(page)
    files = [Part(key, None, tuple(group)) for key, group in groupby(keys, key=lambda version: version.key)]
    return sorted(folders + files, key=lambda part: part.order.encode())


def list_part(bucket: Bucket, part: Part) -> Iterator[Version]:
    """All versions and delete markers of a part in key order, newest first within a key."""
    yield from part.versions
    if part.prefix is not None:
        for page in _pages(bucket, part.prefix):
            yield from _versions(page)


def list_told(bucket: Bucket, part: Part) -> Iterator[Told]:
    """What `list_part` gives of a prefix, with ETags: each version once, from `part.after` on."""
    for page in _pages(bucket, part.prefix or "", after=part.after):
        etags = {(row["Key"], row["VersionId"]): row["ETag"].strip('"') for row in page.get("Versions", [])}
        for version in _versions(page):
            yield Told(version, etags.get((version.key, version.version_id), ""))


def spread(bucket: Bucket, part: Part) -> list[Part]:
    """A part as many, to be listed side by side, where it is more than a page: divided until there are enough."""
    parts = [part]
    for _ in range(_DEEPEST):
        if len(parts) >= _ENOUGH or part.prefix is None or not _is_long(bucket, part.prefix):
            break
        parts = [inner for one in parts for inner in ([one] if one.prefix is None else divide(bucket, one.prefix))]
    return parts


def _is_long(bucket: Bucket, prefix: str) -> bool:
    return bool(next(_pages(bucket, prefix)).get("IsTruncated"))


def _pages(bucket: Bucket, prefix: str, *, after: str = "", **asked: Any) -> Iterator[Any]:  # noqa: ANN401 - boto3's own parameters
    marker: dict[str, Any] = {"KeyMarker": after} if after else {}
    while True:
        page: Any = bucket.client.list_object_versions(Bucket=bucket.name, Prefix=prefix, **asked, **marker)
        yield page
        if not page.get("IsTruncated"):
            return
        marker = {"KeyMarker": page["NextKeyMarker"]}
        if page.get("NextVersionIdMarker"):
            marker["VersionIdMarker"] = page["NextVersionIdMarker"]


def _versions(page: Any) -> list[Version]:  # noqa: ANN401 - S3's answer
    rows = [_version(row, is_marker=False) for row in page.get("Versions", [])]
    rows += [_version(row, is_marker=True) for row in page.get("DeleteMarkers", [])]
    return sorted(rows, key=lambda row: (row.key.encode(), not row.is_latest, -row.last_modified_us))


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
