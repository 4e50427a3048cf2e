"""Proofs made from stored tiles (RFC 6962 sections 2.1.1 and 2.1.2).

The tiles are taken as they are: a proof from wrong ones does not hold, and whoever makes one verifies it (`proofs`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from postern.errors import IntegrityError
from postern.tlog.bundles import parse_tile
from postern.tlog.compact_range import CompactRange
from postern.tlog.hashing import Hash
from postern.tlog.tiles import TILE_HEIGHT, TILE_WIDTH, Read, format_path, tile_at


def prove_inclusion(index: int, size: int, read: Read) -> list[Hash]:
    """What `verify_inclusion` needs for the leaf at `index` of the tree of `size`, from the leaf's sibling upwards.

    Reads only tiles that the tree of `size` is stored in, each once. Raises `IntegrityError`: `evidence.proof` for a
    leaf that is not in the tree, `evidence.malformed` for a tile that is none.
    """
    if not 0 <= index < size:
        raise IntegrityError("evidence.proof", f"leaf: expected an index below the size {size}, got {index}")
    tree, begin, end, proof = _Tree(size, read), 0, size, []
    while end - begin > 1:
        middle = _middle(begin, end)
        if index < middle:
            proof.append(tree.root(middle, end))
            end = middle
        else:
            proof.append(tree.root(begin, middle))
            begin = middle
    return proof[::-1]


def prove_consistency(size: int, larger: int, read: Read) -> list[Hash]:
    """What `verify_consistency` needs to see that the tree of `larger` leaves continues the one of `size`.

    Reads and raises as `prove_inclusion` does, from the tree of `larger`.
    """
    if not 0 < size <= larger:
        raise IntegrityError("evidence.proof", f"earlier tree: expected 1 to {larger} leaves, got {size}")
    tree, begin, end, proof = _Tree(larger, read), 0, larger, []
    while end != size:
        middle = _middle(begin, end)
        if size <= middle:
            proof.append(tree.root(middle, end))
            end = middle
        else:
            proof.append(tree.root(begin, middle))
            begin = middle
    if begin:
        proof.append(tree.root(begin, end))
    return proof[::-1]


@dataclass(frozen=True, slots=True)
class _Tree:
    size: int
    read: Read
    tiles: dict[tuple[int, int], list[Hash]] = field(default_factory=dict)

    def root(self, begin: int, end: int) -> Hash:
        """The root over leaves `begin` to `end`, a subtree as RFC 6962 divides the tree."""
        count, at, subtrees = end - begin, begin, []
        for height in reversed(range(count.bit_length())):
            if count >> height & 1:
                subtrees.append(self._full(height, at))
                at += 1 << height
        return CompactRange(count, tuple(subtrees)).root()

    def _full(self, height: int, begin: int) -> Hash:
        """The root over the 2**height leaves from `begin` on, of hashes that one tile holds."""
        level, within = divmod(height, TILE_HEIGHT)
        index, at = divmod(begin >> TILE_HEIGHT * level, TILE_WIDTH)
        return CompactRange.over(self._tile(level, index)[at : at + (1 << within)]).root()

    def _tile(self, level: int, index: int) -> list[Hash]:
        if (level, index) not in self.tiles:
            tile = tile_at(level, index, self.size)
            self.tiles[level, index] = parse_tile(self.read(format_path(tile)), tile.width)
        return self.tiles[level, index]


def _middle(begin: int, end: int) -> int:
    """Where RFC 6962 divides these leaves: after the largest power of two that is less than all of them."""
    return begin + (1 << (end - begin - 1).bit_length() - 1)
