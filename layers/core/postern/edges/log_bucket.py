"""One log's objects on S3: created once under the bucket's lock; only `checkpoint` is ever replaced.

How a PUT with `If-None-Match` can end, and what is then true:
    200           the bytes are durable and locked until the epoch's end and the retention after it
    412           something stands there: by its SHA-256 it is ours, from before or by another, or a conflict
    409           another PUT on the key was under way: asked again, as S3 says
    5xx, none     not known; it may still land later, which is as good. The caller comes again
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from postern.audit.keys import log_key
from postern.edges.together import WORKERS, together
from postern.errors import EvidenceUnavailable, IntegrityError
from postern.tlog.tiles import TILE_WIDTH, Bundle, format_path, parse_path

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_FAILURES = (ClientError, BotoCoreError, ResponseParserError)  # the last is none of botocore's own family
_TRIES = 3  # of a PUT that met another on its key
_LATEST = "checkpoint"
_NEW = {"IfNoneMatch": "*"}


class _Ended(Enum):
    """How a PUT with a condition ended."""

    WRITTEN = 1
    REFUSED = 2  # the condition did not hold
    CROSSED = 3  # another PUT on the key was under way


_ENDED = {
    "PreconditionFailed": _Ended.REFUSED,
    "NoSuchKey": _Ended.REFUSED,  # If-Match, and nothing is there
    "ConditionalRequestConflict": _Ended.CROSSED,
}


@dataclass(slots=True)
class S3LogBucket:
    """Implements `log_ports.LogBucket`. The client may retry: every write here may be done twice.

    The role needs `s3:GetObject`, `s3:PutObject` and `s3:PutObjectRetention` on `log/*`, and
    `s3:ListBucket` and `s3:ListBucketVersions` on the bucket without a condition on the prefix: without them S3
    says 403 for an object that is not there.
    """

    client: S3Client
    bucket: str
    log: str
    retain_until_s: int  # Unix time
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(WORKERS), repr=False)

    def create(self, path: str, data: bytes) -> None:
        for _ in range(_TRIES):
            ended = self._put(path, data, _NEW)
            if ended is _Ended.REFUSED:
                self._check_same(path, data)
            if ended is not _Ended.CROSSED:
                return
        raise EvidenceUnavailable("evidence.unavailable", f"{path}: expected it to be written, got 409: try again")

    def create_all(self, writes: Mapping[str, bytes]) -> None:
        together(self._pool, lambda write: self.create(*write), writes.items())

    def read(self, path: str) -> bytes:
        found = self._get(path)
        if found is None:
            raise IntegrityError("evidence.missing", f"{self._key(path)}: expected an object, got none")
        return found[0]

    def read_all(self, paths: Sequence[str]) -> Mapping[str, bytes]:
        return dict(zip(paths, together(self._pool, self.read, paths), strict=True))

    def latest_checkpoint(self) -> tuple[bytes, str] | None:
        found = self._get(_LATEST)
        if found is None and self._is_there_now(_LATEST):
            # Another published the first one between the two calls.
            return self._get(_LATEST)
        return found

    def replace_checkpoint(self, data: bytes, etag: str | None) -> bool:
        return self._put(_LATEST, data, _NEW if etag is None else {"IfMatch": etag}) is _Ended.WRITTEN

    def applied_size(self, size: int) -> int:
        index = size // TILE_WIDTH
        prefix = self._key(format_path(Bundle(index)))
        applied = size
        try:
            for page in self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix):
                for one in page.get("Contents", []):
                    part = parse_path(one["Key"].removeprefix(f"log/{self.log}/"))
                    applied = max(applied, index * TILE_WIDTH + part.width)
        except _FAILURES as error:
            raise _unavailable(prefix, error) from error
        return applied

    def _put(self, path: str, data: bytes, condition: Mapping[str, Any]) -> _Ended:
        digest = base64.b64encode(hashlib.sha256(data).digest()).decode("ascii")
        try:
            self.client.put_object(
                Bucket=self.bucket,
                Key=self._key(path),
                Body=data,
                ContentType="text/plain; charset=utf-8" if path.startswith(_LATEST) else "application/octet-stream",
                ChecksumAlgorithm="SHA256",
                ChecksumSHA256=digest,
                ObjectLockMode="COMPLIANCE",
                ObjectLockRetainUntilDate=datetime.fromtimestamp(self.retain_until_s, UTC),
                **condition,
            )
        except _FAILURES as error:
            ended = _ENDED.get(_code(error))
            if ended is None:
                raise _unavailable(path, error) from error
            return ended
        return _Ended.WRITTEN

    def _get(self, path: str) -> tuple[bytes, str] | None:
        try:
            found = self.client.get_object(Bucket=self.bucket, Key=self._key(path))
            return found["Body"].read(), found["ETag"]
        except _FAILURES as error:
            if _code(error) == "NoSuchKey":
                return None
            raise _unavailable(path, error) from error

    def _check_same(self, path: str, data: bytes) -> None:
        digest = base64.b64encode(hashlib.sha256(data).digest()).decode("ascii")
        try:
            found = self.client.head_object(Bucket=self.bucket, Key=self._key(path), ChecksumMode="ENABLED")
        except _FAILURES as error:
            raise _unavailable(path, error) from error
        if found.get("ChecksumSHA256") != digest:
            raise IntegrityError("evidence.conflict", f"{self._key(path)}: expected our bytes, got others")

    def _is_there_now(self, path: str) -> bool:
        """Whether an object that was not there a moment ago is.

        Raises `IntegrityError` where a delete marker hides it: it must not begin anew.
        """
        key = self._key(path)
        try:
            found = self.client.list_object_versions(Bucket=self.bucket, Prefix=key, MaxKeys=1)
        except _FAILURES as error:
            raise _unavailable(path, error) from error
        # One row is asked for: the latest of the first key, which is this one or, where it never was, a later one.
        if any(one["Key"] == key for one in found.get("DeleteMarkers", [])):
            raise IntegrityError("evidence.missing", f"{key}: expected an object, got a delete marker")
        return any(one["Key"] == key for one in found.get("Versions", []))

    def _key(self, path: str) -> str:
        return log_key(self.log, path)


def _unavailable(path: str, error: Exception) -> EvidenceUnavailable:
    return EvidenceUnavailable(
        "evidence.unavailable", f"{path}: expected an answer of S3, got {_code(error)}: try again"
    )


def _code(error: Exception) -> str:
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "an error without a code"))
    return type(error).__name__
