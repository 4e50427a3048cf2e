"""Where an inventory lies: in its own bucket, or in a folder that somebody copied it to."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from postern.audit.canonical import malformed
from postern_cli.inventory.manifest import (
    MAX_CHECKSUM_BYTES,
    MAX_MANIFEST_BYTES,
    InventoryFile,
    Manifest,
    parse_manifest,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_CHUNK_BYTES = 1024 * 1024
_READING = os.O_RDONLY | os.O_NONBLOCK
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


class Source(Protocol):
    """An inventory's files. Raises `IntegrityError` where one is missing or is not what the manifest states."""

    def manifest(self) -> Manifest:
        """The manifest, held to its checksum."""
        ...

    def opened(self, file: InventoryFile, partial: Path) -> AbstractContextManager[BinaryIO]:
        """A file of the list, of its size and MD5. `partial` is a folder for what must be fetched first."""
        ...


@dataclass(frozen=True, slots=True)
class FolderSource:
    """A manifest on disk, with its checksum beside it and the list's files beside both or in `data`."""

    path: Path

    def manifest(self) -> Manifest:
        data = _read(self.path, MAX_MANIFEST_BYTES)
        return parse_manifest(data, _read(self.path.with_name("manifest.checksum"), MAX_CHECKSUM_BYTES))

    @contextmanager
    def opened(self, file: InventoryFile, partial: Path) -> Iterator[BinaryIO]:
        del partial
        folder = self.path.parent
        places = (folder / file.name, folder / "data" / file.name, folder.parent / "data" / file.name)
        path = next((one for one in places if one.is_file()), None)
        if path is None:
            raise malformed("inventory", f"{file.name} beside manifest.json or in data", "no such file")
        with path.open("rb") as opened:
            yield _checked(opened, file)


@dataclass(frozen=True, slots=True)
class BucketSource:
    """A manifest at `s3://bucket/…/manifest.json`, as S3 delivered it."""

    client: S3Client
    bucket: str
    key: str

    @classmethod
    def of(cls, client: S3Client, url: str) -> BucketSource:
        """Raises `IntegrityError` where the address is none of a manifest."""
        scheme, _, rest = url.partition("://")
        bucket, _, key = rest.partition("/")
        if scheme != "s3" or _BUCKET.fullmatch(bucket) is None or key.rpartition("/")[2] != "manifest.json":
            raise malformed("--inventory", "s3://bucket/…/manifest.json, or a file", f"{url[:120]!r}")
        return cls(client, bucket, key)

    def manifest(self) -> Manifest:
        folder = self.key.removesuffix("manifest.json")
        data = self._get(self.key, MAX_MANIFEST_BYTES)
        manifest = parse_manifest(data, self._get(f"{folder}manifest.checksum", MAX_CHECKSUM_BYTES))
        if manifest.destination != self.bucket:
            raise malformed("inventory's bucket", manifest.destination, self.bucket)
        return manifest

    @contextmanager
    def opened(self, file: InventoryFile, partial: Path) -> Iterator[BinaryIO]:
        path = partial / "inventory"
        body = self.client.get_object(Bucket=self.bucket, Key=file.key)["Body"]
        with path.open("wb+") as opened:
            written = 0
            for chunk in body.iter_chunks(_CHUNK_BYTES):
                written += len(chunk)
                if written > file.size:
                    raise malformed(file.name, f"{file.size} bytes", "more")
                opened.write(chunk)
            opened.seek(0)
            yield _checked(opened, file)
        path.unlink()

    def _get(self, key: str, limit: int) -> bytes:
        data: bytes = self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read(limit + 1)
        return _within(data, limit, key.rpartition("/")[2])


def _checked(opened: BinaryIO, file: InventoryFile) -> BinaryIO:
    digest, size = hashlib.md5(usedforsecurity=False), 0
    while chunk := opened.read(_CHUNK_BYTES):
        digest.update(chunk)
        size += len(chunk)
    if (size, digest.hexdigest()) != (file.size, file.md5):
        raise malformed(file.name, f"{file.size} bytes with the MD5 {file.md5}", f"{size} with {digest.hexdigest()}")
    opened.seek(0)
    return opened


def _read(path: Path, limit: int) -> bytes:
    try:
        handle = os.open(path, _READING)
    except FileNotFoundError as error:
        raise malformed("inventory", f"{path.name}, and manifest.checksum beside it", "no such file") from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise malformed(path.name, "a plain file", "something else")
    with os.fdopen(handle, "rb") as file:
        return _within(file.read(limit + 1), limit, path.name)


def _within(data: bytes, limit: int, name: str) -> bytes:
    if len(data) > limit:
        raise malformed(name, f"at most {limit} bytes", "more")
    return data
