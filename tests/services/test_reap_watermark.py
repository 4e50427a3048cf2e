"""How far a log is known to hold what was written: nothing uncovered is ever jumped over, and nothing stalls it."""

from __future__ import annotations

import hashlib

import pytest

from postern.audit.ids import uuid7
from postern.audit.keys import record_key
from postern.audit.records import RecordType
from postern.log_ports import WalVersion
from postern.reap_ports import Watermark
from postern.services.reap.lost import AT_ONCE
from postern.services.reap.sweep import Sweep, _Range
from postern.types import CommandId
from tests.support.audit import Story
from tests.support.domain import NOW_S
from tests.support.fake_clock import FakeClock
from tests.support.reap_fakes import HOUR_US, LOG, MINUTE_US, FakeKeys
from tests.support.reap_site import Site

SKEW_US = 2 * MINUTE_US
JUNK = (
    f"wal/v1/{LOG}/!",
    f"wal/v1/{LOG}/0",
    f"wal/v1/{LOG}/5/20260921/14/not-an-id/1-intent.json",
    f"wal/v1/{LOG}/5/99991231/23/x/2-outcome.json",
    f"wal/v1/{LOG}/5/00000101/00/x",
    f"wal/v1/{LOG}/9a/20260921/14/x",
    f"wal/v1/{LOG}/g/20260921/14/x",
    f"wal/v1/{LOG}/~",
    f"wal/v1/{LOG}/é/ü",
    f"wal/v1/{LOG}/5/20260921/14/" + "x" * 900,
)


@pytest.fixture
def site() -> Site:
    """A log that has begun and is covered."""
    site = Site()
    for _ in range(2):
        site.minute()
    return site


def event(site: Site, *, at_us: int | None = None, size: int = 10, number: int = 1) -> str:
    """A small object under a key of a record's form, whose id is of `at_us`; its bytes are no record."""
    id_ = CommandId(uuid7(site.clock.at_us if at_us is None else at_us, hashlib.sha256(bytes([number])).digest()[:10]))
    key = record_key(site.log, RecordType.EVENT, id_)
    site.put(key, bytes([number]) * size)
    return key


def test_a_fresh_log_has_its_watermark_in_the_very_first_pass():
    site = Site()
    site.reap()
    assert site.mark().at_us == site.clock.at_us - SKEW_US
    assert site.places() == {}


def test_a_log_that_was_written_to_before_its_first_pass_has_one_too():
    site = Site()
    event(site)
    site.wait(600)
    site.reap()
    assert site.mark().at_us == NOW_S * 1_000_000 - SKEW_US


def test_moves_on_an_idle_log(site):
    before = site.mark().at_us
    for minute in range(1, 6):
        site.minute()
        assert site.mark().at_us == before + minute * MINUTE_US


def test_moves_on_a_busy_log(site):
    """Each listing sees objects that are seconds old: they are not published yet, and hold back nothing else."""
    for number in range(5):
        site.wait(50)
        event(site, number=number)
        site.wait(10)
        site.reap()
        assert site.mark().at_us == site.clock.at_us - 10_000_000 - SKEW_US
        site.sequence()


@pytest.mark.parametrize("lost", ["event", "publishing"])
def test_stands_before_an_object_that_is_not_published(site, lost):
    site.wait(30)
    stored_us = site.clock.at_us
    key = event(site)
    if lost == "event":
        site.lose_events()
    else:
        site.store.places[key] = 1  # committed by a sequencer that died before it signed
        site.store.events.clear()
    site.wait(90)
    site.reap()
    assert site.mark().at_us == stored_us - SKEW_US


@pytest.mark.parametrize("hours", [1, 4, 30], ids=lambda hours: f"{hours}-hours")
def test_an_object_that_was_lost_is_never_jumped_over(site, hours):
    """However long nobody comes, or the queue is away: the listing reaches back from the watermark, not from now."""
    key = event(site)
    site.lose_events()
    stored_us = site.clock.at_us
    site.wire.dark.add("send")
    for _ in range(3):
        site.wait(hours * 1200)
        assert site.reap().all_faults()
        assert site.mark().at_us == stored_us - SKEW_US
    site.wire.dark.clear()
    site.reap()
    site.sequence()
    assert key in site.places()
    site.minute()
    assert site.mark().at_us == site.clock.at_us - SKEW_US


def test_never_goes_back_however_clocks_differ(site):
    """Two reapers, one of them ten minutes behind; `MemoryWatermarks` keeps what `advance` promises."""
    behind = site.reaper(FakeClock(site.clock.at_us - 10 * MINUTE_US))
    site.minute()
    stands = site.mark()
    site.reap(behind)
    assert site.mark() == stands


def test_a_listing_that_was_cut_short_moves_nothing(site):
    stands = site.mark()
    site.wait(60)
    report = site.reap(budget_s=4)
    assert site.mark() == stands
    assert report.logs[LOG].quiet is None


def test_a_listing_that_fails_moves_nothing_and_says_so(site):
    stands = site.mark()
    site.wait(60)
    site.wire.dark.add("list wal")
    report = site.reap()
    assert [fault.code for fault in report.logs[LOG].faults] == ["evidence.unavailable"]
    assert site.mark() == stands


def test_a_checkpoint_that_nobody_of_ours_signed_covers_nothing(site):
    site.keys = FakeKeys((2,))
    site.epochs.told.clear()
    stands = site.mark()
    site.wait(60)
    report = site.reap()
    assert "evidence.signature" in [fault.code for fault in report.all_faults()]
    assert site.mark().at_us == stands.at_us


def test_a_checkpoint_that_a_key_on_record_signed_counts_though_it_signs_no_more(site):
    site.keys = FakeKeys((2,))
    site.wait(60)
    assert site.reap().all_faults() == []


def test_what_was_lost_is_sent_again_after_two_minutes(site):
    key = event(site)
    site.lose_events()
    reaper = site.reaper()
    site.wait(120)
    assert site.reap(reaper).counts()["Requeued"] == 0
    site.wait(1)
    assert site.reap(reaper).counts()["Requeued"] == 1
    assert site.queue.sent == [key]


def test_what_was_sent_is_not_sent_again_each_minute(site):
    event(site)
    site.lose_events()
    reaper, sent = site.reaper(), 0
    for _ in range(40):
        site.wait(60)
        sent += site.reap(reaper).counts()["Requeued"]
    assert sent == 3  # at once, then each quarter of an hour


def test_a_pass_sends_no_more_than_the_queue_can_use(site):
    for number in range(AT_ONCE + 20):
        site.put(f"wal/v1/{LOG}/5/20260921/15/{number}")
    site.lose_events()
    reaper = site.reaper()
    site.wait(121)
    assert site.reap(reaper).counts()["Requeued"] == AT_ONCE
    site.wait(60)
    assert site.reap(reaper).counts()["Requeued"] == 20


@pytest.mark.parametrize("key", JUNK)
def test_junk_of_any_form_is_found_and_becomes_an_entry(site, key):
    """At the latest by the daily listing; that of the very first pass has seen the log empty."""
    site.put(key)
    site.lose_events()
    for _ in range(8):
        site.wait(6 * 3600)
        site.reap()
        site.sequence()
    assert key in site.places()


def test_a_record_that_is_dated_back_is_found_by_the_daily_listing(site):
    key = event(site, at_us=site.clock.at_us - 20 * HOUR_US)
    site.lose_events()
    site.wait(3600)
    site.reap()
    assert site.queue.sent == []
    site.wait(23 * 3600)
    report = site.reap()
    assert site.queue.sent == [key]
    assert report.counts()["Overtaken"] == 1


def test_an_intent_that_is_dated_back_is_closed_by_the_daily_listing(site):
    story, records = Story(objects=site.objects), site.records()
    story.second = (site.clock.at_us - 20 * HOUR_US) // 1_000_000 - 1_795_341_600
    id_ = story.act(records, status=None)
    site.sequence()
    for _ in range(3):
        site.wait(12 * 3600)
        site.reap()
    assert [one["id"] for one in site.written(status="abandoned")] == [id_]


def test_a_day_is_listed_until_it_was_found_complete_two_days_after(site):
    """On a log of three weeks, a sweep lists three days: what it costs does not grow with the log."""
    reaper = site.reaper()
    listed = []
    for day in range(21):
        for number in range(10):
            event(site, number=day * 10 + number)
        site.sequence()
        before = reaper._pass(LOG).sweep.wal.listed
        site.wait(86_400)
        site.reap(reaper)
        listed.append(reaper._pass(LOG).sweep.wal.listed - before)
    assert listed[-1] <= 1.1 * listed[10]
    assert site.mark().open_from_us >= site.clock.at_us - 3 * 86_400_000_000


def test_a_day_with_something_uncovered_stays_open(site):
    event(site, at_us=site.clock.at_us - 20 * HOUR_US)
    site.lose_events()
    site.wire.dark.add("send")
    opened_us = site.clock.at_us
    for _ in range(6):
        site.wait(86_400)
        site.reap()
    assert site.mark().open_from_us <= opened_us - 14 * HOUR_US


def test_a_sweep_takes_as_many_passes_as_it_needs(site, monkeypatch):
    keys = {f"wal/v1/{LOG}/5/20260921/00/{number:02}" for number in range(30)}
    for key in keys:
        site.put(key)
    site.lose_events()
    monkeypatch.setattr("postern.services.reap.sweep._AT_ONCE", 3)
    reaper = site.reaper()
    original = Sweep._list

    def slow(self: Sweep, at: _Range) -> list[WalVersion]:
        site.clock.at_s += 60  # a pass has time for one
        return original(self, at)

    monkeypatch.setattr(Sweep, "_list", slow)
    site.wait(86_400)
    swept_us, passes = site.mark().swept_us, 0
    while site.mark().swept_us == swept_us:
        passes += 1
        site.wait(1)
        site.reap(reaper)
    assert passes > 5
    assert set(site.queue.sent) == keys


def test_what_lies_over_an_object_is_counted_and_covers_nothing_else(site):
    key = event(site)
    site.put(key, b"another version")
    report = site.minute()
    assert report.counts()["Overwritten"] == 1
    site.minute()
    assert site.mark().at_us == site.clock.at_us - SKEW_US


def test_a_command_that_stays_open_keeps_its_hours_in_the_listing(site):
    """What may still be written for it lies there."""
    site.watermarks.marks[LOG] = Watermark(site.clock.at_us, site.clock.at_us - 30 * HOUR_US, site.clock.at_us)
    key = event(site, at_us=site.clock.at_us - 30 * HOUR_US - 29 * MINUTE_US)
    site.lose_events()
    site.wait(180)
    site.reap()
    assert site.queue.sent == [key]


def test_a_quiet_minute_makes_few_requests(site):
    for _ in range(3):
        site.minute()
    reaper = site.reaper()
    site.wait(60)
    site.reap(reaper)
    site.store.requests.clear()
    before = len(site.wire.writes)
    site.wait(60)
    site.reap(reaper)
    assert site.store.requests == {"list wal": 16, "get checkpoint": 1}
    assert site.wire.writes[before:] == ["watermark", "close commands"]
