"""The records on S3 as the log reads them: by version, since only an object's first one is evidence."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from postern.audit.keys import parse_record_key
from postern.edges.together import WORKERS, together
from postern.errors import EvidenceUnavailable, IntegrityError, UpstreamError
from postern.log_ports import WalVersion

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_FAILURES = (ClientError, BotoCoreError, ResponseParserError)  # the last is none of botocore's own family
_ABSENT = frozenset({"NoSuchKey", "NoSuchVersion"})
_PAST_ALL = b"\xff"  # greater than any key: no UTF-8 begins with it


@dataclass(slots=True)
class S3Wal:
    """Implements `log_ports.Wal`. The role needs `s3:GetObjectVersion` on `wal/*` and `s3:ListBucketVersions`."""

    client: S3Client
    bucket: str
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(WORKERS), repr=False)

    def versions_under(self, prefix: str, *, after: str = "") -> Iterator[WalVersion]:
        newer: dict[str, Any] | None = None
        for row in self._rows(prefix, after):
            # Newest first: the last row of a key is its first version.
            if newer is not None:
                yield _version(newer, is_first=newer["Key"] != row["Key"])
            newer = row
        if newer is not None:
            yield _version(newer, is_first=True)

    def first_versions(self, keys: Sequence[str]) -> Mapping[str, WalVersion | None]:
        folders: dict[str, list[str]] = {}
        for key in keys:
            folders.setdefault(_folder(key), []).append(key)
        found = together(self._pool, lambda folder: self._first_in(*folder), folders.items())
        return dict(chain.from_iterable(part.items() for part in found))

    def read_version(self, key: str, version_id: str) -> bytes:
        try:
            return self.client.get_object(Bucket=self.bucket, Key=key, VersionId=version_id)["Body"].read()
        except _FAILURES as error:
            if _code(error) in _ABSENT:
                raise IntegrityError("evidence.missing", f"{key}: expected version {version_id}, got none") from error
            raise _unavailable(key, error) from error

    def read_versions(self, versions: Sequence[WalVersion]) -> Mapping[str, bytes]:
        found = together(self._pool, self._read_if_it_can, versions)
        return {version.key: data for version, data in zip(versions, found, strict=True) if data is not None}

    def _read_if_it_can(self, version: WalVersion) -> bytes | None:
        try:
            return self.read_version(version.key, version.version_id)
        except (UpstreamError, IntegrityError):
            # Encrypted under a key that we have not, or S3 is away: its message comes again, the others go on.
            return None

    def _first_in(self, prefix: str, keys: Sequence[str]) -> dict[str, WalVersion | None]:
        oldest: dict[str, dict[str, Any] | None] = dict.fromkeys(keys)
        ahead = deque(sorted(oldest, key=str.encode))
        try:
            while ahead:
                self._list_from_next(prefix, ahead, oldest)
        except UpstreamError:
            return {}
        return {key: None if row is None else _version(row, is_first=True) for key, row in oldest.items()}

    def _list_from_next(self, prefix: str, ahead: deque[str], oldest: dict[str, dict[str, Any] | None]) -> None:
        """Lists from the next wanted key on, while the following page may hold one: keys may lie far apart.

        Takes off `ahead` every key that was passed, one at least. Of those that exist, `oldest` gets the first version.
        """
        start = ahead[0]
        for page in self._pages(prefix, _before(start)):
            # Newest first: the last row of a key stands.
            oldest |= {row["Key"]: row for row in page.get("Versions", []) if row["Key"] in oldest}
            reached = _reached(page)
            while ahead and ahead[0].encode() < reached:
                ahead.popleft()
            if not ahead or (ahead[0] != start and _before(ahead[0]).encode() > reached):
                return
        ahead.clear()  # that was the prefix's end

    def _rows(self, prefix: str, after: str) -> Iterator[dict[str, Any]]:
        # Delete markers are listed apart and hide nothing: what lies under one is still evidence.
        for page in self._pages(prefix, after):
            yield from page.get("Versions", [])

    def _pages(self, prefix: str, after: str) -> Iterator[dict[str, Any]]:
        paginator: Any = self.client.get_paginator("list_object_versions")
        try:
            yield from paginator.paginate(Bucket=self.bucket, Prefix=prefix, KeyMarker=after)
        except _FAILURES as error:
            raise _unavailable(prefix, error) from error


def _before(key: str) -> str:
    """A marker from which a listing gets to the key soon: S3 begins after it, so the key is none."""
    return key[:-1]


def _reached(page: Mapping[str, Any]) -> bytes:
    """All versions of all keys smaller than this are on this page or before it; of the key itself, more may follow."""
    if page.get("IsTruncated") is False:
        return _PAST_ALL
    # S3 names the last key of the page; were it the first of the next one, as its reference says, this would hold too.
    marker: str = page.get("NextKeyMarker", "")
    return marker.encode()


def _folder(key: str) -> str:
    """What is listed to find this key: the hour that a record lies in, else the key alone."""
    try:
        parse_record_key(key)
    except IntegrityError:
        return key
    return key.rsplit("/", 2)[0] + "/"


def _version(row: Mapping[str, Any], *, is_first: bool) -> WalVersion:
    modified: datetime = row["LastModified"]
    return WalVersion(row["Key"], row["VersionId"], row["Size"], int(modified.timestamp() * 1_000_000), is_first)


def _unavailable(what: str, error: Exception) -> EvidenceUnavailable:
    return EvidenceUnavailable(
        "evidence.unavailable", f"{what}: expected an answer of S3, got {_code(error)}: try again"
    )


def _code(error: Exception) -> str:
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "an error without a code"))
    return type(error).__name__
