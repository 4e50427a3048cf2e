"""What a growing tree must remember: the roots of its full subtrees, from the largest to the smallest.

A tree of n leaves has one for each bit that is set in n, so a log of a million entries is continued from at most twenty
hashes, and its root is a fold over them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from postern.errors import IntegrityError
from postern.tlog.hashing import EMPTY_ROOT, HASH_BYTES, Hash, node_hash


@dataclass(frozen=True, slots=True)
class CompactRange:
    """The leaves from 0 to `size`. Raises `IntegrityError` (`evidence.malformed`) where the hashes are not as many."""

    size: int = 0
    hashes: tuple[Hash, ...] = ()

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.hashes) != self.size.bit_count():
            raise IntegrityError(
                "evidence.malformed",
                f"compact range: expected {max(0, self.size).bit_count()} hashes for {self.size} leaves,"
                f" got {len(self.hashes)}",
            )
        if any(len(one) != HASH_BYTES for one in self.hashes):
            raise IntegrityError("evidence.malformed", f"compact range: expected hashes of {HASH_BYTES} bytes")

    @classmethod
    def over(cls, leaves: Sequence[Hash]) -> CompactRange:
        """The range of these leaves, given by their hashes, from the first on."""
        subtrees: list[Hash] = []
        level = list(leaves)
        while level:
            if len(level) & 1:
                subtrees.append(level.pop())
            level = [node_hash(level[at], level[at + 1]) for at in range(0, len(level), 2)]
        return cls(len(leaves), tuple(reversed(subtrees)))

    def append(self, leaf: Hash) -> CompactRange:
        """The range with one more leaf, given by its hash."""
        hashes, whole = list(self.hashes), leaf
        for _ in range((~self.size & (self.size + 1)).bit_length() - 1):
            whole = node_hash(hashes.pop(), whole)
        return CompactRange(self.size + 1, (*hashes, whole))

    def root(self) -> Hash:
        """The root of the tree over all leaves."""
        folded = self._from_the_right()
        root = next(folded, EMPTY_ROOT)
        for left in folded:
            root = node_hash(left, root)
        return root

    def _from_the_right(self) -> Iterator[Hash]:
        return reversed(self.hashes)
