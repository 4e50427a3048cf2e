"""The tree over leaves, for a verifier that hashes every node of it: plain lists, one pass, nothing kept twice."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from postern.tlog.hashing import EMPTY_ROOT, Hash

_NODE = b"\x01"


class Subtrees:
    """The full subtrees over `size` equal parts, from the largest to the smallest, as a compact range has them.

    A part is a leaf, or a subtree of a power of two of leaves.
    """

    __slots__ = ("hashes", "size")

    def __init__(self) -> None:
        self.size = 0
        self.hashes: list[bytes] = []

    def append(self, part: bytes) -> None:
        hashes, size, sha256 = self.hashes, self.size, hashlib.sha256
        while size & 1:
            part = sha256(_NODE + hashes.pop() + part).digest()
            size >>= 1
        hashes.append(part)
        self.size += 1

    def extend(self, parts: Iterable[bytes]) -> None:
        for part in parts:
            self.append(part)


def root_of(subtrees: Sequence[bytes]) -> Hash:
    """The root over subtrees that stand side by side, from the largest to the smallest (RFC 6962 section 2.1)."""
    if not subtrees:
        return EMPTY_ROOT
    root = subtrees[-1]
    for left in reversed(subtrees[:-1]):
        root = hashlib.sha256(_NODE + left + root).digest()
    return Hash(root)
