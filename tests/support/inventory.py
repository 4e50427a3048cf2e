"""An S3 Inventory of a bucket as AWS delivers one, in a folder; and what it takes to spoil it."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from postern.audit.keys import parse_record_key
from postern.services.stage import Stage, format_stage
from postern.tlog.hashing import EMPTY_ROOT
from postern_cli.inventory.manifest import COLUMNS
from tests.support.audit import make_evidence_bucket
from tests.support.good_log import OLD, good, tree_of

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Line = dict[str, str]
CREATED_MS = 1_795_400_000_000  # 2026-11-23


class Asked:
    """An S3 client that counts its requests by kind."""

    def __init__(self, client: S3Client) -> None:
        self.client = client
        self.requests: Counter[str] = Counter()
        self.got: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return partial(self._call, name)

    def _call(self, name: str, **request: Any) -> Any:
        self.requests[name] += 1
        if name == "get_object":
            self.got.append(request["Key"])
        return getattr(self.client, name)(**request)


def put_epoch(client: S3Client, bucket: str) -> None:
    """Makes a bucket with one epoch of a log in it, as its writers put it, and a blob."""
    make_evidence_bucket(client, bucket)
    epoch = good().old
    for key, data in epoch.objects.items():
        client.put_object(Bucket=bucket, Key=key, Body=data)
    client.put_object(Bucket=bucket, Key=f"blob/{OLD}/{parse_record_key(epoch.order[1]).id}/0", Body=b"x")
    size, root = 0, EMPTY_ROOT
    for head in tree_of(epoch):
        keys = tuple(epoch.order[size : head.size])
        stage = Stage(OLD, size, root, keys, tuple(epoch.objects[key] for key in keys), closes=False)
        staged = {f"stage/{head.size}-{head.root.hex()}": format_stage(stage)}
        for path, data in {**staged, **head.writes, f"checkpoints/{head.size}": head.note}.items():
            client.put_object(Bucket=bucket, Key=f"log/{OLD}/{path}", Body=data)
        client.put_object(Bucket=bucket, Key=f"log/{OLD}/checkpoint", Body=head.note)
        time.sleep(0.001)  # the emulator orders versions by milliseconds
        size, root = head.size, head.root


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
    created_ms: int = CREATED_MS,
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
        "Size": "" if is_marker else f"{row['Size']}",
        "ETag": "" if is_marker else row["ETag"].strip('"'),
        "ObjectLockRetainUntilDate": "" if until is None else until.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "ObjectLockMode": lock.get("ObjectLockMode", ""),
    }


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
