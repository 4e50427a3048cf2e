"""What a record names beside it must be there, with the bytes that it says."""

from __future__ import annotations

import hashlib

import pytest

from postern.audit.findings import Bounds, Step
from postern.audit.records import Record, RecordType
from postern.audit.verify import verify
from tests.support.audit import BASE_US, Copy, MemoryRecordStore, Story, copy_of

LONG = b"SELECT " + b"1, " * 20_000 + b"1"


def log_with_a_blob(said: bytes = LONG) -> Copy:
    """A refused statement whose text lies beside its record; `said` is what the record says of it."""
    story = Story()
    store = MemoryRecordStore(objects=story.objects)
    named = {"blob": 0, "sha256": hashlib.sha256(said).hexdigest(), "bytes": len(said)}
    body = {"decision": {"result": "refuse"}, "statement": {"text": named}}
    store.put(Record(RecordType.INTENT, "statement", story.id_at(0), BASE_US, body, (LONG,)))
    return copy_of(story.objects)


def blob_of(copy: Copy) -> str:
    (key,) = [key for key in copy.objects if key.startswith("blob/")]
    return key


def test_holds_where_the_blob_is_what_the_record_says():
    report = verify(log_with_a_blob(), Bounds(), now_us=BASE_US)
    assert report.holds
    assert (report.counts.blobs, report.counts.refused) == (1, 1)


def without_it(copy: Copy) -> Copy:
    copy.remove(blob_of(copy))
    return copy


def with_another(copy: Copy) -> Copy:
    copy.store(blob_of(copy), b"SELECT 2")
    return copy


@pytest.mark.parametrize(
    "spoiled",
    [
        pytest.param(lambda: without_it(log_with_a_blob()), id="removed"),
        pytest.param(lambda: with_another(log_with_a_blob()), id="replaced"),
        pytest.param(lambda: log_with_a_blob(said=b"SELECT 2"), id="another-digest-in-the-record"),
    ],
)
def test_does_not_hold_where_it_is_not(spoiled):
    report = verify(spoiled(), Bounds(), now_us=BASE_US)
    assert report.first is not None
    assert report.first.step is Step.COMMAND
    assert report.first.what.startswith("blob/")
