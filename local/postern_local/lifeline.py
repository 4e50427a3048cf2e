"""A child process that does not outlive the one that started it.

`Child.start` runs a command under a small watcher: this file, run as a script. The watcher holds the
read end of a pipe whose only writer is the starter. Whatever ends the starter (return, Ctrl-C, SIGKILL)
closes the pipe; the watcher then asks the command to stop, insists after a grace period, and removes
what the command left. Both run in a session of their own, so a terminal's Ctrl-C reaches neither.

The watcher imports the standard library only and runs isolated: it starts in some 20 ms.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1  # prctl(2), Linux


@dataclass(frozen=True, slots=True)
class Account:
    """The system account that a command runs as: a name with its ids."""

    name: str
    uid: int
    gid: int

    def popen_options(self) -> dict[str, Any]:
        """What makes `subprocess` run as this account: nothing where it is the current one already."""
        if os.geteuid() == self.uid:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def current_account() -> Account:
    """The user that this process runs as, root included."""
    entry = pwd.getpwuid(os.geteuid())
    return Account(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid)


def unprivileged_account() -> Account:
    """The current user, or `nobody` where that is root: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return current_account()
    entry = pwd.getpwnam("nobody")
    return Account(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid)


class Child:
    """A running command and the pipe that keeps it alive."""

    def __init__(self, watcher: subprocess.Popen[bytes]) -> None:
        self._watcher = watcher

    @classmethod
    def start(
        cls,
        command: Sequence[str],
        *,
        account: Account,
        log: Path,
        environment: Mapping[str, str] | None = None,
        stop_signal: signal.Signals = signal.SIGINT,
        grace_s: float = 5.0,
        remove: Sequence[Path] = (),
        pass_fd: int | None = None,
    ) -> Child:
        """Starts `command` as `account`, its output appended to `log`.

        `grace_s` is how long it may take to end after each signal, of which the last cannot be ignored. `remove` names
        what to delete after it ended; `pass_fd` is a descriptor that it inherits under its number.
        """
        options = [f"--uid={account.uid}", f"--gid={account.gid}", f"--stop-signal={int(stop_signal)}"]
        options += [f"--grace={grace_s}"]
        options += [f"--remove={path}" for path in remove]
        options += [f"--pass-fd={pass_fd}"] if pass_fd is not None else []
        with log.open("ab") as output:
            watcher = subprocess.Popen(
                [sys.executable, "-I", "-S", __file__, *options, "--", *command],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                env=environment,
                start_new_session=True,
                pass_fds=() if pass_fd is None else (pass_fd,),
            )
        return cls(watcher)

    @property
    def pid(self) -> int:
        """The watcher's process id."""
        return self._watcher.pid

    def is_running(self) -> bool:
        return self._watcher.poll() is None

    def stop(self) -> None:
        """Ends the command and waits until it is gone and its leftovers are removed. Idempotent."""
        if self._watcher.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._watcher.stdin.close()
        self._watcher.wait()


def _watch(options: argparse.Namespace, account: Account) -> int:
    """Runs the command until it ends by itself or standard input does; returns its exit status."""
    process = subprocess.Popen(
        options.command,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=_end_with_parent(options.stop_signal),  # safe: the watcher has a single thread yet
        pass_fds=() if options.pass_fd is None else (options.pass_fd,),
        **account.popen_options(),
    )
    if options.pass_fd is not None:
        os.close(options.pass_fd)  # a listener must close with the command, not with its watcher
    threading.Thread(target=_stop_at_end_of_input, args=(process, options), daemon=True).start()
    try:
        return process.wait()
    finally:
        for path in options.remove:
            shutil.rmtree(path, ignore_errors=True)


def _stop_at_end_of_input(process: subprocess.Popen[bytes], options: argparse.Namespace) -> None:
    while os.read(0, 4096):
        pass
    grace_s: float = options.grace
    for number in (options.stop_signal, signal.SIGQUIT, signal.SIGKILL):
        process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(grace_s)
            return


def _end_with_parent(stop_signal: int) -> Callable[[], None] | None:
    """Asks Linux to signal the command when the watcher itself is killed; elsewhere the pipe alone must do.

    `subprocess` calls it after the change of user: the kernel clears the setting at such a change.
    """
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)

    def ask() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, stop_signal, 0, 0, 0)

    return ask


def _main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--uid", type=int, required=True)
    parser.add_argument("--gid", type=int, required=True)
    parser.add_argument("--stop-signal", type=int, required=True)
    parser.add_argument("--grace", type=float, default=5.0)
    parser.add_argument("--remove", type=Path, action="append", default=[])
    parser.add_argument("--pass-fd", type=int)
    parser.add_argument("command", nargs="+")
    options = parser.parse_args(arguments)
    return _watch(options, Account(name="", uid=options.uid, gid=options.gid))


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
