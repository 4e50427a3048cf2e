"""How a log begins and ends, and what waits for that or comes after it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from postern.audit.records import RecordType
from tests.support.log_check import check_log
from tests.support.log_fakes import LogStore
from tests.support.log_process import (
    DEPLOYMENT,
    LOG,
    ORIGIN,
    begun_log,
    in_log,
    kept,
    process,
    put_record,
    put_records,
    put_start,
)

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
        end = put_record(store, 50, RecordType.EVENT, kind="epoch_end")  # by its id before the others
        run = process(store, log=NEXT).run([end, *others])
        assert run.settled == {end, *others}
        assert in_log(store)[-1] == end
        assert store.heads[LOG].is_closed
        check_log(store, LOG, ORIGIN)

    def test_nothing_follows_the_end(self, store):
        end = put_record(store, 50, RecordType.EVENT, kind="epoch_end")
        again = put_record(store, 51, RecordType.EVENT, kind="epoch_end", at_ms=1)
        sequencer = process(store, log=NEXT)
        run = sequencer.run([end, again])
        assert (run.settled, kept(run)) == ({end, again}, {"EntriesSequenced": 1, "LateObjects": 1})
        late = put_record(store, 60)
        assert kept(sequencer.run([late, end])) == {"KnownKeys": 1, "LateObjects": 1}
        check_log(store, LOG, ORIGIN, skipped=[again, late])

    def test_the_deployed_log_does_not_end(self, store):
        end = put_record(store, 50, RecordType.EVENT, kind="epoch_end")
        others = put_records(store, 6)
        run = process(store).run([end, *others])
        assert run.settled == set(others)
        assert not store.heads[LOG].is_closed
        assert kept(process(store).run([end])) == {"WaitingObjects": 1}

    def test_an_end_waits_until_all_that_came_with_it_are_in(self, store):
        others = put_records(store, 255)
        end = put_record(store, 500, RecordType.EVENT, kind="epoch_end")
        process(store, log=NEXT).run([end, *others])
        assert (in_log(store)[-1], store.heads[LOG].size) == (end, 257)

    @pytest.mark.parametrize("count", [254, 255, 256, 257, 511, 512])
    def test_an_end_is_last_at_every_size_of_a_batch(self, store, count):
        others = put_records(store, count)
        end = put_record(store, 500, RecordType.EVENT, kind="epoch_end")
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
