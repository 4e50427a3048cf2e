"""A pulled log on disk: `objects/<bucket key>`, `versions.jsonl`, and `partial/` while a pull is under way.

`versions.jsonl` is written last and whole, so a folder without it is a pull that did not finish.
A folder may come from somebody else: links are not followed, and only regular files are read.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from postern.audit.listing import VERSIONS_FILE
from postern.audit.versions import MAX_LINE_BYTES

_NO_FILE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO})


@dataclass(frozen=True, slots=True)
class PulledFolder:
    """Implements `postern.audit.listing.PulledLog` on a folder. Raises `OSError` where the disk does."""

    path: Path

    @property
    def objects(self) -> Path:
        return self.path / "objects"

    @property
    def versions(self) -> Path:
        return self.path / VERSIONS_FILE

    @property
    def partial(self) -> Path:
        return self.path / "partial"

    def version_lines(self) -> Iterator[bytes]:
        with self.versions.open("rb") as file:
            # One byte more than a line may have: what is longer then fails to parse, piece by piece.
            while line := file.readline(MAX_LINE_BYTES + 2):
                yield line.removesuffix(b"\n")

    def keys(self) -> Iterator[str]:
        if self.objects.is_dir():
            yield from _walk(self.objects, "")

    def read(self, key: str, limit: int) -> bytes:
        # Never opened through a link, and never blocking on a pipe that stands where a file should.
        try:
            handle = os.open(self.objects / key, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            if error.errno in _NO_FILE:
                raise KeyError(key) from error
            raise
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise KeyError(key)
            return file.read(limit + 1)


def _walk(folder: Path, prefix: str) -> Iterator[str]:
    """The keys below `folder` in the order of their bytes: a folder's name sorts with its slash."""
    with os.scandir(folder) as entries:
        found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_folder in sorted(found, key=lambda one: os.fsencode(one[0] + "/" if one[1] else one[0])):
        if is_folder:
            yield from _walk(folder / name, f"{prefix}{name}/")
        else:
            yield prefix + name
