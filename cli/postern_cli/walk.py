"""The files of a folder in the order of their paths' bytes, however many there are in one place.

A folder of ours may hold millions of names (`checkpoints/` has one a batch). Past a bound its names are taken in
smaller sets, by their beginnings, each set in a reading of its own: slower, and never more in memory.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import islice

MAX_NAMES = 200_000  # some 40 MB


def walk(folder: str, prefix: str, first: str, until: str | None) -> Iterator[str]:
    """The paths below `folder`, each after `prefix`, from `first` on and before `until`."""
    # Folders that are being read, from the outermost to the innermost: a key is handed up once, not once a level.
    open_folders = [(prefix, iter(_sorted_names(folder, "")))]
    while open_folders:
        above, names = open_folders[-1]
        for name in names:
            path = above + name
            if until is not None and path >= until:
                return
            if name[-1] != "/":
                if path >= first:
                    yield path
            # All of a folder lies before `first` where it sorts before it and does not begin it.
            elif path >= first[: len(path)]:
                below = _sorted_names(f"{folder}/{path[len(prefix) : -1]}", "")
                open_folders.append((path, iter(below)))
                break
        else:
            open_folders.pop()


def _sorted_names(folder: str, start: str) -> Iterable[str]:
    """Names that begin with `start`, those of folders with the slash by which they sort."""
    with os.scandir(folder) as entries:
        of_start = (entry for entry in entries if entry.name.startswith(start)) if start else entries
        found = [
            f"{entry.name}/" if entry.is_dir(follow_symlinks=False) else entry.name
            for entry in islice(of_start, MAX_NAMES + 1)
        ]
    if len(found) > MAX_NAMES:
        return _by_beginnings(folder, start)
    if len(found) > 1:
        found.sort(key=None if all(map(str.isascii, found)) else os.fsencode)
    return found


def _by_beginnings(folder: str, start: str) -> Iterator[str]:
    with os.scandir(folder) as entries:
        heads = {_head(entry, start) for entry in entries if entry.name.startswith(start)}
    for head in sorted(heads, key=os.fsencode):
        if head in ("", "/"):
            yield start + head
        else:
            yield from _sorted_names(folder, start + head)


def _head(entry: os.DirEntry[str], start: str) -> str:
    """The character that follows `start` in a name, in what it sorts by."""
    rest = entry.name[len(start) : len(start) + 1]
    return rest or ("/" if entry.is_dir(follow_symlinks=False) else "")
