"""What a checkpoint is to the one before it, and what a witness signs."""

from __future__ import annotations

import pytest

from postern.errors import IntegrityError
from postern.tlog.checkpoints import Checkpoint
from postern.tlog.cosignatures import verify_cosignatures
from postern.tlog.notes import parse_note, verify_note
from postern.witness.watch import Behind, Follows, Forked, WatchedLog, cosigned, watch
from tests.support.log_copy import log_key, signed
from tests.support.witness import LOG, LOG_KEY, NOW_S, ORIGIN, WITNESS, grown, kept_of

REWRITTEN = {3: b"what was never there"}


@pytest.mark.parametrize(("size", "larger"), [(1, 2), (5, 9), (256, 257), (255, 600), (300, 300)])
def test_a_log_that_grows_is_followed(size: int, larger: int) -> None:
    log = grown(larger, batches=[size])
    seen = watch(LOG, kept_of(grown(size)), log["checkpoint"], log.__getitem__)
    assert isinstance(seen, Follows)
    assert (seen.checkpoint.size, seen.size_before) == (larger, size)


def test_a_log_that_was_never_seen_is_taken_at_its_word_once() -> None:
    log = grown(7)
    seen = watch(LOG, None, log["checkpoint"], log.__getitem__)
    assert isinstance(seen, Follows)
    assert seen.size_before is None


def test_a_smaller_tree_is_behind() -> None:
    log = grown(5)
    seen = watch(LOG, kept_of(grown(9)), log["checkpoint"], log.__getitem__)
    assert isinstance(seen, Behind)
    assert (seen.kept.checkpoint.size, seen.latest.size) == (9, 5)


def test_two_roots_of_one_size_are_a_certain_fork() -> None:
    log = grown(9, changed=REWRITTEN)
    seen = watch(LOG, kept_of(grown(9)), log["checkpoint"], log.__getitem__)
    assert isinstance(seen, Forked)
    assert seen.is_certain


def test_a_history_that_the_logs_own_key_rewrote_is_a_fork() -> None:
    """The new log is consistent with itself, to the last tile and checkpoint."""
    log = grown(600, changed=REWRITTEN, batches=[300])
    seen = watch(LOG, kept_of(grown(300)), log["checkpoint"], log.__getitem__)
    assert isinstance(seen, Forked)
    assert seen.is_certain, "the log's own checkpoint of that size has another root"


def test_a_rewritten_history_without_the_older_checkpoint_is_refused_and_not_called_certain() -> None:
    log = grown(600, changed=REWRITTEN)
    seen = watch(LOG, kept_of(grown(300)), log["checkpoint"], log.__getitem__)
    assert isinstance(seen, Forked)
    assert not seen.is_certain


def test_a_damaged_tile_is_no_certain_fork() -> None:
    log = grown(600, batches=[300])
    log["tile/0/001"] = bytes(32) + log["tile/0/001"][32:]
    seen = watch(LOG, kept_of(grown(300)), log["checkpoint"], log.__getitem__)
    assert isinstance(seen, Forked)
    assert not seen.is_certain


def test_a_tile_that_is_none_is_no_certain_fork() -> None:
    log = grown(600, batches=[300])
    log["tile/0/001"] = log["tile/0/001"][:-1]
    seen = watch(LOG, kept_of(grown(300)), log["checkpoint"], log.__getitem__)
    assert isinstance(seen, Forked)
    assert not seen.is_certain


def test_a_fork_is_certain_by_its_older_checkpoint_without_its_tiles() -> None:
    log = grown(600, changed=REWRITTEN, batches=[300])
    del log["tile/0/001"]
    seen = watch(LOG, kept_of(grown(300)), log["checkpoint"], log.__getitem__)
    assert isinstance(seen, Forked)
    assert seen.is_certain


@pytest.mark.parametrize(
    ("what", "note"),
    [
        ("another log's", grown(9, key=log_key("postern.shop/prod-2027"))["checkpoint"]),
        ("another key's under the log's name", grown(9, key=log_key(ORIGIN, seed=9))["checkpoint"]),
        ("no note", b"postern.shop/prod-2026\n9\n"),
        ("the log's key under another origin", signed(Checkpoint("postern.shop/prod-2027", 9, bytes(32)), LOG_KEY)),  # type: ignore[arg-type]
    ],
)
def test_what_the_log_did_not_sign_is_refused(what: str, note: bytes) -> None:
    log = grown(9)
    with pytest.raises(IntegrityError):
        watch(LOG, kept_of(grown(5)), note, log.__getitem__)


def test_a_tile_that_is_missing_is_no_verdict() -> None:
    log = grown(600, batches=[300])
    del log["tile/0/001"]
    with pytest.raises(KeyError):
        watch(LOG, kept_of(grown(300)), log["checkpoint"], log.__getitem__)


def test_a_signed_note_holds_under_both_keys() -> None:
    log = grown(9)
    kept = cosigned(WITNESS, log["checkpoint"], NOW_S)
    note = parse_note(kept.data)
    assert note.text == parse_note(log["checkpoint"]).text
    assert verify_note(note, LOG.vkeys) == list(LOG.vkeys)
    [witnessed] = verify_cosignatures(note, [WITNESS.vkey])
    assert (witnessed.time_s, kept.time_s) == (NOW_S, NOW_S)


def test_signing_again_replaces_the_witnesss_own_line_and_no_others() -> None:
    once = cosigned(WITNESS, grown(9)["checkpoint"], NOW_S)
    again = cosigned(WITNESS, once.data, NOW_S + 60)
    assert len(parse_note(again.data).signatures) == 2
    assert again.time_s == NOW_S + 60


def test_a_log_with_two_keys_is_followed_by_either() -> None:
    new = log_key(ORIGIN, seed=5)
    both = WatchedLog(ORIGIN, [LOG_KEY.verifier, new.verifier])
    log = grown(9, batches=[5], key=new)
    assert isinstance(watch(both, kept_of(grown(5)), log["checkpoint"], log.__getitem__), Follows)
