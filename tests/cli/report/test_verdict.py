"""What a pack says where its log does not hold, cannot be told, or is empty in the period; and where none is made."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from postern.audit.verify import Counts, Report
from postern_cli.report.verdict import Verdict
from postern_cli.stop import Exit
from tests.support.good_log import FIRST_KEY, NOW_US, SECOND_KEY, good_copy
from tests.support.log_copy import log_key as signing_key
from tests.support.report_log import KEY, LOG, told_log
from tests.support.report_pack import Made, make, pulled


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pulled(told_log(), tmp_path_factory.mktemp("copy"))


@pytest.fixture
def own(copy: Path, tmp_path: Path) -> Path:
    """A copy of the copy, to be spoilt."""
    return Path(shutil.copytree(copy, tmp_path / "own"))


def first_words(pack: Made) -> str:
    """What the page says before its first section."""
    return pack.page.partition("<main>")[0]


def test_a_record_that_was_changed_is_told_first_and_exits_1(own, tmp_path):
    record = next((own / "objects/wal").rglob("1-intent.json"))
    record.write_bytes(record.read_bytes().replace(b"shop", b"shup", 1))

    pack = make(own, tmp_path / "pack")

    assert pack.code == Exit.REFUSED
    assert "does not verify" in first_words(pack)
    assert record.relative_to(own / "objects").as_posix() in first_words(pack)
    assert pack.summary["holds"] is False


def test_figures_of_a_bundle_that_was_changed_are_not_called_signed(own, tmp_path):
    bundle = next(path for path in (own / f"objects/log/{LOG}/tile/entries").rglob("46"))
    bundle.write_bytes(bundle.read_bytes().replace(b"pg_sleep", b"pg_slEEp"))

    pack = make(own, tmp_path / "pack")

    assert pack.code == Exit.REFUSED
    assert "does not verify" in first_words(pack)
    assert "expected the signed root" in (pack.out / "verification.txt").read_text()


def test_entries_that_changed_after_the_verification_held_are_no_evidence():
    counts = Counts(*[1] * 10)
    verdict = Verdict(Report(counts, 0, (), ()), (), ("prod-2026: entries: expected the signed root aa, got bb",))

    assert verdict.code == Exit.REFUSED
    assert verdict.line == "The log does not verify: prod-2026: entries: expected the signed root aa, got bb."


def test_a_log_without_a_checkpoint_gets_a_pack_without_figures(own, tmp_path):
    (own / f"objects/log/{LOG}/checkpoint").unlink()

    pack = make(own, tmp_path / "pack")

    assert pack.code == Exit.REFUSED
    assert pack.counts() == {}


def test_a_key_that_did_not_sign_the_log_is_no_reason_to_believe_it(copy, tmp_path):
    pack = make(copy, tmp_path / "pack", vkey=str(signing_key(KEY.name, 8).verifier))

    assert pack.code == Exit.REFUSED
    assert pack.counts() == {}


def test_a_missing_bundle_leaves_a_pack_that_says_what_was_not_read(own, tmp_path):
    shutil.rmtree(own / f"objects/log/{LOG}/tile/entries")

    pack = make(own, tmp_path / "pack")

    assert pack.code == Exit.REFUSED
    assert (
        "not read: log/prod-2026/tile/entries/000.p/46: expected it in the copy"
        in (pack.out / "verification.txt").read_text()
    )


def test_a_folder_that_is_no_finished_pull_exits_3_and_leaves_nothing_in_the_folder(tmp_path):
    (tmp_path / "copy").mkdir()

    pack = make(tmp_path / "copy", tmp_path / "pack")

    assert pack.code == Exit.UNKNOWN
    assert list((tmp_path / "pack").iterdir()) == []


def test_a_second_log_without_a_key_exits_3_and_the_page_says_that_it_cannot_be_told(tmp_path):
    good_copy().write_to(tmp_path / "copy")
    (tmp_path / "copy/pulled.json").write_text(json.dumps({"began_us": NOW_US}))

    pack = make(tmp_path / "copy", tmp_path / "pack", "--vkey", str(SECOND_KEY.verifier), vkey=str(FIRST_KEY.verifier))

    assert pack.code == Exit.UNKNOWN
    assert "cannot be told: order and completeness of prod-2025" in first_words(pack)
    assert pack.summary["holds"] is None


def test_a_period_without_records_gives_a_page_that_says_so(copy, tmp_path):
    pack = make(copy, tmp_path / "pack", period=("2020-01-01", "2020-02-01"))

    assert (pack.code, pack.counts()) == (Exit.DONE, {})
    assert "No record of this log lies in the period." in first_words(pack)


def test_a_pack_is_not_written_beside_anything(copy, tmp_path):
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack/notes.txt").write_text("mine")

    pack = make(copy, tmp_path / "pack")

    assert (pack.code, pack.line) == (
        Exit.USAGE,
        f"--out: expected an empty folder or none, got {tmp_path / 'pack'} with files in it",
    )
    assert [path.name for path in pack.out.iterdir()] == ["notes.txt"]


def test_a_file_in_the_folders_place_is_a_usage_error(copy, tmp_path):
    (tmp_path / "pack").write_text("mine")
    assert make(copy, tmp_path / "pack").code == Exit.USAGE


def test_the_copy_is_left_as_it_was(copy, tmp_path):
    before = {path: hashlib.sha256(path.read_bytes()).digest() for path in copy.rglob("*") if path.is_file()}
    make(copy, tmp_path / "pack")
    assert before == {path: hashlib.sha256(path.read_bytes()).digest() for path in copy.rglob("*") if path.is_file()}


PERIODS = {
    "the end before the begin": ("2026-03-08", "2026-03-03"),
    "the same day twice": ("2026-03-03", "2026-03-03"),
    "a day that is none": ("2026-02-30", "2026-03-08"),
    "a time without an offset": ("2026-03-03T10:00:00", "2026-03-08"),
    "words": ("yesterday", "2026-03-08"),
    "other digits": ("２０２６-03-03", "2026-03-08"),
}


@pytest.mark.parametrize("period", PERIODS.values(), ids=PERIODS)
def test_a_period_that_is_none_is_a_usage_error(copy, tmp_path, period):
    pack = make(copy, tmp_path / "pack", period=period)
    assert pack.code == Exit.USAGE
    assert not pack.out.exists()


def test_a_period_has_its_first_moment_and_not_its_last(copy, tmp_path):
    """The last statement of the told log is 10 ms after midnight of the eighth."""
    at = "2026-03-08T00:00:00.010000Z"
    before = make(copy, tmp_path / "before", period=("2026-03-07", at))
    after = make(copy, tmp_path / "after", period=(at, "2026-03-09"))
    offset = make(copy, tmp_path / "offset", period=("2026-03-08T02:00:00.010000+02:00", "2026-03-09"))

    assert "statements" not in before.counts()
    assert after.counts()["statements"] == offset.counts()["statements"] == 1


def test_an_outcome_after_the_period_belongs_to_its_intent(copy, tmp_path):
    statement = make(copy, tmp_path / "pack", period=("2026-03-08", "2026-03-08T00:00:00.015000Z")).rows("statements")
    assert [row["status"] for row in statement] == ["ok"]


@pytest.mark.parametrize("seed", ["", "x" * 201, "a\nb"], ids=["empty", "too long", "two lines"])
def test_a_seed_that_nobody_could_write_down_is_a_usage_error(copy, tmp_path, seed):
    assert make(copy, tmp_path / "pack", "--seed", seed).code == Exit.USAGE
