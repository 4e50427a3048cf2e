"""One change to a good log of two epochs, one reason to refuse it: the step is named, and the place.

Three sorts of attacker. Who has the bucket, or the copy, changes objects and makes the listing agree: here. Who owns
the signing key too makes the tree anew and signs it: `test_log_owner`. What such an owner can hide from everybody who
kept nothing is shown to hold without an anchor, and to be found with one: `test_log_anchors`.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from postern.audit.findings import Step
from postern.tlog.hashing import Hash
from tests.support.good_log import (
    FIRST_KEY,
    NEW,
    OLD,
    checkpoints,
    good_copy,
)
from tests.support.log_copy import log_key as signing_key
from tests.support.log_tampering import (
    BUNDLE,
    KINDS,
    LAST_BUNDLE,
    LAST_TILE,
    LATEST,
    MIDDLE,
    STRANGER,
    TILE,
    TOP_TILE,
    WITNESS,
    Tampering,
    added,
    all_signed_by,
    an_intent,
    at,
    blob,
    broken_second_signature,
    change,
    check,
    cut_chain,
    delete_marker,
    entries_of,
    extra_entry,
    flipped,
    last_outcome,
    leading_zero,
    moved_back,
    older_row,
    opaque,
    republish,
    restaged,
    row,
    second_version,
    settled_after_rolled_back,
    settled_as,
    stage_of,
    swapped,
    too_long,
    unsequenced,
    wal,
    without,
)

BUCKET: list[tuple[str, Tampering, Step, str]] = [
    # Bytes that the listing does not have, in each kind of object.
    *((f"a flipped bit in {kind}", flipped(key, listed=False), Step.BYTES, "SHA-256") for kind, key in KINDS.items()),
    # The same, with a listing that agrees.
    ("a bundle's entry changed", flipped(BUNDLE), Step.TREE, "tile/0/000: hash 255"),
    ("the last bundle's entry changed", flipped(LAST_BUNDLE), Step.TREE, "tile/0/001.p/30: hash 29"),
    (
        "a narrower bundle changed",
        flipped(at("tile/entries/000.p/101")),
        Step.TREE,
        "p/101: bundle: expected the first",
    ),
    ("a tile changed", flipped(TILE, byte=17 * 32), Step.TREE, "tile/0/000: hash 17"),
    ("a partial tile changed", flipped(at("tile/0/000.p/41"), byte=0), Step.TREE, "tile/0/000.p/41: hash 0"),
    ("a higher tile changed", flipped(TOP_TILE), Step.TREE, "tile/1/000.p/1: hash 0"),
    ("a checkpoint changed", flipped(MIDDLE, byte=-10), Step.CHECKPOINT, "checkpoints/101: checkpoint"),
    ("a checkpoint's root changed", flipped(MIDDLE, byte=40), Step.CHECKPOINT, "signature"),
    ("the latest checkpoint changed", flipped(LATEST, byte=-10), Step.CHECKPOINT, f"log/{NEW}/checkpoint"),
    ("a stage's entry changed", flipped(stage_of), Step.STAGE, "those that the log has there"),
    (
        "a record changed",
        change(last_outcome, lambda data: data.replace(b'"rows":3', b'"rows":4')),
        Step.ENTRY,
        "wal/v1",
    ),
    ("a blob changed", flipped(blob), Step.COMMAND, "blob/prod-2026"),
    ("an opaque object changed", flipped(opaque), Step.ENTRY, "one with its bytes, got none"),
    # Missing.
    ("a bundle missing", without(BUNDLE), Step.TREE, "one of the"),
    ("the last bundle missing", without(LAST_BUNDLE), Step.TREE, "tile/0/001.p/30: tile: expected one over the"),
    ("a tile missing", without(TILE), Step.TREE, "tile/0/000: tile: expected 256 hashes, got no such object"),
    ("the last tile missing", without(LAST_TILE), Step.TREE, "tile/0/001.p/30: tile: expected what the tree of 286"),
    ("the top tile missing", without(TOP_TILE), Step.TREE, "tile/1/000.p/1: tile: expected what the tree of 256"),
    ("the latest checkpoint missing", without(LATEST), Step.CHECKPOINT, "checkpoint: expected one of postern.shop"),
    ("a checkpoint missing", without(MIDDLE), Step.CHECKPOINT, "the bytes of one under checkpoints/"),
    (
        "all checkpoints missing",
        lambda copy: without(LATEST, *(at(f"checkpoints/{size}") for size in checkpoints(copy, NEW)))(copy),
        Step.CHECKPOINT,
        "got none",
    ),
    (
        "the whole signed log missing",
        lambda copy: without(*[key for key in copy.objects if key.startswith(f"log/{NEW}")])(copy),
        Step.FORM,
        "record",
    ),
    ("an outcome missing", without(last_outcome), Step.ENTRY, "2-outcome.json, got none"),
    (
        "an outcome missing inside a chain",
        without(lambda copy: wal(copy, type="outcome", status="too_large")),
        Step.CHAIN,
        "a record at",
    ),
    ("a blob missing", without(blob), Step.COMMAND, "no such object"),
    ("a writer's chain cut short", cut_chain, Step.ENTRY, "one with its bytes, wal/v1/prod-2026"),
    ("an opaque object missing", without(opaque), Step.ENTRY, "expected one with its bytes, got none"),
    ("a quarantined object missing", without(too_long), Step.ENTRY, "it under wal/ and not in the log, got no such"),
    ("an earlier partial tile missing", without(at("tile/0/000.p/41")), Step.TREE, "what the tree of 41 ends with"),
    ("an earlier partial bundle missing", without(at("tile/entries/000.p/41")), Step.TREE, "what the tree of 41 ends"),
    ("an unsequenced record spoilt", lambda copy: flipped(unsequenced, byte=0)(copy), Step.ENTRY, "got neither"),
    # Swapped.
    ("hashes swapped in a tile", change(TILE, lambda data: data[32:64] + data[:32] + data[64:]), Step.TREE, "hash 0"),
    (
        "entries swapped in a bundle",
        change(BUNDLE, lambda data: entries_of(data, 256, lambda all_: [*all_[:254], all_[255], all_[254]])),
        Step.TREE,
        "hash 254",
    ),
    (
        "bundles of two logs swapped",
        swapped(at("tile/entries/000.p/13", OLD), at("tile/entries/000.p/41")),
        Step.TREE,
        "bundle",
    ),
    (
        "checkpoints swapped",
        swapped(MIDDLE, at("checkpoints/200")),
        Step.CHECKPOINT,
        "size: expected 101, as its key says",
    ),
    ("a checkpoint of the other log", swapped(at("checkpoints/13", OLD), MIDDLE), Step.CHECKPOINT, "checkpoint"),
    ("records swapped", lambda copy: swapped(an_intent(copy), last_outcome(copy))(copy), Step.PLACE, "by its content"),
    # Too much.
    ("an extra entry", extra_entry, Step.ENTRY, "entry 286: object under wal/: expected one with its bytes, got none"),
    (
        "an extra entry in a full bundle",
        change(BUNDLE, lambda data: data + b"\x00\x01x"),
        Step.TREE,
        "exactly its entries",
    ),
    ("an entry cut off", change(BUNDLE, lambda data: data[:-1]), Step.TREE, "exactly its entries"),
    (
        "an entry fewer in a bundle",
        change(BUNDLE, lambda data: entries_of(data, 256, lambda all_: all_[:-1])),
        Step.TREE,
        "exactly its entries",
    ),
    ("extra bytes after a tile", change(TILE, lambda data: data + b"\x00"), Step.TREE, "8192 bytes, got more"),
    (
        "extra bytes after a partial tile",
        change(LAST_TILE, lambda data: data + bytes(32)),
        Step.TREE,
        "960 bytes, got 992",
    ),
    ("a tile cut short", change(LAST_TILE, lambda data: data[:-32]), Step.TREE, "960 bytes, got 928"),
    ("extra bytes after a checkpoint", change(MIDDLE, lambda data: data + b"\n"), Step.CHECKPOINT, "note"),
    ("extra bytes after a stage", change(stage_of, lambda data: data + b"\x00"), Step.STAGE, "a stage's form"),
    ("a tile past the end", added(at("tile/0/002.p/1"), bytes(32)), Step.TREE, "tile/0/002.p/1"),
    ("a level too many", added(at("tile/2/000.p/1"), bytes(32)), Step.TREE, "tile/2/000.p/1"),
    (
        "a bundle after a gap",
        added(at("tile/entries/003"), lambda copy: copy.objects[BUNDLE]),
        Step.TREE,
        "tile/entries/003",
    ),
    ("a partial bundle after a gap", added(at("tile/entries/004.p/1"), b"\x00\x00"), Step.TREE, "tile/entries/004.p/1"),
    (
        "a key with leading zeros",
        added(at("checkpoints/286").replace("286", "0286"), b""),
        Step.KEY,
        "checkpoints/0286",
    ),
    ("a tile's path with leading zeros", added(at("tile/0/001.p/3").replace("p/3", "p/03"), b""), Step.KEY, "p/03"),
    ("a level of two digits", added(at("tile/0/000").replace("tile/0", "tile/00"), b""), Step.KEY, "tile/00"),
    # Checkpoints without their key.
    ("a size with a leading zero", leading_zero, Step.CHECKPOINT, "checkpoints/286: checkpoint"),
    (
        "a foreign origin",
        republish(101, signing_key("postern.evil/prod-2026", 8), origin="postern.evil/prod-2026"),
        Step.CHECKPOINT,
        "expected a signature of",
    ),
    (
        "a foreign origin under our key",
        republish(101, FIRST_KEY, origin="postern.evil/prod-2026"),
        Step.CHECKPOINT,
        "origin",
    ),
    ("a replaced key", all_signed_by(STRANGER), Step.CHECKPOINT, "expected a signature of"),
    ("no signature of ours", republish(101, WITNESS), Step.CHECKPOINT, "expected a signature of"),
    ("one of two signatures broken", broken_second_signature, Step.CHECKPOINT, "checkpoints/263"),
    (
        "a version of checkpoint that was never published",
        second_version(LATEST, sha256="0" * 64, is_latest=True),
        Step.BYTES,
        "SHA-256",
    ),
    (
        "an older version of checkpoint that was never published",
        older_row(LATEST, sha256="0" * 64),
        Step.CHECKPOINT,
        "version 6",
    ),
    (
        "the checkpoint moved back",
        moved_back,
        Step.CHECKPOINT,
        "at least the 286 entries of the version before, got 200",
    ),
    # Versions.
    *(
        (f"a delete marker on {kind}", delete_marker(KINDS[kind]), Step.VERSION, "no delete marker")
        for kind in ("bundle", "tile", "checkpoint", "latest checkpoint", "event", "blob", "stage")
    ),
    *(
        (f"a second version of {kind}", second_version(KINDS[kind]), Step.VERSION, "exactly 1, got 2")
        for kind in ("bundle", "tile", "checkpoint", "event", "blob", "stage")
    ),
    (
        "an older version of checkpoint as the latest",
        older_row(LATEST, is_latest=True),
        Step.VERSION,
        "the latest first",
    ),
    # Locks.
    *(
        (
            f"a shortened lock on {kind}",
            row(KINDS[kind], retain_until="2027-03-01T00:00:00Z"),
            Step.LOCK,
            "retain until",
        )
        for kind in KINDS
    ),
    (
        "a shortened lock on an older checkpoint",
        older_row(LATEST, retain_until="2027-03-01T00:00:00Z"),
        Step.LOCK,
        "retain until",
    ),
    ("a lock that can be lifted", row(TILE, mode="GOVERNANCE"), Step.LOCK, "GOVERNANCE"),
    # Stages.
    ("a stage of another log", restaged(lambda stage: replace(stage, log=OLD)), Step.STAGE, f"of {OLD}"),
    (
        "a stage on another tree",
        restaged(lambda stage: replace(stage, root=Hash(bytes(32)))),
        Step.STAGE,
        "tree before it",
    ),
    (
        "a stage with an entry fewer",
        restaged(lambda stage: replace(stage, keys=stage.keys[1:], entries=stage.entries[1:])),
        Step.STAGE,
        "up to 101",
    ),
    (
        "a stage of another version",
        change(stage_of, lambda data: data.replace(b'"v":1', b'"v":2', 1)),
        Step.STAGE,
        "header of version 1",
    ),
    # Times.
    (
        "stored after the checkpoint over it",
        row(last_outcome, last_modified="2026-11-22T10:14:00Z"),
        Step.ORDER,
        "not after the checkpoint over it",
    ),
    # Settlements.
    (
        "a rolled-back write settled as committed",
        settled_as("committed", "rolled_back"),
        Step.CHAIN,
        "digest before it",
    ),
    (
        "a settlement of a write that was rolled back",
        settled_after_rolled_back,
        Step.COMMAND,
        "nothing after the rolled_back outcome, got settled",
    ),
    ("a settlement that says nothing known", settled_as("perhaps", "unknown"), Step.CHAIN, "a record at"),
]


@pytest.mark.parametrize(
    ("tamper", "step", "says"), [case[1:] for case in BUCKET], ids=[case[0].replace(" ", "-") for case in BUCKET]
)
def test_finds_what_was_done_to_the_bucket(tamper: Tampering, step: Step, says: str) -> None:
    copy = good_copy()
    tamper(copy)

    report = check(copy)

    assert report.first is not None, "the tampered log holds"
    assert (report.first.step, says in str(report.first)) == (step, True), report.first
