"""The records as they were written: one contract, run on the fake and on S3."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from postern.edges.wal import S3Wal
from postern.errors import IntegrityError
from postern.log_ports import Wal
from tests.support.aws import unique
from tests.support.log_fakes import LogStore, MemoryWal
from tests.support.log_process import put_record
from tests.support.places import Difference, Place, places


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


def written_at(place: Place | None) -> Written:
    store, folder = LogStore(), f"wal/v1/{unique('log')}/"
    if place is None:
        return Written(MemoryWal(store), store, folder)
    s3, name = place.client("s3"), place.bucket()
    return Written(S3Wal(s3, name), store, folder, s3, name)


@pytest.fixture(params=["fake", *places("s3")])
def written(request: pytest.FixtureRequest) -> Written:
    return written_at(None if request.param == "fake" else request.getfixturevalue(request.param))


@pytest.fixture(params=["fake", *places("s3", differs=Difference.MARKERS)])
def encoded(request: pytest.FixtureRequest) -> Written:
    """For keys that a listing encodes."""
    return written_at(None if request.param == "fake" else request.getfixturevalue(request.param))


def test_versions_come_in_key_order_newest_first_and_the_oldest_is_the_first(written):
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


def test_a_listing_goes_on_after_a_key_and_stays_under_its_prefix(written):
    for name in ("a", "b", "b/c", "d"):
        written.put(written.folder + name, b"x")
    below = written.folder + "b"
    assert [one.key for one in written.wal.versions_under(written.folder, after=below)] == [
        written.folder + "b/c",
        written.folder + "d",
    ]
    assert [one.key for one in written.wal.versions_under(below)] == [below, f"{below}/c"]
    assert list(written.wal.versions_under(written.folder + "x")) == []


def test_a_delete_marker_is_no_version_and_hides_none(written):
    key = written.folder + "a"
    written.put(key, b"evidence")
    written.delete(key)
    (found,) = written.wal.versions_under(written.folder)
    assert found.is_first
    assert written.wal.read_version(key, found.version_id) == b"evidence"
    assert written.wal.first_versions([key])[key] == found


def test_first_versions_are_found_among_the_others_of_their_hours(written):
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


def test_no_keys_are_no_versions(written):
    assert written.wal.first_versions([]) == {}
    assert written.wal.read_versions([]) == {}


@pytest.mark.parametrize("name", ["☃ +%?&=", "a//b", "."])
def test_a_key_of_strange_characters_is_found(encoded, name):
    key = encoded.folder + name
    encoded.put(key, b"x")
    assert encoded.wal.first_versions([key])[key].key == key


def test_a_version_that_is_not_there_is_missing(written):
    written.put(written.folder + "a", b"x")
    with pytest.raises(IntegrityError) as refused:
        written.wal.read_version(written.folder + "a", "v9")
    assert refused.value.code == "evidence.missing"
