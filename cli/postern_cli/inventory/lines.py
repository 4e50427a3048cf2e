"""The lines of an inventory's CSV files: a version each, as S3 knew it when it looked.

A file is compressed by whoever owns the account, so it is read piece by piece: nothing is held but a line, and a line
has a bound. How many lines there are has none: each must name another version, and the table refuses one twice.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from typing import BinaryIO
from urllib.parse import unquote_plus

from postern.audit.canonical import malformed
from postern.audit.times import parse_any_time
from postern.audit.versions import Version
from postern.errors import IntegrityError
from postern_cli.inventory.manifest import Manifest
from postern_cli.pull_listing import Told

MAX_LINE_BYTES = 16 * 1024  # a key of 1,024 bytes takes three times as many, and the other fields are short
_FLAGS = {"true": True, "false": False, "TRUE": True, "FALSE": False}
_MAX_KEY_BYTES = 1024


def read_lines(file: BinaryIO, manifest: Manifest, name: str) -> Iterator[Told]:
    """Every version that the file tells of. Raises `IntegrityError` (`evidence.malformed`) at a line that is none."""
    at = {column: manifest.columns.index(column) for column in manifest.columns}
    number = 0
    try:
        for fields in csv.reader(_texts(file, name), strict=True):
            number += 1
            if len(fields) != len(manifest.columns):
                raise malformed("fields", f"{len(manifest.columns)}", f"{len(fields)}")
            yield _told({column: fields[place] for column, place in at.items()}, manifest.bucket)
    except IntegrityError as error:
        raise IntegrityError(error.code, f"{name}:{number}: {error.detail}") from error
    except (EOFError, gzip.BadGzipFile, zlib.error, csv.Error) as error:
        raise malformed(f"{name}:{number + 1}", "a line of a gzipped CSV file", type(error).__name__) from error


def _texts(file: BinaryIO, name: str) -> Iterator[str]:
    with gzip.GzipFile(fileobj=file) as plain, io.BufferedReader(plain) as lines:
        while line := lines.readline(MAX_LINE_BYTES + 1):
            if len(line) > MAX_LINE_BYTES:
                raise malformed(name, f"lines of at most {MAX_LINE_BYTES} bytes", "a longer one")
            if not line.isascii():
                raise malformed(name, "keys in URL encoding", "other bytes than ASCII")
            yield line.decode("ascii")


def _told(row: dict[str, str], bucket: str) -> Told:
    if row["Bucket"] != bucket:
        raise malformed("bucket", bucket, f"{row['Bucket'][:60]!r}")
    is_marker = _flag(row, "IsDeleteMarker")
    retain_until = row["ObjectLockRetainUntilDate"]
    version = Version(
        key=_key(row["Key"]),
        version_id=row["VersionId"] or "null",
        is_latest=_flag(row, "IsLatest"),
        delete_marker=is_marker,
        size=None if is_marker else _size(row["Size"]),
        sha256=None,
        last_modified_us=parse_any_time(row["LastModifiedDate"]),
        retain_until_us=None if is_marker or not retain_until else parse_any_time(retain_until),
        mode=None if is_marker or not row["ObjectLockMode"] else row["ObjectLockMode"],
    )
    return Told(version, "" if is_marker else row["ETag"].strip('"'))


def _key(text: str) -> str:
    try:
        key = unquote_plus(text, errors="strict") if "%" in text or "+" in text else text
    except UnicodeDecodeError as error:
        raise malformed("key", "UTF-8 in URL encoding", "other bytes") from error
    if not key or len(key.encode()) > _MAX_KEY_BYTES:
        raise malformed("key", f"1 to {_MAX_KEY_BYTES} bytes", f"{len(key)}")
    return key


def _flag(row: dict[str, str], name: str) -> bool:
    if row[name] not in _FLAGS:
        raise malformed(name, "true or false", f"{row[name][:20]!r}")
    return _FLAGS[row[name]]


def _size(text: str) -> int:
    if not text.isdigit() or not text.isascii() or len(text) > 15:
        raise malformed("size", "a number of bytes", f"{text[:20]!r}")
    return int(text)
