"""Where a log is read from: a pulled copy, its bucket, or a server that serves its files. None of them is trusted."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from postern.audit.keys import log_key
from postern.tlog.notes import MAX_NOTE_BYTES
from postern_cli.pulled import PulledFolder
from postern_cli.stop import Exit, Stop

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_TIMEOUT_S = 20.0
_ABSENT = frozenset({"NoSuchKey", "404"})


@dataclass(frozen=True, slots=True)
class FolderSource:
    """A folder that `postern audit pull` wrote."""

    folder: Path
    log: str

    def read(self, path: str) -> bytes:
        key = log_key(self.log, path)
        try:
            return PulledFolder(self.folder).read(key, MAX_NOTE_BYTES)
        except KeyError:
            raise _missing(key) from None
        except OSError as error:
            raise Stop(Exit.UNKNOWN, f"{self.folder}: expected to read {key}, got {error.strerror}") from error


@dataclass(frozen=True, slots=True)
class BucketSource:
    """The evidence bucket; needs `s3:GetObject` on `log/*`."""

    client: S3Client
    bucket: str
    log: str

    def read(self, path: str) -> bytes:
        from botocore.exceptions import BotoCoreError, ClientError

        key = log_key(self.log, path)
        try:
            return self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read(MAX_NOTE_BYTES + 1)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "an error")
            if code in _ABSENT:
                raise _missing(key) from error
            raise Stop(Exit.UNKNOWN, f"{self.bucket}: expected to read {key}, got {code}") from error
        except BotoCoreError as error:
            raise Stop(Exit.UNKNOWN, f"{self.bucket}: expected to read {key}, got {type(error).__name__}") from error


@dataclass(frozen=True, slots=True)
class UrlSource:
    """A server where `<url>/checkpoint` and `<url>/tile/…` are the log's files, as C2SP tlog-tiles has it."""

    url: str

    def __post_init__(self) -> None:
        if not self.url.startswith(("https://", "http://")):
            raise Stop(Exit.USAGE, "--url: expected https:// or http://")

    def read(self, path: str) -> bytes:
        url = f"{self.url.rstrip('/')}/{path}"
        try:
            with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - the scheme was checked
                return bytes(answer.read(MAX_NOTE_BYTES + 1))
        except urllib.error.HTTPError as error:
            if error.code == 404:
                raise _missing(url) from error
            raise Stop(Exit.UNKNOWN, f"{url}: expected it, got status {error.code}") from error
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise Stop(Exit.UNKNOWN, f"{url}: expected it, got {type(error).__name__}") from error


class _Missing(Stop, KeyError):
    """Raised where a file of the log is not there; whoever can do without it catches `KeyError`."""


def _missing(what: str) -> _Missing:
    return _Missing(Exit.UNKNOWN, f"{what}: expected it in the log, got no such file")
