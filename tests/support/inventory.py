"""An S3 Inventory of a bucket as AWS delivers one, in a folder; and what it takes to spoil it."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from postern_cli.inventory.manifest import COLUMNS

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Line = dict[str, str]
LATER_MS = 4_000_000_000_000  # an inventory newer than every record: nothing under wal/ is listed afresh


class Asked:
    """An S3 client that counts its requests by kind, and lists from a marker on as S3 does.

    The emulator leaves out the first key after a marker that is no key.
    """

    def __init__(self, client: S3Client) -> None:
        self.client = client
        self.requests: Counter[str] = Counter()
        self.got: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return partial(self._call, name)

    def list_object_versions(self, **request: Any) -> Any:
        after = "" if request.get("VersionIdMarker") else request.pop("KeyMarker", "")
        page = self._call("list_object_versions", **request)
        if after:
            for kind in ("Versions", "DeleteMarkers"):
                page[kind] = [row for row in page.get(kind, []) if row["Key"] > after]
        return page

    def _call(self, name: str, **request: Any) -> Any:
        self.requests[name] += 1
        if name == "get_object":
            self.got.append(request["Key"])
        return getattr(self.client, name)(**request)


def lines_of(client: S3Client, bucket: str) -> list[Line]:
    """A line for each version and delete marker."""
    lines: list[Line] = []
    for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket):
        lines += [_line(client, bucket, row, is_marker=False) for row in page.get("Versions", [])]
        lines += [_line(client, bucket, row, is_marker=True) for row in page.get("DeleteMarkers", [])]
    return lines


def write_inventory(
    folder: Path,
    lines: Sequence[Line],
    *,
    bucket: str,
    files: int = 2,
    created_ms: int = LATER_MS,
    tamper: Callable[[dict[str, Any]], None] = lambda manifest: None,
) -> Path:
    """The manifest's path. `tamper` changes the manifest before its checksum is made."""
    (folder / "data").mkdir(parents=True)
    named = []
    for number in range(files):
        data = compressed(lines[number::files])
        (folder / f"data/part-{number}.csv.gz").write_bytes(data)
        named.append(file_member(f"any/{bucket}/data/part-{number}.csv.gz", data))
    manifest = {
        "sourceBucket": bucket,
        "destinationBucket": "arn:aws:s3:::inventories",
        "version": "2016-11-30",
        "creationTimestamp": f"{created_ms}",
        "fileFormat": "CSV",
        "fileSchema": ", ".join(COLUMNS),
        "files": named,
    }
    tamper(manifest)
    path = folder / "manifest.json"
    path.write_text(json.dumps(manifest))
    (folder / "manifest.checksum").write_text(_md5(path.read_bytes()) + "\n")
    return path


def compressed(lines: Sequence[Line]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([line[column] for column in COLUMNS] for line in lines)
    return gzip.compress(text.getvalue().encode())


def file_member(key: str, data: bytes) -> dict[str, Any]:
    return {"key": key, "size": len(data), "MD5checksum": _md5(data)}


def _line(client: S3Client, bucket: str, row: Any, *, is_marker: bool) -> Line:
    lock: Any = {} if is_marker else client.head_object(Bucket=bucket, Key=row["Key"], VersionId=row["VersionId"])
    until = lock.get("ObjectLockRetainUntilDate")
    return {
        "Bucket": bucket,
        "Key": quote(row["Key"]),
        "VersionId": row["VersionId"],
        "IsLatest": f"{row['IsLatest']}".lower(),
        "IsDeleteMarker": f"{is_marker}".lower(),
        "Size": "" if is_marker else f"{row['Size']}",
        "LastModifiedDate": row["LastModified"].strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "ETag": "" if is_marker else row["ETag"].strip('"'),
        "ObjectLockRetainUntilDate": "" if until is None else until.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "ObjectLockMode": lock.get("ObjectLockMode", ""),
    }


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
