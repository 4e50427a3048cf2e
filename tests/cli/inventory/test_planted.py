"""What somebody put into the bucket, or into the copy's folder, changes nothing of what a pull by inventory brings.

It brings what a pull without one brings: whatever is wrong with it is for the verifier to say.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from postern.audit.ids import uuid7
from postern.audit.keys import record_key
from postern.audit.records import RecordType
from postern.types import CommandId
from postern_cli.inventory import command as by_inventory
from postern_cli.pull import Bucket, pull
from postern_cli.pulled import PulledFolder
from postern_cli.stop import Stop
from tests.support.good_log import OLD, good
from tests.support.inventory import Asked, Line, lines_of, put_epoch, write_inventory

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET = "planted"
PLANTED = (
    f"log/{OLD}/stage/9999999999999999999-{'0' * 64}",
    f"log/{OLD}/stage/99999999999999999999-x",
    f"log/{OLD}/stage/\u00b2-x",
    f"log/{OLD}/tile/entries/000.p/\u00b2",
    f"log/{OLD}/tile/entries/999",
    f"log/{OLD}/tile/entries/junk",
    f"log/{OLD}/tile/0/000.p/\u00b2",
    f"log/{OLD}/tile/63/x999/x999/x999/999",
    f"log/{OLD}/checkpoints/7777777",
    f"log/{OLD}/checkpoints/7",
    "log/prod",
    "log/\u00b2/checkpoint",
    "wal",
    "wal/v1",
    "wal/v1/../../outside",
    "junk/x",
)
RECORD = good().old.order[5]


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Client]:
    """An epoch, and beside it what whoever may put objects can put there."""
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        put_epoch(client, BUCKET)
        for key in PLANTED:
            client.put_object(Bucket=BUCKET, Key=key, Body=b"planted")
        for key in (RECORD, f"log/{OLD}/checkpoints/{_sizes(client)[0]}", f"log/{OLD}/tile/0/000.p/7"):
            client.put_object(Bucket=BUCKET, Key=key, Body=b"put over it")
            client.delete_object(Bucket=BUCKET, Key=key)
        late = record_key(OLD, RecordType.INTENT, CommandId(uuid7(1_795_000_000_000_000, bytes(10))))
        client.put_object(Bucket=BUCKET, Key=late, Body=b"no record")
        yield client


def _sizes(client: S3Client) -> list[str]:
    rows = client.list_objects_v2(Bucket=BUCKET, Prefix=f"log/{OLD}/checkpoints/")["Contents"]
    return [row["Key"].rpartition("/")[2] for row in rows if row["Size"] > 7]


@pytest.fixture(scope="module")
def lines(s3: S3Client) -> list[Line]:
    return lines_of(s3, BUCKET)


def pull_by(client: Any, folder: Path, inventory: Path) -> None:
    bucket = Bucket(client, BUCKET)
    by_inventory.pull(bucket, str(inventory), PulledFolder(folder), workers=4, advance=lambda _: None)


def files(folder: Path) -> dict[str, bytes]:
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    del found["pulled.json"]
    return found


def test_the_copy_is_that_of_a_pull_without_an_inventory(s3: S3Client, lines: list[Line], tmp_path: Path) -> None:
    inventory = write_inventory(tmp_path / "inventory", lines, bucket=BUCKET)
    pull(Bucket(s3, BUCKET), PulledFolder(tmp_path / "plain"), workers=4, advance=lambda _: None)

    pull_by(Asked(s3), tmp_path / "copy", inventory)

    assert files(tmp_path / "copy") == files(tmp_path / "plain")
    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize("is_by_inventory", [True, False])
def test_a_link_where_an_object_lies_is_replaced_and_not_followed(
    s3: S3Client, lines: list[Line], tmp_path: Path, is_by_inventory: bool
) -> None:
    target = tmp_path / "copy/objects" / good().old.order[6]
    target.parent.mkdir(parents=True)
    (tmp_path / "victim").write_bytes(b"theirs")
    target.symlink_to(tmp_path / "victim")

    _pull(s3, lines, tmp_path, is_by_inventory)

    assert (tmp_path / "victim").read_bytes() == b"theirs"
    assert (target.is_symlink(), target.read_bytes()) == (False, good().old.objects[good().old.order[6]])


@pytest.mark.parametrize("is_by_inventory", [True, False])
def test_a_pipe_where_an_object_lies_is_replaced(
    s3: S3Client, lines: list[Line], tmp_path: Path, is_by_inventory: bool
) -> None:
    target = tmp_path / "copy/objects" / good().old.order[6]
    target.parent.mkdir(parents=True)
    os.mkfifo(target)

    _pull(s3, lines, tmp_path, is_by_inventory)

    assert target.is_file()


@pytest.mark.parametrize("is_by_inventory", [True, False])
def test_a_link_in_place_of_a_folder_ends_the_pull(
    s3: S3Client, lines: list[Line], tmp_path: Path, is_by_inventory: bool
) -> None:
    (tmp_path / "copy/objects").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (tmp_path / "copy/objects/wal").symlink_to(tmp_path / "outside")

    with pytest.raises(NotADirectoryError, match="a link or a file"):
        _pull(s3, lines, tmp_path, is_by_inventory)

    assert list((tmp_path / "outside").iterdir()) == []


def _pull(client: S3Client, lines: list[Line], tmp_path: Path, is_by_inventory: bool) -> None:
    if is_by_inventory:
        inventory = write_inventory(tmp_path / "inventory", lines, bucket=BUCKET)
        pull_by(Asked(client), tmp_path / "copy", inventory)
    else:
        pull(Bucket(client, BUCKET), PulledFolder(tmp_path / "copy"), workers=4, advance=lambda _: None)


def test_what_is_there_is_not_written_again(s3: S3Client, lines: list[Line], tmp_path: Path) -> None:
    inventory = write_inventory(tmp_path / "inventory", lines, bucket=BUCKET)
    pull_by(Asked(s3), tmp_path / "copy", inventory)
    before = {path: path.stat().st_ino for path in (tmp_path / "copy/objects").rglob("*") if path.is_file()}

    pull_by(Asked(s3), tmp_path / "copy", inventory)

    assert {path: path.stat().st_ino for path in before} == before


def test_an_inventory_that_is_none_leaves_the_copy_as_it_was(s3: S3Client, lines: list[Line], tmp_path: Path) -> None:
    pull_by(Asked(s3), tmp_path / "copy", write_inventory(tmp_path / "inventory", lines, bucket=BUCKET))
    before = files(tmp_path / "copy")
    spoilt = write_inventory(tmp_path / "spoilt", lines, bucket=BUCKET)
    (tmp_path / "spoilt/data/part-1.csv.gz").write_bytes(b"x")

    with pytest.raises(Stop):
        pull_by(Asked(s3), tmp_path / "copy", spoilt)

    assert files(tmp_path / "copy") == before
