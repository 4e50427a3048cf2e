"""A log that holds, what is open in it, and what cannot be seen yet."""

from __future__ import annotations

import pytest

from postern.audit.findings import Bounds, Finding, Step
from postern.audit.records import RecordType
from postern.audit.verify import Counts, verify
from tests.support.audit import BASE_US, Copy, MemoryRecordStore, Story, copy_of, good_log, source

NOW_US = BASE_US + 3600 * 1_000_000


def test_a_good_log_holds_and_is_counted() -> None:
    report = verify(good_log(), Bounds(), now_us=NOW_US)

    assert [str(finding) for finding in report.findings] == []
    assert report.holds
    assert report.counts == Counts(
        objects=19,
        records=18,
        intents=8,
        outcomes=6,
        settlements=1,
        events=3,
        refused=1,
        open=1,
        blobs=1,
        chains=3,
        logs=1,
        unsequenced=18,
    )


def test_an_empty_log_has_nothing_wrong_and_nothing_counted() -> None:
    report = verify(Copy({}, []), Bounds(), now_us=NOW_US)

    assert report.holds
    assert report.counts.objects == 0


def test_an_intent_without_outcome_is_open_and_no_failure() -> None:
    copy = good_log()

    report = verify(copy, Bounds(), now_us=NOW_US + 10**12)

    (one,) = report.open
    assert one.waits_for is RecordType.OUTCOME
    assert one.key.endswith("/1-intent.json")
    assert report.holds


def test_a_pending_outcome_without_settlement_is_open() -> None:
    story = Story()
    story.act(MemoryRecordStore(source(), story.objects), status="pending")

    (one,) = verify(copy_of(story.objects), Bounds(), now_us=NOW_US).open

    assert (one.waits_for, one.key.rpartition("/")[2]) == (RecordType.SETTLED, "2-outcome.json")


@pytest.mark.parametrize(("age_s", "holds"), [(59, True), (61, False)])
def test_an_open_intent_is_a_failure_only_past_the_bound_asked_for(age_s: int, holds: bool) -> None:
    story = Story()
    story.act(MemoryRecordStore(source(), story.objects), status=None)
    now_us = story.now_us + age_s * 1_000_000

    report = verify(copy_of(story.objects), Bounds(max_open_us=60_000_000), now_us=now_us)

    assert report.holds is holds
    assert report.counts.open == 1


def test_several_findings_are_counted_and_the_first_in_key_order_is_named() -> None:
    copy = good_log()
    keys = sorted(copy.objects)
    for key in (keys[9], keys[5]):
        copy.row(key)["mode"] = "GOVERNANCE"

    report = verify(copy, Bounds(), now_us=NOW_US)

    assert report.first is not None
    assert (report.first.step, report.first.where) == (Step.LOCK, keys[5])
    assert report.wrong >= 2


def test_a_damaged_record_is_not_blamed_on_the_rest_of_its_command() -> None:
    copy = good_log()
    key = copy.key_of(type="intent", kind="teardown")
    copy.objects[key] = b"x" * len(copy.objects[key])

    findings = verify(copy, Bounds(), now_us=NOW_US).findings

    # The bytes first, then the chain that misses its record; nothing about the outcome.
    assert [finding.step for finding in findings] == [Step.BYTES, Step.CHAIN]


def test_keeps_a_hundred_findings_and_counts_all() -> None:
    story = Story()
    store = MemoryRecordStore(source(), story.objects)
    for _ in range(150):
        story.event(store, "grant")
    copy = copy_of(story.objects)
    for row in copy.rows:
        row["mode"] = None

    report = verify(copy, Bounds(), now_us=NOW_US)

    assert (report.wrong, len(report.findings)) == (150, 100)


def test_two_logs_in_one_bucket_are_checked_side_by_side() -> None:
    story = Story()
    for log in ("prod-2026", "prod-2027"):
        story.act(MemoryRecordStore(source(log=log), story.objects, name=log))

    report = verify(copy_of(story.objects), Bounds(), now_us=NOW_US)

    assert (report.holds, report.counts.records, report.counts.chains) == (True, 4, 2)


def test_a_settlement_may_come_hours_after_its_command() -> None:
    story = Story()
    store = MemoryRecordStore(source(), story.objects)
    story.act(store, status="pending", settled=True)
    copy = copy_of(story.objects)
    key = copy.key_of(type="settled")
    copy.rewrite(key, lambda record: record.update(time="2026-11-22T12:00:00.000000Z"))
    copy.row(key).update(last_modified="2026-11-22T12:00:01Z", retain_until="2027-11-22T12:00:01Z")

    assert [str(one) for one in verify(copy, Bounds(), now_us=NOW_US).findings] == []


def test_removing_the_last_record_of_a_chain_cannot_be_seen_without_the_signed_log() -> None:
    """docs/log-format.md says so; when the log of checkpoints is checked, this test must turn."""
    copy = good_log()
    copy.remove(copy.key_of(type="outcome", kind="teardown"))

    report = verify(copy, Bounds(), now_us=NOW_US)

    assert report.holds
    assert report.counts.open == 2


def test_a_finding_cannot_move_the_cursor_of_a_terminal() -> None:
    finding = Finding(Step.KEY, "wal/\x1b[2J\r\n\u202e\udc80", "key", "one", "other")

    assert str(finding).isprintable()
    assert str(finding).isascii()
