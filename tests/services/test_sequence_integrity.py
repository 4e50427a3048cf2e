"""A name that is taken, a table that lost what it knew, and evidence that contradicts itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from postern.errors import IntegrityError
from postern.services.sequence import Count
from postern.services.stage import Stage, format_stage
from postern.tlog.append import append
from postern.tlog.hashing import EMPTY_ROOT
from tests.support.log_check import check_log
from tests.support.log_fakes import Away, LogStore, Wire
from tests.support.log_process import (
    LOG,
    ORIGIN,
    Trap,
    Without,
    begun_log,
    in_log,
    process,
    put_record,
    put_records,
    put_start,
    until_settled,
)

NEXT = "prod-2027"
JUNK = f"wal/v1/{LOG}/junk"


@pytest.fixture
def store() -> LogStore:
    return begun_log()


class TestStagedBefore:
    """A batch to the very same tree lies there already: its name is taken for ever, and must not stand in the way."""

    def test_a_longer_one_over_an_earlier_head_is_committed_as_it_is(self, store):
        keys = put_records(store, 9)
        process(store, Without("commit")).run(keys)  # staged over the head of 1, and never committed
        in_order = sorted(keys, key=lambda key: (key.rsplit("/", 2)[1], key))
        until_settled(process(store), in_order[:6])
        run = process(store).run(in_order[6:])  # leads from 7 to the tree that was staged from 1
        assert (run.settled, run.counts[Count.SEQUENCED], run.faults) == (set(in_order[6:]), 3, [])
        assert in_log(store)[1:] == in_order
        check_log(store, LOG, ORIGIN)

    def test_one_over_a_later_head_means_that_ours_was_overtaken(self, store):
        keys = put_records(store, 9)
        in_order = sorted(keys, key=lambda key: (key.rsplit("/", 2)[1], key))

        def overtake(_: type) -> None:
            until_settled(process(store), in_order[:6])
            process(store, Without("commit")).run(in_order[6:])

        run = process(store, Trap(0, act=overtake)).run(keys)  # at its stage, over the head of 1
        assert (run.settled, run.faults) == (set(keys), [])
        check_log(store, LOG, ORIGIN)

    def test_one_that_dies_after_committing_it_is_completed_by_it(self, store):
        keys = put_records(store, 9)
        process(store, Without("commit")).run(keys)
        in_order = sorted(keys, key=lambda key: (key.rsplit("/", 2)[1], key))
        until_settled(process(store), in_order[:6])
        process(store, Without("put tile", "index", "mark")).run(in_order[6:])
        assert not store.heads[LOG].is_applied
        until_settled(process(store), in_order)
        check_log(store, LOG, ORIGIN)

    def test_one_of_other_keys_below_the_head_is_not_applied_over_them(self, store):
        # The same bytes lie under two keys. One batch with the first was staged; the log then took the second.
        first, second, last = f"{JUNK}/1", f"{JUNK}/2", f"{JUNK}/3"
        for key, data in ((first, b"same"), (second, b"same"), (last, b"last")):
            store.put(key, data)
        process(store, Without("commit")).run([first, last])
        until_settled(process(store), [second])
        run = process(store).run([last])
        assert [fault.code for fault in run.faults] == ["evidence.conflict"]
        until_settled(process(store), [first, last])  # another batch, another tree
        check_log(store, LOG, ORIGIN)


class TestALostTable:
    """The table is restored from a backup while the bucket, which is locked, went on."""

    @pytest.fixture
    def restored(self, store: LogStore) -> LogStore:
        backup = store.copy()
        until_settled(process(store), put_records(store, 30))
        store.heads, store.places = backup.heads, backup.places
        return store

    def test_a_cold_sequencer_refuses_to_start(self, restored):
        key = put_record(restored, 70)
        before = dict(restored.objects)
        run = process(restored).run([key])
        assert run.settled == set()
        assert [(type(fault), fault.code) for fault in run.faults] == [(IntegrityError, "evidence.behind")]
        assert restored.objects == before

    def test_a_warm_sequencer_stops(self, store):
        sequencer = process(store)
        until_settled(sequencer, put_records(store, 30))
        store.heads[LOG] = replace(store.heads[LOG], size=30)
        run = sequencer.run([put_record(store, 70)])
        assert [fault.code for fault in run.faults] == ["evidence.behind"]

    def test_an_empty_table_does_not_begin_the_log_again(self, restored):
        restored.heads, restored.places = {}, {}
        run = process(restored).run([put_start(restored)])
        assert [fault.code for fault in run.faults] == ["evidence.behind"]

    def test_even_what_was_applied_and_never_published_is_missed(self, store):
        backup = store.copy()
        process(store, Without("sign")).run(put_records(store, 3))
        store.heads, store.places = backup.heads, backup.places
        run = process(store).run([put_record(store, 70)])
        assert [fault.code for fault in run.faults] == ["evidence.behind"]

    def test_one_that_another_has_only_just_moved_on_is_no_loss(self, store):
        keys, other = put_records(store, 6), put_record(store, 70)

        class MovedOn(Wire):
            def read(self, name, kind: Away, effect):
                if name == "list bundles":
                    process(store).run(keys)
                return effect()

        run = process(store, MovedOn()).run([other])
        assert (run.settled, run.faults) == ({other}, [])
        check_log(store, LOG, ORIGIN)


class TestWhatContradictsItself:
    def test_a_committed_stage_that_gives_another_root_is_not_applied(self, store):
        key = put_record(store, 3)
        head = store.heads[LOG]
        other = Stage(LOG, head.size, head.root, (key,), (b"other",), closes=False)
        store.heads[LOG] = replace(head, size=2, root=bytes(32), is_applied=False)
        store.objects[LOG, f"stage/2-{bytes(32).hex()}"] = format_stage(other)
        run = process(store).run([key])
        assert [fault.code for fault in run.faults] == ["evidence.conflict"]
        assert key not in store.places

    def test_a_committed_head_without_its_stage_is_told(self, store):
        store.heads[LOG] = replace(store.heads[LOG], size=2, is_applied=False)
        run = process(store).run([put_record(store, 3)])
        assert [fault.code for fault in run.faults] == ["evidence.missing"]

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            pytest.param({"entries": (b"x",)}, "evidence.conflict", id="other entries"),
            pytest.param({"size": 0, "root": EMPTY_ROOT}, "evidence.conflict", id="over another tree"),
            pytest.param({"root": bytes(32)}, "evidence.tile", id="over another root"),
            pytest.param({"log": NEXT}, "evidence.conflict", id="of another log"),
        ],
    )
    def test_a_stage_that_lies_in_the_place_of_ours_and_is_another_is_not_taken(self, store, change, code):
        key, head = put_record(store, 3), store.heads[LOG]
        read = lambda path: store.objects[LOG, path]  # noqa: E731
        after = append(head.size, head.root, read, store.wal[key])
        ours = Stage(LOG, head.size, head.root, (f"{JUNK}/other",), (store.wal[key][0],), closes=False)
        wrong = replace(ours, **change)
        store.objects[LOG, f"stage/2-{after.root.hex()}"] = format_stage(wrong)
        run = process(store).run([key])
        assert [fault.code for fault in run.faults] == [code]
        assert store.heads[LOG] == head

    def test_an_index_that_points_past_the_head_settles_nothing(self, store):
        key = put_record(store, 3)
        store.places[key] = 900
        assert process(store).run([key]).settled == set()

    def test_a_tile_in_the_way_is_told_and_nothing_is_signed_over_it(self, store):
        store.objects[LOG, "tile/0/000.p/2"] = b"x" * 64
        run = process(store).run([put_record(store, 3)])
        assert [fault.code for fault in run.faults] == ["evidence.conflict"]
        assert [one.size for one in store.signed] == [1]
