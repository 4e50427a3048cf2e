"""Trees and proofs as RFC 6962 section 2.1 defines them, word for word: what everything else is compared with."""

from __future__ import annotations

from collections.abc import Sequence

from postern.tlog.hashing import EMPTY_ROOT, Hash, node_hash


def root_of(leaves: Sequence[Hash]) -> Hash:
    """MTH of section 2.1, over leaves given by their hashes."""
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    split = split_of(len(leaves))
    return node_hash(root_of(leaves[:split]), root_of(leaves[split:]))


def path_of(index: int, leaves: Sequence[Hash]) -> list[Hash]:
    """PATH of section 2.1.1."""
    if len(leaves) == 1:
        return []
    split = split_of(len(leaves))
    if index < split:
        return [*path_of(index, leaves[:split]), root_of(leaves[split:])]
    return [*path_of(index - split, leaves[split:]), root_of(leaves[:split])]


def proof_of(size: int, leaves: Sequence[Hash], *, is_whole: bool = True) -> list[Hash]:
    """PROOF and SUBPROOF of section 2.1.2."""
    if size == len(leaves):
        return [] if is_whole else [root_of(leaves)]
    split = split_of(len(leaves))
    if size <= split:
        return [*proof_of(size, leaves[:split], is_whole=is_whole), root_of(leaves[split:])]
    return [*proof_of(size - split, leaves[split:], is_whole=False), root_of(leaves[:split])]


def split_of(size: int) -> int:
    """The largest power of two that is less than this size, which is over 1."""
    split = 1
    while split * 2 < size:
        split *= 2
    return split
