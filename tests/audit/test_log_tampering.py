"""One change to a good log of two epochs, one reason to refuse it: the step is named, and the place.

Three sorts of attacker. Who has the bucket, or the copy, changes objects and makes the listing agree. Who owns the
signing key too makes the tree anew and signs it. What such an owner can hide from everybody who kept nothing is in
the last table: it is shown to hold without an anchor, and to be found with one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from postern.audit.findings import Bounds, Step
from postern.audit.keys import log_key, parse_record_key, record_key
from postern.audit.records import RecordType
from postern.audit.verify import Cosigned, Options, Report, verify
from postern.services.stage import Stage, format_stage, parse_stage
from postern.tlog.bundles import format_bundle, parse_bundle
from postern.tlog.checkpoints import Checkpoint, format_checkpoint, parse_checkpoint
from postern.tlog.cosignatures import cosign
from postern.tlog.hashing import Hash
from postern.tlog.notes import COSIGNATURE, format_note, parse_note, verifier_key
from postern.types import CommandId
from tests.support.audit import BASE_US, DAY_US, Copy, Json, Story
from tests.support.good_log import (
    FIRST_KEY,
    NEW,
    NEW_ORIGIN,
    NEW_UNTIL_US,
    NOW_US,
    OLD,
    OLD_KEY,
    SECOND_KEY,
    Batch,
    GoodLog,
    add_entry,
    checkpoints,
    drop_entry,
    good,
    good_copy,
    keys_of,
    put,
    rewrite,
    tree_of,
)
from tests.support.log_copy import log_key as signing_key
from tests.support.log_copy import signed

VKEYS = (OLD_KEY.verifier, FIRST_KEY.verifier, SECOND_KEY.verifier)
OPTIONS = Options(vkeys=VKEYS)
WITNESS = signing_key("witness.example", 9)
STRANGER = signing_key(NEW_ORIGIN, 7)
LATER_US = NOW_US + 3 * DAY_US

Tampering = Callable[[Copy], object]
Owning = Callable[[GoodLog], object]


def check(copy: Copy, options: Options = OPTIONS, now_us: int = NOW_US) -> Report:
    return verify(copy, Bounds(), now_us=now_us, options=options)


def at(path: str, log: str = NEW) -> str:
    return log_key(log, path)


def stage_of(copy: Copy) -> str:
    """The stage of the third batch."""
    return next(key for key in copy.objects if key.startswith(f"log/{NEW}/stage/101-"))


def wal(copy: Copy, **members: object) -> str:
    """The last record of the new epoch that has these members."""
    found = ""
    for key, data in copy.objects.items():
        if key.startswith(f"wal/v1/{NEW}/") and data.startswith(b"{"):
            record = json.loads(data)
            if all(record.get(name) == value for name, value in members.items()):
                found = key
    assert found, members
    return found


def last_outcome(copy: Copy) -> str:
    """An outcome that is the last of its chain, and in the tree."""
    return wal(copy, type="outcome", kind="statement", status="ok")


# Ways to change a copy.


def flipped(key: Callable[[Copy], str] | str, *, listed: bool = True, byte: int = -2) -> Tampering:
    """One bit of an object; the listing made to agree, or not."""

    def tamper(copy: Copy) -> None:
        name = key if isinstance(key, str) else key(copy)
        data = bytearray(copy.objects[name])
        data[byte] ^= 0x01
        change(name, lambda _: bytes(data), listed=listed)(copy)

    return tamper


def change(key: Callable[[Copy], str] | str, to: Callable[[bytes], bytes], *, listed: bool = True) -> Tampering:
    def tamper(copy: Copy) -> None:
        name = key if isinstance(key, str) else key(copy)
        data = to(copy.objects[name])
        assert data != copy.objects[name], "nothing was changed"
        if listed:
            newest = next(row for row in copy.rows if row["key"] == name)
            newest.update(row_of(name, data))
        copy.objects[name] = data

    return tamper


def row_of(key: str, data: bytes) -> Json:
    copy = Copy({}, [])
    put(copy, key, data, BASE_US, NEW_UNTIL_US)
    return {name: copy.rows[0][name] for name in ("size", "sha256")}


def without(*keys: Callable[[Copy], str] | str) -> Tampering:
    def tamper(copy: Copy) -> None:
        names = {key if isinstance(key, str) else key(copy) for key in keys}
        for name in names:
            del copy.objects[name]
        copy.rows = [row for row in copy.rows if row["key"] not in names]

    return tamper


def added(key: str, data: bytes | Callable[[Copy], bytes]) -> Tampering:
    def tamper(copy: Copy) -> None:
        put(copy, key, data if isinstance(data, bytes) else data(copy), BASE_US + 300_000_000, NEW_UNTIL_US)
        copy.rows.sort(key=lambda row: str(row["key"]).encode())

    return tamper


def swapped(one: str, other: str) -> Tampering:
    def tamper(copy: Copy) -> None:
        first, second = copy.objects[one], copy.objects[other]
        change(one, lambda _: second)(copy)
        change(other, lambda _: first)(copy)

    return tamper


def row(key: Callable[[Copy], str] | str, **members: object) -> Tampering:
    """Another line for an object, of its newest version."""

    def tamper(copy: Copy) -> None:
        name = key if isinstance(key, str) else key(copy)
        next(row for row in copy.rows if row["key"] == name).update(members)

    return tamper


def older_row(key: str, **members: object) -> Tampering:
    """Another line for the oldest version of an object."""
    return lambda copy: [row for row in copy.rows if row["key"] == key][-1].update(members)


def second_version(key: Callable[[Copy], str] | str, **members: object) -> Tampering:
    def tamper(copy: Copy) -> None:
        name = key if isinstance(key, str) else key(copy)
        old = next(row for row in copy.rows if row["key"] == name)
        copy.rows.insert(copy.rows.index(old), {**old, "version_id": "newer", **members})
        old["is_latest"] = False

    return tamper


def delete_marker(key: Callable[[Copy], str] | str) -> Tampering:
    nothing = {"size": None, "sha256": None, "retain_until": None, "mode": None, "delete_marker": True}
    return second_version(key, **nothing)


def entries_of(data: bytes, width: int, to: Callable[[list[bytes]], list[bytes]]) -> bytes:
    return format_bundle(to(parse_bundle(data, width)))


def resign(copy: Copy, size: int, *keys: object, **members: object) -> bytes:
    """The published checkpoint of a size with other members, signed anew."""
    text = parse_note(copy.objects[at(f"checkpoints/{size}")]).text
    return signed(replace(parse_checkpoint(text), **members), *keys)  # type: ignore[arg-type]


def republish(size: int, *keys: object, **members: object) -> Tampering:
    return lambda copy: change(at(f"checkpoints/{size}"), lambda _: resign(copy, size, *keys, **members))(copy)


def leading_zero(copy: Copy) -> None:
    """`0286` in a signed text."""
    text = parse_note(copy.objects[at("checkpoints/286")]).text.replace("\n286\n", "\n0286\n")
    note = format_note(text, [SECOND_KEY.sign(text)])
    change(at("checkpoints/286"), lambda _: note)(copy)


def all_signed_by(key: object) -> Tampering:
    def tamper(copy: Copy) -> None:
        for size in checkpoints(copy, NEW):
            republish(size, key)(copy)
        change(at("checkpoint"), lambda _: copy.objects[at("checkpoints/286")])(copy)

    return tamper


def broken_second_signature(copy: Copy) -> None:
    """Of two signatures over a checkpoint the second one does not hold."""
    text = parse_note(copy.objects[at("checkpoints/263")]).text
    first, second = FIRST_KEY.sign(text), SECOND_KEY.sign(text)
    broken = replace(second, signature=second.signature[:-1] + bytes([second.signature[-1] ^ 1]))
    change(at("checkpoints/263"), lambda _: format_note(text, [first, broken]))(copy)


def moved_back(copy: Copy) -> None:
    """`checkpoint` was replaced by an earlier one; the later ones are still there."""
    earlier = copy.objects[at("checkpoints/200")]
    second_version(at("checkpoint"), **row_of(at("checkpoint"), earlier))(copy)
    copy.objects[at("checkpoint")] = earlier


def extra_entry(copy: Copy) -> None:
    """One more entry after the last, with a tile for it: only the signature is missing."""
    data = entries_of(copy.objects[at("tile/entries/001.p/30")], 30, lambda entries: [*entries, b"planted"])
    added(at("tile/entries/001.p/31"), data)(copy)


def restaged(to: Callable[[Stage], Stage]) -> Tampering:
    return lambda copy: change(stage_of, lambda data: format_stage(to(parse_stage(data))))(copy)


def settled_as(status: str, earlier: str) -> Tampering:
    def tamper(copy: Copy) -> None:
        key = wal(copy, type="settled", status=earlier)
        change(key, lambda data: data.replace(f'"status":"{earlier}"'.encode(), f'"status":"{status}"'.encode()))(copy)

    return tamper


def settled_after_rolled_back(copy: Copy) -> None:
    """A settlement `committed` for a write whose outcome says that it was rolled back."""
    key = wal(copy, type="outcome", status="rolled_back")
    record = json.loads(copy.objects[key])
    sha256 = next(row["sha256"] for row in copy.rows if row["key"] == key)
    record.update(type="settled", outcome=sha256, status="committed", writer={"env": "0" * 32, "n": 0, "prev": None})
    stored = str(next(row["last_modified"] for row in copy.rows if row["key"] == key))
    new_key = key.replace("2-outcome", "3-settled")
    added(new_key, json.dumps(record, sort_keys=True, separators=(",", ":")).encode())(copy)
    row(new_key, last_modified=stored)(copy)


def tail_of_a_chain(copy: Copy) -> list[str]:
    """The last ten records of the environment that ran the most statements, which are in the tree."""
    chains: dict[str, list[tuple[int, str]]] = {}
    for key, data in copy.objects.items():
        if key.startswith(f"wal/v1/{NEW}/") and data.startswith(b"{"):
            writer = json.loads(data)["writer"]
            chains.setdefault(writer["env"], []).append((writer["n"], key))
    longest = max(chains.values(), key=len)
    return [key for _, key in sorted(longest)[-10:]]


def cut_chain(copy: Copy) -> None:
    without(*tail_of_a_chain(copy))(copy)


BUNDLE, LAST_BUNDLE = at("tile/entries/000"), at("tile/entries/001.p/30")
TILE, LAST_TILE, TOP_TILE = at("tile/0/000"), at("tile/0/001.p/30"), at("tile/1/000.p/1")
LATEST, MIDDLE, BLOB = at("checkpoint"), at("checkpoints/101"), "blob"


def blob(copy: Copy) -> str:
    return next(key for key in copy.objects if key.startswith("blob/"))


def an_intent(copy: Copy) -> str:
    return wal(copy, type="intent", kind="provision")


def any_settled(copy: Copy) -> str:
    return wal(copy, type="settled", status="unknown")


def an_event(copy: Copy) -> str:
    return wal(copy, type="event", kind="refusal")


def opaque(copy: Copy) -> str:
    return next(key for key, data in copy.objects.items() if data == b"\xffno record")


def too_long(copy: Copy) -> str:
    return next(key for key, data in copy.objects.items() if len(data) == 70_000)


KINDS = {
    "intent": an_intent,
    "outcome": last_outcome,
    "settlement": any_settled,
    "event": an_event,
    "blob": blob,
    "opaque object": opaque,
    "bundle": BUNDLE,
    "partial bundle": LAST_BUNDLE,
    "tile": TILE,
    "partial tile": LAST_TILE,
    "higher tile": TOP_TILE,
    "checkpoint": MIDDLE,
    "latest checkpoint": LATEST,
    "stage": stage_of,
}


def unsequenced(copy: Copy) -> str:
    """The outcome of the last teardown, which no checkpoint covers yet."""
    return wal(copy, type="outcome", kind="teardown")


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


# Ways of who signs: the tree is made anew over what was changed.


def edited(change: Callable[[str, Json], Json | None], *, old: bool = False) -> Owning:
    """Records changed or dropped, with every digest after them."""
    return lambda log: rewrite(log.old if old else log.new, change)


def only(key_ends: Callable[[Json], bool], **members: object) -> Callable[[str, Json], Json | None]:
    """Changes the members of the records that are meant; drops them where none are given."""

    def change(_: str, record: Json) -> Json | None:
        if not key_ends(record):
            return record
        return {**record, **members} if members else None

    return change


def is_event(kind: str) -> Callable[[Json], bool]:
    return lambda record: record["kind"] == kind and record["type"] == "event"


def statements(log: GoodLog, type_: RecordType) -> list[str]:
    return [
        key
        for key in keys_of(log.new, type_)
        if log.new.objects[key].startswith(b"{") and b'"kind":"statement"' in log.new.objects[key]
    ]


def twice(log: GoodLog) -> None:
    add_entry(log.new, log.new.order[8], 30)


def left_out(log: GoodLog) -> None:
    """An object whose record never came into the tree."""
    drop_entry(log.new, statements(log, RecordType.OUTCOME)[-1])


def never_quarantined(log: GoodLog) -> None:
    rewrite(log.new, only(is_event("quarantine")))


def quarantined_another(log: GoodLog) -> None:
    rewrite(log.new, only(is_event("quarantine"), sha256="1" * 64))


def back_dated(log: GoodLog) -> None:
    """A record written now, at the tree's end, with the id, the time and the line of two days ago."""
    second = -2 * 86_400
    id_ = Story().id_at(second)
    record = json.loads(log.new.objects[statements(log, RecordType.INTENT)[0]])
    time = "2026-11-20T10:00:00.000000Z"
    record.update(id=id_, time=time, type="event", writer={"env": "0" * 32, "n": 0, "prev": None})
    key = record_key(NEW, RecordType.EVENT, id_)
    log.new.objects[key] = json.dumps(record, sort_keys=True, separators=(",", ":")).encode()
    add_entry(log.new, key, len(log.new.order))


def in_both_logs(log: GoodLog) -> None:
    """The id of a record of the old log, used again in the new one."""
    id_ = parse_record_key(log.old.order[1]).id
    record = json.loads(log.old.objects[log.old.order[1]])
    record.update(log=NEW, writer={"env": "0" * 32, "n": 0, "prev": None})
    key = record_key(NEW, RecordType.EVENT, CommandId(id_))
    log.new.objects[key] = json.dumps(record, sort_keys=True, separators=(",", ":")).encode()
    add_entry(log.new, key, 5)


def other_first(log: GoodLog) -> None:
    log.new.order[0], log.new.order[1] = log.new.order[1], log.new.order[0]


def after_the_end(log: GoodLog) -> None:
    log.old.order[-1], log.old.order[-2] = log.old.order[-2], log.old.order[-1]


def closed_earlier(log: GoodLog) -> None:
    """The new epoch holds a checkpoint of the old one that was not the last."""
    note = signed(Checkpoint(f"postern.shop/{OLD}", 3, tree_of(log.old)[0].root), OLD_KEY).decode()
    change_previous(log, checkpoint=note)


def closed_otherwise(log: GoodLog) -> None:
    """The new epoch holds a closing checkpoint, of the right size and signed, of another history."""
    note = signed(Checkpoint(f"postern.shop/{OLD}", tree_of(log.old)[-1].size, Hash(bytes(32))), OLD_KEY).decode()
    change_previous(log, checkpoint=note)


def closed_by_nobody(log: GoodLog) -> None:
    head = tree_of(log.old)[-1]
    text = format_checkpoint(Checkpoint(f"postern.shop/{OLD}", head.size, head.root))
    change_previous(log, checkpoint=format_note(text, [signing_key(f"postern.shop/{OLD}", 8).sign(text)]).decode())


def change_previous(log: GoodLog, **members: object) -> None:
    def to(_: str, record: Json) -> Json:
        if record["kind"] != "epoch_start":
            return record
        previous = record["previous"]
        assert isinstance(previous, dict)
        return {**record, "previous": {**previous, **members}}

    rewrite(log.new, to)


def beyond(copy: Copy) -> None:
    note = signed(Checkpoint(NEW_ORIGIN, 400, Hash(bytes(32))), SECOND_KEY)
    added(at("checkpoints/400"), note)(copy)


def forked(copy: Copy) -> None:
    """A checkpoint of another history, under the log's own key."""
    republish(101, FIRST_KEY, root=Hash(bytes(32)))(copy)
    older = [row for row in copy.rows if row["key"] == LATEST][4]
    older.update(row_of(LATEST, copy.objects[MIDDLE]))


OWNER: list[tuple[str, Owning, Step, str]] = [
    ("an entry twice", twice, Step.ENTRY, "each record once, got one that is there twice"),
    ("an object left out of the tree", left_out, Step.ENTRY, "it under a checkpoint, or a quarantine of it"),
    (
        "an outcome dropped from the middle of a chain",
        lambda log: drop_all(log, statements(log, RecordType.OUTCOME)[3]),
        Step.CHAIN,
        "a record at",
    ),
    ("an object never quarantined", never_quarantined, Step.ENTRY, "or a quarantine of it, got neither"),
    ("another object quarantined", quarantined_another, Step.ENTRY, "quarantined object's SHA-256"),
    ("a back-dated record", back_dated, Step.ORDER, "when a checkpoint did not cover it"),
    ("an id in two logs", in_both_logs, Step.ORDER, "in prod-2025 and prod-2026"),
    ("another first entry", other_first, Step.EPOCH, "first entry: expected an epoch_start"),
    (
        "no first entry",
        lambda log: rewrite(log.new, only(is_event("epoch_start"))),
        Step.EPOCH,
        "first entry: expected an epoch_start",
    ),
    (
        "another origin",
        edited(only(is_event("epoch_start"), origin="postern.evil/prod-2026")),
        Step.EPOCH,
        "origin: expected postern.shop",
    ),
    (
        "keys that are not named",
        edited(lambda _, record: {**record, "vkeys": []} if "vkeys" in record else record),
        Step.EPOCH,
        "keys that the log names",
    ),
    (
        "a shorter promise of locks kept longer",
        edited(only(is_event("epoch_start"), retain_until="2031-01-01T00:00:00.000000Z")),
        Step.LOCK,
        "2031-01-01",
    ),
    ("entries after the end", after_the_end, Step.EPOCH, "epoch_end: expected the log's last entry, 12, got entry 11"),
    (
        "an epoch that nobody ended",
        edited(only(is_event("epoch_end")), old=True),
        Step.EPOCH,
        "an epoch_end that names prod-2026",
    ),
    (
        "an epoch that another follows",
        edited(only(is_event("epoch_end"), next=OLD), old=True),
        Step.EPOCH,
        "an epoch_end that names prod-2026",
    ),
    (
        "an epoch without the one before",
        edited(only(is_event("epoch_start"), previous=None)),
        Step.EPOCH,
        "previous log: expected prod-2025",
    ),
    (
        "an earlier closing checkpoint",
        closed_earlier,
        Step.EPOCH,
        "the closing checkpoint, of 13 entries, got one of 3",
    ),
    ("another closing checkpoint", closed_otherwise, Step.KEPT, "another history"),
    ("a closing checkpoint that nobody signed", closed_by_nobody, Step.EPOCH, "previous log's checkpoint"),
]


def drop_all(log: GoodLog, key: str) -> None:
    drop_entry(log.new, key)
    del log.new.objects[key]


@pytest.mark.parametrize(
    ("tamper", "step", "says"), [case[1:] for case in OWNER], ids=[case[0].replace(" ", "-") for case in OWNER]
)
def test_finds_what_the_owner_of_the_key_did(tamper: Owning, step: Step, says: str) -> None:
    log = good(small=True)
    tamper(log)

    report = check(log.lay_down(), now_us=LATER_US)

    found = [finding for finding in report.findings if finding.step is step and says in str(finding)]
    assert found, [str(finding) for finding in report.findings]


@pytest.mark.parametrize(
    ("tamper", "says"),
    [
        pytest.param(
            beyond, "checkpoints/400: entries: expected 400, got 286 that can be read", id="more than there is"
        ),
        pytest.param(forked, "checkpoints/101: root", id="another history at that size"),
    ],
)
def test_finds_a_checkpoint_signed_over_something_else(tamper: Tampering, says: str) -> None:
    copy = good_copy()
    tamper(copy)

    (finding,) = [finding for finding in check(copy).findings if finding.step is Step.ROOT]
    assert says in str(finding)


def small_copy() -> Copy:
    return good(small=True).lay_down()


# What the owner of the key can hide from who kept nothing.


def rolled_back(log: GoodLog) -> None:
    """Everything after the sixth batch is gone, as if it had never been."""
    log.new.batches = log.new.batches[:6]
    kept = sum(batch.entries for batch in log.new.batches)
    log.new.order = log.new.order[:kept]
    log.new.objects = {key: data for key, data in log.new.objects.items() if key in log.new.order}
    log.new.left_stage = False


def last_outcome_dropped(log: GoodLog) -> None:
    drop_all(log, statements(log, RecordType.OUTCOME)[-1])


def settlement_turned(log: GoodLog) -> None:
    rewrite(
        log.new,
        only(lambda record: record["type"] == "settled" and record["status"] == "rolled_back", status="committed"),
    )


def statement_rewritten(log: GoodLog) -> None:
    rewrite(
        log.new,
        only(
            lambda record: record["type"] == "intent" and record["statement"] == {"text": "select 5"},
            statement={"text": "select 6"},
        ),
    )


def environment_dropped(log: GoodLog) -> None:
    """Nothing is left of what one environment wrote."""
    rewrite(log.new, lambda _, record: None if record["code"] == {"function": "tasks", "version": "0.1.0"} else record)


def signed_by_another(log: GoodLog) -> None:
    """Another history from the first entry on, under the same key."""
    rewrite(log.new, only(lambda record: record["type"] == "intent", purpose="harmless"))


def in_one_batch(log: GoodLog) -> None:
    """The same entries in another order."""
    log.new.order[3:30] = sorted(log.new.order[3:30])
    log.new.batches = [Batch(len(log.new.order), (FIRST_KEY,))]


HIDDEN: list[tuple[str, Owning, str]] = [
    (
        "a rollback to a smaller signed tree",
        rolled_back,
        "44 entries under a checkpoint, got 23: the log was rolled back",
    ),
    ("the last record of a chain dropped", last_outcome_dropped, "rolled back"),
    ("a rolled-back write settled as committed", settlement_turned, "another history"),
    ("a statement rewritten", statement_rewritten, "another history"),
    ("an environment dropped", environment_dropped, "rolled back"),
    ("history written anew", signed_by_another, "another history"),
    ("the same entries in another order", in_one_batch, "another history"),
]


def kept() -> Options:
    return Options(vkeys=VKEYS, kept=(small_copy().objects[LATEST],))


def cosigned() -> Options:
    return Options(vkeys=VKEYS, cosigned=(Cosigned(cosigned_note(), (witness_key(),)),))


def witness_key() -> object:
    return verifier_key(WITNESS.name, WITNESS.public, COSIGNATURE)


def cosigned_note() -> bytes:
    note = parse_note(small_copy().objects[LATEST])
    line = cosign(note.text, WITNESS.name, WITNESS.public, 1_795_350_000, WITNESS.private.sign)
    return format_note(note.text, [*note.signatures, line])


@pytest.mark.parametrize(
    ("tamper", "says"), [case[1:] for case in HIDDEN], ids=[case[0].replace(" ", "-") for case in HIDDEN]
)
def test_what_only_an_anchor_shows(tamper: Owning, says: str) -> None:
    log = good(small=True)
    tamper(log)
    copy = log.lay_down()

    without_anchor, with_kept, with_witness = (check(copy, options) for options in (OPTIONS, kept(), cosigned()))

    assert [str(finding) for finding in without_anchor.findings] == []
    for report in (with_kept, with_witness):
        assert [(finding.step, says in str(finding)) for finding in report.findings] == [(Step.KEPT, True)]


@pytest.mark.parametrize("options", [kept, cosigned])
def test_the_good_log_holds_with_an_anchor(options: Callable[[], Options]) -> None:
    assert [str(finding) for finding in check(small_copy(), options()).findings] == []


def bad_anchors() -> Iterator[object]:
    note = cosigned_note()
    latest = small_copy().objects[LATEST]
    other = verifier_key("other.example", STRANGER.public, COSIGNATURE)
    text = parse_note(latest).text
    broken = parse_note(note).signatures[-1]
    broken = replace(broken, signature=broken.signature[:-1] + b"\x00")
    yield pytest.param(
        Options(VKEYS, cosigned=(Cosigned(latest, (witness_key(),)),)),
        Step.WITNESS,
        "one of witness.example, got none",
        id="nobody cosigned",
    )  # type: ignore[arg-type]
    yield pytest.param(
        Options(VKEYS, cosigned=(Cosigned(note, (witness_key(), other)),)),
        Step.WITNESS,
        "one of other.example",
        id="one of two did",
    )  # type: ignore[arg-type]
    yield pytest.param(
        Options(
            VKEYS, cosigned=(Cosigned(format_note(text, [*parse_note(latest).signatures, broken]), (witness_key(),)),)
        ),
        Step.WITNESS,
        "one that holds",
        id="a cosignature that does not hold",
    )  # type: ignore[arg-type]
    yield pytest.param(
        Options(VKEYS, kept=(b"nothing",)), Step.KEPT, "one of its form", id="a kept file that is no checkpoint"
    )
    yield pytest.param(
        Options(VKEYS, kept=(signed(Checkpoint(NEW_ORIGIN, 286, Hash(bytes(32))), STRANGER),)),
        Step.KEPT,
        "signature of",
        id="a kept checkpoint that the log did not sign",
    )
    yield pytest.param(
        Options(
            VKEYS, kept=(signed(Checkpoint("postern.shop/gone", 5, Hash(bytes(32))), signing_key("postern.shop/gone")),)
        ),
        Step.KEPT,
        "nothing of it in the copy",
        id="a kept checkpoint of a log that is gone",
    )


@pytest.mark.parametrize(("options", "step", "says"), list(bad_anchors()))
def test_an_anchor_that_does_not_hold_is_refused(options: Options, step: Step, says: str) -> None:
    report = check(small_copy(), options)

    assert [finding.step for finding in report.findings] == [step]
    assert says in str(report.first)
