"""Files that are kept for one person: read only where nobody else could have written or read them, written whole.

A folder of ours has mode 0700 and a private file 0600. A private file that is a symbolic link, belongs to another user
or may be read by others is refused, and said so: what is in it may be known, or not be ours.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from postern_cli.stop import Exit, Stop

MAX_BYTES = 1_000_000
_OTHERS = 0o077
_OTHERS_WRITE = 0o022
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK  # a pipe in the place of a file must not hold us up


def read_private(path: Path) -> bytes | None:
    """The content of a file that only its owner can read; None where there is none. Raises `Stop` for any other."""
    return _read(path, _READ | os.O_NOFOLLOW, owners={os.geteuid()}, forbidden=_OTHERS, mend="0600")


def read_trusted(path: Path) -> bytes | None:
    """The content of a file that only its owner, this user or root, can write; a link is followed. None without one."""
    return _read(path, _READ, owners={os.geteuid(), 0}, forbidden=_OTHERS_WRITE, mend="0644")


def write_private(path: Path, content: bytes) -> None:
    """Replaces the file as a whole, mode 0600: a reader sees the old one or the new one, and a link is not followed."""
    make_private_folder(path.parent)
    new = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def make_private_folder(folder: Path) -> None:
    """Makes the folder with mode 0700. Raises `Stop` where it is another user's, or others may write to it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.stat()
    if found.st_uid != os.geteuid() or found.st_mode & _OTHERS_WRITE:
        raise Stop(Exit.USAGE, f"{folder}: expected a folder that only you can write to; chmod 0700 it")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Lets one process at a time do what stands in the block. The lock goes with the process that holds it."""
    make_private_folder(path.parent)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _read(path: Path, flags: int, *, owners: set[int], forbidden: int, mend: str) -> bytes | None:
    try:
        handle = os.open(path, flags)
    except FileNotFoundError:
        return None
    except OSError as error:
        if path.is_symlink():
            raise Stop(Exit.USAGE, f"{path}: expected a file of its own, got a symbolic link; remove it") from error
        raise
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise Stop(Exit.USAGE, f"{path}: expected a plain file, got another kind; remove it")
        if found.st_uid not in owners:
            raise Stop(Exit.USAGE, f"{path}: expected a file of yours, got another user's; remove it")
        if found.st_mode & forbidden:
            what = "read" if forbidden == _OTHERS else "write"
            raise Stop(Exit.USAGE, f"{path}: expected that nobody else can {what} it; chmod {mend} it")
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise Stop(Exit.USAGE, f"{path}: expected at most {MAX_BYTES:,} bytes, got more")
    return content
