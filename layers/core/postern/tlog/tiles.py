"""Where the parts of a tree are stored: the paths of C2SP tlog-tiles.

    tile/<L>/<N>[.p/<W>]        hashes: tile N of level L, 256 wide, or W where it is partial
    tile/entries/<N>[.p/<W>]    entries: bundle N, beside tile N of level 0

N is written in groups of three digits, all but the last with an x before it: 1234067 is x001/x234/067. A full tile
of level L is one hash of level L + 1; a partial one is in none. A path names the same bytes for ever.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from postern.tlog.spelling import MAX_SIZE, malformed

TILE_HEIGHT = 8  # levels of the tree in one tile
TILE_WIDTH = 256  # hashes, or entries, in a full one

Read = Callable[[str], bytes]  # gives the bytes at a path under the log; what is not there is for it to say

_PATH = re.compile(
    r"tile/(?P<kind>entries|0|[1-9][0-9]?)/(?P<index>(?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?"
)


@dataclass(frozen=True, slots=True)
class Tile:
    """Hashes `index * 256` and on of level `level`, as many as it is wide. Raises `IntegrityError` where none can be.

    Level 0 holds the leaves' hashes; each hash of level l stands for 256**l leaves.
    """

    level: int
    index: int
    width: int = TILE_WIDTH

    def __post_init__(self) -> None:
        _check(self.level, self.index, self.width)


@dataclass(frozen=True, slots=True)
class Bundle:
    """Entries `index * 256` and on, as many as it is wide. Raises `IntegrityError` where none can be."""

    index: int
    width: int = TILE_WIDTH

    def __post_init__(self) -> None:
        _check(0, self.index, self.width)


def format_path(part: Tile | Bundle) -> str:
    """The one path of this tile or bundle, under its log."""
    kind = "entries" if isinstance(part, Bundle) else str(part.level)
    index, groups = divmod(part.index, 1000)[0], [f"{part.index % 1000:03}"]
    while index:
        index, group = divmod(index, 1000)
        groups.append(f"x{group:03}")
    suffix = "" if part.width == TILE_WIDTH else f".p/{part.width}"
    return f"tile/{kind}/{'/'.join(reversed(groups))}{suffix}"


def parse_path(path: str) -> Tile | Bundle:
    """What this path names. Raises `IntegrityError` (`evidence.malformed`) unless it is exactly a path as above."""
    match = _PATH.fullmatch(path)
    if match is None:
        raise malformed("tile path", "tile/<level or entries>/<index>[.p/<width>]", repr(path))
    index = int(match["index"].replace("x", "").replace("/", ""))
    width = int(match["width"] or TILE_WIDTH)
    part = Bundle(index, width) if match["kind"] == "entries" else Tile(int(match["kind"]), index, width)
    if format_path(part) != path:
        raise malformed("tile path", format_path(part), repr(path))
    return part


def edge_of(size: int) -> Iterator[Tile | Bundle]:
    """The partial bundle and tiles of a tree of this size, from the leaves up: what the tree is continued from."""
    if size % TILE_WIDTH:
        yield Bundle(size // TILE_WIDTH, size % TILE_WIDTH)
    for level, hashes in _levels(size):
        if hashes % TILE_WIDTH:
            yield Tile(level, hashes // TILE_WIDTH, hashes % TILE_WIDTH)


def paths_of(size: int) -> Iterator[Tile | Bundle]:
    """Everything that a tree of this size is stored in: all bundles, then the tiles of each level, left to right."""
    for index in range(size // TILE_WIDTH):
        yield Bundle(index)
    if size % TILE_WIDTH:
        yield Bundle(size // TILE_WIDTH, size % TILE_WIDTH)
    for level, hashes in _levels(size):
        for index in range(hashes // TILE_WIDTH):
            yield Tile(level, index)
        if hashes % TILE_WIDTH:
            yield Tile(level, hashes // TILE_WIDTH, hashes % TILE_WIDTH)


def tile_at(level: int, index: int, size: int) -> Tile:
    """Tile `index` of a level as it is in a tree of this size. Raises `IntegrityError` where the tree has none."""
    width = min(TILE_WIDTH, (size >> TILE_HEIGHT * level) - index * TILE_WIDTH)
    return Tile(level, index, width)


def _levels(size: int) -> Iterator[tuple[int, int]]:
    """Each level of tiles and how many hashes it has."""
    if not 0 <= size <= MAX_SIZE:
        raise malformed("tree size", f"0 to {MAX_SIZE}", str(size))
    level = 0
    while size:
        yield level, size
        level, size = level + 1, size >> TILE_HEIGHT


def _check(level: int, index: int, width: int) -> None:
    if not 1 <= width <= TILE_WIDTH:
        raise malformed("tile width", f"1 to {TILE_WIDTH}", str(width))
    if level < 0 or index < 0 or (index * TILE_WIDTH + width) << (TILE_HEIGHT * level) > MAX_SIZE:
        raise malformed("tile", f"one of a tree of at most {MAX_SIZE} leaves", f"level {level}, index {index}")
