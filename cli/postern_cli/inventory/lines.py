"""The lines of an inventory's CSV files: which lock a version has, as S3 knew it when it looked.

A file is compressed by whoever owns the account, so it is read piece by piece: nothing is held but a line, and a line
has a bound. How many lines there are has none: each must name another version, and the table refuses one twice.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO
from urllib.parse import unquote_plus

from postern.audit.canonical import malformed
from postern.audit.times import parse_any_time
from postern.errors import IntegrityError
from postern_cli.inventory.manifest import Manifest

MAX_LINE_BYTES = 16 * 1024  # a key of 1,024 bytes takes three times as many, and the other fields are short
_MAX_KEY_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Claim:
    """The lock that a version of these bytes has, by the inventory."""

    key: str
    version_id: str
    size: int
    etag: str
    retain_until_us: int
    mode: str


def read_lines(file: BinaryIO, manifest: Manifest, name: str) -> Iterator[Claim]:
    """Every lock that the file tells of. Raises `IntegrityError` (`evidence.malformed`) at a line that is none."""
    at = {column: manifest.columns.index(column) for column in manifest.columns}
    number = 0
    try:
        for line in _texts(file, name):
            number += 1
            # A line is a record: one by one, or a quote that stays open would gather them without end.
            fields = next(csv.reader([line], strict=True), [])
            if len(fields) != len(manifest.columns):
                raise malformed("fields", f"{len(manifest.columns)}", f"{len(fields)}")
            claim = _claim({column: fields[place] for column, place in at.items()}, manifest.bucket)
            if claim is not None:
                yield claim
    except IntegrityError as error:
        raise IntegrityError(error.code, f"{name}:{number}: {error.detail}") from error
    except csv.Error as error:
        raise malformed(f"{name}:{number}", "a line of CSV", f"{error}") from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise malformed(f"{name}:{number + 1}", "a line of a gzipped file", type(error).__name__) from error


def _texts(file: BinaryIO, name: str) -> Iterator[str]:
    with gzip.GzipFile(fileobj=file) as plain, io.BufferedReader(plain) as lines:
        while line := lines.readline(MAX_LINE_BYTES + 1):
            if len(line) > MAX_LINE_BYTES:
                raise malformed(name, f"lines of at most {MAX_LINE_BYTES} bytes", "a longer one")
            if not line.isascii():
                raise malformed(name, "keys in URL encoding", "other bytes than ASCII")
            yield line.decode("ascii")


def _claim(row: dict[str, str], bucket: str) -> Claim | None:
    if row["Bucket"] != bucket:
        raise malformed("bucket", bucket, f"{row['Bucket'][:60]!r}")
    key, until, mode = _key(row["Key"]), row["ObjectLockRetainUntilDate"], row["ObjectLockMode"]
    if not until or not mode:
        return None  # a delete marker, or a version whose lock S3 is asked for
    return Claim(
        key=key,
        version_id=row["VersionId"] or "null",
        size=_size(row["Size"]),
        etag=row["ETag"].strip('"'),
        retain_until_us=parse_any_time(until),
        mode=mode,
    )


def _key(text: str) -> str:
    try:
        key = unquote_plus(text, errors="strict") if "%" in text or "+" in text else text
    except UnicodeDecodeError as error:
        raise malformed("key", "UTF-8 in URL encoding", "other bytes") from error
    if not key or len(key.encode()) > _MAX_KEY_BYTES:
        raise malformed("key", f"1 to {_MAX_KEY_BYTES} bytes", f"{len(key)}")
    return key


def _size(text: str) -> int:
    if not text.isdigit() or not text.isascii() or len(text) > 15:
        raise malformed("size", "a number of bytes", f"{text[:20]!r}")
    return int(text)
