"""A good log of two epochs: it holds, what is counted of it, what cannot be told; how it is cut up is no matter."""

from __future__ import annotations

import pytest

from postern.audit.findings import Bounds, Step
from postern.audit.verify import Options, Report, verify
from postern.audit.verify.spill import MemorySpill
from tests.support.audit import DAY_US, Copy
from tests.support.good_log import FIRST_KEY, NEW, NOW_US, OLD, OLD_KEY, SECOND_KEY, good, good_copy, put

VKEYS = (OLD_KEY.verifier, FIRST_KEY.verifier, SECOND_KEY.verifier)


def check(copy: Copy, options: Options | None = None, now_us: int = NOW_US, **how: object) -> Report:
    return verify(copy, Bounds(), now_us=now_us, options=options or Options(VKEYS), **how)


def test_a_good_log_of_two_epochs_holds_and_is_counted() -> None:
    report = check(good_copy())

    assert [str(finding) for finding in report.findings] == []
    assert report.untold == ()
    assert report.heads == ((OLD, 13), (NEW, 286))
    counts = report.counts
    assert (counts.entries, counts.sequenced, counts.unsequenced) == (299, 299, 2)
    assert (counts.quarantined, counts.opaque, counts.reordered, counts.stages_left) == (1, 1, 1, 1)
    assert (counts.logs, counts.checkpoints, counts.stages, counts.unsigned) == (2, 9, 10, 0)
    assert len(report.opaque) == 1


def test_without_a_key_who_signed_cannot_be_told_and_all_else_is_checked() -> None:
    report = check(good_copy(), Options())

    assert report.holds
    assert report.untold == tuple(f"order and completeness of {log}: no --vkey of it was given" for log in (OLD, NEW))
    assert report.heads == ((OLD, 13), (NEW, 286))


def test_without_a_key_a_changed_tile_is_found_all_the_same() -> None:
    copy = good_copy()
    copy.replace_bytes(f"log/{NEW}/tile/0/000", bytes(8192))

    report = check(copy, Options())

    assert report.first is not None
    assert report.first.step is Step.TREE


def test_a_past_epoch_is_verified_alone() -> None:
    report = check(good_copy(), Options((OLD_KEY.verifier,), log=OLD))

    assert (report.wrong, report.untold, report.heads) == (0, (), ((OLD, 13),))
    assert report.counts.records == 13
    assert report.counts.others > 300


def test_what_is_wrong_in_another_epoch_is_no_concern_of_this_one() -> None:
    copy = good_copy()
    copy.replace_bytes(f"log/{NEW}/tile/0/000", b"")

    assert check(copy, Options((OLD_KEY.verifier,), log=OLD)).holds
    assert not check(copy).holds


def test_a_log_that_is_not_in_the_copy_cannot_be_told() -> None:
    report = check(good_copy(), Options(VKEYS, log="prod-2031"))

    assert (report.counts.objects, report.untold) == (0, ("prod-2031: nothing of it is in the copy",))


def test_a_key_of_a_log_that_is_not_there_is_a_finding() -> None:
    copy = good_copy()
    for key in [key for key in copy.objects if f"/{OLD}/" in key]:
        del copy.objects[key]
        copy.rows = [row for row in copy.rows if row["key"] != key]

    (finding,) = [one for one in check(copy).findings if one.step is Step.CHECKPOINT]

    assert str(finding) == f"log/{OLD}/checkpoint: checkpoint: expected one of postern.shop/{OLD}, got none"


def test_one_of_two_keys_of_a_rotation_is_not_enough() -> None:
    report = check(good_copy(), Options((OLD_KEY.verifier, FIRST_KEY.verifier)))

    assert report.first is not None
    assert (report.first.step, report.first.where) == (Step.CHECKPOINT, f"log/{NEW}/checkpoint")


@pytest.mark.parametrize(("age_us", "holds"), [(0, True), (DAY_US * 2, False)])
def test_what_no_checkpoint_covers_fails_only_when_it_is_old(age_us: int, holds: bool) -> None:
    report = check(good_copy(), now_us=NOW_US + age_us)

    assert report.counts.unsequenced == 2
    assert {finding.step for finding in report.findings} == (set() if holds else {Step.ENTRY})


def test_entries_past_the_last_checkpoint_are_counted_and_wait_for_it() -> None:
    """A pull between the writing of the tiles and the signing."""
    copy = good_copy()
    for key in (f"log/{NEW}/checkpoints/286", f"log/{NEW}/stage"):
        for name in [one for one in copy.objects if one.startswith(key)]:
            del copy.objects[name]
            copy.rows = [row for row in copy.rows if row["key"] != name]
    latest = [row for row in copy.rows if row["key"] == f"log/{NEW}/checkpoint"]
    copy.rows.remove(latest[0])
    latest[1]["is_latest"] = True
    copy.objects[f"log/{NEW}/checkpoint"] = copy.objects[f"log/{NEW}/checkpoints/263"]

    report = check(copy)

    assert [str(finding) for finding in report.findings] == []
    assert (report.counts.unsigned, report.counts.unsequenced) == (23, 25)


@pytest.mark.parametrize("stretches", [2, 5, 40])
def test_stretches_give_the_same_report(stretches: int) -> None:
    copy = good_copy()
    copy.lines = None
    tampered = good_copy()
    tampered.row(next(key for key in copy.objects if key.startswith("blob/")))["mode"] = "GOVERNANCE"
    tampered.rows.insert(200, dict(tampered.rows[100]))

    for one in (copy, tampered):
        assert check(one, stretches=stretches) == check(one)


def test_portions_give_the_same_report() -> None:
    log = good()
    log.new.order[40], log.new.order[60] = log.new.order[60], log.new.order[40]
    whole = check(log.lay_down(), now_us=NOW_US + 5 * DAY_US)

    assert check(log.lay_down(), now_us=NOW_US + 5 * DAY_US, spill=MemorySpill(portion_bytes=100)) == whole


def test_nothing_that_was_filed_is_left_in_the_end_but_what_is_small() -> None:
    spill = MemorySpill(portion_bytes=100)

    check(good_copy(), spill=spill)

    assert all(part < 1 << 32 for kind in ("wal", "entry", "chain", "place") for part in spill.parts(kind))  # type: ignore[arg-type]


def test_an_object_in_the_log_of_nobody_is_a_finding() -> None:
    copy = good_copy()
    put(copy, "log/nobody-2020/checkpoint", b"", NOW_US, NOW_US + 900 * DAY_US)
    copy.rows.sort(key=lambda row: str(row["key"]).encode())

    report = check(copy)

    assert report.first is not None
    assert report.first.where == "log/nobody-2020/checkpoint"
