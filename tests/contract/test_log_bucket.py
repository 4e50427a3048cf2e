"""One log's objects: one contract, run on the fake and on S3."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from typing import Any

import pytest

from postern.edges.log_bucket import S3LogBucket
from postern.errors import IntegrityError
from postern.log_ports import LogBucket
from tests.support.aws import unique
from tests.support.log_fakes import LogStore, MemoryLogBucket
from tests.support.places import Place, places


def bucket_at(place: Place) -> S3LogBucket:
    return S3LogBucket(place.client("s3"), place.bucket(), unique("log"), place.locked_until_s())


@pytest.fixture(params=places("s3"))
def stored(request: pytest.FixtureRequest) -> S3LogBucket:
    """An empty log of its own on S3."""
    return bucket_at(request.getfixturevalue(request.param))


@pytest.fixture(params=["fake", *places("s3")])
def bucket(request: pytest.FixtureRequest) -> LogBucket:
    """An empty log of its own."""
    if request.param == "fake":
        return MemoryLogBucket(LogStore(), unique("log"))
    return bucket_at(request.getfixturevalue(request.param))


def test_what_is_created_is_read(bucket):
    bucket.create("tile/0/000", b"x" * 8192)
    assert bucket.read("tile/0/000") == b"x" * 8192


def test_the_same_bytes_again_are_success(bucket):
    for _ in range(2):
        bucket.create("checkpoints/5", b"a")
    assert bucket.read("checkpoints/5") == b"a"


def test_other_bytes_are_a_conflict_and_change_nothing(bucket):
    bucket.create("checkpoints/5", b"a")
    with pytest.raises(IntegrityError) as refused:
        bucket.create("checkpoints/5", b"b")
    assert refused.value.code == "evidence.conflict"
    assert bucket.read("checkpoints/5") == b"a"


def test_an_empty_object_is_an_object(bucket):
    bucket.create("tile/entries/000.p/1", b"")
    assert bucket.read("tile/entries/000.p/1") == b""


def test_many_are_created_as_one_is(bucket):
    writes = {f"tile/0/000.p/{n}": bytes([n]) * 32 for n in range(1, 9)}
    bucket.create_all(writes)
    bucket.create_all(writes)
    assert {path: bucket.read(path) for path in writes} == writes


def test_one_conflict_among_many_is_told(bucket):
    bucket.create("tile/0/000.p/7", b"other")
    with pytest.raises(IntegrityError) as refused:
        bucket.create_all({f"tile/0/000.p/{n}": bytes([n]) * 32 for n in range(1, 10)})
    assert refused.value.code == "evidence.conflict"
    assert bucket.read("tile/0/000.p/7") == b"other"


def test_what_is_not_there_is_missing(bucket):
    with pytest.raises(IntegrityError) as refused:
        bucket.read("tile/0/000")
    assert refused.value.code == "evidence.missing"


def test_a_log_that_never_published_has_no_checkpoint(bucket):
    bucket.create("checkpoints/5", b"a")
    assert bucket.latest_checkpoint() is None


def test_the_checkpoint_moves_from_what_was_read(bucket):
    assert bucket.replace_checkpoint(b"1", None)
    data, etag = bucket.latest_checkpoint()
    assert data == b"1"
    assert bucket.replace_checkpoint(b"2", etag)
    assert bucket.latest_checkpoint()[0] == b"2"


def test_the_checkpoint_does_not_move_from_what_was_replaced(bucket):
    bucket.replace_checkpoint(b"1", None)
    _, etag = bucket.latest_checkpoint()
    assert bucket.replace_checkpoint(b"2", etag)
    assert not bucket.replace_checkpoint(b"3", etag)
    assert not bucket.replace_checkpoint(b"3", None)
    assert bucket.latest_checkpoint()[0] == b"2"


def test_the_first_checkpoint_is_not_a_replacement(bucket):
    assert not bucket.replace_checkpoint(b"1", '"0123456789abcdef0123456789abcdef"')
    assert bucket.latest_checkpoint() is None


@pytest.mark.parametrize(
    ("paths", "size", "applied"),
    [
        pytest.param([], 0, 0, id="nothing"),
        pytest.param(["000.p/3"], 3, 3, id="its own edge"),
        pytest.param(["000.p/3", "000.p/20", "000.p/5"], 3, 20, id="a wider one"),
        pytest.param(["000.p/3", "000"], 3, 256, id="the full one"),
        pytest.param(["000"], 256, 256, id="a full bundle of its own"),
        pytest.param(["000", "001.p/1"], 256, 257, id="one begun"),
        pytest.param(["000.p/3"], 0, 3, id="a log begun"),
        pytest.param(["x001/000", "x001/000.p/9"], 256_000, 256_256, id="a large index"),
        pytest.param(["001", "x001/000", "x001/002.p/7"], 256_256, 256_256, id="not another's"),
    ],
)
def test_bundles_tell_how_far_a_tree_was_applied(bucket, paths, size, applied):
    bucket.create_all({f"tile/entries/{path}": path.encode() for path in paths})
    assert bucket.applied_size(size) == applied


@pytest.mark.parametrize("path", ["", "other", "tile/0/0", "checkpoints/05", "../wal/x"])
def test_a_path_that_the_log_does_not_have_is_not_written(bucket, path):
    with pytest.raises(IntegrityError):
        bucket.create(path, b"a")


# What S3 alone shows.


def head(bucket: S3LogBucket, path: str) -> dict[str, Any]:
    key = f"log/{bucket.log}/{path}"
    found: dict[str, Any] = bucket.client.head_object(Bucket=bucket.bucket, Key=key, ChecksumMode="ENABLED")
    return found


@pytest.mark.parametrize("path", ["checkpoints/5", "checkpoint"])
def test_every_object_is_locked_until_the_end_and_has_its_checksum(stored, path):
    stored.create("checkpoints/5", b"1")
    stored.replace_checkpoint(b"1", None)
    found = head(stored, path)
    assert found["ObjectLockMode"] == "COMPLIANCE"
    assert found["ObjectLockRetainUntilDate"] == datetime.fromtimestamp(stored.retain_until_s, UTC)
    assert found["ChecksumSHA256"] == base64.b64encode(hashlib.sha256(b"1").digest()).decode()


def test_every_version_of_the_checkpoint_stays(stored):
    etag = None
    for data in (b"1", b"2", b"3"):
        assert stored.replace_checkpoint(data, etag)
        _, etag = stored.latest_checkpoint()
    key = f"log/{stored.log}/checkpoint"
    versions = stored.client.list_object_versions(Bucket=stored.bucket, Prefix=key)["Versions"]
    read = [
        stored.client.get_object(Bucket=stored.bucket, Key=key, VersionId=one["VersionId"])["Body"].read()
        for one in versions
    ]
    assert read == [b"3", b"2", b"1"]


def test_a_checkpoint_under_a_delete_marker_is_not_a_log_that_never_published(stored):
    stored.replace_checkpoint(b"1", None)
    stored.client.delete_object(Bucket=stored.bucket, Key=f"log/{stored.log}/checkpoint")
    with pytest.raises(IntegrityError) as refused:
        stored.latest_checkpoint()
    assert refused.value.code == "evidence.missing"


def test_several_are_read_at_once_and_one_that_is_not_there_is_missing(bucket):
    for name in ("000", "001"):
        bucket.create(f"tile/entries/{name}", name.encode())
    assert bucket.read_all(["tile/entries/001", "tile/entries/000"]) == {
        "tile/entries/000": b"000",
        "tile/entries/001": b"001",
    }
    assert bucket.read_all([]) == {}
    with pytest.raises(IntegrityError) as missing:
        bucket.read_all(["tile/entries/000", "tile/entries/002"])
    assert missing.value.code == "evidence.missing"
