"""The ready file appears whole and private, and goes with its stack only."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from postern_local.failure import StackFailure
from postern_local.ready import Ready, claim_ready, format_ready, read_ready, remove_ready, write_ready
from postern_local.state_folder import StateFolder

READY = Ready(
    api="http://127.0.0.1:1",
    issuer="http://127.0.0.1:2",
    audience="postern",
    aws="http://127.0.0.1:3",
    bucket="bucket",
    log="local",
    seal_table="seals",
    vkey="postern.postern/local+00000000+AA==",
    databases={"shop": "postgresql:///shop", "crm": "postgresql:///crm"},
    state="/state",
)


def test_holds_the_documented_fields() -> None:
    assert json.loads(format_ready(READY)) == {
        "api": "http://127.0.0.1:1",
        "issuer": "http://127.0.0.1:2",
        "audience": "postern",
        "aws": "http://127.0.0.1:3",
        "bucket": "bucket",
        "log": "local",
        "seal_table": "seals",
        "vkey": "postern.postern/local+00000000+AA==",
        "database": {"name": "crm", "dsn": "postgresql:///crm"},
        "databases": {"shop": "postgresql:///shop", "crm": "postgresql:///crm"},
        "state": "/state",
    }


def test_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    write_ready(tmp_path / "r.json", READY)

    assert read_ready(tmp_path / "r.json") == READY


def test_is_private_whatever_the_umask_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    umask = os.umask(0)
    try:
        write_ready(tmp_path / "r.json", READY)
    finally:
        os.umask(umask)

    assert stat.S_IMODE((tmp_path / "r.json").stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["r.json"]


def test_is_removed_with_its_stack(tmp_path: Path) -> None:
    write_ready(tmp_path / "r.json", READY)
    remove_ready(tmp_path / "r.json", READY)
    remove_ready(tmp_path / "r.json", READY)

    assert list(tmp_path.iterdir()) == []


def test_another_stacks_file_is_left_alone(tmp_path: Path) -> None:
    write_ready(tmp_path / "r.json", replace(READY, api="http://127.0.0.1:9"))
    remove_ready(tmp_path / "r.json", READY)

    assert (tmp_path / "r.json").exists()


def test_what_a_dead_run_left_is_removed_before_the_start(tmp_path: Path) -> None:
    write_ready(tmp_path / "r.json", READY)
    claim_ready(tmp_path / "r.json")

    assert list(tmp_path.iterdir()) == []


def test_the_name_that_a_running_stack_has_is_not_taken_from_it(tmp_path: Path) -> None:
    theirs = tmp_path / "r.json"
    with StateFolder.open(tmp_path / "state") as state:
        write_ready(theirs, replace(READY, state=str(state.path)))

        with pytest.raises(StackFailure, match=r"running stack.s at .*; name another"):
            claim_ready(theirs)
        assert theirs.exists()

    claim_ready(theirs)
    assert not theirs.exists()


@pytest.mark.parametrize("text", ["my thesis", "{}", "[]", '{"api": 1}', ""])
def test_another_file_is_never_replaced(text: str, tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text(text)

    with pytest.raises(StackFailure, match="expected a ready file"):
        claim_ready(tmp_path / "r.json")
    assert (tmp_path / "r.json").read_text() == text


def test_says_that_its_folder_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StackFailure, match="expected the folder"):
        claim_ready(tmp_path / "nowhere/r.json")


def test_says_that_no_stack_is_ready(tmp_path: Path) -> None:
    with pytest.raises(StackFailure, match="ready file of a running stack, got: No such file"):
        read_ready(tmp_path / "r.json")
