"""What the pure log core says of a log: the same questions that the other verifier asks, answered by our own code."""

from __future__ import annotations

from dataclasses import dataclass

from postern.errors import IntegrityError
from postern.tlog.bundles import format_bundle, format_tile, parse_bundle
from postern.tlog.checkpoints import open_checkpoint
from postern.tlog.compact_range import CompactRange
from postern.tlog.hashing import Hash, leaf_hash
from postern.tlog.notes import VerifierKey
from postern.tlog.spelling import parse_decimal
from postern.tlog.tiles import TILE_WIDTH, Bundle, Tile, format_path, parse_path, paths_of, tile_at

_KEPT = "checkpoints/"


def check_log(log: dict[str, bytes], vkey: VerifierKey) -> None:
    """Raises `IntegrityError` unless all of the log is of the one tree over its entries, which the key's owner signed.

    Everything that a kept checkpoint's tree is stored in must be there. What is there besides (of a tree that was
    committed and not signed before the next one was) must be of the same tree.
    """
    latest = open_checkpoint(_read(log, "checkpoint"), [vkey], vkey.name)
    tree = _tree(log, latest.size)
    needed: set[str] = set()
    sizes = sorted(parse_decimal(path.removeprefix(_KEPT), "size") for path in log if path.startswith(_KEPT))
    if not sizes or sizes[-1] != latest.size:
        raise _wrong("checkpoint", "the last of those that are kept")
    for size in sizes:
        signed = open_checkpoint(log[f"{_KEPT}{size}"], [vkey], vkey.name)
        if (signed.size, signed.root) != (size, tree.root(size)):
            raise _wrong(f"{_KEPT}{size}", "the tree of the log's entries")
        needed |= {format_path(part) for part in paths_of(size)}
    if latest.root != tree.root(latest.size):
        raise _wrong("checkpoint", "the tree of the log's entries")
    there = {path for path in log if path != "checkpoint" and not path.startswith(_KEPT)}
    for path in needed | there:
        if _read(log, path) != tree.stored(parse_path(path)):
            raise _wrong(path, "what the log's entries give")


@dataclass(frozen=True, slots=True)
class _WholeTree:
    entries: list[bytes]
    levels: list[list[Hash]]  # of tiles

    def root(self, size: int) -> Hash:
        return CompactRange.over(self.levels[0][:size]).root()

    def stored(self, part: Tile | Bundle) -> bytes:
        begin, end = part.index * TILE_WIDTH, part.index * TILE_WIDTH + part.width
        if isinstance(part, Bundle):
            tile_at(0, part.index, len(self.entries))
            return format_bundle(self.entries[begin:end])
        tile_at(part.level, part.index, len(self.entries))
        return format_tile(self.levels[part.level][begin:end])


def _tree(log: dict[str, bytes], size: int) -> _WholeTree:
    bundles = [part for part in paths_of(size) if isinstance(part, Bundle)]
    entries = [one for part in bundles for one in parse_bundle(_read(log, format_path(part)), part.width)]
    levels = [[leaf_hash(entry) for entry in entries]]
    while len(levels[-1]) >= TILE_WIDTH:
        below = levels[-1]
        full = range(0, len(below) - TILE_WIDTH + 1, TILE_WIDTH)
        levels.append([CompactRange.over(below[at : at + TILE_WIDTH]).root() for at in full])
    return _WholeTree(entries, levels)


def _read(log: dict[str, bytes], path: str) -> bytes:
    if path not in log:
        raise _wrong(path, "there")
    return log[path]


def _wrong(path: str, expected: str) -> IntegrityError:
    return IntegrityError("evidence.tile", f"{path}: not {expected}")
