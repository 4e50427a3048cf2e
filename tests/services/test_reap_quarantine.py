"""What cannot become an entry of the log is told once, stalls nothing, and stands in no other's way."""

from __future__ import annotations

import hashlib

import pytest

from postern.audit.ids import uuid7
from postern.audit.keys import record_key
from postern.audit.records import RecordType
from postern.errors import EvidenceUnavailable
from postern.log_ports import WalVersion
from postern.services.reap.quarantine import Quarantined
from postern.services.stopwatch import Stopwatch
from postern.tlog.bundles import MAX_ENTRY_BYTES
from postern.types import CommandId
from tests.support.log_fakes import MemoryWal
from tests.support.reap_fakes import LOG, MINUTE_US, TimedWal
from tests.support.reap_site import Site

SKEW_US = 2 * MINUTE_US


@pytest.fixture
def site() -> Site:
    """A log that has begun and is covered."""
    site = Site()
    for _ in range(2):
        site.minute()
    return site


@pytest.fixture
def unread(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Keys whose bytes S3 gives nobody."""
    keys: set[str] = set()
    original = MemoryWal.read_version

    def read_version(self: MemoryWal, key: str, version_id: str) -> bytes:
        if key in keys:
            raise EvidenceUnavailable("evidence.unavailable", f"{key}: expected an answer of S3, got InvalidRequest")
        return original(self, key, version_id)

    monkeypatch.setattr(MemoryWal, "read_version", read_version)
    return keys


def event(site: Site, *, size: int = 10, number: int = 1) -> str:
    id_ = CommandId(uuid7(site.clock.at_us, hashlib.sha256(bytes([number])).digest()[:10]))
    key = record_key(site.log, RecordType.EVENT, id_)
    site.put(key, bytes([number]) * size)
    return key


def minutes(site: Site, count: int) -> None:
    reaper = site.reaper()
    for _ in range(count):
        site.minute(reaper)


def test_an_object_too_large_for_an_entry_is_quarantined_once_and_stalls_nothing(site):
    key = event(site, size=MAX_ENTRY_BYTES + 1)
    for _ in range(4):
        site.minute()
    [told] = site.written(kind="quarantine")
    assert (told["key"], told["bytes"], told["version_id"]) == (key, MAX_ENTRY_BYTES + 1, "v0")
    assert told["sha256"] == hashlib.sha256(bytes([1]) * (MAX_ENTRY_BYTES + 1)).hexdigest()
    assert key not in site.places()
    assert record_key(LOG, RecordType.EVENT, CommandId(str(told["id"]))) in site.places()
    assert site.mark().at_us == site.clock.at_us - SKEW_US


def test_an_object_that_is_in_quarantine_is_not_told_again(site):
    key = event(site, size=MAX_ENTRY_BYTES + 1)
    quarantine, watch = site.reaper()._pass(LOG).quarantine, Stopwatch(site.clock, budget_s=58)
    version = TimedWal(site.store).first_versions([key])[key]
    assert quarantine.run(site.records("reap"), [version], watch) == Quarantined(1)
    assert quarantine.run(site.records("reap"), [version], watch) == Quarantined(0)
    assert len(site.written(kind="quarantine")) == 1


def test_the_largest_entry_is_not_quarantined(site):
    key = event(site, size=MAX_ENTRY_BYTES)
    for _ in range(2):
        site.minute()
    assert site.written(kind="quarantine") == []
    assert key in site.places()


def test_an_object_that_nobody_is_given_is_quarantined_before_the_gate_closes(site, unread):
    key = event(site)
    unread.add(key)
    oldest_s = 0
    reaper = site.reaper()
    for _ in range(60):
        report = site.minute(reaper)
        oldest_s = max(oldest_s, report.watermark_age_s or 0)
    [told] = site.written(kind="quarantine")
    assert (told["key"], told["bytes"], told["sha256"]) == (key, 10, None)
    assert "unread" in str(told["reason"])
    assert 3000 < oldest_s < 3600
    assert site.mark().at_us == site.clock.at_us - SKEW_US


def test_an_object_is_not_quarantined_while_it_is_given(site):
    """The sequencer is away: its objects wait, and are none the worse for it."""
    event(site)
    reaper = site.reaper()
    for _ in range(90):
        site.lose_events()
        site.wait(60)
        site.reap(reaper)
        site.queue.sent.clear()
    assert site.written(kind="quarantine") == []


def test_nothing_is_quarantined_while_the_bucket_gives_nothing_at_all(site, unread):
    key = event(site)
    [start] = site.written(kind="epoch_start")
    unread |= {key, record_key(LOG, RecordType.EVENT, CommandId(str(start["id"])))}
    minutes(site, 90)
    assert site.written(kind="quarantine") == []
    unread.clear()
    minutes(site, 20)
    assert (site.written(kind="quarantine"), key in site.places()) == ([], True)


def test_an_object_that_is_given_in_between_is_waited_for_again(site, unread):
    key = event(site)
    unread.add(key)
    reaper = site.reaper()
    for minute in range(55):
        unread ^= {key} if minute in (45, 46) else set()
        site.wait(60)
        site.reap(reaper)
    assert site.written(kind="quarantine") == []


@pytest.mark.parametrize("which", [0, 1])
def test_one_that_cannot_be_told_stands_in_no_others_way(site, unread, which):
    keys = [event(site, size=MAX_ENTRY_BYTES + 1, number=number) for number in (1, 2)]
    unread.add(keys[which])
    report = site.minute()
    assert [one["key"] for one in site.written(kind="quarantine")] == [keys[1 - which]]
    assert [fault.code for fault in report.all_faults()] == ["evidence.unavailable"]


def test_a_large_object_that_nobody_is_given_is_told_without_its_digest(site, unread):
    key = event(site, size=MAX_ENTRY_BYTES + 1)
    unread.add(key)
    minutes(site, 55)
    assert [(one["key"], one["sha256"]) for one in site.written(kind="quarantine")] == [(key, None)]


def test_too_many_unread_objects_are_told_pass_by_pass(site, unread, monkeypatch):
    monkeypatch.setattr("postern.services.reap.quarantine.TRIED_AT_ONCE", 2)
    keys = {event(site, number=number) for number in range(5)}
    unread |= keys
    minutes(site, 100)
    assert {one["key"] for one in site.written(kind="quarantine")} == keys


def test_a_missing_version_is_a_fault_and_no_digest(site):
    quarantine, watch = site.reaper()._pass(LOG).quarantine, Stopwatch(site.clock, budget_s=58)
    gone = WalVersion(f"wal/v1/{LOG}/gone", "v0", MAX_ENTRY_BYTES + 1, 0, is_first=True)
    assert [fault.code for fault in quarantine.run(site.records("reap"), [gone], watch).faults] == ["evidence.missing"]
