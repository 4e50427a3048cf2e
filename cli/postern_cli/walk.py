"""The files of a folder in the order of their paths' bytes, however many there are in one place.

A folder of ours may hold millions of names (`checkpoints/` has one a batch). Past a bound its names are taken in
smaller sets, by their beginnings, each set in a reading of its own: slower, and never more in memory.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

MAX_NAMES = 200_000  # some 40 MB


def walk(folder: str, prefix: str, first: str, until: str | None) -> Iterator[str]:
    """The paths below `folder`, each after `prefix`, from `first` on and before `until`."""
    # Folders that are being read, from the outermost to the innermost: a key is handed up once, not once a level.
    open_folders = [(prefix, _sorted_names(folder, ""))]
    while open_folders:
        prefix, names = open_folders[-1]
        found = next(names, None)
        if found is None:
            open_folders.pop()
            continue
        name, is_folder = found
        path = f"{prefix}{name}/" if is_folder else prefix + name
        if until is not None and path >= until:
            return
        if not is_folder:
            if path >= first:
                yield path
        # All of a folder lies before `first` where it sorts before it and does not begin it.
        elif path >= first[: len(path)]:
            open_folders.append((path, _sorted_names(f"{folder}/{path[len(open_folders[0][0]) :]}", "")))


def _sorted_names(folder: str, start: str) -> Iterator[tuple[str, bool]]:
    """Names that begin with `start`, and whether each is a folder: a folder's name sorts with its slash."""
    found: list[tuple[str, bool]] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(start):
                found.append((entry.name, entry.is_dir(follow_symlinks=False)))
                if len(found) > MAX_NAMES:
                    break
        else:
            yield from sorted(found, key=_order) if len(found) > 1 else found
            return
    found.clear()
    with os.scandir(folder) as entries:
        heads = {_head(entry, start) for entry in entries if entry.name.startswith(start)}
    for head in sorted(heads, key=os.fsencode):
        if head in ("", "/"):
            yield start, head == "/"
        else:
            yield from _sorted_names(folder, start + head)


def _head(entry: os.DirEntry[str], start: str) -> str:
    """The character that follows `start` in a name, in what it sorts by."""
    rest = entry.name[len(start) : len(start) + 1]
    return rest or ("/" if entry.is_dir(follow_symlinks=False) else "")


def _order(one: tuple[str, bool]) -> bytes:
    return os.fsencode(f"{one[0]}/" if one[1] else one[0])
