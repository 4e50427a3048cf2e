"""Inventories that lie, are damaged or mean harm: none is believed, writes outside of the copy, or fills memory."""

from __future__ import annotations

import gzip
import hashlib
import io
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from postern.errors import IntegrityError
from postern_cli.inventory.command import pull
from postern_cli.inventory.lines import read_lines
from postern_cli.inventory.manifest import COLUMNS, InventoryFile, Manifest, parse_manifest
from postern_cli.inventory.source import BucketSource
from postern_cli.pull import Bucket
from postern_cli.pulled import PulledFolder
from postern_cli.stop import Exit, Stop
from tests.support.inventory import Line, compressed, file_member, write_inventory

LINE: Line = {
    "Bucket": "evidence",
    "Key": "wal/v1/prod/0/20261122/10/x/1-intent.json",
    "VersionId": "v",
    "Size": "7",
    "ETag": "0" * 32,
    "ObjectLockRetainUntilDate": "2028-11-22T10:00:00.000Z",
    "ObjectLockMode": "COMPLIANCE",
}
MANIFEST = Manifest("evidence", "inventories", 0, COLUMNS, (InventoryFile("k", "k", 0, "0" * 32),), "0" * 32)


class EmptyBucket:
    """An S3 client of a bucket with nothing in it."""

    def list_object_versions(self, **_: Any) -> Any:
        return {}


def refused(inventory: Path, copy: Path) -> str:
    """What the command says."""
    with pytest.raises(Stop) as stopped:
        bucket = Bucket(EmptyBucket(), "evidence")  # type: ignore[arg-type]
        pull(bucket, str(inventory), PulledFolder(copy), workers=1, advance=lambda _: None)
    assert stopped.value.code is Exit.UNKNOWN
    assert not (copy / "versions.jsonl").exists()
    return stopped.value.line


@pytest.mark.parametrize(
    ("tamper", "said"),
    [
        pytest.param({"sourceBucket": "another"}, "expected one of evidence, got one of another", id="foreign bucket"),
        pytest.param({"fileFormat": "ORC"}, "files in CSV", id="another format"),
        pytest.param({"fileSchema": "Bucket, Key"}, "none or two of VersionId", id="fields are missing"),
        pytest.param({"fileSchema": ", ".join((*COLUMNS, "Key"))}, "none or two of Key", id="a field twice"),
        pytest.param({"creationTimestamp": "-1"}, "milliseconds since 1970", id="no time"),
        pytest.param({"creationTimestamp": "9" * 13}, "milliseconds since 1970", id="a time past all times"),
        pytest.param({"creationTimestamp": "4" + "0" * 12}, "a time that has been", id="a time to come"),
        pytest.param({"files": [{"key": "\ud800/a", "size": 7, "MD5checksum": "0" * 32}]}, "a text", id="no text"),
        pytest.param({"files": []}, "at least one", id="no files"),
        pytest.param({"files": [{"key": "a", "size": "7", "MD5checksum": "0" * 32}]}, "a plain name", id="no size"),
        pytest.param({"files": [{"key": "a/..", "size": 7, "MD5checksum": "0" * 32}]}, "a plain name", id="dots"),
        pytest.param({"files": [{"key": "a/", "size": 7, "MD5checksum": "0" * 32}]}, "a plain name", id="no name"),
        pytest.param({"files": [file_member("gone.csv.gz", b"")]}, "no such file", id="missing file"),
    ],
)
def test_a_manifest_that_is_none_of_this_bucket_is_refused(tmp_path: Path, tamper: dict[str, Any], said: str) -> None:
    inventory = write_inventory(
        tmp_path / "inventory", [LINE], bucket="evidence", tamper=lambda manifest: manifest.update(tamper)
    )

    assert said in refused(inventory, tmp_path / "copy")


def _damage_file(folder: Path) -> None:
    data = bytearray((folder / "data/part-0.csv.gz").read_bytes())
    data[-1] ^= 1
    (folder / "data/part-0.csv.gz").write_bytes(data)


def _folder_for_checksum(folder: Path) -> None:
    (folder / "manifest.checksum").unlink()
    (folder / "manifest.checksum").mkdir()


def _lengthen_file(folder: Path) -> None:
    with (folder / "data/part-0.csv.gz").open("ab") as file:
        file.write(b"x")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        pytest.param(lambda folder: (folder / "manifest.json").write_text("{}"), "manifest.checksum", id="manifest"),
        pytest.param(lambda folder: (folder / "manifest.checksum").write_text("x"), "'x'", id="checksum"),
        pytest.param(lambda folder: (folder / "manifest.checksum").unlink(), "no such file", id="no checksum"),
        pytest.param(lambda folder: (folder / "manifest.json").unlink(), "no such file", id="no manifest"),
        pytest.param(
            lambda folder: (folder / "manifest.checksum").write_bytes(b"x" * 2000), "more", id="long checksum"
        ),
        pytest.param(_folder_for_checksum, "a plain file", id="a folder for a checksum"),
        pytest.param(_damage_file, "with the MD5", id="a file's bytes"),
        pytest.param(_lengthen_file, "with the MD5", id="a file's length"),
    ],
)
def test_what_was_damaged_is_refused(tmp_path: Path, damage: Callable[[Path], Any], said: str) -> None:
    inventory = write_inventory(tmp_path / "inventory", [LINE], bucket="evidence", files=1)
    damage(inventory.parent)

    assert said in refused(inventory, tmp_path / "copy")


def test_a_version_that_is_told_of_twice_is_refused(tmp_path: Path) -> None:
    inventory = write_inventory(tmp_path / "inventory", [LINE, {**LINE, "ETag": "1" * 32}], bucket="evidence")

    assert "each version once" in refused(inventory, tmp_path / "copy")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param({"Bucket": "another"}, "expected evidence, got 'another'", id="of another bucket"),
        pytest.param({"Key": ""}, "1 to 1024 bytes", id="no key"),
        pytest.param({"Key": "k" * 1025}, "1 to 1024 bytes", id="a key that S3 has not"),
        pytest.param({"Key": "%ff"}, "UTF-8", id="a key that is no text"),
        pytest.param({"Size": "-1"}, "a number of bytes", id="no size"),
        pytest.param({"Size": "٣"}, "other bytes than ASCII", id="digits of another script"),
        pytest.param({"ObjectLockRetainUntilDate": "never"}, "RFC 3339", id="no end of a lock"),
        pytest.param({"VersionId": "v" * 20_000}, "lines of at most", id="a long line"),
    ],
)
def test_a_line_that_is_none_is_refused(change: dict[str, str], said: str) -> None:
    with pytest.raises(IntegrityError, match=said):
        list(read_lines(io.BytesIO(compressed([{**LINE, **change}])), MANIFEST, "part"))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"plain text", id="not compressed"),
        pytest.param(compressed([LINE])[:-9], id="cut short"),
        pytest.param(gzip.compress(b'"a","b"\n'), id="too few fields"),
        pytest.param(gzip.compress(b'"a\n'), id="a quote that does not end"),
    ],
)
def test_a_file_that_is_no_list_is_refused(data: bytes) -> None:
    with pytest.raises(IntegrityError):
        list(read_lines(io.BytesIO(data), MANIFEST, "part"))


@pytest.mark.parametrize(
    "plain",
    [
        pytest.param(b"0" * 16_000_000, id="one line without end"),
        pytest.param(b'"\n' * 4_000_000, id="a quoted field without end"),
        pytest.param(b"\n" * 16_000_000, id="empty lines without end"),
        pytest.param(b'"\n' + (b'"' + b",ab" * 5300 + b',"\n') * 1000, id="each line quotes the next one's beginning"),
    ],
)
def test_a_bomb_is_read_in_pieces(plain: bytes) -> None:
    bomb = gzip.compress(plain, 1)
    del plain
    tracemalloc.start()
    with pytest.raises(IntegrityError):
        list(read_lines(io.BytesIO(bomb), MANIFEST, "part"))
    _, highest = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert highest < 2_000_000


@pytest.mark.parametrize(
    "url", ["s3://inventories", "s3://x/y/manifest.checksum", "s3:///manifest.json", "s3://[x/manifest.json"]
)
def test_an_address_that_is_none_of_a_manifest_is_refused(url: str) -> None:
    with pytest.raises(IntegrityError, match="or a file"):
        BucketSource.of(EmptyBucket(), url)  # type: ignore[arg-type]


def test_a_manifest_names_the_bucket_that_it_lies_in(tmp_path: Path) -> None:
    data = write_inventory(tmp_path, [LINE], bucket="evidence").read_bytes()

    class Elsewhere:
        def get_object(self, **request: Any) -> Any:
            checksum = hashlib.md5(data, usedforsecurity=False).hexdigest().encode()
            return {"Body": io.BytesIO(data if request["Key"].endswith("json") else checksum)}

    with pytest.raises(IntegrityError, match="expected inventories, got copies"):
        BucketSource.of(Elsewhere(), "s3://copies/x/manifest.json").manifest()  # type: ignore[arg-type]


def test_parse_manifest_takes_what_aws_delivers(tmp_path: Path) -> None:
    inventory = write_inventory(tmp_path, [LINE], bucket="evidence", created_ms=1_514_944_800_000)

    manifest = parse_manifest(inventory.read_bytes(), (tmp_path / "manifest.checksum").read_bytes())

    assert (manifest.bucket, manifest.destination, manifest.created_us) == (
        "evidence",
        "inventories",
        1_514_944_800_000_000,
    )
    assert manifest.columns == COLUMNS
    assert [file.name for file in manifest.files] == ["part-0.csv.gz", "part-1.csv.gz"]
