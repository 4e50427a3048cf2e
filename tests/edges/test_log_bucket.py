"""The log's objects on S3: what S3 may answer otherwise. The contract is in tests/contract."""

from __future__ import annotations

import base64
import hashlib
import io
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError
from botocore.parsers import ResponseParserError

from postern.edges.log_bucket import S3LogBucket
from postern.errors import EvidenceUnavailable, IntegrityError
from tests.support.scripted import Scripted

UNTIL_S = 4_102_444_800


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
