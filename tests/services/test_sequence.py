"""What becomes an entry, where it stands, what is let go of and what is left for later."""

from __future__ import annotations

import pytest

from postern.audit.records import RecordType
from postern.errors import EvidenceUnavailable
from postern.services.sequence import Count
from postern.tlog.bundles import MAX_ENTRY_BYTES
from postern.tlog.tiles import TILE_WIDTH, Bundle, parse_path
from tests.support.log_check import check_log
from tests.support.log_fakes import LogStore, MemoryWal
from tests.support.log_process import (
    LOG,
    ORIGIN,
    Without,
    begun_log,
    in_log,
    kept,
    process,
    put_record,
    put_records,
    until_settled,
)

JUNK = f"wal/v1/{LOG}/junk"


@pytest.fixture
def store() -> LogStore:
    return begun_log()


class TestOrder:
    def test_a_command_stands_as_it_happened_and_commands_by_the_time_in_their_ids(self, store):
        late = [put_record(store, 3, type_, at_ms=20) for type_ in (RecordType.INTENT, RecordType.OUTCOME)]
        early = [
            put_record(store, 4, type_, at_ms=10)
            for type_ in (RecordType.INTENT, RecordType.OUTCOME, RecordType.SETTLED)
        ]
        process(store).run([*late[::-1], *early[::-1]])
        assert in_log(store)[1:] == [*early, *late]

    def test_what_is_no_record_comes_last(self, store):
        store.put(JUNK, b"junk")
        key = put_record(store, 3, at_ms=10)
        process(store).run([JUNK, key])
        assert in_log(store)[1:] == [key, JUNK]

    def test_the_same_keys_in_any_order_make_the_same_log(self, store):
        other, keys = store.copy(), put_records(store, 40)
        other.wal.update(store.wal)
        process(store).run(keys)
        process(other).run([*keys[20:], *keys[:20][::-1], *keys[:5]])
        assert store.objects == other.objects

    def test_no_tile_is_written_before_the_entries_it_is_over(self, store):
        """So that a copy of a log that grows meanwhile holds, whenever it is taken."""
        before = set(store.objects)
        for at in range(3):
            process(store).run(put_records(store, 300, first=2 + 1000 * at))
        reached = -1
        for log, path in store.objects:  # as they were written
            if (log, path) in before or not path.startswith("tile/"):
                continue
            part = parse_path(path)
            last = (part.index * TILE_WIDTH + part.width) * TILE_WIDTH ** getattr(part, "level", 0)
            if isinstance(part, Bundle):
                reached = max(reached, last)
            assert last <= max(reached, 1), path
        assert reached == 901

    def test_more_than_a_batch_holds_becomes_several_under_one_checkpoint(self, store):
        keys = put_records(store, 600)
        run = process(store).run(keys)
        assert run.settled == set(keys)
        assert store.requests["committed"] == 1 + 3
        assert [one.size for one in store.signed] == [1, 601]
        check_log(store, LOG, ORIGIN)


class TestWhichBytes:
    def test_the_first_version_is_the_entry_whatever_came_after(self, store):
        key = put_record(store, 3)
        store.put(key, b"other bytes")
        run = process(store).run([key])
        assert run.settled == {key}
        check_log(store, LOG, ORIGIN)

    def test_the_event_of_a_second_version_changes_nothing(self, store):
        key = put_record(store, 3)
        sequencer = process(store)
        sequencer.run([key])
        store.put(key, b"other bytes")
        assert kept(sequencer.run([key])) == {"KnownKeys": 1}
        check_log(store, LOG, ORIGIN)

    @pytest.mark.parametrize(
        ("name", "data"),
        [
            pytest.param(put_record, b"", id="empty"),
            pytest.param(put_record, b"\x00\xff" * 50, id="binary"),
            pytest.param(put_record, b"{}", id="JSON of another form"),
            pytest.param(put_record, b"[" * 40_000, id="deep JSON"),
            pytest.param(put_record, b"x" * MAX_ENTRY_BYTES, id="as long as an entry may be"),
            pytest.param(lambda _: JUNK, b"x", id="a key of another form"),
            pytest.param(lambda _: f"wal/v1/{LOG}/\n☃ +%/", b"x", id="a key of strange characters"),
        ],
    )
    def test_what_is_no_record_is_an_entry_of_opaque_bytes(self, store, name, data):
        key = name(store, 3) if name is put_record else name(store)
        store.wal[key] = [data]
        run = process(store).run([key])
        assert run.settled == {key}
        assert kept(run) == {"EntriesSequenced": 1, "OpaqueEntries": 1}
        check_log(store, LOG, ORIGIN)

    def test_a_record_under_the_key_of_another_is_opaque(self, store):
        key, other = put_record(store, 3), put_record(store, 4)
        store.wal[key] = store.wal[other]
        assert kept(process(store).run([key])) == {"EntriesSequenced": 1, "OpaqueEntries": 1}

    def test_the_same_bytes_under_several_keys_are_an_entry_each(self, store):
        keys = [f"{JUNK}/{n}" for n in range(5)]
        for key in keys:
            store.put(key, b"the same")
        process(store).run(keys)
        assert len(check_log(store, LOG, ORIGIN).entries) == 6

    def test_a_batch_of_the_same_bytes_that_was_staged_first_and_never_committed_does_not_stop_ours(self, store):
        one, other = f"{JUNK}/1", f"{JUNK}/2"
        store.put(one, b"the same")
        store.put(other, b"the same")
        process(store, Without("commit")).run([one])
        assert any(path.startswith("stage/2-") for _, path in store.objects)
        run = process(store).run([other])
        assert run.settled == {other}
        until_settled(process(store), [one])
        check_log(store, LOG, ORIGIN)


class TestLetGo:
    def test_an_object_too_large_for_an_entry_is_the_reapers(self, store):
        key, fits = put_record(store, 3), put_record(store, 4)
        store.wal[key] = [b"x" * (MAX_ENTRY_BYTES + 1)]
        run = process(store).run([key, fits])
        assert run.settled == {key, fits}
        assert kept(run) == {"EntriesSequenced": 1, "OversizedObjects": 1}
        check_log(store, LOG, ORIGIN, skipped=[key])

    def test_a_key_without_an_object_does_not_come_again(self, store):
        key = f"{JUNK}/absent"
        run = process(store).run([key])
        assert (run.settled, kept(run)) == ({key}, {"AbsentObjects": 1})
        assert key not in store.places

    @pytest.mark.parametrize(
        "key",
        [
            pytest.param("wal/v1/other-2026/junk", id="a log that never began"),
            pytest.param(f"wal/v2/{LOG}/x", id="another version"),
            pytest.param(f"log/{LOG}/checkpoint", id="the log itself"),
            pytest.param(f"wal/v1/{LOG}/", id="no name"),
            pytest.param(f"wal/v1/{LOG.upper()}/x", id="no log's name"),
            pytest.param("", id="nothing"),
        ],
    )
    def test_a_key_of_no_log_of_ours_does_not_come_again(self, store, key):
        store.put(key, b"x")
        good = put_record(store, 3)
        run = process(store).run([key, good])
        assert run.settled == {key, good}
        assert kept(run) == {"EntriesSequenced": 1, "ForeignKeys": 1}


class TestLeftForLater:
    def test_an_object_that_cannot_be_read_stands_in_nobodys_way(self, store):
        keys = put_records(store, 6)
        sequencer = process(store)
        assert isinstance(sequencer.wal, MemoryWal)
        sequencer.wal.unread = {keys[2]}
        run = sequencer.run(keys)
        assert run.settled == set(keys) - {keys[2]}
        assert run.counts[Count.UNREAD] == 1

    def test_when_no_listing_answers_nothing_is_taken_for_absent(self, store):
        keys = put_records(store, 6)
        run = process(store, Without("list wal")).run(keys)
        assert (run.settled, kept(run)) == (set(), {"UnreadObjects": 6})

    def test_a_part_that_is_away_is_told_and_its_keys_come_again(self, store):
        keys = put_records(store, 6)
        run = process(store, Without("put stage")).run(keys)
        assert run.settled == set()
        assert [type(fault) for fault in run.faults] == [EvidenceUnavailable]

    def test_what_is_sequenced_and_not_published_comes_again(self, store):
        keys = put_records(store, 6)
        run = process(store, Without("sign")).run(keys)
        assert (run.settled, run.counts[Count.SEQUENCED]) == (set(), 6)
        assert kept(until_settled(process(store), keys)) == {"KnownKeys": 6}
        check_log(store, LOG, ORIGIN)


def test_a_warm_sequencer_reads_nothing_of_the_tree_again(store):
    sequencer = process(store)
    sequencer.run(put_records(store, 30))
    store.requests.clear()
    sequencer.run(put_records(store, 30, first=100))
    assert store.requests["get"] == 0
    assert store.requests["list bundles"] == 0


def test_the_requests_of_a_warm_batch_are_exactly_these(store):
    sequencer = process(store)
    sequencer.run(put_records(store, 30))
    store.requests.clear()
    keys = put_records(store, 30, first=100)
    sequencer.run(keys)
    folders = len({key.rsplit("/", 2)[0] for key in keys})
    read = {"list wal": folders, "get wal": 30, "head": 2, "positions": 1, "get checkpoint": 1}
    written = {"put stage": 1, "commit": 1, "committed": 1, "put tile": 2, "index": 2, "mark": 1}
    published = {"sign": 1, "put checkpoints": 1, "put checkpoint": 1}
    assert store.requests == read | written | published


def test_a_message_that_comes_twice_asks_little(store):
    sequencer = process(store)
    keys = put_records(store, 3)
    sequencer.run(keys)
    store.requests.clear()
    sequencer.run(keys)
    assert not {name for name in store.requests if name.startswith(("put", "commit", "sign", "mark", "index"))}
