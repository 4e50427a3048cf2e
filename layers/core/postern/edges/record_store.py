"""The record store on S3: a record is created once, under the bucket's lock, or it is not written at all.

How a PUT can end, and what is then true:
    200              the bytes are durable and locked until the epoch's end and the retention after it
    412, 409, 5xx, no answer   looked up by HEAD: our bytes are there (success), others are (conflict), none are
    refused or never sent      nothing was written
Unless our bytes were found, this environment goes on with a new chain: a PUT may still land after it
was given up, and then takes the place in the old chain that was meant for it.
"""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from botocore.exceptions import HTTPClientError as BrokenOffError
from botocore.parsers import ResponseParserError

from postern.audit.chain import ENV_BYTES, Linked, Source, Writer, link
from postern.audit.keys import blob_key, record_key
from postern.audit.records import Record
from postern.errors import EvidenceUnavailable, IntegrityError
from postern.types import Sha256Hex

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_FAILURES = (ClientError, BotoCoreError, ResponseParserError)  # the last is none of botocore's own family
_LOOKED_UP = frozenset({409, 412})  # besides 5xx: after these the object may be there
_KEPT_UNKNOWN = 16


@dataclass(slots=True)
class S3RecordStore:
    """Implements `ports.RecordStore` on a versioned bucket with Object Lock.

    Timeouts and attempts are the client's: at most one PUT and one HEAD are asked of it for each `put`.
    The role needs `s3:PutObject`, `s3:PutObjectRetention` and `s3:GetObject` (for HEAD) on `wal/*` and `blob/*`.
    One record at a time: a chain has one end. A record whose PUT stayed unknown may be put again by this
    environment: the same bytes are sent, so whichever of the two arrived, it is the same record.
    """

    client: S3Client
    bucket: str
    source: Source
    retain_until_s: int  # Unix time; the same for every object of an epoch, so that none unlocks before another
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _writer: Writer | None = None  # None: the next record starts a chain
    _process: int = 0  # whose chain `_writer` is; a fork must not go on with its parent's
    _unknown: OrderedDict[str, tuple[Record, Linked]] = field(default_factory=OrderedDict, repr=False)

    def put(self, record: Record) -> Sha256Hex:
        key = record_key(self.source.log, record.type, record.id)
        with self._lock:
            earlier = self._unknown.get(key)
            if earlier is not None and earlier[0] == record:
                self._create(key, record, earlier[1])
                return earlier[1].sha256
            for n, blob in enumerate(record.blobs):
                self._create_blob(blob_key(self.source.log, record.id, n), blob)
            linked = link(record, self._chain(), self.source)
            # Whatever ends this call early, even from outside: what was meant for this place may be there.
            self._writer = None
            self._create(key, record, linked)
            self._writer = linked.next
            return linked.sha256

    def _chain(self) -> Writer:
        # Drawn here and never at import: a snapshot of the process would share it among its copies.
        if self._writer is None or self._process != os.getpid():
            self._process = os.getpid()
            self._writer = Writer(secrets.token_hex(ENV_BYTES))
        return self._writer

    def _create(self, key: str, record: Record, linked: Linked) -> None:
        try:
            self._put(key, linked.data, linked.sha256, "application/json")
        except _FAILURES as error:
            if not self._is_there(key, linked.sha256, error):
                self._remember(key, record, linked)
                raise _unavailable(error) from error

    def _create_blob(self, key: str, data: bytes) -> None:
        # Outside the chain: the record that follows names the blob's digest. One that a failure leaves behind is
        # named by no record, and the same bytes may be put there again.
        sha256 = Sha256Hex(hashlib.sha256(data).hexdigest())
        try:
            self._put(key, data, sha256, "application/octet-stream")
        except _FAILURES as error:
            if not self._is_there(key, sha256, error):
                raise _unavailable(error) from error

    def _put(self, key: str, data: bytes, sha256: Sha256Hex, content_type: str) -> None:
        self.client.put_object(
            Bucket=self.bucket,
            Key=key,
            Body=data,
            ContentType=content_type,
            # S3 checks the digest before it stores; the algorithm is named beside it because with a
            # default retention some implementations refuse the digest alone.
            ChecksumAlgorithm="SHA256",
            ChecksumSHA256=_checksum(sha256),
            IfNoneMatch="*",
            ObjectLockMode="COMPLIANCE",
            ObjectLockRetainUntilDate=datetime.fromtimestamp(self.retain_until_s, UTC),
        )

    def _is_there(self, key: str, sha256: Sha256Hex, error: Exception) -> bool:
        """Whether our bytes stand under the key after a PUT ended in `error`. Raises `IntegrityError` for others."""
        if not _may_have_landed(error):
            return False
        try:
            found = self.client.head_object(Bucket=self.bucket, Key=key, ChecksumMode="ENABLED")
        except _FAILURES:
            # 404, 403 without the right to list, or away: not known to be there. The caller raises.
            return False
        if found.get("ChecksumSHA256") == _checksum(sha256):
            return True
        raise IntegrityError("evidence.conflict", f"{key}: expected our record, got other bytes: tell an operator")

    def _remember(self, key: str, record: Record, linked: Linked) -> None:
        self._unknown[key] = (record, linked)
        if len(self._unknown) > _KEPT_UNKNOWN:
            self._unknown.popitem(last=False)


def _unavailable(error: Exception) -> EvidenceUnavailable:
    return EvidenceUnavailable(
        "evidence.unavailable", f"record: expected it to be written, got {_reason(error)}: try again"
    )


def _checksum(sha256: Sha256Hex) -> str:
    """The digest as S3's header carries it: base64 of the 32 bytes."""
    return base64.b64encode(bytes.fromhex(sha256)).decode("ascii")


def _may_have_landed(error: Exception) -> bool:
    """False only where this request, and every attempt before it, surely wrote nothing."""
    if isinstance(error, ClientError):
        answer = error.response.get("ResponseMetadata", {})
        status = answer.get("HTTPStatusCode", 500)
        return status in _LOOKED_UP or status >= 500 or answer.get("RetryAttempts", 0) > 0
    # The rest (no connection, no credentials) sent nothing; asking again would only wait for the same timeout.
    return isinstance(error, BrokenOffError | ResponseParserError)


def _reason(error: Exception) -> str:
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "an error without a code"))
    return type(error).__name__
