"""`postern audit`: pull from S3 as moto answers for it, then verify what was pulled; exit codes and words."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from postern.audit.findings import Step
from postern.audit.ids import uuid7
from postern.audit.keys import parse_record_key
from postern.audit.records import Record, RecordType
from postern.edges.record_store import S3RecordStore
from postern.types import CommandId
from postern_cli import pull as pulling
from postern_cli.audit import app
from postern_cli.pulled import PulledFolder
from postern_cli.stop import Exit
from tests.support import command_line
from tests.support.audit import Copy, good_log, make_evidence_bucket, source
from tests.support.good_log import OLD, good, tree_of

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET = "evidence"
NOW_US = 1_795_341_600_000_000


run = partial(command_line.run, app)


@pytest.fixture(scope="module")
def emulator() -> Iterator[tuple[Any, S3Client]]:
    with mock_aws() as mock:
        yield mock, boto3.client("s3", region_name="us-east-1")


@pytest.fixture
def s3(emulator: tuple[Any, S3Client]) -> S3Client:
    mock, client = emulator
    mock.reset()
    make_evidence_bucket(client, BUCKET)
    return client


def write_records(client: S3Client, count: int = 3) -> list[str]:
    """Events of this very moment, because the bucket's clock is the machine's."""
    now_us = time.time_ns() // 1000
    store = S3RecordStore(client, BUCKET, source(), now_us // 1_000_000 + 2 * 86_400)
    for number in range(count):
        id_ = CommandId(uuid7(now_us, number.to_bytes(10, "big")))
        store.put(Record(RecordType.EVENT, "grant", id_, now_us, {"number": number}))
    return sorted(one["Key"] for one in client.list_objects_v2(Bucket=BUCKET)["Contents"])


def rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "versions.jsonl").read_text().splitlines()]


def copy(tmp_path: Path, tamper: Any = lambda copy: None) -> Path:
    log = good_log()
    tamper(log)
    log.write_to(tmp_path)
    return tmp_path


# Pull.


def test_pulls_bytes_as_stored_and_a_line_for_each_version(s3: S3Client, tmp_path: Path) -> None:
    keys = write_records(s3)

    ended = run("pull", "--bucket", BUCKET, "--dir", tmp_path)

    assert (ended.code, ended.out.split(" versions")[0]) == (Exit.DONE, "pulled 3")
    assert [row["key"] for row in rows(tmp_path)] == keys
    for row in rows(tmp_path):
        answer = s3.get_object(Bucket=BUCKET, Key=row["key"])
        assert (tmp_path / "objects" / row["key"]).read_bytes() == answer["Body"].read()
        assert row["version_id"] == answer["VersionId"]
        assert (row["is_latest"], row["delete_marker"], row["mode"]) == (True, False, "COMPLIANCE")
    assert not (tmp_path / "partial").exists()


def test_what_was_pulled_holds(s3: S3Client, tmp_path: Path) -> None:
    write_records(s3)
    run("pull", "--bucket", BUCKET, "--dir", tmp_path)

    ended = run("verify", "--dir", tmp_path)

    assert (ended.code, ended.line.split(";")[0]) == (Exit.UNKNOWN, "nothing is wrong in what was checked")
    assert "step 10 chain       ok" in ended.out


def test_a_second_version_and_a_delete_marker_are_listed_and_the_first_version_is_kept(
    s3: S3Client, tmp_path: Path
) -> None:
    key = write_records(s3, 1)[0]
    first = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"forged", ChecksumAlgorithm="SHA256")
    s3.delete_object(Bucket=BUCKET, Key=key)

    run("pull", "--bucket", BUCKET, "--dir", tmp_path)

    assert sorted((row["is_latest"], row["delete_marker"], row["size"]) for row in rows(tmp_path)) == [
        (False, False, 6),
        (False, False, len(first)),
        (True, True, None),
    ]
    assert (tmp_path / "objects" / key).read_bytes() == first
    assert "no delete marker" in run("verify", "--dir", tmp_path).line


def test_lists_page_by_page(s3: S3Client, tmp_path: Path) -> None:
    keys = write_records(s3, 30)
    s3.put_object(Bucket=BUCKET, Key=keys[4], Body=b"forged", ChecksumAlgorithm="SHA256")

    class SmallPages:
        def list_object_versions(self, **request: Any) -> Any:
            return s3.list_object_versions(**request, MaxKeys=5)

        def __getattr__(self, name: str) -> Any:
            return getattr(s3, name)

    bucket = pulling.Bucket(SmallPages(), BUCKET)  # type: ignore[arg-type]
    done = pulling.pull(bucket, PulledFolder(tmp_path), workers=4, advance=lambda _: None)

    assert done == pulling.Pulled(31, 31)
    assert [row["key"] for row in rows(tmp_path)] == sorted([*keys, keys[4]])
    assert (tmp_path / "objects" / keys[4]).read_bytes().startswith(b'{"code"')


@pytest.mark.parametrize(
    "key",
    [
        pytest.param("notes.txt", id="not ours"),
        pytest.param("wal/v1/%2e%2e/%2e%2e/x", id="escaped dots"),
        pytest.param("//etc/passwd", id="absolute"),
        pytest.param("wal/v1/prod-2026/0/20261122/10", id="a folder's name"),
        pytest.param("wal/é", id="not ASCII"),
        pytest.param("x" * 300, id="too long for a file"),
    ],
)
def test_an_object_that_is_none_of_ours_is_hashed_but_not_written(s3: S3Client, tmp_path: Path, key: str) -> None:
    folder = tmp_path / "a" / "pull"
    write_records(s3, 1)
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"planted", ChecksumAlgorithm="SHA256")

    assert run("pull", "--bucket", BUCKET, "--dir", folder).code == Exit.DONE

    (row,) = [row for row in rows(folder) if row["key"] == key]
    assert row["size"] == 7
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) == 3, written  # the record, the listing, and what is said of the pull
    assert run("verify", "--dir", folder).code == Exit.REFUSED


def test_pulling_again_fetches_only_what_is_new_or_damaged(s3: S3Client, tmp_path: Path) -> None:
    keys = write_records(s3)
    run("pull", "--bucket", BUCKET, "--dir", tmp_path)
    damaged = tmp_path / "objects" / keys[0]
    damaged.write_bytes(b"x" * damaged.stat().st_size)
    (tmp_path / "objects" / keys[1]).unlink()
    write_records(s3, 1)

    ended = run("pull", "--bucket", BUCKET, "--dir", tmp_path)

    assert ": 3 fetched now, " in ended.out
    assert len(rows(tmp_path)) == 4
    assert run("verify", "--dir", tmp_path).line.startswith("nothing is wrong in what was checked")


def test_a_pull_that_stops_half_way_leaves_no_listing_and_goes_on_later(s3: S3Client, tmp_path: Path) -> None:
    write_records(s3, 6)
    fetched: list[str] = []

    class Breaking:
        def __getattr__(self, name: str) -> Any:
            return getattr(s3, name)

        def get_object(self, **request: Any) -> Any:
            if len(fetched) == 3:
                raise OSError(28, "No space left on device")
            fetched.append(request["Key"])
            return s3.get_object(**request)

    run("pull", "--bucket", BUCKET, "--dir", tmp_path)
    for path in (tmp_path / "objects").rglob("*.json"):
        path.unlink()
    bucket = pulling.Bucket(Breaking(), BUCKET)  # type: ignore[arg-type]
    with pytest.raises(OSError, match="No space"):
        pulling.pull(bucket, PulledFolder(tmp_path), workers=1, advance=lambda _: None)
    assert not (tmp_path / "pulled.json").exists(), "the time of the pull before is not this one's"
    unfinished = run("verify", "--dir", tmp_path)

    ended = run("pull", "--bucket", BUCKET, "--dir", tmp_path)

    assert (unfinished.code, "finished pull" in unfinished.line) == (Exit.UNKNOWN, True)
    assert ": 3 fetched now, " in ended.out
    assert run("verify", "--dir", tmp_path).line.startswith("nothing is wrong in what was checked")


def test_an_object_that_the_bucket_no_longer_lists_is_found_by_an_earlier_pull(s3: S3Client, tmp_path: Path) -> None:
    write_records(s3)
    run("pull", "--bucket", BUCKET, "--dir", tmp_path)
    key = rows(tmp_path)[0]["key"]
    (tmp_path / "versions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows(tmp_path)[1:]))

    ended = run("verify", "--dir", tmp_path)

    assert ended.code == Exit.REFUSED
    assert ended.line.startswith(f"does not hold: {key}: object: expected a line for every file")


def test_a_bucket_that_is_not_there_cannot_be_told(s3: S3Client, tmp_path: Path) -> None:
    ended = run("pull", "--bucket", "no-such-bucket", "--dir", tmp_path)

    assert (ended.code, ended.line.split(";")[0]) == (
        Exit.UNKNOWN,
        "no-such-bucket: expected to read it, got NoSuchBucket",
    )


def test_a_ready_file_names_bucket_and_endpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ready = tmp_path / "ready.json"
    ready.write_text(json.dumps({"aws": "http://127.0.0.1:9", "bucket": BUCKET, "vkey": None}))
    seen: list[Any] = []

    def pull(bucket: pulling.Bucket, *_: Any, **__: Any) -> pulling.Pulled:
        seen.append((bucket.name, bucket.client.meta.endpoint_url))
        return pulling.Pulled(0, 0)

    monkeypatch.setattr(pulling, "pull", pull)

    ended = run("pull", "--ready", ready, "--dir", tmp_path / "x")

    assert (ended.code, seen) == (Exit.DONE, [(BUCKET, "http://127.0.0.1:9")])


@pytest.mark.parametrize("content", ["", "[]", "{}", "null", '{"aws": "x"}', "[" * 100_000])
def test_a_ready_file_without_its_form_cannot_be_told(tmp_path: Path, content: str) -> None:
    (tmp_path / "ready").write_text(content)

    assert run("pull", "--ready", tmp_path / "ready", "--dir", tmp_path).code == Exit.UNKNOWN
    assert run("pull", "--ready", tmp_path / "absent", "--dir", tmp_path).code == Exit.UNKNOWN


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["pull", "--dir", "x"], id="neither bucket nor ready file"),
        pytest.param(["pull", "--dir", "x", "--bucket", "b", "--ready", "r"], id="both"),
        pytest.param(["pull", "--bucket", "b"], id="no folder"),
        pytest.param(["pull", "--dir", "x", "--bucket", "b", "--workers", "0"], id="no workers"),
        pytest.param(["verify"], id="verify without a folder"),
        pytest.param(["verify", "--dir", "x", "--max-open-age", "-1"], id="a negative age"),
    ],
)
def test_usage(arguments: list[str]) -> None:
    assert run(*arguments).code == Exit.USAGE


def test_pulls_one_log_alone(s3: S3Client, tmp_path: Path) -> None:
    put_log(s3)

    ended = run("pull", "--bucket", BUCKET, "--dir", tmp_path, "--log", OLD)

    assert ended.code == Exit.DONE
    assert {row["key"].split("/")[2 if row["key"].startswith("wal/") else 1] for row in rows(tmp_path)} == {OLD}
    assert len(rows(tmp_path)) > 20


@pytest.mark.parametrize("workers", ["1", "8"])
def test_of_the_checkpoint_the_latest_is_kept_and_every_version_is_hashed(
    s3: S3Client, tmp_path: Path, workers: str
) -> None:
    put_log(s3)
    key = f"log/{OLD}/checkpoint"

    run("pull", "--bucket", BUCKET, "--dir", tmp_path, "--log", OLD, "--workers", workers)

    versions = [row for row in rows(tmp_path) if row["key"] == key]
    latest = (tmp_path / "objects" / key).read_bytes()
    assert latest == (tmp_path / f"objects/log/{OLD}/checkpoints/13").read_bytes()
    assert [row["is_latest"] for row in versions] == [True, False]
    assert [row["sha256"] for row in versions] == [
        hashlib.sha256((tmp_path / f"objects/log/{OLD}/checkpoints/{size}").read_bytes()).hexdigest()
        for size in (13, 3)
    ]


def test_many_records_are_listed_side_by_side_and_come_in_order(s3: S3Client, tmp_path: Path) -> None:
    keys = write_records(s3, 40)
    s3.put_object(Bucket=BUCKET, Key="wal/v1/readme", Body=b"planted", ChecksumAlgorithm="SHA256")
    s3.put_object(Bucket=BUCKET, Key="wal/v1/prod-2026/readme", Body=b"planted", ChecksumAlgorithm="SHA256")

    class SmallPages:
        def list_object_versions(self, **request: Any) -> Any:
            return s3.list_object_versions(**request, MaxKeys=7)

        def __getattr__(self, name: str) -> Any:
            return getattr(s3, name)

    bucket = pulling.Bucket(SmallPages(), BUCKET)  # type: ignore[arg-type]
    done = pulling.pull(bucket, PulledFolder(tmp_path), workers=8, advance=lambda _: None)

    assert done == pulling.Pulled(42, 42)
    assert [row["key"] for row in rows(tmp_path)] == sorted([*keys, "wal/v1/readme", "wal/v1/prod-2026/readme"])


def test_the_log_is_listed_before_the_records_and_the_records_before_their_blobs(s3: S3Client, tmp_path: Path) -> None:
    put_log(s3)
    s3.put_object(Bucket=BUCKET, Key=f"log/{OLD}/stage/3", Body=b"staged")
    listed: list[str] = []

    class Watched:
        def list_object_versions(self, **request: Any) -> Any:
            listed.append(request["Prefix"])
            return s3.list_object_versions(**request)

        def __getattr__(self, name: str) -> Any:
            return getattr(s3, name)

    bucket = pulling.Bucket(Watched(), BUCKET)  # type: ignore[arg-type]
    pulling.pull(bucket, PulledFolder(tmp_path), workers=8, advance=lambda _: None)

    in_log = [f"log/{OLD}/", f"log/{OLD}/checkpoints/", f"log/{OLD}/tile/", f"log/{OLD}/stage/"]
    assert list(dict.fromkeys(listed)) == ["", "log/", *in_log, "wal/", "blob/"]
    assert [row["key"] for row in rows(tmp_path)] == sorted(row["key"] for row in rows(tmp_path))


def put_log(client: S3Client) -> None:
    """The old epoch, as its writers put it, and a blob."""
    epoch = good().old
    for key, data in epoch.objects.items():
        client.put_object(Bucket=BUCKET, Key=key, Body=data)
    client.put_object(Bucket=BUCKET, Key=f"blob/{OLD}/{parse_record_key(epoch.order[1]).id}/0", Body=b"x")
    for head in tree_of(epoch):
        for path, data in (*head.writes.items(), (f"checkpoints/{head.size}", head.note), ("checkpoint", head.note)):
            client.put_object(Bucket=BUCKET, Key=f"log/{OLD}/{path}", Body=data)
            time.sleep(0.001)  # the emulator orders versions by milliseconds


# Verify.


def test_says_what_was_counted_what_is_open_and_what_is_not_checked(tmp_path: Path) -> None:
    ended = run("verify", "--dir", copy(tmp_path))

    assert ended.code == Exit.UNKNOWN
    lines = ended.out.splitlines()
    assert lines[:7] == [
        "objects            19",
        "intents             8   1 refused, 1 open",
        "outcomes            6",
        "settlements         1",
        "events              3",
        "blobs               1",
        "chains              3   one an execution environment",
    ]
    assert lines[7].startswith("open: wal/v1/prod-2026/")
    assert lines[7].endswith("/1-intent.json waits for its outcome since 2026-11-22T10:00:15.000000Z")
    unasked = dict.fromkeys((Step.KEPT, Step.WITNESS), "not asked")
    assert lines[8:] == [
        "unsequenced: 18 records are under no checkpoint yet",
        "copied at a time that it does not say, so ages are told from now",
        *(f"step {step.value:>2} {step.name.lower():<11} {unasked.get(step, 'ok')}" for step in Step),
        "cannot be told: order and completeness of prod-2026: no --vkey of it was given",
    ]


def test_names_the_first_thing_wrong_and_how_many_more_there_are(tmp_path: Path) -> None:
    def tamper(log: Copy) -> None:
        for row in log.rows:
            row["mode"] = "GOVERNANCE"

    ended = run("verify", "--dir", copy(tmp_path, tamper))

    assert ended.code == Exit.REFUSED
    assert ended.line == (
        f"does not hold: {min(good_log().objects)}: lock mode: expected COMPLIANCE, got GOVERNANCE (and 18 more)"
        " (step 4, lock)"
    )
    assert "\nholds" not in ended.out


def test_json_for_machines(tmp_path: Path) -> None:
    ended = run("verify", "--dir", copy(tmp_path, lambda log: log.row(min(log.objects)).update(mode=None)), "--json")

    report = json.loads(ended.out)
    assert ended.code == Exit.REFUSED
    assert (report["holds"], report["wrong"], len(report["untold"])) == (False, 1, 1)
    assert report["first"]["step_name"] == "lock"
    assert report["first"]["got"] == "none"
    assert report["counts"]["open"] == len(report["open"]) == 1


def test_json_of_a_log_that_holds(tmp_path: Path) -> None:
    ended = run("verify", "--dir", copy(tmp_path), "--json")

    report = json.loads(ended.out)
    assert (ended.code, report["holds"], report["first"], report["findings"]) == (Exit.UNKNOWN, None, None, [])


def test_an_open_command_past_the_age_asked_for_is_a_failure(tmp_path: Path) -> None:
    ended = run("verify", "--dir", copy(tmp_path), "--max-open-age", "0")

    assert ended.code == Exit.REFUSED or good_log_is_in_the_future()
    assert "expected one within the bound" in ended.line


def good_log_is_in_the_future() -> bool:
    return time.time_ns() // 1000 < NOW_US


def test_a_longer_retention_can_be_asked_for(tmp_path: Path) -> None:
    assert run("verify", "--dir", copy(tmp_path), "--min-retention", "10").code == Exit.UNKNOWN
    assert "retain until" in run("verify", "--dir", tmp_path, "--min-retention", "11").line


def test_what_is_missing_cannot_be_told(tmp_path: Path) -> None:
    assert run("verify", "--dir", tmp_path / "absent").code == Exit.UNKNOWN
    assert run("verify", "--dir", tmp_path).code == Exit.UNKNOWN
    (tmp_path / "versions.jsonl").write_bytes(b"")
    assert run("verify", "--dir", tmp_path).code == Exit.UNKNOWN
    assert json.loads(run("verify", "--dir", tmp_path, "--json").out)["holds"] is False


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_only_a_plain_file_is_an_object(tmp_path: Path, kind: str) -> None:
    folder = copy(tmp_path)
    key = min(good_log().objects, key=str.encode)
    path = folder / "objects" / key
    data = path.read_bytes()
    path.unlink()
    if kind == "link":
        (tmp_path / "elsewhere").write_bytes(data)
        path.symlink_to(tmp_path / "elsewhere")
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()

    ended = run("verify", "--dir", folder)

    assert ended.code == Exit.REFUSED
    assert ended.line.startswith(f"does not hold: {key}: object: expected")


def test_a_file_name_that_is_not_unicode_is_named_safely(tmp_path: Path) -> None:
    folder = copy(tmp_path)
    (folder / "objects" / os.fsdecode(b"\xff\x1b[2J")).write_bytes(b"")

    ended = run("verify", "--dir", folder)

    assert ended.code == Exit.REFUSED
    assert ended.line.isascii()
    assert ended.line.isprintable()


def test_a_line_without_end_is_refused_in_pieces(tmp_path: Path) -> None:
    folder = copy(tmp_path)
    with (folder / "versions.jsonl").open("ab") as file:
        file.write(b"x" * 100_000)

    line = run("verify", "--dir", folder).line

    assert "versions.jsonl:20: line: expected" in line
    assert "(and 6 more)" in line


def test_keys_come_in_the_order_of_their_bytes(tmp_path: Path) -> None:
    for key in ("a/b", "a-b", "a.b", "a0", "a/b-c/d", "a/b.c", "é", "z"):
        path = tmp_path / "objects" / f"{key}/x"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")

    keys = list(PulledFolder(tmp_path).keys())

    assert keys == sorted(keys, key=str.encode)
    assert len(keys) == 8
