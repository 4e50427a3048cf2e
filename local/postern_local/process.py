"""A worker's process, however it is made: what is asked of one, and one that is a new interpreter.

A new interpreter is how workers start where they cannot be forked (`worker_parent.py`), and imports everything
anew each time.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

# The SDK would read the user's own configuration and credentials, or ask a metadata service.
CLEAN: Mapping[str, str] = {
    "PATH": os.defpath,
    "LANG": "C.UTF-8",
    "TZ": ":UTC",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}


@dataclass(frozen=True, slots=True)
class Launch:
    """What a worker's process is started with. `environment` is all that it gets."""

    runtime: str
    handler: str
    folder: Path
    environment: Mapping[str, str]
    log: Path


class Process(Protocol):
    """A worker's process, the leader of a session of its own. It dies with the process that started it."""

    @property
    def pid(self) -> int: ...

    def has_exited(self) -> bool:
        """Asks the system, which knows before the thread that waits for the process has had its turn."""

    def kill(self) -> None:
        """Kills the process and whatever it started. Idempotent, and no other process is ever hit."""

    def wait(self) -> int:
        """Waits until the process and whatever it started are gone; its exit status. For one thread, once."""


class FreshProcess:
    """A new Python process."""

    def __init__(self, launch: Launch) -> None:
        """Starts it. Raises `OSError`."""
        self._lock = threading.Lock()  # over the process's end, so that no signal follows it
        with launch.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "postern_local.worker", launch.runtime, launch.handler],
                cwd=launch.folder,
                env=dict(launch.environment),
                stdin=subprocess.PIPE,  # its end tells the worker that this process is gone
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def has_exited(self) -> bool:
        if self._process.returncode is not None:
            return True
        if not hasattr(os, "waitid"):
            return False
        try:
            return os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None
        except ChildProcessError:
            return True

    def kill(self) -> None:
        with self._lock:
            if self._process.returncode is None:
                kill_group(self._process.pid)

    def wait(self) -> int:
        """Ends what the process left behind before it frees its id for others."""
        if hasattr(os, "waitid"):
            os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT)
        with self._lock:
            kill_group(self._process.pid)
            status = self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        return status


def kill_group(pid: int) -> None:
    """Kills a process group, where there is one; its leader must not have been waited for yet."""
    with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS: a group of zombies
        os.killpg(pid, signal.SIGKILL)
