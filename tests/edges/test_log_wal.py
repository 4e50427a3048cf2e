"""The records as they were written: one contract, run on the fake and on S3 as the local server has it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from postern.audit.keys import record_key
from postern.audit.records import RecordType
from postern.edges.wal import S3Wal
from postern.errors import EvidenceUnavailable, IntegrityError
from postern.log_ports import Wal, WalVersion
from postern_local.aws.server import AwsServer
from tests.support.aws import client, unique
from tests.support.log_fakes import LogStore, MemoryWal
from tests.support.log_process import command_id, put_record


@dataclass
class Written:
    """A WAL, and how to write to what it reads. `folder` is a prefix that no other test has."""

    wal: Wal
    store: LogStore
    folder: str
    s3: Any = None
    bucket: str = ""

    def put(self, key: str, data: bytes) -> None:
        self.store.put(key, data)
        if self.s3 is not None:
            self.s3.put_object(Bucket=self.bucket, Key=key, Body=data)

    def record(self, n: int, log: str) -> str:
        key = put_record(self.store, n, log=log)
        if self.s3 is not None:
            self.s3.put_object(Bucket=self.bucket, Key=key, Body=self.store.wal[key][0])
        return key

    def delete(self, key: str) -> None:
        if self.s3 is not None:
            self.s3.delete_object(Bucket=self.bucket, Key=key)


@pytest.fixture(scope="module")
def bucket_name(aws: AwsServer) -> str:
    s3, name = client(aws, "s3"), unique("wal")
    location = {"LocationConstraint": s3.meta.region_name}
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True, CreateBucketConfiguration=location)
    return name


@pytest.fixture(params=["memory", "s3"])
def written(request: pytest.FixtureRequest) -> Written:
    store, folder = LogStore(), f"wal/v1/{unique('log')}/"
    if request.param == "memory":
        return Written(MemoryWal(store), store, folder)
    s3, name = client(request.getfixturevalue("aws"), "s3"), request.getfixturevalue("bucket_name")
    return Written(S3Wal(s3, name), store, folder, s3, name)


class TestContract:
    def test_versions_come_in_key_order_newest_first_and_the_oldest_is_the_first(self, written):
        b, a = written.folder + "b", written.folder + "a"
        for key, data in ((b, b"1"), (a, b"22"), (b, b"333"), (b, b"4444")):
            written.put(key, data)
        found = list(written.wal.versions_under(written.folder))
        assert [(one.key, one.size, one.is_first) for one in found] == [
            (a, 2, True),
            (b, 4, False),
            (b, 3, False),
            (b, 1, True),
        ]
        assert [written.wal.read_version(one.key, one.version_id) for one in found] == [b"22", b"4444", b"333", b"1"]

    def test_a_listing_goes_on_after_a_key_and_stays_under_its_prefix(self, written):
        for name in ("a", "b", "b/c", "d"):
            written.put(written.folder + name, b"x")
        below = written.folder + "b"
        assert [one.key for one in written.wal.versions_under(written.folder, after=below)] == [
            written.folder + "b/c",
            written.folder + "d",
        ]
        assert [one.key for one in written.wal.versions_under(below)] == [below, f"{below}/c"]
        assert list(written.wal.versions_under(written.folder + "x")) == []

    def test_a_delete_marker_is_no_version_and_hides_none(self, written):
        key = written.folder + "a"
        written.put(key, b"evidence")
        written.delete(key)
        (found,) = written.wal.versions_under(written.folder)
        assert found.is_first
        assert written.wal.read_version(key, found.version_id) == b"evidence"
        assert written.wal.first_versions([key])[key] == found

    def test_first_versions_are_found_among_the_others_of_their_hours(self, written):
        log = written.folder.split("/")[2]
        keys = [written.record(n, log) for n in range(6)]
        written.put(keys[1], b"later")
        wanted = [keys[1], keys[4], written.folder + "junk", keys[3] + "x"]
        written.put(wanted[2], b"junk")
        found = written.wal.first_versions(wanted)
        assert {key: one and (one.key, one.is_first) for key, one in found.items()} == {
            keys[1]: (keys[1], True),
            keys[4]: (keys[4], True),
            wanted[2]: (wanted[2], True),
            wanted[3]: None,
        }
        read = written.wal.read_versions([one for one in found.values() if one])
        assert read == {key: written.store.wal[key][0] for key in wanted[:3]}

    def test_no_keys_are_no_versions(self, written):
        assert written.wal.first_versions([]) == {}
        assert written.wal.read_versions([]) == {}

    @pytest.mark.parametrize("name", ["☃ +%?&=", "a//b", "."])
    def test_a_key_of_strange_characters_is_found(self, written, name):
        key = written.folder + name
        written.put(key, b"x")
        assert written.wal.first_versions([key])[key].key == key

    def test_a_version_that_is_not_there_is_missing(self, written):
        written.put(written.folder + "a", b"x")
        with pytest.raises(IntegrityError) as refused:
            written.wal.read_version(written.folder + "a", "v9")
        assert refused.value.code == "evidence.missing"


@dataclass
class Pages:
    """An S3 client that lists what it is told, a page at a time, and keeps what it was asked."""

    pages: list[Any]
    asked: list[dict[str, Any]] = field(default_factory=list)

    def get_paginator(self, _: str) -> Pages:
        return self

    def paginate(self, **request: Any) -> Any:
        self.asked.append(request)
        for at, page in enumerate(self.pages):
            if isinstance(page, Exception):
                raise page
            yield as_page(page, is_last=at == len(self.pages) - 1)

    def get_object(self, **_: Any) -> Any:
        raise self.pages[0]


@dataclass
class Listed:
    """An S3 client that lists these versions, so many rows a page, as S3 does; it counts the pages."""

    rows: list[tuple[str, str]]  # key and version, newest first
    width: int
    pages: int = 0

    def get_paginator(self, _: str) -> Listed:
        return self

    def paginate(self, **request: Any) -> Any:
        prefix, marker = request["Prefix"], request["KeyMarker"].encode()
        rows = [one for one in self.rows if one[0].startswith(prefix) and one[0].encode() > marker]
        for at in range(0, max(len(rows), 1), self.width):
            self.pages += 1
            yield as_page(rows[at : at + self.width], is_last=at + self.width >= len(rows))


def as_page(rows: list[tuple[str, str]], *, is_last: bool) -> dict[str, Any]:
    # Where there is more, S3 names the last key of the page.
    marker = {} if is_last else {"NextKeyMarker": rows[-1][0]}
    return {"Versions": [row(*one) for one in rows], "IsTruncated": not is_last, **marker}


def row(key: str, version: str) -> dict[str, Any]:
    return {"Key": key, "VersionId": version, "Size": 1, "LastModified": datetime(2026, 1, 1, tzinfo=UTC)}


def one_hour(count: int) -> list[str]:
    """So many keys of records that lie in one folder, in their order."""
    keys = (record_key("prod-2026", RecordType.INTENT, command_id(n, at_ms=n)) for n in range(100_000))
    shard = (key for key in keys if key.startswith("wal/v1/prod-2026/0/"))
    return sorted(islice(shard, count))


AWAY = [
    pytest.param(ClientError({"Error": {"Code": "SlowDown"}}, "X"), id="503"),
    pytest.param(ClientError({"Error": {"Code": "AccessDenied"}}, "X"), id="403"),
    pytest.param(ReadTimeoutError(endpoint_url="s3"), id="no answer"),
]
FOLDER = "wal/v1/prod-2026/2/20261122/10/01a202b2-c514-7000-8000-000000000003"


class TestS3:
    def test_versions_of_a_key_may_lie_on_several_pages(self):
        wal = S3Wal(Pages([[("a", "3"), ("a", "2")], [("a", "1"), ("b", "1")]]), "b")
        found = [(one.key, one.version_id) for one in wal.versions_under("") if one.is_first]
        assert found == [("a", "1"), ("b", "1")]

    def test_an_hour_is_listed_from_the_smallest_key_that_is_wanted_to_the_largest(self):
        intent, outcome = f"{FOLDER}/1-intent.json", f"{FOLDER}/2-outcome.json"
        s3 = Pages([[(intent, "1"), (outcome, "1"), (f"{FOLDER}z", "1")], AssertionError("listed past the last key")])
        assert S3Wal(s3, "b").first_versions([outcome, intent]).keys() == {intent, outcome}
        (asked,) = s3.asked
        assert asked["Prefix"] == "wal/v1/prod-2026/2/20261122/10/"
        assert intent[:-2] < asked["KeyMarker"] < intent

    @pytest.mark.parametrize("width", [1, 2, 3, 10, 1000])
    def test_keys_that_lie_far_apart_are_found_without_what_lies_between(self, width):
        hour = one_hour(1000)
        absent = hour.pop(500)
        s3 = Listed([(key, "1") for key in hour], width)
        wanted = [hour[3], absent, hour[-2], hour[-1]]
        found = S3Wal(s3, "b").first_versions(wanted)
        assert {key: one and one.key for key, one in found.items()} == dict(zip(wanted, wanted, strict=True)) | {
            absent: None
        }
        assert s3.pages <= 2 * len(wanted)

    @pytest.mark.parametrize("width", [1, 2, 3, 7, 1000])
    def test_of_a_key_whose_versions_fill_pages_the_oldest_is_found(self, width):
        a, b, c = one_hour(3)
        rows = [(a, "2"), (a, "1"), *((b, str(n)) for n in range(9, 0, -1)), (c, "1"), (f"{c}-later", "1")]
        found = S3Wal(Listed(rows, width), "b").first_versions([c, a, b])
        assert {key: one and (one.key, one.version_id, one.is_first) for key, one in found.items()} == {
            key: (key, "1", True) for key in (a, b, c)
        }

    @pytest.mark.parametrize("junk", ["/1-intent.jso", "/1-intent.jso!", "/1-intent.jsm"])
    def test_keys_that_crowd_before_a_wanted_one_do_not_hide_it(self, junk):
        first, wanted = one_hour(2)
        crowd = [(f"{wanted.removesuffix('/1-intent.json')}{junk}{n:03}", "1") for n in range(300)]
        s3 = Listed([(first, "1"), *crowd, (wanted, "1")], 10)
        found = S3Wal(s3, "b").first_versions([first, wanted])
        assert [one and one.key for one in found.values()] == [first, wanted]

    def test_the_times_are_those_of_the_bucket(self):
        (found,) = S3Wal(Pages([[("a", "1")]]), "b").versions_under("")
        assert found == WalVersion("a", "1", 1, 1_767_225_600_000_000, is_first=True)

    @pytest.mark.parametrize("error", AWAY)
    def test_what_cannot_be_listed_or_read_is_absent_and_never_none(self, error):
        wal = S3Wal(Pages([error]), "b")
        assert wal.first_versions(["wal/a"]) == {}
        assert wal.read_versions([WalVersion("wal/a", "1", 1, 0, is_first=True)]) == {}

    @pytest.mark.parametrize("error", AWAY)
    def test_a_failure_of_one_is_told(self, error):
        wal = S3Wal(Pages([error]), "b")
        with pytest.raises(EvidenceUnavailable):
            list(wal.versions_under("wal/"))
        with pytest.raises(EvidenceUnavailable):
            wal.read_version("wal/a", "1")
