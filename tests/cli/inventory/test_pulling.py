"""A pull by an inventory makes the copy that a pull without one makes, and asks S3 for far less."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.response import StreamingBody
from moto import mock_aws

from postern.audit.keys import parse_record_key
from postern_cli.audit import app
from postern_cli.inventory import command as by_inventory
from postern_cli.pull import Bucket, Pulled, pull
from postern_cli.pulled import PulledFolder
from postern_cli.stop import Exit
from tests.support import command_line
from tests.support.good_log import OLD, good
from tests.support.inventory import CREATED_MS, Asked, Line, lines_of, put_epoch, write_inventory

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET = "evidence"

run = partial(command_line.run, app)


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Client]:
    """A bucket with one epoch of a log, as its writers put it, which no test changes."""
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        put_epoch(client, BUCKET)
        yield client


@pytest.fixture(scope="module")
def lines(s3: S3Client) -> list[Line]:
    return lines_of(s3, BUCKET)


@pytest.fixture(scope="module")
def plain(s3: S3Client, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The copy that a pull without an inventory makes."""
    folder = tmp_path_factory.mktemp("plain")
    pull(Bucket(s3, BUCKET), PulledFolder(folder), workers=4, advance=lambda _: None)
    return folder


def pull_by(client: Any, folder: Path, inventory: Path, **asked: Any) -> Pulled:
    bucket = Bucket(client, BUCKET, **asked)
    return by_inventory.pull(bucket, str(inventory), PulledFolder(folder), workers=4, advance=lambda _: None)


def rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "versions.jsonl").read_text().splitlines()]


def files(folder: Path) -> dict[str, bytes]:
    """Every file of a copy but what it says of itself."""
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    del found["pulled.json"]
    return found


def test_the_copy_is_the_one_that_a_pull_without_an_inventory_makes(
    s3: S3Client, lines: list[Line], plain: Path, tmp_path: Path
) -> None:
    inventory = write_inventory(tmp_path / "inventory", lines, bucket=BUCKET)

    pull_by(Asked(s3), tmp_path / "copy", inventory)

    assert files(tmp_path / "copy") == files(plain)


def test_of_a_log_only_widest_bundles_checkpoints_the_latest_and_blobs_are_fetched(
    s3: S3Client, lines: list[Line], tmp_path: Path
) -> None:
    counted = Asked(s3)
    inventory = write_inventory(tmp_path / "inventory", lines, bucket=BUCKET)

    done = pull_by(counted, tmp_path / "copy", inventory)

    assert sorted(key.removeprefix(f"log/{OLD}/").rpartition("/")[0] for key in counted.got) == [
        "",
        f"blob/{OLD}/{parse_record_key(good().old.order[1]).id}",
        "checkpoints",
        "checkpoints",
        "tile/entries/000.p",
    ]
    assert counted.requests["head_object"] == 0
    assert done == Pulled(len(lines), 5)


def test_nothing_is_fetched_again_that_is_there(s3: S3Client, lines: list[Line], tmp_path: Path) -> None:
    inventory = write_inventory(tmp_path / "inventory", lines, bucket=BUCKET)
    pull_by(Asked(s3), tmp_path / "copy", inventory)
    counted = Asked(s3)

    done = pull_by(counted, tmp_path / "copy", inventory)

    assert (done.fetched, counted.requests["get_object"], counted.requests["head_object"]) == (0, 0, 0)


# What the inventory does not know, or knows otherwise.


def test_what_the_inventory_does_not_tell_of_is_asked_of_s3(
    s3: S3Client, lines: list[Line], plain: Path, tmp_path: Path
) -> None:
    untold = good().old.order[5]
    inventory = write_inventory(tmp_path / "inventory", [one for one in lines if one["Key"] != untold], bucket=BUCKET)
    asked = Asked(s3)

    pull_by(asked, tmp_path / "copy", inventory)

    assert files(tmp_path / "copy") == files(plain)
    assert asked.requests["head_object"] == 1  # for its lock: its bytes are the log's


def test_what_the_inventory_tells_of_and_s3_does_not_is_not_there(
    s3: S3Client, lines: list[Line], plain: Path, tmp_path: Path
) -> None:
    gone = [{**lines[0], "Key": "junk/of/yesterday"}, {**lines[-1], "VersionId": "v"}]
    inventory = write_inventory(tmp_path / "inventory", [*lines, *gone], bucket=BUCKET)

    pull_by(Asked(s3), tmp_path / "copy", inventory)

    assert files(tmp_path / "copy") == files(plain)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"ETag": "0" * 32}, id="another ETag"),
        pytest.param({"Size": "7"}, id="another length"),
        pytest.param({"ETag": "0" * 32 + "-2"}, id="an ETag that is no MD5"),
        pytest.param({"ObjectLockMode": "", "ObjectLockRetainUntilDate": ""}, id="no lock"),
    ],
)
def test_what_the_inventory_says_otherwise_is_asked_of_s3(
    s3: S3Client, lines: list[Line], plain: Path, tmp_path: Path, change: dict[str, str]
) -> None:
    key = good().old.order[5]
    told = [{**one, **change} if one["Key"] == key else one for one in lines]
    inventory = write_inventory(tmp_path / "inventory", told, bucket=BUCKET)

    pull_by(Asked(s3), tmp_path / "copy", inventory)

    assert files(tmp_path / "copy") == files(plain)


def test_a_lock_that_the_inventory_says_is_too_short_is_found(s3: S3Client, lines: list[Line], tmp_path: Path) -> None:
    key = good().old.order[5]
    short = {"ObjectLockRetainUntilDate": "2026-01-01T00:00:00.000Z"}
    told = [{**one, **short} if one["Key"] == key else one for one in lines]
    inventory = write_inventory(tmp_path / "inventory", told, bucket=BUCKET)

    pull_by(Asked(s3), tmp_path / "copy", inventory)

    verified = json.loads(run("verify", "--dir", tmp_path / "copy", "--json").out)
    assert f"{key}: retain until" in {one["text"].split(": expected")[0] for one in verified["findings"]}


def test_an_object_that_is_gone_is_missed_whatever_the_inventory_says(
    s3: S3Client, lines: list[Line], tmp_path: Path
) -> None:
    """One record of its shard, all of its shard, and all records: nothing stands in for what S3 does not list."""
    inventory = write_inventory(tmp_path / "inventory", lines, bucket=BUCKET)
    record = good().old.order[5]
    for number, gone in enumerate((record, record[: record.index("/", len(f"wal/v1/{OLD}/"))], "wal/")):
        copy = tmp_path / f"copy{number}"

        pull_by(Without(s3, gone), copy, inventory)

        verified = json.loads(run("verify", "--dir", copy, "--json").out)
        assert any(one["step_name"] == "entry" and record in one["text"] for one in verified["findings"])


class Without(Asked):
    """A bucket in which nothing has this prefix."""

    def __init__(self, client: S3Client, prefix: str) -> None:
        super().__init__(client)
        self.prefix = prefix

    def list_object_versions(self, **request: Any) -> Any:
        page = self._call("list_object_versions", **request)
        page["Versions"] = [row for row in page.get("Versions", []) if not row["Key"].startswith(self.prefix)]
        folders = [one for one in page.get("CommonPrefixes", []) if not one["Prefix"].startswith(self.prefix)]
        return {**page, "CommonPrefixes": folders}


def test_a_bundle_that_was_changed_puts_nothing_into_the_copy(
    s3: S3Client, lines: list[Line], plain: Path, tmp_path: Path
) -> None:
    """Its entries are other bytes than S3's ETags of the records: all of them are fetched."""
    inventory = write_inventory(tmp_path / "inventory", lines, bucket=BUCKET)

    class Changed(Asked):
        def get_object(self, **request: Any) -> Any:
            answer = self._call("get_object", **request)
            if "/entries/" in request["Key"]:
                data = answer["Body"].read().replace(b'"kind"', b'"Kind"')
                answer["Body"] = StreamingBody(io.BytesIO(data), len(data))
            return answer

    pull_by(Changed(s3), tmp_path / "copy", inventory)

    records = {name: data for name, data in files(plain).items() if name.startswith("objects/wal/")}
    assert {name: data for name, data in files(tmp_path / "copy").items() if name in records} == records
    assert run("verify", "--dir", tmp_path / "copy").code == Exit.REFUSED


# What the copy says of itself.


def test_the_copy_and_every_report_on_it_say_what_is_as_the_inventory_said(
    s3: S3Client, lines: list[Line], tmp_path: Path
) -> None:
    inventory = write_inventory(tmp_path / "inventory", lines, bucket=BUCKET)
    done = pull_by(Asked(s3), tmp_path / "copy", inventory)

    about = json.loads((tmp_path / "copy/pulled.json").read_text())["inventory"]
    assert about["created_us"] == CREATED_MS * 1000
    assert (about["locks"], about["derived"]) == (len(lines) - done.fetched, len(lines) - done.fetched)
    said = "as an S3 Inventory of 2026-11-23T02:13:20.000000Z said"
    assert said in run("verify", "--dir", tmp_path / "copy").out
    assert json.loads(run("verify", "--dir", tmp_path / "copy", "--json").out)["inventory"]["locks"] == about["locks"]


def test_one_log_alone(s3: S3Client, lines: list[Line], tmp_path: Path) -> None:
    inventory = write_inventory(tmp_path / "inventory", lines, bucket=BUCKET)

    pull_by(Asked(s3), tmp_path / "copy", inventory, log="prod-2030")

    assert rows(tmp_path / "copy") == []


def test_the_command(s3: S3Client, lines: list[Line], tmp_path: Path) -> None:
    inventory = write_inventory(tmp_path / "inventory", lines, bucket=BUCKET)

    ended = run("pull", "--bucket", BUCKET, "--inventory", inventory.parent, "--dir", tmp_path / "copy")

    assert (ended.code, ended.out.split(" to ")[0]) == (Exit.DONE, f"pulled {len(lines)} versions")
    assert run("pull", "--bucket", BUCKET, "--inventory", "x", "--prefix", "log/", "--dir", tmp_path).code == Exit.USAGE


def test_an_inventory_in_its_bucket_is_fetched_from_there(s3: S3Client, lines: list[Line], tmp_path: Path) -> None:
    inventory = write_inventory(tmp_path / "inventory", lines, bucket=BUCKET)
    s3.create_bucket(Bucket="inventories")
    for path in inventory.parent.rglob("*.*"):
        folder = f"any/{BUCKET}/data" if path.suffix == ".gz" else f"any/{BUCKET}/daily/2026-11-23T01-00Z"
        s3.put_object(Bucket="inventories", Key=f"{folder}/{path.name}", Body=path.read_bytes())
    url = f"s3://inventories/any/{BUCKET}/daily/2026-11-23T01-00Z/manifest.json"

    ended = run("pull", "--bucket", BUCKET, "--inventory", url, "--dir", tmp_path / "copy")

    assert (ended.code, ended.out.split(" to ")[0]) == (Exit.DONE, f"pulled {len(lines)} versions")
