"""Who may write records, or hands over a copy, tries to blind the verifier or to make it fail: what it says instead."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

import pytest

from postern.audit.canonical import canonical_bytes
from postern.audit.findings import Step
from postern.audit.keys import record_key
from postern.audit.records import RecordType
from postern.audit.times import format_time
from postern.audit.verify import Options, Report
from postern.tlog.checkpoints import Checkpoint
from postern.tlog.hashing import EMPTY_ROOT, Hash
from tests.support.audit import Copy, Json, Story
from tests.support.good_log import (
    FIRST_KEY,
    NEW,
    OLD,
    OLD_KEY,
    SECOND_KEY,
    GoodLog,
    Written,
    add_entry,
    drop_entry,
    good,
    lay_down,
    rewrite,
)
from tests.support.log_copy import log_key as signing_key
from tests.support.log_copy import signed
from tests.support.log_tampering import LATER_US, VKEYS, added, at, check, row, small_copy, statements, wal

SHA256 = "ab" * 32


def forge(
    written: Written, kind: str, body: Json, *, second: int = 3000, is_entry: bool = True, **envelope: Json
) -> str:
    """An event of an environment of its own, as the log's last entry."""
    story = Story(second=second)
    id_ = story.id_at(second)
    env = hashlib.sha256(f"{kind} {second}".encode()).hexdigest()[:32]
    record = {
        "v": 1,
        "type": "event",
        "kind": kind,
        "id": id_,
        "time": format_time(story.now_us),
        "log": written.log,
        "deployment": "shop",
        "code": {"function": "tasks", "version": "0.1.0"},
        "writer": {"env": env, "n": 0, "prev": None},
        **envelope,
        **body,
    }
    key = record_key(written.log, RecordType.EVENT, id_)
    written.objects[key] = canonical_bytes(record)
    if is_entry:
        add_entry(written, key, len(written.order))
    return key


def quarantine(
    log: GoodLog, key: str, *, by: Written | None = None, second: int = 3000, is_entry: bool = True, **members: object
) -> None:
    data = log.new.objects[key]
    body: Json = {"key": key, "version_id": "v", "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    forge(by or log.new, "quarantine", {**body, "reason": "x", **members}, second=second, is_entry=is_entry)


def said(report: Report, step: Step) -> list[str]:
    return [str(finding) for finding in report.findings if finding.step is step]


# What a record names.


@pytest.mark.parametrize(
    "named",
    [
        pytest.param({"sha256": "zz"}, id="no-hex"),
        pytest.param({"sha256": SHA256.upper()}, id="upper-case"),
        pytest.param({"sha256": SHA256 + "ab"}, id="a-longer-digest"),
        pytest.param({"sha256": 1}, id="a-digest-that-is-no-text"),
        pytest.param({"blob": -1}, id="a-place-below-0"),
        pytest.param({"blob": 10_000}, id="a-place-past-9999"),
        pytest.param({"blob": True}, id="a-place-that-is-no-number"),
        pytest.param({"bytes": -1}, id="a-length-below-0"),
        pytest.param({"bytes": False}, id="a-length-that-is-no-number"),
    ],
)
def test_a_blob_named_in_another_form_makes_its_record_opaque(named: Json) -> None:
    log = good(small=True)
    before = check(log.lay_down()).counts.opaque
    key = forge(log.new, "grant", {"x": [{"blob": 0, "sha256": SHA256, "bytes": 3, **named}]})

    report = check(log.lay_down())

    assert [str(finding) for finding in report.findings] == []
    assert report.counts.opaque == before + 1
    assert key in report.opaque


def test_a_blob_of_another_length_than_its_record_says_is_found() -> None:
    log = good(small=True)

    def longer(_: str, record: Json) -> Json:
        text = record.get("statement", {}).get("text")  # type: ignore[attr-defined]
        if isinstance(text, dict):
            text["bytes"] = int(text["bytes"]) + 1
        return record

    rewrite(log.new, longer)

    (says,) = said(check(log.lay_down()), Step.COMMAND)
    assert "bytes" in says


def test_a_record_of_another_deployment_is_found_at_its_place() -> None:
    log = good(small=True)
    key = forge(log.new, "grant", {}, deployment="evil")

    (says,) = said(check(log.lay_down()), Step.PLACE)
    assert says == f"{key}: deployment: expected that of postern.shop/{NEW}, got evil"


# What a quarantine excuses.


@pytest.mark.parametrize("is_entry", [True, False], ids=["in-the-log", "not-in-the-log"])
@pytest.mark.parametrize("members", [{}, {"sha256": None}], ids=["with-digest", "without-digest"])
def test_a_quarantine_does_not_excuse_an_object_that_fits_an_entry(members: Json, *, is_entry: bool) -> None:
    log = good(small=True)
    key = statements(log, RecordType.OUTCOME)[3]
    drop_entry(log.new, key)
    quarantine(log, key, is_entry=is_entry, **members)

    found = said(check(log.lay_down(), now_us=LATER_US), Step.ENTRY)

    assert any(key in says for says in found), found


def _long(log: GoodLog) -> str:
    return next(key for key, data in log.new.objects.items() if len(data) == 70_000)


def _without_quarantine(log: GoodLog) -> str:
    rewrite(log.new, lambda _, record: None if record["kind"] == "quarantine" else record)
    return _long(log)


def test_a_quarantine_excuses_what_is_too_long_with_or_without_its_digest() -> None:
    for members in ({}, {"sha256": None}):
        log = good(small=True)
        quarantine(log, _without_quarantine(log), **members)

        report = check(log.lay_down())

        assert (report.wrong, report.counts.quarantined) == (0, 1)


@pytest.mark.parametrize(
    ("members", "step", "expected"),
    [
        ({"bytes": 70_001}, Step.ENTRY, "quarantined object's length"),
        ({"bytes": True, "sha256": None}, Step.FORM, "quarantine"),
        ({"sha256": SHA256}, Step.ENTRY, "quarantined object's SHA-256"),
    ],
    ids=["another-length", "a-length-that-is-no-number", "another-digest"],
)
def test_a_quarantine_of_other_bytes_is_found(members: Json, step: Step, expected: str) -> None:
    log = good(small=True)
    quarantine(log, _without_quarantine(log), **members)

    assert any(expected in says for says in said(check(log.lay_down(), now_us=LATER_US), step))


def test_a_quarantine_that_is_no_entry_excuses_nothing() -> None:
    log = good(small=True)
    key = _without_quarantine(log)
    quarantine(log, key, is_entry=False)

    assert any(key in says for says in said(check(log.lay_down(), now_us=LATER_US), Step.ENTRY))


def test_a_quarantine_in_another_log_excuses_nothing() -> None:
    log = good(small=True)
    key = _without_quarantine(log)
    quarantine(log, key, by=log.old, second=-100)
    log.old.order[-1], log.old.order[-2] = log.old.order[-2], log.old.order[-1]

    report = check(log.lay_down(), now_us=LATER_US)

    assert any("of its own log" in says for says in said(report, Step.FORM))
    assert any(key in says for says in said(report, Step.ENTRY))


@pytest.mark.parametrize(
    ("members", "says"),
    [
        pytest.param({"sha256": None}, [], id="that-could-not-be-read-then"),
        pytest.param({}, ["got it in the log"], id="that-could"),
    ],
)
def test_a_quarantine_of_an_entry_may_only_be_of_one(members: Json, says: list[str]) -> None:
    log = good(small=True)
    quarantine(log, statements(log, RecordType.OUTCOME)[3], **members)

    found = said(check(log.lay_down()), Step.ENTRY)

    assert [one in finding for one, finding in zip(says, found, strict=True)] == [True] * len(says)


# Epochs.


def test_a_forged_beginning_or_end_in_the_middle_is_reported_and_fails_nothing() -> None:
    log = good(small=True)
    start = forge(log.new, "epoch_start", {"origin": "evil", "vkeys": ["evil"], "previous": None}, second=3000)
    end = forge(log.new, "epoch_end", {"next": OLD}, second=3001)
    forge(log.new, "grant", {}, second=3002)

    report = check(log.lay_down())

    assert [str(finding) for finding in report.findings] == []
    assert set(report.odd) == {start, end}
    assert report.counts.odd == 2


def test_every_forged_beginning_is_counted_however_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("postern.audit.verify.joins._KEY_EVENTS_KEPT", 0)
    log = good(small=True)
    forge(log.new, "epoch_start", {}, second=3000)

    assert check(log.lay_down()).counts.odd == 1


def test_a_log_whose_first_entry_is_no_record_does_not_begin() -> None:
    log = good(small=True)
    rewrite(log.new, lambda _, record: {**record, "v": 2} if record["kind"] == "epoch_start" else record)

    assert any("first entry" in says for says in said(check(log.lay_down()), Step.EPOCH))


def test_a_kept_checkpoint_of_a_log_that_was_not_asked_for_cannot_be_told() -> None:
    forged = signed(Checkpoint(OLD_KEY.name, 13, Hash(bytes(32))), OLD_KEY)

    report = check(small_copy(), Options(VKEYS, kept=(forged,), log=NEW))

    assert report.untold == (f"kept checkpoint of postern.shop/{OLD}: only {NEW} was asked for",)


def test_the_closing_checkpoint_of_a_log_without_a_key_is_said_to_be_unchecked() -> None:
    log = good(small=True)

    def by_a_stranger(_: str, record: Json) -> Json:
        if record["kind"] == "epoch_start":
            note = signed(Checkpoint(OLD_KEY.name, 7, Hash(bytes(32))), signing_key(OLD_KEY.name, 77))
            record["previous"]["checkpoint"] = note.decode()  # type: ignore[index]
        return record

    rewrite(log.new, by_a_stranger)
    copy = lay_down(log.new)

    without = check(copy, Options((FIRST_KEY.verifier, SECOND_KEY.verifier)))
    assert (without.wrong, without.untold) == (0, ())
    assert without.unchecked == (
        f"closing checkpoint of {OLD} in the first record of {NEW}: no --vkey of it was given",
    )
    assert check(copy).wrong > 0
    assert check(small_copy()).unchecked == ()


# The listing, and stages.


def a_checkpoint(copy: Copy) -> str:
    return next(key for key in copy.objects if key.startswith(f"log/{NEW}/checkpoints/"))


def a_grant(copy: Copy) -> str:
    return wal(copy, type="event", kind="grant")


@pytest.mark.parametrize("key", [a_checkpoint, a_grant])
@pytest.mark.parametrize(
    "time",
    ["1960-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "2200-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59"],
)
def test_a_line_with_a_time_that_no_bucket_can_have_is_found(key: Callable[[Copy], str], time: str) -> None:
    copy = small_copy()
    row(key, last_modified=time)(copy)

    assert any("versions.jsonl:" in says for says in said(check(copy), Step.LISTING))


def test_a_lock_that_no_bucket_can_have_is_found() -> None:
    copy = small_copy()
    row(a_grant, retain_until="9999-12-31T23:59:59.000000Z")(copy)

    assert any("versions.jsonl:" in says for says in said(check(copy), Step.LISTING))


@pytest.mark.parametrize("keys", [[{"a": 1}], [None], ["log/x"]], ids=["object", "null", "no-record"])
def test_a_stage_with_other_keys_than_of_records_is_found(keys: list[object]) -> None:
    header: Json = {"v": 1, "log": NEW, "from": {"size": 0, "root": EMPTY_ROOT.hex()}, "keys": keys, "closes": False}
    data = json.dumps(header, sort_keys=True, separators=(",", ":")).encode() + b"\n\x00\x01x"
    copy = small_copy()
    added(at(f"stage/1-{SHA256}"), data)(copy)

    assert any("wal/" in says for says in said(check(copy), Step.STAGE))
