"""A child that does not outlive its starter: it stops, insists, cleans up, and keeps to its account."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from postern_local.lifeline import Child, current_account, unprivileged_account
from tests.support.processes import wait_until_gone

SLEEPER = """
import os, signal, sys, time
def stop(*_):
    print("stopped", flush=True)
    sys.exit(0)
signal.signal(signal.SIGINT, {handler})
print(os.getpid(), flush=True)
while True:
    time.sleep(60)
"""


def start(
    tmp_path: Path, *, handler: str = "stop", remove: tuple[Path, ...] = (), grace_s: float = 5.0
) -> tuple[Child, int]:
    log = tmp_path / "log"
    child = Child.start(
        [sys.executable, "-c", SLEEPER.format(handler=handler)],
        account=current_account(),
        log=log,
        grace_s=grace_s,
        remove=remove,
    )
    limit = time.monotonic() + 10
    while not (log.is_file() and log.read_text().strip()):
        assert time.monotonic() < limit
        time.sleep(0.01)
    return child, int(log.read_text().split()[0])


def test_stop_asks_the_command_and_waits_for_it(tmp_path: Path) -> None:
    child, pid = start(tmp_path)
    assert child.is_running()
    child.stop()
    wait_until_gone(pid)
    assert not child.is_running()
    assert "stopped" in (tmp_path / "log").read_text()


def test_command_that_does_not_listen_is_made_to_stop(tmp_path: Path) -> None:
    child, pid = start(tmp_path, handler="signal.SIG_IGN", grace_s=0.2)
    child.stop()
    wait_until_gone(pid)


def test_what_the_command_left_is_removed(tmp_path: Path) -> None:
    left = tmp_path / "left"
    left.mkdir()
    (left / "file").write_text("x")
    child, _ = start(tmp_path, remove=(left,))
    assert left.exists()
    child.stop()
    assert not left.exists()


def test_command_that_ends_by_itself_ends_its_watcher(tmp_path: Path) -> None:
    child, pid = start(tmp_path)
    os.kill(pid, signal.SIGKILL)
    wait_until_gone(pid)
    child.stop()
    assert not child.is_running()


def test_terminals_interrupt_reaches_neither_command_nor_watcher(tmp_path: Path) -> None:
    child, pid = start(tmp_path)
    try:
        assert os.getsid(pid) != os.getsid(0)
        assert os.getsid(child.pid) != os.getsid(0)
    finally:
        child.stop()


def test_unprivileged_account_is_never_root() -> None:
    assert unprivileged_account().uid != 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start a command as somebody else")
def test_command_has_no_group_of_roots(tmp_path: Path) -> None:
    log = tmp_path / "log"
    account = unprivileged_account()
    child = Child.start(["/usr/bin/id"], account=account, log=log)
    while child.is_running():
        time.sleep(0.01)
    child.stop()
    said = log.read_text()
    assert f"uid={account.uid}(" in said
    assert "groups=" in said
    assert "(root)" not in said
