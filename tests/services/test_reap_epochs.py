"""How a log begins and is handed over to the next: whatever dies in between, each has one beginning and one end."""

from __future__ import annotations

from contextlib import suppress

import pytest

from postern.audit.keys import record_key
from postern.audit.records import RecordType
from postern.errors import EvidenceStale
from postern.reap_ports import DatedKey, Fate
from postern.services.gate import Gate
from postern.tlog.checkpoints import open_checkpoint
from postern.tlog.notes import parse_vkey
from postern.types import CommandId
from tests.support.audit import Story
from tests.support.reap_fakes import LOG, MINUTE_US, Died, FakeKeys
from tests.support.reap_site import RETAIN_UNTIL_US, Site

NEXT = "prod-2027"
ORIGIN = f"postern.shop/{LOG}"
WRITES = {"epoch", "latest", "keys", "put record", "close log"}  # those that a beginning and an end are made of


@pytest.fixture
def site() -> Site:
    """A log that has begun, with a grant in it."""
    site = Site()
    for _ in range(2):
        site.minute()
    Story(objects=site.objects, second=(site.clock.at_us - 1_795_341_600_000_000) // 1_000_000).event(
        site.records("tasks"), "grant"
    )
    site.minute()
    return site


def deploy_next(site: Site) -> None:
    site.log = NEXT


def minutes(site: Site, count: int) -> None:
    for _ in range(count):
        site.minute()


def events(site: Site, kind: str, log: str) -> list[dict]:
    return [one for one in site.written(kind=kind) if one["log"] == log]


def test_the_first_entry_of_a_log_says_what_it_is():
    site = Site()
    site.minute()
    [start] = site.written(kind="epoch_start")
    assert start["origin"] == ORIGIN
    assert start["retain_until"] == "2030-03-17T17:46:40.000000Z"
    assert (start["previous"], [parse_vkey(vkey).name for vkey in start["vkeys"]]) == (None, [ORIGIN])
    assert site.places() == {record_key(LOG, RecordType.EVENT, CommandId(str(start["id"]))): 0}
    assert RETAIN_UNTIL_US == 1_900_000_000_000_000


def test_a_log_begins_once_however_often_the_reaper_comes():
    site = Site()
    for _ in range(4):
        site.reap()
    minutes(site, 3)
    assert len(site.written(kind="epoch_start")) == 1


def test_what_was_written_before_stands_behind_the_beginning():
    site = Site()
    Story(objects=site.objects, second=(site.clock.at_us - 1_795_341_600_000_000) // 1_000_000).event(
        site.records("tasks"), "grant"
    )
    minutes(site, 2)
    assert [key for key, place in site.places().items() if place == 0] == [
        record_key(LOG, RecordType.EVENT, CommandId(str(site.written(kind="epoch_start")[0]["id"])))
    ]
    assert len(site.places()) == 2


def test_a_log_is_handed_over_to_the_next_with_its_closing_checkpoint(site):
    deploy_next(site)
    minutes(site, 10)
    [end], [start] = events(site, "epoch_end", LOG), events(site, "epoch_start", NEXT)
    assert end["next"] == NEXT
    previous = start["previous"]
    assert (previous["log"], previous["origin"]) == (LOG, ORIGIN)
    vkeys = [parse_vkey(vkey) for vkey in events(site, "epoch_start", LOG)[0]["vkeys"]]
    closing = open_checkpoint(previous["checkpoint"].encode(), vkeys, ORIGIN)
    assert closing.size == site.places()[record_key(LOG, RecordType.EVENT, CommandId(str(end["id"])))] + 1
    assert site.store.latest[LOG][-1] == previous["checkpoint"].encode()
    assert site.epochs.last == NEXT


def test_a_log_does_not_end_within_five_minutes_of_the_next_ones_deployment(site):
    deploy_next(site)
    minutes(site, 5)
    assert events(site, "epoch_end", LOG) == []
    minutes(site, 2)
    assert len(events(site, "epoch_end", LOG)) == 1


def test_a_log_does_not_end_while_a_command_in_it_is_open(site):
    story = Story(objects=site.objects, second=(site.clock.at_us - 1_795_341_600_000_000) // 1_000_000 + 200)
    story.act(site.records(), status="pending")
    site.fates.answer = Fate.UNKNOWN
    deploy_next(site)
    minutes(site, 10)
    assert events(site, "epoch_end", LOG) == []
    site.wait(3000)
    minutes(site, 9)
    [end] = events(site, "epoch_end", LOG)
    assert [one["log"] for one in site.written(status="unknown")] == [LOG]
    last = max(place for key, place in site.places().items() if f"/{LOG}/" in key)
    assert site.places()[record_key(LOG, RecordType.EVENT, CommandId(str(end["id"])))] == last


def test_a_log_does_not_end_while_an_object_in_it_is_not_covered(site):
    site.put(f"wal/v1/{LOG}/5/20260921/15/lost")
    site.lose_events()
    site.wire.dark.add("send")
    deploy_next(site)
    minutes(site, 10)
    assert events(site, "epoch_end", LOG) == []
    site.wire.dark.clear()
    minutes(site, 5)
    assert len(events(site, "epoch_end", LOG)) == 1


def test_the_next_log_waits_for_the_closing_checkpoint(site):
    """The end has its place; who published was killed before the checkpoint over it."""
    deploy_next(site)
    minutes(site, 5)
    site.wait(60)
    site.reap()
    [end] = events(site, "epoch_end", LOG)
    site.store.places[record_key(LOG, RecordType.EVENT, CommandId(str(end["id"])))] = 7
    site.wait(60)
    site.reap()
    assert events(site, "epoch_start", NEXT) == []


def test_statements_go_on_while_one_log_is_handed_over_to_the_next(site):
    deploy_next(site)
    gate = Gate(site.watermarks, site.clock, NEXT, max_staleness_s=3600, epoch_ends_s=site.clock.at_us // 10**6 + 9999)
    for _ in range(12):
        site.minute()
        gate.check()


def test_no_statement_runs_in_a_log_that_has_ended(site):
    deploy_next(site)
    minutes(site, 10)
    site.log = LOG  # deployed again by mistake
    site.keys = FakeKeys((2, 1))
    for _ in range(2):
        site.wait(60)
        site.reap()
    assert site.written(kind="key") == []
    gate = Gate(site.watermarks, site.clock, LOG, max_staleness_s=3600, epoch_ends_s=site.clock.at_us // 10**6 + 9999)
    with pytest.raises(EvidenceStale):
        gate.check()
    assert (len(site.written(kind="epoch_start")), len(site.written(kind="epoch_end"))) == (2, 1)


def test_a_deployment_that_was_taken_back_before_the_log_ended_goes_on_in_it(site):
    deploy_next(site)
    minutes(site, 2)
    site.log = "prod-2028"
    minutes(site, 10)
    [end] = events(site, "epoch_end", LOG)
    assert end["next"] == "prod-2028"
    assert events(site, "epoch_start", NEXT) == []
    assert events(site, "epoch_start", "prod-2028")[0]["previous"]["log"] == LOG


@pytest.mark.parametrize(
    ("when", "dies"),
    [("before", True), ("after", True), ("after", False)],
    ids=["killed-before", "killed-after", "not-answered"],
)
def test_each_write_on_the_way_may_fail_and_there_is_one_beginning_and_one_end(dies, when):
    """Each write of a whole handover in turn, before and after it persisted; each minute a fresh reaper comes."""
    writes = _handed_over(-1, when, dies=dies).wire.writes
    of_epochs = [at for at, name in enumerate(writes) if name in WRITES]
    assert len(of_epochs) >= 14
    for at in of_epochs:
        site = _handed_over(at, when, dies=dies)
        kinds = [(one["kind"], one["log"]) for one in site.written() if str(one["kind"]).startswith("epoch_")]
        assert sorted(kinds) == [("epoch_end", LOG), ("epoch_start", LOG), ("epoch_start", NEXT)], at
        assert site.epochs.last == NEXT, at
        first = record_key(NEXT, RecordType.EVENT, CommandId(str(events(site, "epoch_start", NEXT)[0]["id"])))
        assert site.places()[first] == 0
        assert site.store.heads[LOG].is_closed


def _handed_over(at: int, when: str, *, dies: bool) -> Site:
    site = Site()
    site.wire.at, site.wire.when, site.wire.dies = at, when, dies
    for minute in range(22):
        if minute == 4:
            deploy_next(site)
        site.wait(60)
        with suppress(Died):
            site.reap()
        site.sequence()
    return site


def test_two_reapers_at_once_begin_a_log_once():
    """At each write of one, another makes its whole pass."""
    for at in range(8):
        site = Site()
        site.wait(60)
        first, second = site.reaper(), site.reaper()

        def other(_: str, site=site, second=second, at=at) -> None:
            if len(site.wire.writes) == at:
                site.wire.hook = None
                site.reap(second)

        site.wire.hook = other
        site.reap(first)
        minutes(site, 2)
        assert len(site.written(kind="epoch_start")) == 1, at


def test_an_event_that_was_lost_for_ten_minutes_is_told_under_a_new_id(site):
    """One under an id so old would look dated back for ever."""
    site = Site()
    site.wire.dark.add("put record")
    site.minute()
    site.wait(900)
    site.wire.dark.clear()
    minutes(site, 2)
    [start] = site.written(kind="epoch_start")
    assert start["time"] == "2026-09-21T14:30:20.000000Z"


def test_a_new_key_is_on_record_with_the_time_from_which_it_signs(site):
    began_us = site.epochs.told[LOG].keys[0].from_us
    site.keys = FakeKeys((2, 1))
    minutes(site, 3)
    [told] = site.written(kind="key")
    first, second = told["vkeys"]
    assert (first["until"], second["until"]) == (None, None)
    assert first["from"] < second["from"]
    assert site.epochs.told[LOG].keys[0] == DatedKey(first["vkey"], began_us)


def test_a_key_that_signs_no_more_gets_an_end(site):
    site.keys = FakeKeys((2, 1))
    minutes(site, 2)
    site.keys = FakeKeys((2,))
    minutes(site, 2)
    old, new = site.written(kind="key")[-1]["vkeys"]
    assert (old["until"] is not None, new["until"]) == (True, None)
    site.wait(60)
    assert site.reap().all_faults() == []
    assert site.mark().at_us == site.clock.at_us - 2 * MINUTE_US


def test_keys_that_did_not_change_are_not_told_again(site):
    minutes(site, 5)
    assert site.written(kind="key") == []


@pytest.mark.parametrize("when", ["before", "after"])
def test_each_write_of_a_change_of_keys_may_fail_and_it_is_told_once(when):
    for at in range(6):
        site = Site()
        minutes(site, 3)
        site.keys = FakeKeys((2, 1))
        site.wire.at, site.wire.when = len(site.wire.writes) + at, when
        site.wait(60)
        with suppress(Died):
            site.reap()
        site.wire.at = -1
        minutes(site, 3)
        assert len(site.written(kind="key")) == 1, at


def grant(site: Site, log: str) -> None:
    """A record of a function that is of the deployment of this log."""
    second = (site.clock.at_us - 1_795_341_600_000_000) // 1_000_000
    Story(objects=site.objects, second=second).event(site.records("tasks", log=log), "grant")


def unplaced(site: Site) -> list[str]:
    return [key for key in site.store.wal if f"/{LOG}/" in key and key not in site.places()]


def test_a_log_does_not_end_within_five_minutes_of_its_last_record(site):
    """A deployment that takes long: some of its functions are of the one before still."""
    deploy_next(site)
    for _ in range(4):
        minutes(site, 3)
        grant(site, LOG)
    assert events(site, "epoch_end", LOG) == []
    minutes(site, 9)
    assert len(events(site, "epoch_end", LOG)) == 1
    assert unplaced(site) == []


def test_a_handover_that_was_rolled_back_begins_anew_with_the_next_deployment(site):
    deploy_next(site)
    minutes(site, 2)
    site.log = LOG
    minutes(site, 1)
    assert (site.epochs.epochs[LOG].next, site.epochs.epochs[LOG].handed_us) == (None, 0)
    minutes(site, 60)
    deploy_next(site)
    minutes(site, 1)
    grant(site, LOG)
    minutes(site, 4)
    assert events(site, "epoch_end", LOG) == []
    minutes(site, 8)
    assert (unplaced(site), site.epochs.last) == ([], NEXT)


def test_a_new_key_comes_on_record_after_a_rollback(site):
    deploy_next(site)
    minutes(site, 2)
    site.log = LOG
    site.keys = FakeKeys((2, 1))
    minutes(site, 2)
    assert [one["log"] for one in site.written(kind="key")] == [LOG]


def test_an_end_whose_writer_died_before_it_is_taken_back_only_after_ten_minutes(site):
    """It may be on its way: then the log ends by it, and the deployment that was rolled back has to be taken again."""
    deploy_next(site)
    site.wire.dark.add("put record")
    minutes(site, 8)
    assert site.epochs.epochs[LOG].end is not None
    site.log = LOG
    minutes(site, 1)
    assert site.epochs.epochs[LOG].end is not None
    site.wire.dark.clear()
    minutes(site, 12)
    assert (site.epochs.epochs[LOG].end, site.epochs.epochs[LOG].next) == (None, None)
    assert events(site, "epoch_end", LOG) == []


@pytest.mark.parametrize("fate", [None, Fate.UNKNOWN, Fate.RUNNING], ids=["away", "cannot-tell", "running"])
def test_a_handover_closes_no_gate_however_long_a_write_stays_open(site, fate):
    story = Story(objects=site.objects, second=(site.clock.at_us - 1_795_341_600_000_000) // 1_000_000)
    site.sequence()
    minutes(site, 1)
    deploy_next(site)
    minutes(site, 1)
    grant(site, NEXT)
    story.second = (site.clock.at_us - 1_795_341_600_000_000) // 1_000_000
    story.act(site.records(log=LOG), status="pending")
    site.fates.answer = fate
    gate = Gate(site.watermarks, site.clock, NEXT, max_staleness_s=3600, epoch_ends_s=site.clock.at_us // 10**6 + 9999)
    for _ in range(60):
        site.minute()
        gate.check()
    assert site.epochs.last == NEXT
    assert [one["log"] for one in site.written(status="unknown")] == [LOG]
