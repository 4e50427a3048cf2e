"""One change to a good log, one reason to refuse it: the verifier names the step and the place.

Where a change could be made to agree with the listing by somebody who owns the bucket or the copy, it is.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from postern.audit.canonical import canonical_bytes
from postern.audit.findings import Bounds, Step
from postern.audit.keys import record_key
from postern.audit.objects import MAX_OBJECT_BYTES
from postern.audit.records import RecordType
from postern.audit.verify import verify
from postern.types import CommandId
from tests.support.audit import BASE_US, Copy, Json, Story, good_log

NOW_US = BASE_US + 3600 * 1_000_000
STRAY = CommandId("019aab11-5d00-7000-8000-000000000001")
LONE = {"env": "0" * 32, "n": 0, "prev": None}

Tampering = Callable[[Copy], object]


def intent(copy: Copy) -> str:
    """The intent of the first statement that ran."""
    return copy.key_of(type="intent", kind="statement", decision={"result": "allow"})


def outcome(copy: Copy) -> str:
    return copy.key_of(type="outcome", kind="statement", status="ok")


def middle(copy: Copy) -> str:
    """An event that is neither first nor last of its chain."""
    return copy.key_of(type="event", kind="refusal")


def row(key: Callable[[Copy], str], **members: object) -> Tampering:
    return lambda copy: copy.row(key(copy)).update(members)


def record(key: Callable[[Copy], str], **members: object) -> Tampering:
    return lambda copy: copy.rewrite(key(copy), lambda one: one.update(members))


def replaced(key: Callable[[Copy], str], change: Callable[[bytes], bytes]) -> Tampering:
    return lambda copy: copy.replace_bytes(key(copy), change(copy.objects[key(copy)]))


def bytes_only(change: Callable[[bytes], bytes]) -> Tampering:
    def tamper(copy: Copy) -> None:
        copy.objects[intent(copy)] = change(copy.objects[intent(copy)])

    return tamper


def line(change: Callable[[list[bytes]], object]) -> Tampering:
    def tamper(copy: Copy) -> None:
        lines = list(copy.version_lines())
        change(lines)
        copy.lines = lines

    return tamper


def second_version(copy: Copy) -> None:
    newest = {**copy.row(intent(copy)), "version_id": "newer"}
    copy.row(intent(copy))["is_latest"] = False
    copy.rows.insert(copy.rows.index(copy.row(intent(copy))), newest)


def delete_marker(copy: Copy) -> None:
    old = copy.row(intent(copy))
    nothing = {"size": None, "sha256": None, "retain_until": None, "mode": None}
    copy.rows.insert(copy.rows.index(old), {**old, **nothing, "version_id": "marker", "delete_marker": True})
    old["is_latest"] = False


def nothing_but_a_delete_marker(copy: Copy) -> None:
    key = intent(copy)
    copy.row(key).update(delete_marker=True, size=None, sha256=None, retain_until=None, mode=None)
    del copy.objects[key]


def moved(new_key: Callable[[str], str]) -> Tampering:
    def tamper(copy: Copy) -> None:
        key = middle(copy)
        data = copy.objects[key]
        copy.remove(key)
        copy.store(new_key(key), data)

    return tamper


def swapped(copy: Copy) -> None:
    first, second = intent(copy), copy.key_of(type="intent", kind="provision")
    one, other = copy.objects[first], copy.objects[second]
    copy.replace_bytes(first, other)
    copy.replace_bytes(second, one)


def under(log: str, type_: RecordType, id_: CommandId, like: Callable[[Copy], str], **members: object) -> Tampering:
    """A further record, made like another one, under a sound key of its own."""

    def tamper(copy: Copy) -> None:
        one = json.loads(copy.objects[like(copy)])
        one.update(type=type_.value, id=id_, log=log, **members)
        copy.store(record_key(log, type_, id_), canonical_bytes(one))

    return tamper


def back_dated(copy: Copy) -> None:
    """A record written now, with an id and a time of two hours ago, under the key that they give."""
    key = middle(copy)
    one = json.loads(copy.objects[key])
    stored = copy.row(key)
    copy.remove(key)
    one.update(id=Story().id_at(-7200), time="2026-11-22T08:00:00.000000Z")
    new_key = record_key("prod-2026", RecordType.EVENT, one["id"])
    copy.store(new_key, canonical_bytes(one))
    copy.row(new_key).update(last_modified=stored["last_modified"], retain_until=stored["retain_until"])


def after_refusal(copy: Copy) -> None:
    refused = copy.key_of(type="intent", decision={"result": "refuse"})
    one = json.loads(copy.objects[refused])
    id_ = CommandId(one["id"])
    digest = copy.row(refused)["sha256"]
    under("prod-2026", RecordType.OUTCOME, id_, outcome, intent=digest, time=one["time"])(copy)


def unasked_settlement(copy: Copy) -> None:
    one = json.loads(copy.objects[outcome(copy)])
    digest = copy.row(outcome(copy))["sha256"]
    settled = {"status": "committed", "outcome": digest}
    under("prod-2026", RecordType.SETTLED, CommandId(one["id"]), outcome, **settled)(copy)


def removed(key: Callable[[Copy], str]) -> Tampering:
    return lambda copy: copy.remove(key(copy))


def first_of_its_chain(copy: Copy) -> str:
    return copy.key_of(type="event", kind="grant")


def event_beside_a_command(copy: Copy) -> None:
    id_ = CommandId(json.loads(copy.objects[intent(copy)])["id"])
    time = json.loads(copy.objects[intent(copy)])["time"]
    under("prod-2026", RecordType.EVENT, id_, middle, time=time)(copy)


def early_outcome(copy: Copy) -> None:
    """The intent dated ten minutes after its outcome, within what its id and its storing allow; one chain apart."""
    intent_key, outcome_key = intent(copy), outcome(copy)
    copy.rewrite(intent_key, lambda one: one.update(time="2026-11-22T10:10:00.000000Z"))
    copy.row(intent_key).update(last_modified="2026-11-22T10:10:00Z")
    copy.rewrite(outcome_key, lambda one: one.update(intent=copy.row(intent_key)["sha256"]))


def same_place_twice(copy: Copy) -> None:
    """A second record at the same place of a chain, as sound as the first: a fork."""
    id_ = Story().id_at(3)
    under("prod-2026", RecordType.EVENT, id_, middle, time="2026-11-22T10:00:03.000000Z")(copy)


def writer(key: Callable[[Copy], str], **members: object) -> Tampering:
    def change(one: Json) -> None:
        old = one["writer"]
        assert isinstance(old, dict)
        one["writer"] = {**old, **members}

    return lambda copy: copy.rewrite(key(copy), change)


def huge(copy: Copy) -> None:
    copy.rewrite(intent(copy), lambda one: one.update(statement={"text": "x" * 50_000}))


CASES: list[tuple[str, Tampering, Step, str]] = [
    # 1. The listing.
    ("a line that is no JSON", line(lambda all_: all_.insert(3, b"not json")), Step.LISTING, "versions.jsonl:4: line"),
    ("a line cut off", line(lambda all_: all_.append(all_.pop()[:-5])), Step.LISTING, "versions.jsonl:19: line"),
    ("a line with a name twice", line(lambda all_: all_.insert(0, b'{"key":"a","key":"b"}')), Step.LISTING, "repeated"),
    ("a line with a float", row(intent, size=12.5), Step.LISTING, "float"),
    ("a line without a member", lambda copy: copy.row(intent(copy)).pop("version_id"), Step.LISTING, "version_id"),
    ("lines out of order", line(lambda all_: all_.insert(5, all_.pop(2))), Step.LISTING, "a line for every file"),
    ("a file that the listing lacks", lambda copy: copy.objects.update({"wal/v1/x": b""}), Step.LISTING, "wal/v1/x"),
    ("a line taken out", lambda copy: copy.rows.remove(copy.row(middle(copy))), Step.LISTING, "1-event.json: object"),
    ("a delete marker with bytes", row(intent, delete_marker=True), Step.LISTING, "delete marker"),
    # 2. Keys.
    ("an object that is none of ours", lambda copy: copy.store("notes.txt", b"hello"), Step.KEY, "notes.txt"),
    ("a key that climbs out", lambda copy: copy.store("wal/v1/../../x", b"{}"), Step.KEY, "wal/v1/../../x"),
    ("a record of another hour", moved(lambda key: key.replace("/10/", "/11/")), Step.KEY, "/20261122/11/"),
    ("a record of another day", moved(lambda key: key.replace("/20261122/", "/20261121/")), Step.KEY, "/20261121/"),
    ("a record in another shard", moved(lambda key: key[:17] + "f0"[key[17] == "f"] + key[18:]), Step.KEY, "expected"),
    ("an upper-case key", moved(str.upper), Step.KEY, "WAL/V1"),
    ("a file name of another kind", moved(lambda key: key + ".old"), Step.KEY, ".old"),
    # 3. Versions.
    ("a second version", second_version, Step.VERSION, "expected exactly 1, got 2"),
    ("a delete marker over it", delete_marker, Step.VERSION, "no delete marker"),
    ("nothing but a delete marker", nothing_but_a_delete_marker, Step.VERSION, "no delete marker"),
    ("an older version alone", row(intent, is_latest=False), Step.VERSION, "the latest"),
    # 4. Locks.
    ("a lock that can be lifted", row(intent, mode="GOVERNANCE"), Step.LOCK, "expected COMPLIANCE, got GOVERNANCE"),
    ("no lock", row(intent, mode=None, retain_until=None), Step.LOCK, "expected COMPLIANCE, got none"),
    ("a lock without end", row(intent, retain_until=None), Step.LOCK, "retain until"),
    ("a shortened lock", row(intent, retain_until="2026-11-23T09:00:00Z"), Step.LOCK, "got 2026-11-23T09:00:00"),
    # 5. Bytes.
    ("a flipped byte", bytes_only(lambda data: data.replace(b"select", b"sElect", 1)), Step.BYTES, "SHA-256"),
    ("bytes cut off", bytes_only(lambda data: data[:-1]), Step.BYTES, "size"),
    ("a line feed after it", bytes_only(lambda data: data + b"\n"), Step.BYTES, "size"),
    ("an empty file", bytes_only(lambda _: b""), Step.BYTES, "got 0"),
    ("a missing file", lambda copy: copy.objects.pop(intent(copy)), Step.BYTES, "expected its bytes, got no file"),
    ("another digest in the listing", row(intent, sha256="0" * 64), Step.BYTES, "expected 000"),
    ("another size in the listing", row(intent, size=1), Step.BYTES, "expected 1 bytes"),
    # 6. Form.
    ("white space", replaced(intent, lambda data: data.replace(b":", b": ", 1)), Step.FORM, "RFC 8785"),
    ("an escape", replaced(intent, lambda data: data.replace(b"select", b"\\u0073elect")), Step.FORM, "RFC 8785"),
    ("a float", replaced(intent, lambda data: data.replace(b'"v":1', b'"v":1.0')), Step.FORM, "float"),
    ("a member twice", replaced(intent, lambda data: data[:-1] + b',"v":1}'), Step.FORM, "repeated name"),
    ("no JSON at all", replaced(intent, lambda _: b"gone"), Step.FORM, "JSON"),
    ("a later version", record(intent, v=2), Step.FORM, "later reader"),
    ("no writer", lambda copy: copy.rewrite(intent(copy), lambda one: one.pop("writer")), Step.FORM, "writer"),
    ("no decision", lambda copy: copy.rewrite(intent(copy), lambda one: one.pop("decision")), Step.FORM, "decision"),
    ("a record too long", huge, Step.FORM, "at most 49152 bytes"),
    # 7. Place.
    ("two records swapped", swapped, Step.PLACE, "by its content, got this key"),
    ("a record of another log", record(intent, log="test-2026"), Step.PLACE, "wal/v1/test-2026/"),
    ("another id inside", record(intent, id=STRAY), Step.PLACE, STRAY),
    ("an id that is none", record(intent, id="../../x"), Step.PLACE, "UUIDv7"),
    ("an intent as an event", record(intent, type="event"), Step.PLACE, "1-event.json by its content"),
    # 8. Times.
    ("a time before its id", record(middle, time="2026-11-22T09:00:00.000000Z"), Step.TIME, "that of its id"),
    ("a time long after its id", record(middle, time="2026-11-22T11:00:00.000000Z"), Step.TIME, "that of its id"),
    (
        "an outcome dated ahead",
        record(outcome, time="2026-11-22T10:05:00.000000Z"),
        Step.TIME,
        "not after it was stored",
    ),
    ("a back-dated record", back_dated, Step.TIME, "that of its storing"),
    ("stored long after", row(middle, last_modified="2026-11-22T12:00:00Z"), Step.TIME, "that of its storing"),
    # 9. Commands.
    ("an outcome without its intent", removed(intent), Step.COMMAND, "an intent or an event first, got outcome"),
    ("an outcome of another intent", record(outcome, intent="0" * 64), Step.COMMAND, "intent digest"),
    ("an intent rewritten", record(intent, purpose="other"), Step.COMMAND, "intent digest"),
    ("an outcome after a refusal", after_refusal, Step.COMMAND, "nothing after the refused intent, got outcome"),
    ("a settlement of a read", unasked_settlement, Step.COMMAND, "nothing after the ok outcome, got settled"),
    (
        "a settlement of another outcome",
        record(lambda copy: copy.key_of(type="settled"), outcome="0" * 64),
        Step.COMMAND,
        "outcome digest",
    ),
    (
        "a settlement without its outcome",
        removed(lambda copy: copy.key_of(type="outcome", status="pending")),
        Step.COMMAND,
        "an outcome after the intent, got settled",
    ),
    ("an outcome of another kind", record(outcome, kind="teardown"), Step.COMMAND, "expected statement, got teardown"),
    ("an outcome of another deployment", record(outcome, deployment="x", writer=LONE), Step.COMMAND, "deployment"),
    ("an outcome earlier than its intent", early_outcome, Step.COMMAND, "not before its intent"),
    ("an intent stored after its outcome", row(intent, last_modified="2026-11-22T10:10:00Z"), Step.COMMAND, "stored"),
    ("an event under a command's id", event_beside_a_command, Step.COMMAND, "nothing after the final event"),
    # 10. Chains.
    ("a record taken out of the middle", removed(middle), Step.CHAIN, "a record at 1, got none before 2"),
    ("a chain's first record taken out", removed(first_of_its_chain), Step.CHAIN, "a record at 0, got none before 1"),
    ("an event rewritten", record(middle, reason="other"), Step.CHAIN, "digest before it in chain"),
    ("a fork", same_place_twice, Step.CHAIN, "one record at 1, got another one there"),
    ("a later place", writer(middle, n=7), Step.CHAIN, "a record at 1, got none before 2"),
    ("another digest before it", writer(middle, prev="0" * 64), Step.CHAIN, "digest before it in chain"),
    ("another environment", writer(middle, env="0" * 32), Step.CHAIN, "a record at 1, got none before 2"),
    ("another function in a chain", record(middle, code={"function": "x", "version": "1"}), Step.CHAIN, "function='x'"),
    ("stored against a chain's order", row(middle, last_modified="2026-11-22T10:14:00Z"), Step.CHAIN, "stored"),
]


@pytest.mark.parametrize(
    ("tamper", "step", "says"), [case[1:] for case in CASES], ids=[case[0].replace(" ", "-") for case in CASES]
)
def test_names_the_first_thing_wrong(tamper: Tampering, step: Step, says: str) -> None:
    copy = good_log()
    tamper(copy)

    report = verify(copy, Bounds(), now_us=NOW_US)

    assert report.first is not None, "the tampered log holds"
    assert report.first.step is step
    assert says in str(report.first)
    assert not report.holds


def test_a_line_after_a_later_key_is_named_and_counted_once() -> None:
    copy = good_log()
    copy.rows.append(copy.rows[0])

    report = verify(copy, Bounds(), now_us=NOW_US)

    assert [finding.what for finding in report.findings] == ["order"]
    assert report.counts.objects == 19


def test_an_object_longer_than_any_of_ours_is_not_read_whole() -> None:
    copy = good_log()
    copy.store(min(copy.objects), b"x" * (MAX_OBJECT_BYTES + 1))

    report = verify(copy, Bounds(), now_us=NOW_US)

    assert [str(finding).split(": ", 1)[1] for finding in report.findings] == [
        f"size: expected at most {MAX_OBJECT_BYTES} bytes, got more"
    ]


def test_a_removed_intent_and_outcome_leave_a_gap_in_their_chain() -> None:
    copy = good_log()
    copy.remove(outcome(copy))
    copy.remove(intent(copy))

    report = verify(copy, Bounds(), now_us=NOW_US)

    assert [finding.step for finding in report.findings] == [Step.CHAIN]


def test_a_removed_outcome_inside_a_chain_is_a_gap_and_not_only_open() -> None:
    copy = good_log()
    copy.remove(outcome(copy))

    report = verify(copy, Bounds(), now_us=NOW_US)

    assert [finding.step for finding in report.findings] == [Step.CHAIN]
    assert report.counts.open == 2


@pytest.mark.parametrize("position", range(0, 400, 7))
def test_no_byte_of_a_record_can_change_without_notice(position: int) -> None:
    """Even where the listing is made to agree: every record but a chain's last is held by the next one's digest."""
    copy = good_log()
    data = bytearray(copy.objects[intent(copy)])
    data[position % len(data)] ^= 0x01
    copy.replace_bytes(intent(copy), bytes(data))

    assert not verify(copy, Bounds(), now_us=NOW_US).holds
