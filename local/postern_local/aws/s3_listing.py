"""Versions listed as S3 lists them, in time that follows what is returned.

Corrections of moto 5.2.5, which copies every object of the bucket for a listing of its versions (140 ms
for 300 objects, however few are asked for), and loses a version where a page begins between two keys. It also writes
each object's time down twice, and reads the first back in every form there is, which takes most of a listing's time.
Reference: "ListObjectVersions" (Amazon S3 API reference).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from moto.core import serialize
from moto.s3.models import FakeBucket, FakeDeleteMarker, FakeKey, S3Backend

from postern.edges.timestamps import read_timestamp
from postern_local.aws.replacement import Method, replace

Version = FakeKey | FakeDeleteMarker
Listed = tuple[list[FakeKey], list[str], list[FakeDeleteMarker], str | None, str | None]


def install() -> None:
    """Puts the correction in place. Call once, before the first request."""
    replace(S3Backend, "list_object_versions", _list_object_versions)
    replace(serialize, "parse_to_aware_datetime", _parse_to_aware_datetime)


@dataclass(slots=True)
class _Page:
    """One answer as it grows; `marker` is where the next one would begin."""

    size: int
    versions: list[FakeKey] = field(default_factory=list)
    delete_markers: list[FakeDeleteMarker] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    marker: tuple[str, str | None] | None = None

    def is_full(self) -> bool:
        return len(self.versions) + len(self.delete_markers) + len(self.prefixes) >= self.size

    def add(self, found: Version | str) -> None:
        if isinstance(found, str):
            self.prefixes.append(found)
            self.marker = (found, None)
            return
        if isinstance(found, FakeKey):
            self.versions.append(found)
        else:
            self.delete_markers.append(found)
        self.marker = (found.name, found.version_id or "null")


def _parse_to_aware_datetime(original: Method) -> Method:
    def parse(value: object) -> object:
        return read_timestamp(value) if isinstance(value, str) and value.endswith("Z") else original(value)

    return parse


def _list_object_versions(_original: Method) -> Method:
    def listing(
        backend: S3Backend,
        bucket_name: str,
        delimiter: str | None = None,
        key_marker: str | None = None,
        max_keys: int | None = 1000,
        prefix: str = "",
        version_id_marker: str | None = None,
    ) -> Listed:
        bucket = backend.get_bucket(bucket_name)
        page = _Page(1000 if max_keys is None else max_keys)
        rows = _rows(bucket, prefix, delimiter, after=(key_marker or "", version_id_marker))
        for row in rows:
            if page.is_full():
                return page.versions, page.prefixes, page.delete_markers, *(page.marker or (None, None))
            page.add(row)
        return page.versions, page.prefixes, page.delete_markers, None, None

    return listing


def _rows(
    bucket: FakeBucket, prefix: str, delimiter: str | None, *, after: tuple[str, str | None]
) -> Iterator[Version | str]:
    """What follows the marker, in order: versions, newest first under each key, and each common prefix once."""
    marker, version_marker = after
    last_prefix = marker
    for name in sorted(name for name in bucket.keys if name.startswith(prefix) and name >= marker):
        end = name.find(delimiter, len(prefix)) if delimiter else -1
        if delimiter and end >= 0:
            common = name[: end + len(delimiter)]
            if common != last_prefix:
                last_prefix = common
                yield common
        elif name != marker:
            yield from _versions(bucket, name)
        elif version_marker:
            yield from _after(version_marker, _versions(bucket, name))


def _versions(bucket: FakeBucket, name: str) -> Iterator[Version]:
    stored = bucket.keys.getlist(name)
    for version in reversed(stored):
        version.is_latest = version is stored[-1]
        yield version


def _after(version_id: str, versions: Iterator[Version]) -> Iterator[Version]:
    for version in versions:
        if (version.version_id or "null") == version_id:
            break
    yield from versions
