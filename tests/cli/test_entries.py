"""Entries streamed from a pulled copy: in order, exactly those that were signed, or an error that names what is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from postern.errors import IntegrityError
from postern_cli.evidence.entries import logs_of, open_log, read_entries
from postern_cli.pulled import PulledFolder
from tests.support.good_log import FIRST_KEY, NEW, OLD, OLD_KEY, SECOND_KEY, good_copy

KEYS = [key.verifier for key in (OLD_KEY, FIRST_KEY, SECOND_KEY)]
BUNDLES = f"log/{NEW}/tile/entries"


@pytest.fixture
def folder(tmp_path: Path) -> PulledFolder:
    good_copy().write_to(tmp_path)
    return PulledFolder(tmp_path)


def test_entries_come_in_the_logs_order_over_all_bundles(folder):
    entries = list(read_entries(open_log(folder, NEW, KEYS)))

    assert [entry.index for entry in entries] == list(range(286))
    assert {entry.log for entry in entries} == {NEW}
    assert b'"kind":"epoch_start"' in entries[0].data


def test_the_logs_of_the_keys_are_named_once_and_in_order():
    assert logs_of(KEYS) == [OLD, NEW]


def test_an_entry_that_is_not_the_signed_one_is_told_at_the_end(folder):
    path = folder.objects / BUNDLES / "000"
    path.write_bytes(path.read_bytes().replace(b"select 9", b"select 8", 1))
    read = read_entries(open_log(folder, NEW, KEYS))

    with pytest.raises(IntegrityError, match="entries: expected the signed root"):
        list(read)


def test_a_bundle_that_is_missing_is_named_after_those_before_it(folder):
    (folder.objects / BUNDLES / "001.p/30").unlink()
    found = []

    with pytest.raises(IntegrityError, match=r"tile/entries/001\.p/30: expected it in the copy, got no such object"):
        for entry in read_entries(open_log(folder, NEW, KEYS)):
            found.append(entry.index)
    assert found == list(range(256))


def test_a_bundle_that_is_cut_short_is_refused(folder):
    path = folder.objects / BUNDLES / "000"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(IntegrityError, match="bundle: expected 256 entries"):
        list(read_entries(open_log(folder, NEW, KEYS)))


def test_a_head_that_none_of_the_keys_signed_is_refused(folder):
    path = folder.objects / f"log/{NEW}/checkpoint"
    path.write_bytes(path.read_bytes().replace(b"\n286\n", b"\n285\n"))
    with pytest.raises(IntegrityError, match="signature"):
        open_log(folder, NEW, KEYS)


def test_a_log_without_a_head_is_named(folder):
    (folder.objects / f"log/{NEW}/checkpoint").unlink()
    with pytest.raises(IntegrityError, match=f"log/{NEW}/checkpoint: expected it in the copy"):
        open_log(folder, NEW, KEYS)
