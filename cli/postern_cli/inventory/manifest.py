"""The manifest of an S3 Inventory: which bucket it is of, since when, and in which files the list lies.

It is a claim of the account's: each file is held to the size and MD5 that the manifest states, and the manifest to
the `manifest.checksum` beside it, which finds damage and no lie.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from postern.audit.canonical import malformed, parse_strict

MAX_MANIFEST_BYTES = 4 * 1024 * 1024  # some 20,000 files
MAX_CHECKSUM_BYTES = 1024
_MD5 = re.compile(r"[0-9a-f]{32}")
_FILE_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,254}")
_MAX_TIME_MS = 4_102_444_800_000  # the year 2100
# Without one of them the list does not say what a pull must know; each is asked for in infra/audit.yaml.
COLUMNS = (
    "Bucket",
    "Key",
    "VersionId",
    "Size",
    "ETag",
    "ObjectLockRetainUntilDate",
    "ObjectLockMode",
)


@dataclass(frozen=True, slots=True)
class InventoryFile:
    """A file of the list; `name` is the last part of its key, and safe as a file's name."""

    key: str
    name: str
    size: int
    md5: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest that has its form. `created_us` is when AWS began to look at the bucket."""

    bucket: str
    destination: str
    created_us: int
    columns: tuple[str, ...]
    files: tuple[InventoryFile, ...]
    md5: str


def parse_manifest(data: bytes, checksum: bytes) -> Manifest:
    """The manifest in `data`, whose MD5 `checksum` states. Raises `IntegrityError` (`evidence.malformed`)."""
    md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
    stated = checksum.decode("ascii", "replace").strip()
    if stated != md5:
        raise malformed("manifest.json", f"the MD5 {stated[:40]!r} of manifest.checksum", md5)
    members = parse_strict(data, max_bytes=MAX_MANIFEST_BYTES)
    if members.get("fileFormat") != "CSV":
        raise malformed("inventory", "files in CSV: configure it so", f"{members.get('fileFormat')!r}"[:40])
    columns = tuple(one.strip() for one in _text(members, "fileSchema").split(","))
    lacking = [name for name in COLUMNS if columns.count(name) != 1]
    if lacking:
        raise malformed("inventory's fields", "each of a versioned, locked bucket's", f"none or two of {lacking[0]}")
    files = members.get("files")
    if not isinstance(files, list) or not files:
        raise malformed("manifest's files", "at least one", "none")
    return Manifest(
        bucket=_text(members, "sourceBucket"),
        destination=_text(members, "destinationBucket").rpartition(":")[2],
        created_us=_milliseconds(_text(members, "creationTimestamp")) * 1000,
        columns=columns,
        files=tuple(map(_file, files)),
        md5=md5,
    )


def _file(value: object) -> InventoryFile:
    if not isinstance(value, dict):
        raise malformed("manifest's file", "an object", "something else")
    key, md5, size = _text(value, "key"), _text(value, "MD5checksum"), value.get("size")
    name = key.rpartition("/")[2]
    if type(size) is not int or size < 0 or _MD5.fullmatch(md5) is None or _FILE_NAME.fullmatch(name) is None:
        raise malformed("manifest's file", "a plain name, a size and an MD5 in hex", f"{key[:80]!r}")
    return InventoryFile(key, name, size, md5)


def _milliseconds(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 13 or int(text) >= _MAX_TIME_MS:
        raise malformed("creationTimestamp", "milliseconds since 1970", f"{text[:40]!r}")
    return int(text)


def _text(members: Mapping[str, object], name: str) -> str:
    value = members.get(name)
    if not isinstance(value, str) or not value or not _is_text(value):
        raise malformed(name, "a text", "something else")
    return value


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False  # half of a surrogate pair, which JSON can write
    return True
