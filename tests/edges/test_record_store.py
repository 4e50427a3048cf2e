"""The record store on S3: what it asks, and every way in which S3 may fail. The contract is in tests/contract."""

from __future__ import annotations

import base64
import json
import os
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)
from botocore.parsers import ResponseParserError
from moto import mock_aws

from postern.audit.findings import Bounds
from postern.audit.records import Record, RecordType
from postern.audit.verify import verify
from postern.edges.record_store import S3RecordStore
from postern.errors import EvidenceUnavailable
from tests.support.audit import (
    BASE_US,
    Json,
    LossyS3,
    Story,
    copy_of,
    make_evidence_bucket,
    source,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET = "evidence"
RETAIN_UNTIL_S = 4_102_444_800  # 2100-01-01: the emulator's clock is the machine's
LOST = [
    pytest.param(ReadTimeoutError(endpoint_url="s3"), id="no answer in time"),
    pytest.param(ConnectionClosedError(endpoint_url="s3"), id="connection closed"),
    pytest.param(ResponseParserError("not XML"), id="an answer that cannot be read"),
]


def refusal(status: int, code: str = "X", *, attempts: int = 0) -> ClientError:
    metadata: Any = {"HTTPStatusCode": status, "RetryAttempts": attempts}
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": metadata}, "PutObject")


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


def stored(client: S3Client) -> dict[str, bytes]:
    keys = [one["Key"] for one in client.list_objects_v2(Bucket=BUCKET).get("Contents", [])]
    return {key: client.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys}


def event(number: int = 1, **body: object) -> Record:
    story = Story()
    return Record(RecordType.EVENT, "grant", story.id_at(number), BASE_US + number * 1_000_000, body or {"task": "t"})


def writer_of(data: bytes) -> Json:
    value: Json = json.loads(data)["writer"]
    return value


def test_asks_s3_to_create_to_check_the_digest_and_to_lock_until_the_epoch_is_over(s3: S3Client) -> None:
    network, store = lossy(s3)

    digest = store.put(event(1))

    ((key, data),) = stored(s3).items()
    assert network.puts == [
        {
            "Bucket": BUCKET,
            "Key": key,
            "Body": data,
            "ContentType": "application/json",
            "ChecksumAlgorithm": "SHA256",
            "ChecksumSHA256": base64.b64encode(bytes.fromhex(digest)).decode(),
            "IfNoneMatch": "*",
            "ObjectLockMode": "COMPLIANCE",
            "ObjectLockRetainUntilDate": datetime(2100, 1, 1, tzinfo=UTC),
        }
    ]
    head = s3.head_object(Bucket=BUCKET, Key=key)
    assert head["ObjectLockMode"] == "COMPLIANCE"
    assert head["ObjectLockRetainUntilDate"] == datetime(2100, 1, 1, tzinfo=UTC)


def test_a_blob_is_locked_as_long_as_its_record(s3: S3Client) -> None:
    network, store = lossy(s3)

    store.put(replace(event(1), blobs=(b"select 'a long one'",)))

    locks = [(one["ObjectLockMode"], one["ObjectLockRetainUntilDate"]) for one in network.puts]
    assert locks == [("COMPLIANCE", datetime(2100, 1, 1, tzinfo=UTC))] * 2


def lossy(client: S3Client) -> tuple[LossyS3, S3RecordStore]:
    network = LossyS3(client)
    return network, S3RecordStore(network, BUCKET, source(), RETAIN_UNTIL_S)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "error",
    [
        *LOST,
        pytest.param(refusal(500, "InternalError"), id="500"),
        pytest.param(refusal(503, "SlowDown"), id="503"),
        pytest.param(refusal(409, "ConditionalRequestConflict"), id="409"),
        pytest.param(refusal(412, "PreconditionFailed"), id="412 on a second attempt"),
        pytest.param(refusal(403, "AccessDenied", attempts=1), id="403 after an attempt that was lost"),
    ],
)
def test_an_answer_lost_after_the_write_is_found_by_head_and_the_chain_goes_on(s3: S3Client, error: Exception) -> None:
    network, store = lossy(s3)
    network.put_failures = [("after", error)]

    first = store.put(event(1))
    store.put(event(2))

    assert network.calls == ["put", "head", "put"]
    assert sorted(str(writer_of(data)["prev"]) for data in stored(s3).values()) == sorted(["None", first])


@pytest.mark.parametrize("error", [*LOST, pytest.param(refusal(503), id="503"), pytest.param(refusal(409), id="409")])
def test_a_write_that_was_lost_on_the_way_is_unavailable_and_a_new_chain_starts(s3: S3Client, error: Exception) -> None:
    network, store = lossy(s3)
    store.put(event(1))
    network.put_failures = [("before", error)]

    with pytest.raises(EvidenceUnavailable) as refused:
        store.put(event(2))
    store.put(event(3))

    assert refused.value.__cause__ is error
    assert network.calls == ["put", "put", "head", "put"]
    assert [writer_of(data)["n"] for data in stored(s3).values()] == [0, 0]


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(refusal(403, "AccessDenied"), id="403"),
        pytest.param(refusal(400, "BadDigest"), id="400"),
        pytest.param(refusal(404, "NoSuchBucket"), id="404"),
        pytest.param(EndpointConnectionError(endpoint_url="s3"), id="no connection"),
        pytest.param(ConnectTimeoutError(endpoint_url="s3"), id="no connection in time"),
        pytest.param(NoCredentialsError(), id="no credentials"),
    ],
)
def test_what_surely_wrote_nothing_is_unavailable_without_a_second_request(s3: S3Client, error: Exception) -> None:
    network, store = lossy(s3)
    network.put_failures = [("before", error)]

    with pytest.raises(EvidenceUnavailable) as refused:
        store.put(event(1))

    assert (refused.value.code, refused.value.__cause__) == ("evidence.unavailable", error)
    assert network.calls == ["put"]


@pytest.mark.parametrize(
    "error", [pytest.param(refusal(403), id="403 without the right to list"), pytest.param(refusal(503), id="503")]
)
def test_a_look_up_that_fails_tells_nothing_so_the_record_counts_as_not_written(s3: S3Client, error: Exception) -> None:
    network, store = lossy(s3)
    network.put_failures = [("after", ReadTimeoutError(endpoint_url="s3"))]
    network.head_failures = [error]

    with pytest.raises(EvidenceUnavailable):
        store.put(event(1))


def test_a_late_write_takes_the_place_that_was_meant_for_it(s3: S3Client) -> None:
    """The PUT of a record lands after it was given up and others were written: both chains are whole."""
    network, store = lossy(s3)
    store.put(event(1))
    network.put_failures = [("before", ReadTimeoutError(endpoint_url="s3"))]
    with pytest.raises(EvidenceUnavailable):
        store.put(event(2))
    store.put(event(3))

    s3.put_object(**network.puts[1])

    report = verify(copy_of(stored(s3)), Bounds(), now_us=BASE_US)
    assert (report.holds, report.counts.records, report.counts.chains) == (True, 3, 2)


def test_an_interruption_from_outside_starts_a_new_chain(s3: S3Client) -> None:
    network, store = lossy(s3)
    network.put_failures = [("after", KeyboardInterrupt())]  # type: ignore[list-item]
    with pytest.raises(KeyboardInterrupt):
        store.put(event(1))

    store.put(event(2))

    assert verify(copy_of(stored(s3)), Bounds(), now_us=BASE_US).holds


def test_nothing_is_drawn_before_the_first_record(s3: S3Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A snapshot taken after start and before the first record must not share a chain among its copies."""
    drawn: list[int] = []

    def draw(size: int) -> str:
        drawn.append(size)
        return "0" * 2 * size

    monkeypatch.setattr("secrets.token_hex", draw)
    store = S3RecordStore(s3, BUCKET, source(), RETAIN_UNTIL_S)
    before = len(drawn)
    store.put(event(1))
    store.put(event(2))

    assert (before, drawn) == (0, [16])


def test_a_forked_process_starts_a_chain_of_its_own(s3: S3Client, monkeypatch: pytest.MonkeyPatch) -> None:
    store = S3RecordStore(s3, BUCKET, source(), RETAIN_UNTIL_S)
    store.put(event(1))
    parent = os.getpid()
    monkeypatch.setattr("os.getpid", lambda: parent + 1)

    store.put(event(2))

    assert len({str(writer_of(data)["env"]) for data in stored(s3).values()}) == 2


def test_a_bucket_that_nobody_answers_for_is_unavailable() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        client = boto3.client(
            "s3",
            region_name="us-east-1",
            endpoint_url=f"http://127.0.0.1:{unused.getsockname()[1]}",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(connect_timeout=1, read_timeout=1, retries={"total_max_attempts": 1}),
        )

        with pytest.raises(EvidenceUnavailable) as refused:
            S3RecordStore(client, BUCKET, source(), RETAIN_UNTIL_S).put(event(1))

    assert isinstance(refused.value.__cause__, EndpointConnectionError)
