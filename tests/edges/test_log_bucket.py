"""The log's objects: one contract, run on the fake and on S3 as the local server answers for it; then its failures."""

from __future__ import annotations

import base64
import hashlib
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError
from botocore.parsers import ResponseParserError

from postern.edges.log_bucket import S3LogBucket
from postern.errors import EvidenceUnavailable, IntegrityError
from postern.log_ports import LogBucket
from postern_local.aws.server import AwsServer
from tests.support.aws import client, locked_bucket, unique
from tests.support.log_fakes import LogStore, MemoryLogBucket
from tests.support.scripted import Scripted

UNTIL_S = int((datetime.now(UTC) + timedelta(days=400)).timestamp())


@pytest.fixture(scope="module")
def s3(aws: AwsServer) -> Any:
    return client(aws, "s3")


@pytest.fixture(scope="module")
def bucket_name(s3: Any) -> str:
    return locked_bucket(s3)


@pytest.fixture(params=["memory", "s3"])
def bucket(request: pytest.FixtureRequest) -> LogBucket:
    """An empty log of its own."""
    log = unique("log")
    if request.param == "memory":
        return MemoryLogBucket(LogStore(), log)
    return S3LogBucket(request.getfixturevalue("s3"), request.getfixturevalue("bucket_name"), log, UNTIL_S)


class TestContract:
    def test_what_is_created_is_read(self, bucket):
        bucket.create("tile/0/000", b"x" * 8192)
        assert bucket.read("tile/0/000") == b"x" * 8192

    def test_the_same_bytes_again_are_success(self, bucket):
        for _ in range(2):
            bucket.create("checkpoints/5", b"a")
        assert bucket.read("checkpoints/5") == b"a"

    def test_other_bytes_are_a_conflict_and_change_nothing(self, bucket):
        bucket.create("checkpoints/5", b"a")
        with pytest.raises(IntegrityError) as refused:
            bucket.create("checkpoints/5", b"b")
        assert refused.value.code == "evidence.conflict"
        assert bucket.read("checkpoints/5") == b"a"

    def test_an_empty_object_is_an_object(self, bucket):
        bucket.create("tile/entries/000.p/1", b"")
        assert bucket.read("tile/entries/000.p/1") == b""

    def test_many_are_created_as_one_is(self, bucket):
        writes = {f"tile/0/000.p/{n}": bytes([n]) * 32 for n in range(1, 9)}
        bucket.create_all(writes)
        bucket.create_all(writes)
        assert {path: bucket.read(path) for path in writes} == writes

    def test_one_conflict_among_many_is_told(self, bucket):
        bucket.create("tile/0/000.p/7", b"other")
        with pytest.raises(IntegrityError) as refused:
            bucket.create_all({f"tile/0/000.p/{n}": bytes([n]) * 32 for n in range(1, 10)})
        assert refused.value.code == "evidence.conflict"
        assert bucket.read("tile/0/000.p/7") == b"other"

    def test_what_is_not_there_is_missing(self, bucket):
        with pytest.raises(IntegrityError) as refused:
            bucket.read("tile/0/000")
        assert refused.value.code == "evidence.missing"

    def test_a_log_that_never_published_has_no_checkpoint(self, bucket):
        bucket.create("checkpoints/5", b"a")
        assert bucket.latest_checkpoint() is None

    def test_the_checkpoint_moves_from_what_was_read(self, bucket):
        assert bucket.replace_checkpoint(b"1", None)
        data, etag = bucket.latest_checkpoint()
        assert data == b"1"
        assert bucket.replace_checkpoint(b"2", etag)
        assert bucket.latest_checkpoint()[0] == b"2"

    def test_the_checkpoint_does_not_move_from_what_was_replaced(self, bucket):
        bucket.replace_checkpoint(b"1", None)
        _, etag = bucket.latest_checkpoint()
        assert bucket.replace_checkpoint(b"2", etag)
        assert not bucket.replace_checkpoint(b"3", etag)
        assert not bucket.replace_checkpoint(b"3", None)
        assert bucket.latest_checkpoint()[0] == b"2"

    def test_the_first_checkpoint_is_not_a_replacement(self, bucket):
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
    def test_bundles_tell_how_far_a_tree_was_applied(self, bucket, paths, size, applied):
        bucket.create_all({f"tile/entries/{path}": path.encode() for path in paths})
        assert bucket.applied_size(size) == applied


class TestS3:
    def test_every_object_is_locked_until_the_end(self, s3, bucket_name):
        bucket = S3LogBucket(s3, bucket_name, unique("log"), UNTIL_S)
        bucket.create("checkpoints/5", b"a")
        bucket.replace_checkpoint(b"1", None)
        for path in ("checkpoints/5", "checkpoint"):
            found = s3.head_object(Bucket=bucket_name, Key=f"log/{bucket.log}/{path}", ChecksumMode="ENABLED")
            assert found["ObjectLockMode"] == "COMPLIANCE"
            assert int(found["ObjectLockRetainUntilDate"].timestamp()) == UNTIL_S
            assert "ChecksumSHA256" in found

    def test_a_checkpoint_under_a_delete_marker_is_not_a_log_that_never_published(self, s3, bucket_name):
        bucket = S3LogBucket(s3, bucket_name, unique("log"), UNTIL_S)
        bucket.replace_checkpoint(b"1", None)
        s3.delete_object(Bucket=bucket_name, Key=f"log/{bucket.log}/checkpoint")
        with pytest.raises(IntegrityError) as refused:
            bucket.latest_checkpoint()
        assert refused.value.code == "evidence.missing"


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code}}, "PutObject")


def scripted(*answers: Any) -> tuple[S3LogBucket, Scripted]:
    s3 = Scripted(list(answers))
    return S3LogBucket(s3, "b", "prod-2026", UNTIL_S), s3


def found(data: bytes) -> dict[str, str]:
    return {"ChecksumSHA256": base64.b64encode(hashlib.sha256(data).digest()).decode()}


AWAY = [
    pytest.param(refusal("SlowDown"), id="503"),
    pytest.param(refusal("InternalError"), id="500"),
    pytest.param(refusal("AccessDenied"), id="403"),
    pytest.param(refusal("NoSuchBucket"), id="no bucket"),
    pytest.param(ReadTimeoutError(endpoint_url="s3"), id="no answer in time"),
    pytest.param(ConnectionClosedError(endpoint_url="s3"), id="connection closed"),
    pytest.param(ResponseParserError("not XML"), id="an answer that cannot be read"),
]


class TestRaces:
    def test_a_first_checkpoint_that_comes_between_two_calls_is_the_latest(self):
        listed = {"Versions": [{"Key": "log/prod-2026/checkpoint", "VersionId": "1"}]}
        stored = {"Body": io.BytesIO(b"1"), "ETag": "e"}
        bucket, _ = scripted(refusal("NoSuchKey"), listed, stored)
        assert bucket.latest_checkpoint() == (b"1", "e")

    def test_a_copy_of_a_size_does_not_make_the_latest_be_there(self):
        listed = {"Versions": [{"Key": "log/prod-2026/checkpoints/1", "VersionId": "1"}]}
        bucket, _ = scripted(refusal("NoSuchKey"), listed)
        assert bucket.latest_checkpoint() is None


class TestFailures:
    @pytest.mark.parametrize("error", AWAY)
    @pytest.mark.parametrize(
        "call",
        [
            pytest.param(lambda bucket: bucket.create("checkpoints/5", b"a"), id="create"),
            pytest.param(lambda bucket: bucket.create_all({"checkpoints/5": b"a"}), id="create all"),
            pytest.param(lambda bucket: bucket.read("checkpoints/5"), id="read"),
            pytest.param(lambda bucket: bucket.latest_checkpoint(), id="latest"),
            pytest.param(lambda bucket: bucket.replace_checkpoint(b"1", None), id="replace"),
        ],
    )
    def test_a_failure_is_never_an_answer(self, call, error):
        bucket, s3 = scripted(error)
        with pytest.raises(EvidenceUnavailable):
            call(bucket)
        assert len(s3.asked) == 1

    def test_our_bytes_from_an_attempt_whose_answer_was_lost_are_success(self):
        bucket, s3 = scripted(refusal("PreconditionFailed"), found(b"a"))
        bucket.create("checkpoints/5", b"a")
        assert [operation for operation, _ in s3.asked] == ["put_object", "head_object"]

    @pytest.mark.parametrize(
        "there", [pytest.param(found(b"b"), id="other bytes"), pytest.param({}, id="no checksum to compare")]
    )
    def test_what_is_not_surely_ours_is_a_conflict(self, there):
        bucket, _ = scripted(refusal("PreconditionFailed"), there)
        with pytest.raises(IntegrityError) as refused:
            bucket.create("checkpoints/5", b"a")
        assert refused.value.code == "evidence.conflict"

    def test_a_PUT_that_met_another_is_sent_again(self):  # noqa: N802 - a verb of HTTP
        crossed = refusal("ConditionalRequestConflict")
        bucket, s3 = scripted(crossed, crossed, {})
        bucket.create("checkpoints/5", b"a")
        assert len(s3.asked) == 3
        with pytest.raises(EvidenceUnavailable):
            scripted(crossed, crossed, crossed)[0].create("checkpoints/5", b"a")

    def test_a_checkpoint_that_met_another_is_not_replaced(self):
        assert not scripted(refusal("ConditionalRequestConflict"))[0].replace_checkpoint(b"1", '"e"')

    def test_when_the_bytes_that_stand_cannot_be_compared_it_is_not_known(self):
        bucket, _ = scripted(refusal("PreconditionFailed"), refusal("SlowDown"))
        with pytest.raises(EvidenceUnavailable):
            bucket.create("checkpoints/5", b"a")

    def test_no_write_is_without_its_condition(self):
        bucket, s3 = scripted({}, {}, {})
        bucket.create("checkpoints/5", b"a")
        bucket.replace_checkpoint(b"1", None)
        bucket.replace_checkpoint(b"1", '"e"')
        conditions = [{name: one[name] for name in one if name.startswith("If")} for _, one in s3.asked]
        assert conditions == [{"IfNoneMatch": "*"}, {"IfNoneMatch": "*"}, {"IfMatch": '"e"'}]

    @pytest.mark.parametrize("path", ["", "other", "tile/0/0", "checkpoints/05", "../wal/x"])
    def test_a_path_that_the_log_does_not_have_is_not_written(self, path):
        bucket, s3 = scripted({})
        with pytest.raises(IntegrityError):
            bucket.create(path, b"a")
        assert s3.asked == []
