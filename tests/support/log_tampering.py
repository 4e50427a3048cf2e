"""Ways to change a good log's copy, or the good log before it is laid down, and what checks the result."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

from postern.audit.findings import Bounds
from postern.audit.keys import log_key
from postern.audit.records import RecordType
from postern.audit.verify import Options, Report, verify
from postern.services.stage import Stage, format_stage, parse_stage
from postern.tlog.bundles import format_bundle, parse_bundle
from postern.tlog.checkpoints import Checkpoint, parse_checkpoint
from postern.tlog.hashing import Hash
from postern.tlog.notes import format_note, parse_note
from tests.support.audit import BASE_US, DAY_US, Copy, Json
from tests.support.good_log import (
    FIRST_KEY,
    NEW,
    NEW_ORIGIN,
    NEW_UNTIL_US,
    NOW_US,
    OLD_KEY,
    SECOND_KEY,
    GoodLog,
    checkpoints,
    drop_entry,
    good,
    keys_of,
    put,
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


def small_copy() -> Copy:
    return good(small=True).lay_down()


def beyond(copy: Copy) -> None:
    note = signed(Checkpoint(NEW_ORIGIN, 400, Hash(bytes(32))), SECOND_KEY)
    added(at("checkpoints/400"), note)(copy)


def forked(copy: Copy) -> None:
    """A checkpoint of another history, under the log's own key."""
    republish(101, FIRST_KEY, root=Hash(bytes(32)))(copy)
    older = [row for row in copy.rows if row["key"] == LATEST][4]
    older.update(row_of(LATEST, copy.objects[MIDDLE]))


def only(key_ends: Callable[[Json], bool], **members: object) -> Callable[[str, Json], Json | None]:
    """Changes the members of the records that are meant; drops them where none are given."""

    def change(_: str, record: Json) -> Json | None:
        if not key_ends(record):
            return record
        return {**record, **members} if members else None

    return change


def statements(log: GoodLog, type_: RecordType) -> list[str]:
    return [
        key
        for key in keys_of(log.new, type_)
        if log.new.objects[key].startswith(b"{") and b'"kind":"statement"' in log.new.objects[key]
    ]


def drop_all(log: GoodLog, key: str) -> None:
    drop_entry(log.new, key)
    del log.new.objects[key]
