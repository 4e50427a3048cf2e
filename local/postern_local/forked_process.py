"""Workers forked from a process that has imported their libraries: less than half of a start's work is left.

Linux only: a worker is not this process's child, and is held by a descriptor of the process (pidfd_open(2),
Linux 5.3), which unlike its id never comes to mean another one.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

from postern_local.failure import StackFailure
from postern_local.process import CLEAN, Launch

_START_S = 60.0  # the first one waits for the imports


def can_fork() -> bool:
    """Whether this system has what it takes."""
    return sys.platform.startswith("linux") and hasattr(os, "pidfd_open")


class WorkerParent:
    """The process that workers are forked from. It ends with this process, and every worker with it."""

    def __init__(self, log: Path) -> None:
        """Starts it, without waiting for its imports. Raises `OSError`."""
        self._orders, orders = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with orders, log.open("ab") as written:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "postern_local.worker_parent"],
                env=dict(CLEAN),
                stdin=orders.fileno(),
                stdout=written,
                stderr=written,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def start(self, launch: Launch) -> ForkedProcess:
        """A worker's process. Raises `StackFailure` where this one is gone."""
        return ForkedProcess(self._orders, launch)

    def stop(self) -> None:
        """Ends it and its workers, and waits for it. Idempotent. Workers are to be stopped before."""
        self._orders.close()
        self._process.kill()
        self._process.wait()


class ForkedProcess:
    """A fork of the parent, as `Process` says."""

    def __init__(self, orders: socket.socket, launch: Launch) -> None:
        """Orders it and waits until it is there. Raises `StackFailure`."""
        self._lock = threading.Lock()  # over the descriptor's end
        self._channel, channel = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        lifeline, self._lifeline = os.pipe()  # its end tells the worker that this process is gone
        try:
            with channel, launch.log.open("ab") as log:
                socket.send_fds(orders, [_order(launch)], [lifeline, log.fileno(), channel.fileno()])
            self._channel.settimeout(_START_S)
            said, descriptors, _, _ = socket.recv_fds(self._channel, 64, 1, socket.MSG_CMSG_CLOEXEC)
            if not descriptors:
                raise ConnectionResetError("it has ended")
            self._channel.settimeout(None)
        except OSError as error:
            self._channel.close()
            os.close(self._lifeline)
            text = f"process that workers are forked from: expected a worker, got {error}; start the local stack anew"
            raise StackFailure(text) from error
        finally:
            os.close(lifeline)
        self._pid, self._pidfd = int(said), descriptors[0]
        self._closed = False

    @property
    def pid(self) -> int:
        return self._pid

    def has_exited(self) -> bool:
        with self._lock:
            return self._closed or _has_ended(self._pidfd, 0)

    def kill(self) -> None:
        """Kills the process; its parent kills what it leaves behind."""
        with self._lock, contextlib.suppress(ProcessLookupError):
            if not self._closed:
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def wait(self) -> int:
        """The status is the parent's word, or that of a kill where the parent was killed, which kills workers."""
        said = self._channel.recv(64)
        _has_ended(self._pidfd, None)
        with self._lock:
            os.close(self._pidfd)
            self._closed = True
        self._channel.close()
        os.close(self._lifeline)
        return int(said) if said else -signal.SIGKILL


def _order(launch: Launch) -> bytes:
    return json.dumps(
        {
            "runtime": launch.runtime,
            "handler": launch.handler,
            "folder": str(launch.folder),
            "environment": dict(launch.environment),
        }
    ).encode()


def _has_ended(pidfd: int, wait_ms: int | None) -> bool:
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(wait_ms))
