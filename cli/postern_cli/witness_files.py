"""A witness's key, state and evidence as files of one machine."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from postern.errors import IntegrityError
from postern.types import Secret
from postern.witness.signing_key import WitnessKey, parse_key
from postern.witness.state import MAX_STATE_BYTES
from postern_cli.stop import Exit, Stop

_MAX_KEY_BYTES = 4096


def create_key_file(path: Path, text: Secret) -> None:
    """Writes a key where none is, readable by its owner alone. Raises `Stop` where something is there."""
    _create(path, text.reveal().encode() + b"\n", 0o600)


def read_key_file(path: Path) -> WitnessKey:
    """The key in a file. Raises `Stop` where there is none, or where others could read it."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read(_MAX_KEY_BYTES)
    except OSError as error:
        raise Stop(Exit.UNKNOWN, f"{path}: expected a witness's key, got {error.strerror}") from error
    if mode & 0o077:
        raise Stop(Exit.REFUSED, f"{path}: expected a file for its owner alone; run chmod 600 and ask who has read it")
    try:
        return parse_key(Secret(data.decode("ascii")))
    except (IntegrityError, UnicodeDecodeError) as error:
        detail = error.detail if isinstance(error, IntegrityError) else "expected ASCII"
        raise Stop(Exit.UNKNOWN, f"{path}: {detail}") from error


@dataclass(frozen=True, slots=True)
class StateFile:
    """Implements `witnessing.Memory` on a file that is replaced as a whole; use it inside `held`."""

    path: Path

    def create(self, data: bytes) -> None:
        """Begins a state. Raises `Stop` where there is one: what it remembers must not be forgotten."""
        _create(self.path, data, 0o600)

    def read(self) -> bytes:
        try:
            with self.path.open("rb") as file:
                return file.read(MAX_STATE_BYTES + 1)
        except OSError as error:
            raise Stop(
                Exit.UNKNOWN, f"{self.path}: expected the witness's state, got {error.strerror}; `init` begins one"
            ) from error

    def write(self, data: bytes) -> None:
        replace_file(self.path, data)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keeps every other run out. Raises `Stop` where one is under way."""
        try:
            with self.path.with_name(f"{self.path.name}.lock").open("ab") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                yield
        except OSError as error:
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                raise Stop(Exit.UNKNOWN, f"{self.path}: another run of the witness is under way") from error
            raise Stop(Exit.UNKNOWN, f"{self.path}: expected to lock it, got {error.strerror}") from error


def replace_file(path: Path, data: bytes) -> None:
    """Puts whole content in a file's place, durably: what was there stays until it is. Raises `Stop`."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with unfinished.open("wb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        # Until here the old content stands; from here on the new one does.
        unfinished.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise Stop(Exit.UNKNOWN, f"{path}: expected to write it, got {error.strerror}") from error


def keep_file(folder: Path, name: str, data: bytes) -> None:
    """Keeps evidence; the same under the same name is kept already. Raises `Stop`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Stop(Exit.UNKNOWN, f"{folder}: expected to make it, got {error.strerror}") from error
    replace_file(folder / name, data)


def _create(path: Path, data: bytes, mode: int) -> None:
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        _sync_folder(path.parent)
    except FileExistsError as error:
        raise Stop(Exit.REFUSED, f"{path}: expected no such file yet; nothing was changed") from error
    except OSError as error:
        raise Stop(Exit.UNKNOWN, f"{path}: expected to write it, got {error.strerror}") from error


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
