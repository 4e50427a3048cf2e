"""A listing takes as many passes as it needs: the watermark lags by that, and never stalls or jumps over anything."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator

import pytest

from postern.audit.ids import uuid7
from postern.audit.keys import record_key
from postern.audit.records import RecordType
from postern.log_ports import WalVersion
from postern.services.reap.listing import Listing, folders
from postern.services.reap.log_pass import ENOUGH_UNCOVERED
from postern.services.stopwatch import Stopwatch
from postern.types import CommandId
from tests.support.audit import Story
from tests.support.fake_clock import FakeClock
from tests.support.reap_fakes import LOG, MINUTE_US, TimedStore, TimedWal
from tests.support.reap_site import Inline, Site

SKEW_US = 2 * MINUTE_US
ALL_TYPES = (RecordType.INTENT, RecordType.OUTCOME, RecordType.SETTLED)


@pytest.fixture
def site() -> Site:
    """A log that has begun and is covered."""
    site = Site()
    for _ in range(2):
        site.minute()
    return site


@pytest.fixture
def cost_s(monkeypatch: pytest.MonkeyPatch, site: Site) -> dict[str, float]:
    """What it costs to list one version, from now on; the clock is looked at after each."""
    cost = {"listed": 0.0}
    original = TimedWal.versions_under

    def costly(self: TimedWal, prefix: str, *, after: str = "") -> Iterator[WalVersion]:
        for version in original(self, prefix, after=after):
            site.clock.at_s += cost["listed"]
            yield version

    monkeypatch.setattr(TimedWal, "versions_under", costly)
    monkeypatch.setattr("postern.services.reap.listing._LOOK_AT_CLOCK_EVERY", 1)
    return cost


def an_id(at_us: int, number: int) -> CommandId:
    return CommandId(uuid7(at_us, hashlib.sha256(number.to_bytes(4)).digest()[:10]))


def write(site: Site, count: int, *, first: int = 0) -> list[str]:
    keys = [
        record_key(site.log, RecordType.EVENT, an_id(site.clock.at_us, number))
        for number in range(first, first + count)
    ]
    for number, key in enumerate(keys):
        site.put(key, number.to_bytes(4))
    return keys


def test_a_listing_longer_than_a_pass_goes_on_in_the_next_and_the_watermark_follows_its_beginning(site, cost_s):
    write(site, 100)
    site.sequence()
    stands_us = site.mark().at_us
    cost_s["listed"] = 0.7  # some forty in a pass
    reaper = site.reaper()
    site.wait(60)
    began_us = site.clock.at_us
    ages = []
    for _ in range(3):
        ages.append(site.reap(reaper).counts().get("ListingAge"))
        if site.mark().at_us != stands_us:
            break
        site.wait(60)
    assert ages == [0, 60, None]
    assert site.mark().at_us == began_us - SKEW_US


def test_a_busy_period_is_caught_up_with(site, cost_s):
    """Two hours in which a listing takes three passes; then nobody is there for an hour, and then all is quiet."""
    cost_s["listed"] = 0.1
    reaper = site.reaper()
    oldest_s = 0
    for minute in range(120):
        write(site, 10, first=minute * 10)
        oldest_s = max(oldest_s, site.minute(reaper).watermark_age_s or 0)
    assert oldest_s < 600
    for minute in range(60):
        site.wait(60)
        write(site, 10, first=2000 + minute * 10)
        site.sequence()
    for _ in range(15):
        site.minute(reaper)
    assert site.mark().at_us == site.clock.at_us - SKEW_US


def test_an_object_that_was_lost_is_not_jumped_over_by_a_listing_in_parts(site, cost_s):
    write(site, 60)
    site.sequence()
    site.wait(600)
    [lost] = write(site, 1, first=1000)
    stored_us = site.clock.at_us
    site.lose_events()
    site.wait(600)
    write(site, 60, first=2000)
    site.sequence()
    site.wire.dark.add("send")
    cost_s["listed"] = 0.7
    reaper = site.reaper()
    for _ in range(15):
        site.wait(60)
        site.reap(reaper)
        assert site.mark().at_us <= stored_us - SKEW_US
    assert site.mark().at_us == stored_us - SKEW_US
    site.wire.dark.clear()
    for _ in range(20):
        site.minute(reaper)
    assert lost in site.places()
    assert site.mark().at_us > stored_us


def test_what_comes_while_a_listing_is_under_way_is_not_jumped_over(site, cost_s):
    """Its key lies where the listing has been already."""
    write(site, 100)
    site.sequence()
    cost_s["listed"] = 0.7
    reaper = site.reaper()
    site.wait(60)
    site.reap(reaper)
    keys = write(site, 40, first=5000)
    stored_us = site.clock.at_us
    site.lose_events()
    site.wire.dark.add("send")
    for _ in range(12):
        site.wait(60)
        site.reap(reaper)
    assert not set(keys) & set(site.places())
    assert site.mark().at_us == stored_us - SKEW_US


def test_commands_of_a_listing_in_parts_are_closed_too(site, cost_s):
    story = Story(objects=site.objects, second=site.clock.at_us // 1_000_000 - 1_795_341_600)
    for _ in range(60):
        story.act(site.records(), status=None)
    site.sequence()
    cost_s["listed"] = 0.7
    reaper = site.reaper()
    site.wait(400)
    for _ in range(12):
        site.minute(reaper)
    assert len(site.written(status="abandoned")) == 60
    assert site.mark().closed_us > site.clock.at_us - 10 * MINUTE_US


def test_a_command_that_is_open_in_any_part_of_a_listing_is_not_told_closed(site, cost_s):
    story = Story(objects=site.objects, second=site.clock.at_us // 1_000_000 - 1_795_341_600)
    site.fates.answer = None
    for _ in range(2):
        story.act(site.records(), status="pending")
    stored_us = site.clock.at_us
    for number in range(3):
        site.wait(60)
        write(site, 40, first=number * 40)
    site.sequence()
    cost_s["listed"] = 0.7
    reaper = site.reaper()
    for _ in range(20):
        site.minute(reaper)
        assert site.mark().closed_us <= stored_us


def test_a_listing_that_fails_goes_on_where_it_was(site, cost_s):
    write(site, 100)
    site.sequence()
    cost_s["listed"] = 0.7
    reaper = site.reaper()
    site.wait(60)
    began_us = site.clock.at_us
    site.reap(reaper)
    site.wait(60)
    site.wire.dark.add("list wal")
    site.reap(reaper)
    site.wire.dark.clear()
    for _ in range(2):
        site.wait(60)
        site.reap(reaper)
    assert site.mark().at_us >= began_us - SKEW_US


def test_what_waits_while_the_sequencer_is_away_costs_a_pass_no_more_the_more_it_is(site):
    write(site, 3 * ENOUGH_UNCOVERED)
    stored_us = site.clock.at_us
    waiting, site.store.events = site.store.events, []
    reaper = site.reaper()
    site.wait(60)
    site.store.requests.clear()
    site.reap(reaper)
    assert site.store.requests["positions"] <= ENOUGH_UNCOVERED // 100 + 10
    assert site.mark().at_us == stored_us - SKEW_US
    site.store.places.update(dict.fromkeys(waiting, 0))
    site.wait(60)
    site.reap(reaper)
    assert site.mark().at_us == site.clock.at_us - SKEW_US


def test_a_listing_reaches_half_an_hour_back_and_no_further(site):
    """However much lies there: what is covered is not listed for ever."""
    write(site, 50)
    site.sequence()
    reaper = site.reaper()
    site.wait(60)
    assert site.reap(reaper).counts()["Listed"] == 51
    for _ in range(33):
        site.minute(reaper)
    assert site.reap(reaper).counts()["Listed"] == 0


def test_the_first_pass_of_a_log_makes_few_requests():
    site = Site()
    site.reap()
    assert site.store.requests["list wal"] <= 3
    assert site.store.requests["get checkpoint"] == 2  # by the listing, and by the daily one


def test_a_daily_listing_reads_what_is_published_once_a_pass(site):
    for day in range(5):
        for hour in range(4):
            site.wait(6 * 3600)
            write(site, 1, first=day * 10 + hour)
            site.sequence()
    reaper = site.reaper()
    site.reap(reaper)
    site.wait(86_400)
    site.store.requests.clear()
    site.reap(reaper)
    assert site.store.requests["get checkpoint"] == 2


def test_the_age_of_the_last_daily_listing_is_told(site):
    reaper = site.reaper()
    site.wait(3600)
    before = site.reap(reaper).counts()["SweepAge"]
    site.wait(3600)
    assert site.reap(reaper).counts()["SweepAge"] == before + 3600


@pytest.mark.parametrize("per_pass", range(1, 9))
def test_each_object_is_listed_once_and_a_command_is_in_one_part(per_pass, monkeypatch):
    """Wherever a pass ends."""
    monkeypatch.setattr("postern.services.reap.listing._LOOK_AT_CLOCK_EVERY", 1)
    clock = FakeClock()
    store = TimedStore(clock=clock)
    ids = [an_id(clock.at_us, number) for number in range(12)]
    keys = [record_key(LOG, type_, id_) for number, id_ in enumerate(ids) for type_ in ALL_TYPES[: 1 + number % 3]]
    junk = [f"wal/v1/{LOG}/5/20990101/00/{number}" for number in range(9)]
    for key in [*keys, *junk]:
        store.put(key, key.encode())
    listing, parts = Listing(LOG, TimedWal(store), clock.at_us), []
    while not listing.is_whole:
        watch = Stopwatch(clock, budget_s=max(4, per_pass))
        parts.append(listing.go_on(Ticking(watch), Inline(), until_left_s=0))  # type: ignore[arg-type]
        assert len(parts) < 200
    seen = Counter(version.key for part in parts for version in part.versions)
    assert seen == Counter([*keys, *junk])
    assert sum(len(folders(part.versions)) for part in parts) == len(ids)


class Ticking:
    """A watch on which a second goes by at each look."""

    def __init__(self, watch: Stopwatch) -> None:
        self._left = int(watch.budget_s)

    def left_s(self) -> float:
        self._left -= 1
        return self._left + 1
