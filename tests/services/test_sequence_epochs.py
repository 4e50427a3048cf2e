"""How a log begins and ends, and what waits for that or comes after it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from postern.audit.keys import record_key
from postern.audit.records import Record, RecordType
from tests.support.log_check import check_log
from tests.support.log_fakes import LogStore
from tests.support.log_process import (
    DEPLOYMENT,
    LOG,
    ORIGIN,
    Without,
    begun_log,
    fix,
    in_log,
    kept,
    process,
    put_end,
    put_record,
    put_records,
    put_start,
)
from tests.support.reap_site import Site

NEXT = "prod-2027"


@pytest.fixture
def store() -> LogStore:
    return begun_log()


class TestEpochs:
    def test_a_log_begins_with_its_start_or_not_at_all(self):
        store = LogStore()
        keys = put_records(store, 6)
        sequencer = process(store)
        run = sequencer.run(keys)
        assert (run.settled, kept(run), store.heads) == (set(), {"WaitingObjects": 6}, {})
        start = put_start(store)
        assert sequencer.run([*keys, start]).settled == {*keys, start}
        assert in_log(store)[0] == start
        check_log(store, LOG, ORIGIN)

    @pytest.mark.parametrize(
        "spoil",
        [
            pytest.param(lambda data: data.replace(b'"event"', b'"intent"'), id="no event"),
            pytest.param(lambda data: data.replace(LOG.encode(), NEXT.encode()), id="of another log"),
            pytest.param(lambda data: data.replace(b"epoch_start", b"epoch-start"), id="another kind"),
            pytest.param(lambda data: data + b" ", id="not canonical"),
        ],
    )
    def test_what_only_looks_like_a_start_begins_no_log(self, spoil):
        store = LogStore()
        start = put_start(store)
        store.wal[start] = [spoil(store.wal[start][0])]
        assert process(store).run([start]).settled == set()
        assert store.heads == {}

    def test_a_log_that_the_deployment_has_left_ends_with_its_end(self, store):
        others = put_records(store, 6)
        end = put_end(store)
        run = process(store, log=NEXT).run([end, *others])
        assert run.settled == {end, *others}
        assert in_log(store)[-1] == end
        assert store.heads[LOG].is_closed
        check_log(store, LOG, ORIGIN)

    def test_nothing_follows_the_end(self, store):
        end, again = put_end(store), put_forged(store, "epoch_end", at_ms=1)
        sequencer = process(store, log=NEXT)
        assert sequencer.run([end]).settled == {end}
        late = put_record(store, 60)
        run = sequencer.run([late, end, again])
        assert (run.settled, kept(run)) == ({late, end, again}, {"KnownKeys": 1, "LateObjects": 2})
        check_log(store, LOG, ORIGIN, skipped=[again, late])

    def test_the_deployed_log_does_not_end(self, store):
        end = put_end(store)
        others = put_records(store, 6)
        run = process(store).run([end, *others])
        assert run.settled == set(others)
        assert not store.heads[LOG].is_closed
        assert kept(process(store).run([end])) == {"WaitingObjects": 1}

    def test_an_end_waits_until_all_that_came_with_it_are_in(self, store):
        others = put_records(store, 255)
        end = put_end(store)
        process(store, log=NEXT).run([end, *others])
        assert (in_log(store)[-1], store.heads[LOG].size) == (end, 257)

    @pytest.mark.parametrize("count", [254, 255, 256, 257, 511, 512])
    def test_an_end_is_last_at_every_size_of_a_batch(self, store, count):
        others = put_records(store, count)
        end = put_end(store)
        run = process(store, log=NEXT).run([end, *others])
        assert run.settled == {end, *others}
        assert in_log(store)[-1] == end
        check_log(store, LOG, ORIGIN)

    def test_two_logs_at_once_do_not_mix_and_a_fault_of_one_is_not_the_others(self, store):
        old, start = put_records(store, 5), put_start(store, log=NEXT)
        new = put_record(store, 90, log=NEXT)
        run = process(store, log=NEXT).run([new, *old, start])
        assert run.settled == {*old, start, new}
        check_log(store, LOG, ORIGIN)
        check_log(store, NEXT, f"postern.{DEPLOYMENT}/{NEXT}")
        store.heads[LOG] = replace(store.heads[LOG], root=bytes(32))
        more, other = put_record(store, 91, log=NEXT), put_record(store, 92)
        run = process(store, log=NEXT).run([more, other])
        assert run.settled == {more}
        assert [fault.code for fault in run.faults] == ["evidence.tile"]


class TestForgedEvents:
    """Who may write records writes events that only the reaper should: they are entries, and move nothing."""

    @pytest.mark.parametrize("log", [LOG, NEXT], ids=["deployed", "left"])
    @pytest.mark.parametrize("kind", ["epoch_start", "epoch_end"])
    def test_an_event_that_the_reaper_did_not_fix_has_its_place_and_ends_nothing(self, kind, log, store):
        forged, other = put_forged(store, kind), put_record(store, 60)
        run = process(store, log=log).run([forged, other])
        assert (run.settled, kept(run)) == ({forged, other}, {"EntriesSequenced": 2})
        assert not store.heads[LOG].is_closed
        check_log(store, LOG, ORIGIN)

    def test_a_forged_end_neither_closes_the_log_nor_makes_the_real_one_late(self, store):
        forged, end, other = put_forged(store, "epoch_end"), put_end(store, at_ms=9), put_record(store, 60)
        run = process(store, log=NEXT).run([forged, end, other])
        assert (run.settled, in_log(store)[1:]) == ({forged, end, other}, [forged, other, end])
        assert store.heads[LOG].is_closed
        check_log(store, LOG, ORIGIN)

    def test_a_log_begins_with_the_start_that_the_reaper_fixed_and_no_other(self):
        store = LogStore()
        forged = put_forged(store, "epoch_start", at_ms=-1)
        sequencer = process(store)
        assert kept(sequencer.run([forged])) == {"WaitingObjects": 1}
        start = put_start(store)
        assert sequencer.run([forged, start]).settled == {forged, start}
        assert in_log(store) == [start, forged]
        check_log(store, LOG, ORIGIN)

    def test_the_fixed_id_under_another_kind_is_neither_start_nor_end(self, store):
        grant = fix(store, put_forged(store, "grant"), begin=False)
        assert process(store, log=NEXT).run([grant]).settled == {grant}
        assert not store.heads[LOG].is_closed
        empty = LogStore()
        fix(empty, put_forged(empty, "epoch_end"), begin=True)
        assert process(empty).run(list(empty.wal)).settled == set()

    def test_what_is_fixed_is_read_only_for_a_batch_that_depends_on_it(self, store):
        store.requests.clear()
        sequencer = process(store)
        sequencer.run([put_record(store, 60), put_forged(store, "epoch_start")])
        assert store.requests["epoch"] == 0
        sequencer.run([put_forged(store, "epoch_end")])
        assert store.requests["epoch"] == 1

    def test_an_end_stays_in_the_queue_while_nobody_can_say_whose_it_is(self, store):
        end = put_end(store)
        run = process(store, Without("epoch"), log=NEXT).run([end])
        assert (run.settled, [fault.code for fault in run.faults]) == (set(), ["state.unavailable"])
        assert process(store, log=NEXT).run([end]).settled == {end}

    def test_forged_events_hold_up_neither_the_watermark_nor_the_handover(self):
        site = Site()
        reaper = site.reaper()
        for _ in range(3):
            site.minute(reaper)
        forged = forge(site, "epoch_end")
        for _ in range(3):
            site.minute(reaper)
        assert site.clock.at_us - site.mark().at_us < 180_000_000
        site.log = NEXT
        start = forge(site, "epoch_start")
        reaper = site.reaper()
        for _ in range(12):
            site.minute(reaper)
        assert {forged, start} < site.places().keys()
        (real,) = (one for one in site.written(kind="epoch_end") if one.get("next") == NEXT)
        places = {key: place for key, place in site.places().items() if f"/{LOG}/" in key}
        assert str(real["id"]) in max(places, key=places.__getitem__)
        assert (site.store.heads[LOG].is_closed, site.epochs.last) == (True, NEXT)
        assert site.clock.at_us - site.mark(NEXT).at_us < 180_000_000


def forge(site: Site, kind: str) -> str:
    """An event of this kind, as any function of the deployment could write it; its key."""
    event = Record(RecordType.EVENT, kind, site.identifiers.command_id(site.clock.at_us), site.clock.at_us, {})
    site.records("query").put(event)
    return record_key(site.log, RecordType.EVENT, event.id)


def put_forged(store: LogStore, kind: str, *, at_ms: int = 0) -> str:
    return put_record(store, 4_000 + len(store.wal), RecordType.EVENT, kind=kind, at_ms=at_ms)
