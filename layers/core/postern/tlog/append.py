"""How a stored tree grows: from the right edge of the old one and new entries to what must be written.

Nothing is written here, and the same input gives the same writes, so a batch that was begun by one process can be
completed by any other: every path gets the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

from postern.errors import IntegrityError
from postern.tlog.bundles import format_bundle, format_tile, parse_bundle, parse_tile
from postern.tlog.compact_range import CompactRange
from postern.tlog.hashing import Hash, leaf_hash
from postern.tlog.tiles import TILE_HEIGHT, TILE_WIDTH, Bundle, Read, Tile, edge_of, format_path


@dataclass(frozen=True, slots=True)
class Appended:
    """The tree after a batch: `writes` are the bytes of each path that the old tree did not have."""

    size: int
    root: Hash
    writes: Mapping[str, bytes]


@dataclass(slots=True)
class _Edge:
    """What is not full yet: the entries of the last bundle and, a level each, the hashes of the last tile."""

    size: int
    entries: list[bytes] = field(default_factory=list)
    levels: list[list[Hash]] = field(default_factory=list)

    def root(self) -> Hash:
        subtrees = [one for hashes in reversed(self.levels) for one in CompactRange.over(hashes).hashes]
        return CompactRange(self.size, tuple(subtrees)).root()


def append(size: int, root: Hash, read: Read, entries: Sequence[bytes]) -> Appended:
    """The tree of `size` leaves and this root, continued with these entries.

    Reads the partial bundle and tiles of the old tree, and nothing else. Raises `IntegrityError`: `evidence.tile` where
    they do not give its root, `evidence.malformed` where they have no tile's or bundle's form or an entry is too long.
    """
    edge = _read_edge(size, read)
    if edge.root() != root:
        raise IntegrityError(
            "evidence.tile",
            f"right edge of the tree of {size}: expected the root {root.hex()}, got {edge.root().hex()};"
            " what the log's head says and what is stored differ",
        )
    writes: dict[str, bytes] = {}
    for entry in entries:
        _add(edge, entry, writes)
    _write_edge(edge, size, writes)
    return Appended(edge.size, edge.root(), writes)


def _read_edge(size: int, read: Read) -> _Edge:
    edge = _Edge(size)
    for part in edge_of(size):
        data = read(format_path(part))
        if isinstance(part, Bundle):
            edge.entries = parse_bundle(data, part.width)
        else:
            _level(edge, part.level).extend(parse_tile(data, part.width))
    if [leaf_hash(entry) for entry in edge.entries] != _level(edge, 0):
        raise IntegrityError(
            "evidence.tile", f"last bundle of the tree of {size}: expected the entries that its tile names, got others"
        )
    return edge


def _level(edge: _Edge, level: int) -> list[Hash]:
    while len(edge.levels) <= level:
        edge.levels.append([])
    return edge.levels[level]


def _add(edge: _Edge, entry: bytes, writes: dict[str, bytes]) -> None:
    edge.entries.append(entry)
    edge.size += 1
    if len(edge.entries) == TILE_WIDTH:
        writes[format_path(Bundle(edge.size // TILE_WIDTH - 1))] = format_bundle(edge.entries)
        edge.entries = []
    one = leaf_hash(entry)
    for level in count():
        hashes = _level(edge, level)
        hashes.append(one)
        if len(hashes) < TILE_WIDTH:
            return
        writes[format_path(Tile(level, (edge.size >> TILE_HEIGHT * (level + 1)) - 1))] = format_tile(hashes)
        one = CompactRange.over(hashes).root()
        edge.levels[level] = []


def _write_edge(edge: _Edge, old_size: int, writes: dict[str, bytes]) -> None:
    kept = set(edge_of(old_size))
    for part in edge_of(edge.size):
        if part not in kept:
            data = format_bundle(edge.entries) if isinstance(part, Bundle) else format_tile(edge.levels[part.level])
            writes[format_path(part)] = data
