"""Proofs that a leaf is in a tree, and that a tree continues an earlier one (RFC 9162 sections 2.1.3.2 and 2.1.4.2).

A proof holds or it does not: `verify_` raises `IntegrityError` (`evidence.proof`) and says what does not fit.
"""

from __future__ import annotations

from collections.abc import Sequence

from postern.errors import IntegrityError
from postern.tlog.hashing import HASH_BYTES, Hash, node_hash


def verify_inclusion(index: int, size: int, leaf: Hash, proof: Sequence[Hash], root: Hash) -> None:
    """Holds where the tree of `size` leaves with this root has this leaf at `index`, from 0."""
    if not 0 <= index < size:
        raise _wrong("leaf", f"an index below the size {size}", f"{index}")
    _check_lengths([leaf, root, *proof])
    node, last, computed = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise _wrong("inclusion proof", "no more hashes", f"{len(proof)}")
        if node & 1 or node == last:
            computed = node_hash(sibling, computed)
            while not node & 1 and node:  # up the right edge, where there is no sibling
                node, last = node >> 1, last >> 1
        else:
            computed = node_hash(computed, sibling)
        node, last = node >> 1, last >> 1
    if last != 0:
        raise _wrong("inclusion proof", "more hashes", f"{len(proof)}")
    _check_root("inclusion proof", computed, root)


def verify_consistency(size: int, larger: int, root: Hash, larger_root: Hash, proof: Sequence[Hash]) -> None:
    """Holds where the tree of `larger` leaves begins with the very leaves of the tree of `size`, which has some.

    Every tree continues the empty one, so a proof of that would prove nothing.
    """
    if not 0 < size <= larger:
        raise _wrong("sizes", f"1 to {larger} leaves in the earlier tree", f"{size}")
    if size == larger:
        if proof:
            raise _wrong("consistency proof", "no hashes", f"{len(proof)}")
        _check_root("consistency proof", root, larger_root)
        return
    _check_lengths([root, larger_root, *proof])
    path = list(proof) if size & (size - 1) else [root, *proof]  # a full subtree's root is not sent
    if not path:
        raise _wrong("consistency proof", "more hashes", "0")
    node, last = size - 1, larger - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    earlier = later = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise _wrong("consistency proof", "no more hashes", f"{len(proof)}")
        if node & 1 or node == last:
            earlier, later = node_hash(sibling, earlier), node_hash(sibling, later)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            later = node_hash(later, sibling)
        node, last = node >> 1, last >> 1
    if last != 0:
        raise _wrong("consistency proof", "more hashes", f"{len(proof)}")
    _check_root("consistency proof, earlier tree", earlier, root)
    _check_root("consistency proof, later tree", later, larger_root)


def _check_lengths(hashes: Sequence[bytes]) -> None:
    for one in hashes:
        if len(one) != HASH_BYTES:
            raise _wrong("hash", f"{HASH_BYTES} bytes", f"{len(one)}")


def _check_root(what: str, computed: Hash, root: Hash) -> None:
    if computed != root:
        raise _wrong(what, f"the root {root.hex()}", computed.hex())


def _wrong(what: str, expected: str, got: str) -> IntegrityError:
    return IntegrityError("evidence.proof", f"{what}: expected {expected}, got {got}")
