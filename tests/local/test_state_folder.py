"""One run, one folder; nothing of the user's is ever removed."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from postern_local.failure import StackFailure
from postern_local.state_folder import StateFolder


def test_two_runs_side_by_side_have_folders_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with StateFolder.open(None) as first, StateFolder.open(None) as second:
        assert first.path == tmp_path / ".postern/local"
        assert second.path == tmp_path / ".postern/local-2"
    with StateFolder.open(None) as third:
        assert third.path == first.path


def test_a_named_folder_is_not_shared(tmp_path: Path) -> None:
    with StateFolder.open(tmp_path / "state"), pytest.raises(StackFailure, match="no other stack runs in"):
        StateFolder.open(tmp_path / "state")


def test_is_private(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o755)
    with StateFolder.open(tmp_path / "state") as state:
        assert stat.S_IMODE(state.path.stat().st_mode) == 0o700


def test_begins_empty(tmp_path: Path) -> None:
    with StateFolder.open(tmp_path / "state") as state:
        (state.folder("logs") / "old.log").write_text("old")
        (state.path / "ready.json").write_text("{}")
    with StateFolder.open(tmp_path / "state") as state:
        assert {entry.name for entry in state.path.iterdir()} == {"lock"}


@pytest.mark.parametrize("name", ["thesis.txt", ".git", "logs.txt"])
def test_refuses_a_folder_that_holds_something_else(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("mine")

    with pytest.raises(StackFailure, match=f"got {name.replace('.', '[.]')} in it"):
        StateFolder.open(tmp_path)
    assert (tmp_path / name).read_text() == "mine"


def test_does_not_follow_a_link_out_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("mine")
    (tmp_path / "state").mkdir()
    (tmp_path / "state/logs").symlink_to(tmp_path / "mine")

    with StateFolder.open(tmp_path / "state"):
        assert not (tmp_path / "state/logs").exists()
    assert (tmp_path / "mine/thesis.txt").read_text() == "mine"


def test_does_not_lock_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    (tmp_path / "state").mkdir()
    (tmp_path / "state/lock").symlink_to(tmp_path / "thesis.txt")

    with pytest.raises(StackFailure, match="state"):
        StateFolder.open(tmp_path / "state")
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_says_in_one_line_that_it_cannot_write(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(StackFailure, match="expected a folder to write to"):
        StateFolder.open(tmp_path / "file/state")


def test_the_lock_is_not_inherited(tmp_path: Path) -> None:
    with StateFolder.open(tmp_path / "state") as state:
        assert not os.get_inheritable(state.lock)
