"""Steps 12 and 13 above the leaves: the tree put together from its bundles, and every root that anybody claims.

The claims come in the order of their sizes with the runs of bundles, so that one pass gives the root at each.
"""

from __future__ import annotations

from collections.abc import Sequence

from postern.audit.findings import Finding, Step
from postern.audit.listing import PulledLog
from postern.audit.verify import rows
from postern.audit.verify.bundles import Claimed, Leaves, check_tile, missing_end
from postern.audit.verify.entries import widths
from postern.audit.verify.found import Found
from postern.audit.verify.log_objects import checkpoint_key, stage_key
from postern.audit.verify.subtrees import Subtrees, root_of
from postern.audit.verify.terms import Log
from postern.tlog.hashing import EMPTY_ROOT
from postern.tlog.tiles import TILE_HEIGHT, TILE_WIDTH, Tile, edge_of


class Growth:
    """One log's tree as it grows, run by run, up to `size`; what `signed` leaves stand on must be there."""

    def __init__(self, pulled: PulledLog, log: Log, size: int, signed: int) -> None:
        self.found = Found()
        self.roots: dict[int, bytes] = {0: EMPTY_ROOT}  # at the anchors' sizes
        self._pulled, self._log, self._size, self._signed = pulled, log, size, signed
        self._bundles = Subtrees()
        self._levels: list[list[bytes]] = []  # of each level from 1 on, the hashes of the tile that is not full yet
        self._is_broken = False
        self._widths: dict[tuple[int, int], list[int]] = {}  # of the tiles that were looked for last, one a level

    def take(self, leaves: Leaves) -> None:
        """The next run of bundles."""
        self.found.add(leaves.found)
        claimed = iter(leaves.claimed)
        one = next(claimed, None)
        for root in leaves.roots:
            before = list(self._bundles.hashes)
            index = self._bundles.size
            while one is not None and one.size <= (index + 1) * TILE_WIDTH:
                self._judge(one, before)
                one = next(claimed, None)
            self._bundles.append(root)
            self._add(1, root, index + 1)
        while one is not None and not self._is_broken:
            self._judge(one, self._bundles.hashes)
            one = next(claimed, None)
        self._is_broken |= leaves.is_broken

    def finish(self) -> None:
        """The tiles that are not full: those on the right edge."""
        if not self._is_broken:
            for level, hashes in enumerate(self._levels, 1):
                if hashes:
                    self._check_tiles(level, self._size >> TILE_HEIGHT * (level + 1), hashes)

    def _judge(self, one: Claimed, bundles: Sequence[bytes]) -> None:
        if self._is_broken:
            return
        root = root_of([*bundles, *one.right])
        for claim in one.claims:
            self._judge_claim(claim, root)
        if any(claim.by == rows.Claims.ANCHOR for claim in one.claims):
            self.roots[one.size] = root

    def _judge_claim(self, claim: rows.Claim, root: bytes) -> None:
        agrees = claim.root == root
        if claim.by == rows.Claims.PUBLISHED:
            self._check_ends(claim.size)
            if not agrees:
                where = checkpoint_key(self._log.name, claim.size)
                self._find(Step.ROOT, where, "root", f"{root.hex()}, from the entries", claim.root.hex())
            return
        where = stage_key(self._log.name, claim.stage_size, claim.stage_root)
        if claim.by == rows.Claims.BASE and not agrees:
            self._find(Step.STAGE, where, "tree before it", f"the root {root.hex()}", claim.root.hex())
        elif claim.by == rows.Claims.DIFFERS and agrees:
            self._find(Step.STAGE, where, "entries", "those that the log has there", "others")
        elif claim.by == rows.Claims.STAGED and not agrees:
            self._find(Step.STAGE, where, "tree after it", f"the root {root.hex()}", claim.root.hex())
        elif claim.by == rows.Claims.DIFFERS:
            self.found.count["stages_left"] += 1  # staged and overtaken: it was never committed

    def _add(self, level: int, root: bytes, count: int) -> None:
        """One more hash on a level; `count` with it."""
        if len(self._levels) < level:
            self._levels.append([])
        hashes = self._levels[level - 1]
        hashes.append(root)
        if len(hashes) < TILE_WIDTH:
            return
        index = count // TILE_WIDTH - 1
        self._check_tiles(level, index, hashes)
        tree = Subtrees()
        tree.extend(hashes)
        self._levels[level - 1] = []
        self._add(level + 1, tree.hashes[0], index + 1)

    def _check_tiles(self, level: int, index: int, hashes: Sequence[bytes]) -> None:
        for width in (*widths(self._pulled, self._log.name, Tile(level, index)), TILE_WIDTH):
            tile = Tile(level, index, width)
            is_due = width == len(hashes) and (index + 1) << TILE_HEIGHT * (level + 1) <= self._signed
            check_tile(self._pulled, self._log.name, tile, hashes, self.found, is_due=is_due)

    def _check_ends(self, size: int) -> None:
        """The partial tiles of a published size, above the leaves', are there."""
        for part in edge_of(size):
            if isinstance(part, Tile) and part.level > 0:
                at = (part.level, part.index)
                if at not in self._widths:
                    self._widths = {one: there for one, there in self._widths.items() if one[0] != part.level}
                    self._widths[at] = widths(self._pulled, self._log.name, part)
                if part.width not in self._widths[at]:
                    self.found.find(missing_end(self._log.name, part, size))

    def _find(self, step: Step, where: str, what: str, expected: str, got: str) -> None:
        self.found.find(Finding(step, where, what, expected, got))
