"""Files that are kept for one person: never one that somebody else could have written or read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from postern_cli.settings import private_files
from postern_cli.settings.private_files import read_private, read_trusted, write_private
from postern_cli.stop import Exit, Stop


def test_what_was_written_is_read_again_and_is_nobody_elses(tmp_path):
    path = tmp_path / "postern" / "login.json"
    write_private(path, b"kept")
    assert read_private(path) == b"kept"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [one.name for one in path.parent.iterdir()] == ["login.json"]


def test_what_is_not_there_is_nothing(tmp_path):
    assert read_private(tmp_path / "none") is None
    assert read_trusted(tmp_path / "none") is None


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620], ids=["all", "group", "others", "group writes"])
def test_a_private_file_that_others_reach_is_refused(tmp_path, mode):
    path = tmp_path / "login.json"
    path.write_bytes(b"kept")
    path.chmod(mode)
    with pytest.raises(Stop, match="chmod 0600") as stopped:
        read_private(path)
    assert stopped.value.code is Exit.USAGE


def test_a_private_file_is_no_link(tmp_path):
    (tmp_path / "real").write_bytes(b"kept")
    (tmp_path / "real").chmod(0o600)
    (tmp_path / "login.json").symlink_to(tmp_path / "real")
    with pytest.raises(Stop, match="symbolic link"):
        read_private(tmp_path / "login.json")


def test_a_link_is_replaced_and_not_followed(tmp_path):
    folder = tmp_path / "postern"
    folder.mkdir(mode=0o700)
    (tmp_path / "theirs").write_bytes(b"theirs")
    (folder / "login.json").symlink_to(tmp_path / "theirs")
    write_private(folder / "login.json", b"kept")
    assert (tmp_path / "theirs").read_bytes() == b"theirs"
    assert not (folder / "login.json").is_symlink()


@pytest.mark.parametrize("read", [read_private, read_trusted], ids=["private", "trusted"])
def test_what_is_no_plain_file_is_refused_and_holds_nobody_up(tmp_path, read):
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(Stop, match="plain file"):
        read(tmp_path / "pipe")


@pytest.mark.parametrize("read", [read_private, read_trusted], ids=["private", "trusted"])
def test_another_users_file_is_refused(tmp_path, read, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(b"kept")
    path.chmod(0o600)
    monkeypatch.setattr(private_files.os, "geteuid", lambda: os.getuid() + 1)
    if os.getuid() == 0 and read is read_trusted:
        assert read(path) == b"kept"  # root's own files may be trusted
    else:
        with pytest.raises(Stop, match="another user's"):
            read(path)


@pytest.mark.parametrize("mode", [0o602, 0o620], ids=["anybody", "the group"])
def test_a_trusted_file_that_others_write_is_refused(tmp_path, mode):
    path = tmp_path / "config.toml"
    path.write_bytes(b"")
    path.chmod(mode)
    with pytest.raises(Stop, match="chmod 0644"):
        read_trusted(path)


def test_a_trusted_file_may_be_a_link_and_be_read_by_all(tmp_path):
    (tmp_path / "dotfiles.toml").write_bytes(b"kept")
    (tmp_path / "dotfiles.toml").chmod(0o644)
    (tmp_path / "config.toml").symlink_to(tmp_path / "dotfiles.toml")
    assert read_trusted(tmp_path / "config.toml") == b"kept"


def test_nothing_is_kept_in_a_folder_that_others_write_to(tmp_path):
    folder = tmp_path / "postern"
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(Stop, match="only you can write"):
        write_private(folder / "login.json", b"kept")
    assert list(folder.iterdir()) == []


def test_a_write_that_breaks_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "postern" / "login.json"
    write_private(path, b"old")

    def broken(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(private_files.os, "fsync", broken)
    with pytest.raises(OSError, match="No space"):
        write_private(path, b"new")
    assert read_private(path) == b"old"
    assert [one.name for one in path.parent.iterdir()] == ["login.json"]


def test_a_file_beyond_its_bound_is_refused(tmp_path: Path):
    path = tmp_path / "login.json"
    path.write_bytes(b"x" * (private_files.MAX_BYTES + 1))
    path.chmod(0o600)
    with pytest.raises(Stop, match="at most"):
        read_private(path)
