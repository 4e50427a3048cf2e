"""Where records become evidence: one contract, run on the fake that service tests use and on S3."""

from __future__ import annotations

import base64
import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import product
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from postern.audit.findings import Bounds
from postern.audit.keys import blob_key, record_key
from postern.audit.records import Record, RecordType
from postern.audit.verify import verify
from postern.edges.record_store import S3RecordStore
from postern.errors import EvidenceUnavailable, IntegrityError
from postern.ports import RecordStore
from tests.support.audit import BASE_US, Immutable, Json, LossyS3, MemoryRecordStore, Story, copy_of, source
from tests.support.aws import unique
from tests.support.places import Place, places

BLOB = b"select 'a long one'"


@dataclass
class Bench:
    """A log of its own, with stores that write it and a way to look at what they stored."""

    place: Place | None  # None: the fake's
    log: str = field(default_factory=lambda: unique("log"))
    shared: Immutable = field(default_factory=Immutable)

    def store(self, name: str = "env", *, lossy: bool = False) -> Any:
        written_by = source(log=self.log)
        if self.place is None:
            return MemoryRecordStore(written_by, self.shared, name=name)
        s3 = self.place.client("s3")
        client: Any = LossyS3(s3) if lossy else s3
        return S3RecordStore(client, self.place.bucket(), written_by, self.place.locked_until_s())

    def objects(self) -> dict[str, bytes]:
        """What is there, by key."""
        if self.place is None:
            return dict(self.shared)
        s3, bucket = self.place.client("s3"), self.place.bucket()
        pages = [s3.list_objects_v2(Bucket=bucket, Prefix=f"{folder}{self.log}/") for folder in ("wal/v1/", "blob/")]
        keys = [one["Key"] for page in pages for one in page.get("Contents", [])]
        return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


@pytest.fixture(params=["fake", *places("s3")])
def bench(request: pytest.FixtureRequest) -> Bench:
    return Bench(None if request.param == "fake" else request.getfixturevalue(request.param))


@pytest.fixture(params=places("s3"))
def stored(request: pytest.FixtureRequest) -> Bench:
    return Bench(request.getfixturevalue(request.param))


def event(number: int = 1, **body: object) -> Record:
    story = Story()
    return Record(RecordType.EVENT, "grant", story.id_at(number), BASE_US + number * 1_000_000, body or {"task": "t"})


def members(data: bytes) -> Json:
    value: Json = json.loads(data)
    return value


def writer_of(data: bytes) -> Json:
    value: Json = json.loads(data)["writer"]
    return value


def test_stores_the_record_under_its_key_and_returns_the_digest_of_its_bytes(bench: Bench) -> None:
    record = event(decision={"result": "allow"})

    digest = bench.store().put(record)

    ((key, data),) = bench.objects().items()
    assert key == record_key(bench.log, RecordType.EVENT, record.id)
    assert digest == hashlib.sha256(data).hexdigest()
    assert members(data)["decision"] == {"result": "allow"}
    assert members(data)["code"] == {"function": "query", "version": "0.1.0"}


def test_records_of_one_store_form_one_chain_from_0(bench: Bench) -> None:
    store = bench.store()
    digests = [store.put(event(number)) for number in (1, 2, 3)]

    by_id = sorted((writer_of(data) for data in bench.objects().values()), key=lambda one: int(str(one["n"])))
    assert [one["n"] for one in by_id] == [0, 1, 2]
    assert [one["prev"] for one in by_id] == [None, digests[0], digests[1]]
    assert len({str(one["env"]) for one in by_id}) == 1


def test_two_stores_write_chains_of_their_own(bench: Bench) -> None:
    bench.store("a").put(event(1))
    bench.store("b").put(event(2))

    writers = [writer_of(data) for data in bench.objects().values()]
    assert [one["n"] for one in writers] == [0, 0]
    assert len({str(one["env"]) for one in writers}) == 2


def test_a_place_taken_by_other_bytes_is_a_conflict_and_stays_as_it_is(bench: Bench) -> None:
    bench.store("a").put(event(1, task="ours"))
    before = bench.objects()

    with pytest.raises(IntegrityError) as refused:
        bench.store("b").put(event(1, task="theirs"))

    assert refused.value.code == "evidence.conflict"
    assert bench.objects() == before


def test_a_conflict_leaves_the_writer_able_to_go_on(bench: Bench) -> None:
    bench.store("a").put(event(1))
    store = bench.store("b")
    with pytest.raises(IntegrityError):
        store.put(event(1))

    store.put(event(2))

    assert verify(copy_of(bench.objects()), Bounds(), now_us=BASE_US).holds


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"seconds": 0.5}, id="float"),
        pytest.param({"v": 2}, id="name of the envelope"),
        pytest.param({"text": "x" * 50_000}, id="too long"),
    ],
)
def test_what_cannot_be_a_record_is_refused_and_breaks_no_chain(bench: Bench, body: Json) -> None:
    store = bench.store()
    store.put(event(1))
    with pytest.raises(IntegrityError) as refused:
        store.put(event(2, **body))

    store.put(event(3))

    assert refused.value.code == "evidence.malformed"
    assert sorted(int(str(writer_of(data)["n"])) for data in bench.objects().values()) == [0, 1]


def test_many_threads_write_one_unbroken_chain(bench: Bench) -> None:
    store = bench.store()
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(store.put, (event(number) for number in range(40))))

    report = verify(copy_of(bench.objects()), Bounds(), now_us=BASE_US)
    assert [str(one) for one in report.findings] == []
    assert (report.counts.records, report.counts.chains) == (40, 1)


def failing(bench: Bench, at: int, when: str) -> RecordStore:
    """A store whose PUT number `at` fails, together with the look-up after it."""
    lost = None if bench.place is None else ReadTimeoutError(endpoint_url="s3")
    return FailingAt(bench.store(lossy=True), at, when, lost)


class FailingAt:
    def __init__(self, store: Any, at: int, when: str, lost: Exception | None = None) -> None:
        self.store, self.at, self.when, self.lost, self.calls = store, at, when, lost, 0

    def put(self, record: Record) -> Any:
        if self.calls == self.at and self.lost is None:
            self.store.fail_next(self.when)
        elif self.calls == self.at:
            self.store.client.put_failures.append((self.when, self.lost))
            self.store.client.head_failures.append(self.lost)
        self.calls += 1
        return self.store.put(record)


@pytest.mark.parametrize(("at", "when", "again"), list(product(range(4), ("before", "after"), (False, True))))
def test_the_log_holds_whichever_write_is_lost_and_whether_it_is_tried_again(
    bench: Bench, at: int, when: str, again: bool
) -> None:
    store = failing(bench, at, when)
    lost = 0
    for number in range(5):
        record = event(number)
        try:
            store.put(record)
        except EvidenceUnavailable as error:
            lost += 1
            assert error.code == "evidence.unavailable"
            if again:
                store.put(event(10 + number))
                store.put(record)

    report = verify(copy_of(bench.objects()), Bounds(), now_us=BASE_US)
    assert lost == 1
    assert [str(one) for one in report.findings] == []
    assert report.counts.records == 4 + (when == "after" or again) + again
    assert report.counts.chains == (2 if at > 0 or when == "after" or again else 1)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_record_that_was_lost_may_be_put_again_and_again(bench: Bench, when: str) -> None:
    store = failing(bench, 0, when)
    with pytest.raises(EvidenceUnavailable):
        store.put(event(1))

    digests = [store.put(event(1)) for _ in range(2)]

    ((_, data),) = bench.objects().items()
    assert digests == [hashlib.sha256(data).hexdigest()] * 2


def test_a_blob_stands_beside_its_record(bench: Bench) -> None:
    record = replace(event(1), blobs=(BLOB, b"another"))

    bench.store().put(record)

    objects = bench.objects()
    assert [objects[blob_key(bench.log, record.id, n)] for n in (0, 1)] == [BLOB, b"another"]


def test_another_bytes_under_a_blob_are_a_conflict_and_no_record_is_written(bench: Bench) -> None:
    bench.store("a").put(replace(event(1), blobs=(BLOB,)))
    before = bench.objects()

    with pytest.raises(IntegrityError) as refused:
        bench.store("b").put(replace(event(1), blobs=(b"other",)))

    assert refused.value.code == "evidence.conflict"
    assert bench.objects() == before


def test_the_blob_of_a_record_that_met_another_may_be_there_already(bench: Bench) -> None:
    bench.store("a").put(replace(event(1), blobs=(BLOB,)))

    with pytest.raises(IntegrityError) as refused:
        bench.store("b").put(replace(event(1, task="theirs"), blobs=(BLOB,)))

    assert refused.value.code == "evidence.conflict"


# What S3 alone shows.


def put(bench: Bench, key: str, data: bytes, **options: Any) -> Any:
    assert bench.place is not None
    request = {"Bucket": bench.place.bucket(), "Key": f"wal/v1/{bench.log}/{key}", "Body": data} | options
    return bench.place.client("s3").put_object(**request)


def head(bench: Bench, key: str) -> dict[str, Any]:
    assert bench.place is not None
    found: dict[str, Any] = bench.place.client("s3").head_object(Bucket=bench.place.bucket(), Key=key)
    return found


def refusal(error: pytest.ExceptionInfo[ClientError]) -> tuple[int, str]:
    return error.value.response["ResponseMetadata"]["HTTPStatusCode"], error.value.response["Error"]["Code"]


def test_a_record_and_its_blob_are_locked_until_the_time_that_was_set(stored: Bench) -> None:
    store = stored.store()

    store.put(replace(event(1), blobs=(BLOB,)))

    until = datetime.fromtimestamp(store.retain_until_s, UTC)
    locks = [head(stored, key) for key in stored.objects()]
    assert [(one["ObjectLockMode"], one["ObjectLockRetainUntilDate"]) for one in locks] == [("COMPLIANCE", until)] * 2


def test_a_second_PUT_that_must_create_is_refused_with_412(stored: Bench) -> None:  # noqa: N802 - a verb of HTTP
    put(stored, "a", b"1", IfNoneMatch="*")
    with pytest.raises(ClientError) as refused:
        put(stored, "a", b"2", IfNoneMatch="*")
    assert refusal(refused) == (412, "PreconditionFailed")


def test_of_many_PUTs_that_must_create_one_succeeds(stored: Bench) -> None:  # noqa: N802 - a verb of HTTP
    def create(number: int) -> bool:
        try:
            put(stored, "a", bytes([number]), IfNoneMatch="*")
        except ClientError as error:
            assert error.response["Error"]["Code"] in {"PreconditionFailed", "ConditionalRequestConflict"}
            return False
        return True

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(create, range(12))) == 1


def test_bytes_that_are_not_those_of_the_checksum_are_not_stored(stored: Bench) -> None:
    other = base64.b64encode(hashlib.sha256(b"2").digest()).decode()
    with pytest.raises(ClientError) as refused:
        put(stored, "a", b"1", ChecksumAlgorithm="SHA256", ChecksumSHA256=other)
    assert refusal(refused) == (400, "BadDigest")
    assert stored.objects() == {}


@pytest.mark.parametrize("mode", ["COMPLIANCE", "GOVERNANCE"])
def test_no_lock_is_shortened_weakened_or_deleted(stored: Bench, mode: str) -> None:
    store = stored.store()
    store.put(event(1))
    ((key, _),) = stored.objects().items()
    where = {"Bucket": store.bucket, "Key": key, "VersionId": head(stored, key)["VersionId"]}
    sooner = datetime.fromtimestamp(store.retain_until_s - 5, UTC)
    with pytest.raises(ClientError) as shortened:
        store.client.put_object_retention(**where, Retention={"Mode": mode, "RetainUntilDate": sooner})
    with pytest.raises(ClientError) as deleted:
        store.client.delete_object(**where, BypassGovernanceRetention=True)
    assert [refusal(one)[1] for one in (shortened, deleted)] == ["AccessDenied"] * 2
    assert head(stored, key)["ObjectLockMode"] == "COMPLIANCE"


def test_the_versioning_of_a_locked_bucket_is_not_suspended(stored: Bench) -> None:
    assert stored.place is not None
    with pytest.raises(ClientError) as refused:
        stored.place.client("s3").put_bucket_versioning(
            Bucket=stored.place.bucket(), VersioningConfiguration={"Status": "Suspended"}
        )
    assert refusal(refused)[1] == "InvalidBucketState"  # moto says 400 with it, S3 409


def test_an_object_without_a_sha_256_of_its_own_is_not_taken_for_ours(stored: Bench) -> None:
    record = event(1)
    key = record_key(stored.log, RecordType.EVENT, record.id).removeprefix(f"wal/v1/{stored.log}/")
    put(stored, key, b"planted", ChecksumAlgorithm="CRC32")

    with pytest.raises(IntegrityError, match=r"evidence\.conflict"):
        stored.store().put(record)
