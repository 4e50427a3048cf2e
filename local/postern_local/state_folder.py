"""The one folder that a run leaves behind: logs, the policy as it ran, the local issuer's key.

Two runs never share one. Without a folder of the user's choosing each run takes the first free one of
`.postern/local`, `.postern/local-2`, …, and what an earlier run left in it is removed.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from postern_local.failure import StackFailure

DEFAULT = Path(".postern")
_LOCK = "lock"
_OURS = frozenset({_LOCK, "aws", "certificates", "issuer", "logs", "policy", "postgres", "ready.json"})
_RUNS = 64


@dataclass(frozen=True, slots=True)
class StateFolder:
    """A folder that is this run's alone, with mode 0700, until `close`."""

    path: Path
    lock: int  # a file descriptor: the lock ends with the process, however that ends

    @classmethod
    def open(cls, folder: Path | None) -> StateFolder:
        """Takes the folder, or the first free default. Raises `StackFailure` for one in use or with other files."""
        if folder is not None:
            taken = _take(folder.absolute())
            if taken is None:
                raise StackFailure(f"{folder}: expected a folder that no other stack runs in, got one in use")
            return taken
        base = DEFAULT.absolute()
        for number in range(1, _RUNS + 1):
            taken = _take(base / ("local" if number == 1 else f"local-{number}"))
            if taken is not None:
                return taken
        raise StackFailure(f"{base}: expected fewer than {_RUNS} stacks at once")

    def folder(self, name: str) -> Path:
        """A folder below it, made where it is not there."""
        folder = self.path / name
        folder.mkdir(exist_ok=True)
        return folder

    def close(self) -> None:
        os.close(self.lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def is_in_use(folder: Path) -> bool:
    """Whether a run has this folder now."""
    try:
        lock = os.open(folder / _LOCK, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def _take(path: Path) -> StateFolder | None:
    """The folder, emptied, or None where another run has it."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        others = sorted(entry.name for entry in path.iterdir() if entry.name not in _OURS)
        if others:
            raise StackFailure(f"{path}: expected an empty folder or a stack's own, got {others[0]} in it")
        path.chmod(0o700)
        lock = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise StackFailure(f"{path}: expected a folder to write to, got: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    for name in _OURS - {_LOCK}:
        left = path / name
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left)
        else:
            left.unlink(missing_ok=True)
    return StateFolder(path, lock)
