"""What is signed, when, by which keys, and what is never signed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from postern.errors import EvidenceUnavailable, IntegrityError
from postern.services.append import Appender
from postern.services.known_log import KnownLog
from postern.services.publish import Publisher
from postern.tlog.checkpoints import Checkpoint, format_checkpoint, open_checkpoint
from postern.tlog.hashing import Hash, leaf_hash
from postern.tlog.notes import parse_note, verifier_key, verify_note
from tests.support.log_check import check_log
from tests.support.log_copy import log_key, signed
from tests.support.log_fakes import (
    Away,
    LogStore,
    MemoryLogBucket,
    MemoryLogTable,
    MemorySigner,
    Wire,
    away,
    etag_of,
)
from tests.support.log_process import (
    DEPLOYMENT,
    LOG,
    ORIGIN,
    Trap,
    Without,
    process,
    put_record,
    put_records,
    put_start,
    until_settled,
)

KEY = log_key(ORIGIN)  # the fake signer's own


@dataclass
class Desk:
    """A publisher over a store, and the log as it knows it."""

    publisher: Publisher
    known: KnownLog

    def run(self, at_least: int = 10**9) -> int:
        return self.publisher.run(self.known, at_least=at_least)


def desk(store: LogStore, wire: Wire | None = None, *, seeds: tuple[int, ...] = (1,)) -> Desk:
    wire = wire or Wire()
    table = MemoryLogTable(store, wire)
    signers = [MemorySigner(store, wire, seed) for seed in seeds]
    known = KnownLog(LOG, table, MemoryLogBucket(store, LOG, wire))
    return Desk(Publisher(Appender(table), signers, DEPLOYMENT), known)


@pytest.fixture
def store() -> LogStore:
    """A log of 7 entries that are published."""
    begun = LogStore()
    until_settled(process(begun), [put_start(begun), *put_records(begun, 6)])
    return begun


@pytest.fixture
def ahead(store: LogStore) -> LogStore:
    """3 more are committed and applied: KMS was away."""
    process(store, Without("sign")).run(put_records(store, 3, first=100))
    assert (store.heads[LOG].size, store.heads[LOG].is_applied, len(store.latest[LOG])) == (10, True, 1)
    return store


def fail(kind: Away) -> None:
    raise away(kind)


def latest(store: LogStore, *seeds: int) -> Checkpoint:
    keys = [log_key(ORIGIN, seed).verifier for seed in seeds or (1,)]
    return open_checkpoint(store.latest[LOG][-1], keys, ORIGIN)


def test_signs_the_applied_head_and_keeps_a_copy_for_ever(ahead):
    assert desk(ahead).run() == 10
    assert latest(ahead).size == 10
    assert ahead.objects[LOG, "checkpoints/10"] == ahead.latest[LOG][-1]
    check_log(ahead, LOG, ORIGIN)


def test_an_empty_log_has_nothing_to_sign():
    store = LogStore()
    assert desk(store).run() == 0
    assert (store.signed, store.latest) == ([], {})


def test_what_is_published_is_not_signed_again(store):
    store.requests.clear()
    assert desk(store).run() == 7
    assert (store.requests["sign"], store.requests["put checkpoint"]) == (0, 0)


def test_what_another_has_published_far_enough_is_left_to_it(ahead):
    ahead.requests.clear()
    assert desk(ahead).run(at_least=7) == 7
    assert ahead.requests == {"get checkpoint": 1}


def test_a_committed_stage_is_completed_before_anything_is_signed(store):
    keys = put_records(store, 3, first=100)
    process(store, Trap(1, before=False, act=fail)).run(keys)  # committed, and not applied
    assert not store.heads[LOG].is_applied
    assert desk(store).run() == 10
    check_log(store, LOG, ORIGIN)


class TestOnlyWhatExtends:
    """The tree to be signed must be proved, by the tiles that readers see, to continue what they have seen."""

    def test_a_fork_that_the_table_commits_to_is_not_signed(self, ahead):
        head = ahead.heads[LOG]
        ahead.latest[LOG] = [signed(Checkpoint(ORIGIN, 7, leaf_hash(b"another")), KEY)]
        with pytest.raises(IntegrityError) as refused:
            desk(ahead).run()
        assert refused.value.code == "evidence.proof"
        assert (ahead.heads[LOG], len(ahead.signed)) == (head, 1)

    def test_a_head_whose_root_is_not_that_of_the_tiles_is_not_signed(self, ahead):
        ahead.heads[LOG] = replace(ahead.heads[LOG], root=Hash(bytes(32)))
        with pytest.raises(IntegrityError) as refused:
            desk(ahead).run()
        assert refused.value.code == "evidence.proof"
        assert len(ahead.signed) == 1

    def test_another_tree_of_the_published_size_is_not_signed(self, store):
        store.heads[LOG] = replace(store.heads[LOG], root=Hash(bytes(32)))
        with pytest.raises(IntegrityError) as refused:
            desk(store).run()
        assert refused.value.code == "evidence.proof"

    def test_a_tile_that_was_changed_in_the_bucket_is_seen(self, ahead):
        ahead.objects[LOG, "tile/0/000.p/10"] = bytes(320)
        with pytest.raises(IntegrityError) as refused:
            desk(ahead).run()
        assert refused.value.code == "evidence.proof"

    def test_a_head_behind_what_is_published_is_not_signed(self, ahead):
        ahead.latest[LOG].append(signed(Checkpoint(ORIGIN, 11, leaf_hash(b"lost")), KEY))
        with pytest.raises(IntegrityError) as refused:
            desk(ahead).run()
        assert refused.value.code == "evidence.behind"

    @pytest.mark.parametrize(
        ("data", "code"),
        [
            pytest.param(signed(Checkpoint(ORIGIN, 7, leaf_hash(b"")), log_key(ORIGIN, 9)), "signature", id="a key"),
            pytest.param(
                signed(Checkpoint("postern.shop/x", 7, leaf_hash(b"")), log_key("postern.shop/x")),
                "signature",
                id="a log",
            ),
            pytest.param(b"", "malformed", id="nothing"),
        ],
    )
    def test_a_checkpoint_of_another_is_not_built_on(self, ahead, data, code):
        ahead.latest[LOG].append(data)
        with pytest.raises(IntegrityError) as refused:
            desk(ahead).run()
        assert refused.value.code == f"evidence.{code}"
        assert len(ahead.signed) == 1

    def test_a_checkpoint_that_was_stored_and_not_published_binds_too(self, ahead):
        ahead.objects[LOG, "checkpoints/10"] = signed(Checkpoint(ORIGIN, 10, leaf_hash(b"another")), KEY)
        with pytest.raises(IntegrityError) as refused:
            desk(ahead).run()
        assert refused.value.code == "evidence.conflict"
        assert latest(ahead).size == 7


class TestMovesForward:
    def test_one_that_was_overtaken_does_not_move_it_back(self, ahead):
        def overtake(_: Away) -> None:
            until_settled(process(ahead), [put_record(ahead, 200)])

        trap = Trap()
        desk(ahead.copy(), trap).run()
        late = desk(ahead, Trap(trap.writes.index("put checkpoint"), act=overtake))
        assert late.run(at_least=10) == 11
        assert latest(ahead).size == 11
        check_log(ahead, LOG, ORIGIN)

    def test_an_answer_that_was_lost_is_found_out(self, ahead):
        class FirstAttemptLanded(Wire):
            def write(self, name: str, kind: Away, effect: Callable[[], object]):
                if name == "put checkpoint":
                    effect()  # the SDK's first attempt, whose answer was lost; the second finds its condition gone
                return effect()

        assert desk(ahead, FirstAttemptLanded()).run() == 10
        assert len(ahead.latest[LOG]) == 2

    def test_one_that_is_overtaken_again_and_again_gives_up_for_now(self, ahead):
        class Always(Wire):
            """Another publishes a larger tree just before, and commits to one that is larger still."""

            def write(self, name: str, kind: Away, effect: Callable[[], object]):
                if name == "put checkpoint":
                    until_settled(process(ahead), [put_record(ahead, 1000 + len(ahead.wal))])
                    process(ahead, Without("sign")).run([put_record(ahead, 1000 + len(ahead.wal))])
                return effect()

        with pytest.raises(EvidenceUnavailable):
            desk(ahead, Always()).run()
        assert desk(ahead).run() == ahead.heads[LOG].size
        check_log(ahead, LOG, ORIGIN)


class TestKeys:
    def test_during_the_overlap_both_keys_sign(self, ahead):
        assert desk(ahead, seeds=(2, 1)).run() == 10
        note = parse_note(ahead.latest[LOG][-1])
        both = [log_key(ORIGIN, seed).verifier for seed in (2, 1)]
        assert verify_note(note, both) == both

    def test_a_rotation_goes_from_one_key_over_both_to_the_other(self, store):
        for seeds in ((2, 1), (2,)):
            sequencer = process(store, seeds=seeds)
            until_settled(sequencer, [put_record(store, 300 + seeds[-1])])
        assert latest(store, 2).size == 9
        with pytest.raises(IntegrityError):
            latest(store, 1)
        check_log(store, LOG, ORIGIN, *(verifier_key(ORIGIN, log_key(ORIGIN, seed).public) for seed in (1, 2)))

    def test_without_an_overlap_the_new_key_does_not_build_on_what_it_cannot_check(self, ahead):
        with pytest.raises(IntegrityError) as refused:
            desk(ahead, seeds=(2,)).run()
        assert refused.value.code == "evidence.signature"

    def test_a_copy_that_one_key_signed_first_is_published_as_it_stands(self, ahead):
        # An environment of the old configuration died between the copy and the checkpoint.
        head = ahead.heads[LOG]
        first = signed(Checkpoint(ORIGIN, head.size, head.root), KEY)
        ahead.objects[LOG, "checkpoints/10"] = first
        assert desk(ahead, seeds=(2, 1)).run() == 10
        assert ahead.latest[LOG][-1] == first

    @pytest.mark.parametrize(
        "spoil",
        [
            pytest.param(lambda _, message: bytes(64), id="zeros"),
            pytest.param(lambda _, message: b"", id="nothing"),
            pytest.param(lambda key, message: key.private.sign(message + b"x"), id="of another message"),
            pytest.param(lambda _, message: log_key(ORIGIN, 9).private.sign(message), id="of another key"),
        ],
    )
    def test_a_signature_that_does_not_hold_is_not_published(self, ahead, monkeypatch, spoil):
        monkeypatch.setattr(MemorySigner, "sign", lambda self, message: spoil(KEY, message))
        before = dict(ahead.objects)
        with pytest.raises(IntegrityError) as refused:
            desk(ahead).run()
        assert refused.value.code == "evidence.signature"
        assert (ahead.objects, latest(ahead).size) == (before, 7)

    def test_while_one_of_two_keys_is_away_nothing_is_published(self, ahead):
        trap = Trap()
        desk(ahead.copy(), trap, seeds=(1, 2)).run()
        second = trap.writes.index("sign") + 1
        with pytest.raises(EvidenceUnavailable):
            desk(ahead, Trap(second, act=fail), seeds=(1, 2)).run()
        assert latest(ahead).size == 7


def test_the_signed_text_is_origin_size_and_root_and_nothing_else(ahead):
    desk(ahead).run()
    head = ahead.heads[LOG]
    text = format_checkpoint(Checkpoint(ORIGIN, 10, head.root))
    assert ahead.latest[LOG][-1].decode().startswith(f"{text}\n— {ORIGIN} ")
    assert ahead.latest[LOG][-1].count("—".encode()) == 1
    assert etag_of(ahead.latest[LOG][-1]) != etag_of(ahead.latest[LOG][0])
