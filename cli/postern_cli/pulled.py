"""A pulled log on disk: `objects/<bucket key>`, `versions.jsonl`, and `partial/` while a pull is under way.

`versions.jsonl` is written last and whole, so a folder without it is a pull that did not finish.
A folder may come from somebody else: links are not followed, and only regular files are read.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from postern.audit.listing import VERSIONS_FILE, WHOLE, Stretch
from postern.audit.versions import MAX_LINE_BYTES
from postern_cli.walk import walk

_NO_FILE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO, errno.ENAMETOOLONG})
_READING = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
_MOST_MADE = 4096  # each command has a folder of its own
_MAX_ABOUT_BYTES = 64 * 1024
_CHUNK_BYTES = 1024 * 1024
_MAX_TIME_US = 250_000_000_000_000_000  # in the year 9892


@dataclass(frozen=True, slots=True)
class ByInventory:
    """What was not asked of S3 in a pull: locks of so many versions, and the bytes of so many, which the log has."""

    created_us: int
    locks: int
    derived: int


@dataclass(frozen=True, slots=True)
class PulledFolder:
    """Implements `postern.audit.listing.PulledLog` on a folder. Raises `OSError` where the disk does."""

    path: Path
    _objects: str = field(init=False, repr=False, compare=False)  # joined once, not once an object
    _made: set[Path] = field(init=False, repr=False, compare=False, default_factory=set)  # folders that are there

    def __post_init__(self) -> None:
        object.__setattr__(self, "_objects", str(self.objects))

    @property
    def objects(self) -> Path:
        return self.path / "objects"

    @property
    def versions(self) -> Path:
        return self.path / VERSIONS_FILE

    @property
    def partial(self) -> Path:
        return self.path / "partial"

    @property
    def about(self) -> Path:
        return self.path / "pulled.json"

    def put(self, unfinished: Path, target: Path) -> None:
        """Moves a file to its place under `objects`. Raises `OSError`, also where a folder on the way is a link."""
        self._make_folder(target.parent)
        unfinished.replace(target)

    def _make_folder(self, folder: Path) -> None:
        if folder in self._made:
            return
        if folder != self.objects:
            self._make_folder(folder.parent)
        try:
            folder.mkdir()
        except FileExistsError:
            if not stat.S_ISDIR(folder.lstat().st_mode):
                message = "Expected a folder of the copy's own, got a link or a file"
                raise NotADirectoryError(errno.ENOTDIR, message, str(folder)) from None
        if len(self._made) >= _MOST_MADE:
            self._made.clear()
        self._made.add(folder)

    def copied_at_us(self) -> int | None:
        """When the pull began, by the clock of whoever pulled; None where the folder does not say."""
        return _number(self._about("began_us"), _MAX_TIME_US)

    def by_inventory(self) -> ByInventory | None:
        """What of this copy is as an S3 Inventory said; None where the folder does not say that it was pulled so."""
        told = self._about("inventory")
        if not isinstance(told, dict):
            return None
        names = ("created_us", "locks", "derived")
        created_us, locks, derived = (_number(told.get(name), _MAX_TIME_US) for name in names)
        return ByInventory(created_us or 0, locks or 0, derived or 0)

    def _about(self, name: str) -> object:
        try:
            return json.loads(_read_short(str(self.about)))[name]
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None

    def stretches(self, wanted: int) -> Sequence[Stretch]:
        size = self.versions.stat().st_size
        found = [Stretch()]
        with self.versions.open("rb") as file:
            for number in range(1, wanted):
                if size * number // wanted < found[-1].begin:
                    continue  # one folder's lines reach further than this
                begin = _next_folder(file, size * number // wanted)
                if begin is None:
                    break
                if begin[0] > found[-1].begin:
                    last = found.pop()
                    found += [Stretch(last.begin, begin[0], last.first, begin[1]), Stretch(begin[0], None, begin[1])]
        return found

    def version_lines(self, stretch: Stretch = WHOLE) -> Iterator[bytes]:
        with self.versions.open("rb") as file:
            at = file.seek(stretch.begin)
            # One byte more than a line may have: what is longer then fails to parse, piece by piece.
            while (stretch.end is None or at < stretch.end) and (line := file.readline(MAX_LINE_BYTES + 2)):
                at += len(line)
                yield line.removesuffix(b"\n")

    def keys(self, stretch: Stretch = WHOLE) -> Iterator[str]:
        if self.objects.is_dir():
            yield from walk(str(self.objects), "", stretch.first, stretch.until)

    def names(self, folder: str) -> Sequence[str]:
        try:
            with os.scandir(f"{self._objects}/{folder}") as entries:
                return [entry.name for entry in entries]
        except OSError as error:
            if error.errno in _NO_FILE:
                return ()
            raise

    def read(self, key: str, limit: int) -> bytes:
        handle, size = self._open(key)
        try:
            # Room for what is there, not for what may be: the bound is large and most objects are small.
            wanted = min(size, limit + 1)
            data = os.read(handle, wanted)
            while len(data) < wanted and (more := os.read(handle, wanted - len(data))):
                data += more
        finally:
            os.close(handle)
        return data

    def digest(self, key: str) -> tuple[int, str]:
        with os.fdopen(self._open(key)[0], "rb") as file:
            digest, size = hashlib.sha256(), 0
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
                size += len(chunk)
        return size, digest.hexdigest()

    def _open(self, key: str) -> tuple[int, int]:
        """A handle on a regular file, and the file's size."""
        # Never opened through a link, and never blocking on a pipe that stands where a file should.
        try:
            handle = os.open(f"{self._objects}/{key}", _READING)
        except (OSError, ValueError) as error:
            if not isinstance(error, OSError) or error.errno in _NO_FILE:
                raise KeyError(key) from error
            raise
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            os.close(handle)
            raise KeyError(key)
        return handle, status.st_size


def is_plain(path: Path) -> bool:
    """Whether a regular file lies there, and no link to one."""
    return path.is_file() and not path.is_symlink()


def _number(value: object, limit: int) -> int | None:
    return value if type(value) is int and 0 <= value < limit else None


def _read_short(path: str) -> bytes:
    """A regular file's bytes; none of what is another thing or too long. Raises `OSError`."""
    handle = os.open(path, _READING)
    try:
        data = os.read(handle, _MAX_ABOUT_BYTES + 1) if stat.S_ISREG(os.fstat(handle).st_mode) else b""
    finally:
        os.close(handle)
    return data if len(data) <= _MAX_ABOUT_BYTES else b""


def _next_folder(file: BinaryIO, at: int) -> tuple[int, str] | None:
    """Where the first folder begins whose first line begins after `at`, and its first key; None where none does.

    A line without its form begins nothing: who reads it finds that out.
    """
    file.seek(at)
    while (line := file.readline(MAX_LINE_BYTES)) and not line.endswith(b"\n"):
        pass
    last: str | None = None
    while True:
        begin = file.tell()
        line = file.readline(MAX_LINE_BYTES + 2)
        if not line:
            return None
        key = _key(line)
        if key is None:
            last = None
            continue
        folder = key.rpartition("/")[0]
        if last is not None and folder != last:
            return begin, key
        last = folder


def _key(line: bytes) -> str | None:
    try:
        key = json.loads(line)["key"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return key if isinstance(key, str) and key.isascii() else None
