"""Step 12 at the level of the leaves: bundles, their tiles, and what the tree is made of, a run of bundles at a time.

Every entry is hashed twice: as a leaf, and by itself, which finds the object under wal/ that has the same bytes.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from postern.audit.findings import Finding, Step
from postern.audit.listing import PulledLog
from postern.audit.objects import MAX_OBJECT_BYTES
from postern.audit.verify import rows
from postern.audit.verify.entries import path_key, read_bundle, widths
from postern.audit.verify.found import Found
from postern.audit.verify.log_objects import claim_part
from postern.audit.verify.spill import Kind, Spill
from postern.audit.verify.subtrees import Subtrees
from postern.errors import IntegrityError
from postern.tlog.bundles import format_bundle
from postern.tlog.hashing import HASH_BYTES
from postern.tlog.tiles import TILE_WIDTH, Bundle, Tile

_LEAF = b"\x00"
_US = 1_000_000


@dataclass(frozen=True, slots=True)
class Run:
    """Bundles `first` and on of a log; `end` is in entries and at most what the bundles hold.

    The times are those at which the last checkpoint up to the first entry, and the first one past the last, were
    stored: 0 where there is none.
    """

    log: str
    number: int
    first: int
    end: int
    signed: int  # the largest signed tree
    earlier_s: int
    later_s: int


@dataclass(frozen=True, slots=True)
class Claimed:
    """Who speaks of the tree of this size, and the subtrees that are right of the last full bundle in it."""

    size: int
    right: tuple[bytes, ...]
    claims: tuple[rows.Claim, ...]


@dataclass(slots=True)
class Leaves:
    """What a run of bundles came to: the roots of the full ones, and the subtrees of a partial one after them."""

    found: Found = field(default_factory=Found)
    roots: list[bytes] = field(default_factory=list)
    right: tuple[bytes, ...] = ()
    claimed: list[Claimed] = field(default_factory=list)
    is_broken: bool = False  # a bundle could not be read: what follows it cannot be told


def check_bundles(pulled: PulledLog, spill: Spill, run: Run) -> Leaves:
    """Every bundle of the run, every tile over its entries, and the subtrees at every size that is claimed in it."""
    leaves = Leaves()
    claims = _claims(spill, run)
    times = _Times(run, claims)
    for index in range(run.first, -(-run.end // TILE_WIDTH)):
        entries = _read(pulled, run, index, leaves.found)
        if entries is None:
            leaves.is_broken = True
            break
        first = index * TILE_WIDTH
        sha256 = hashlib.sha256
        hashes = [sha256(_LEAF + entry).digest() for entry in entries]
        _check_tiles(pulled, run, index, hashes, leaves.found)
        _file_entries(spill, run.number, first, entries, times)
        leaves.found.count["entries"] += len(entries)
        _check_ends(pulled, run, index, claims, leaves.found)
        _grow(first, hashes, claims, leaves)
    spill.flush()
    return leaves


def _file_entries(spill: Spill, log: int, first: int, entries: Sequence[bytes], times: _Times) -> None:
    sha256, add, pack, kind = hashlib.sha256, spill.add, rows.pack_entry, Kind.ENTRY
    at, end = first, first + len(entries)
    while at < end:
        until, earlier_s, later_s = times.around(at)
        for entry in entries[at - first : until - first]:
            digest = sha256(entry).digest()
            add(kind, digest[-1], pack(digest, log, at, earlier_s, later_s))
            at += 1


def _claims(spill: Spill, run: Run) -> dict[int, list[rows.Claim]]:
    """The claims about trees whose last entry is in this run."""
    begin = run.first * TILE_WIDTH
    found: dict[int, list[rows.Claim]] = defaultdict(list)
    for part in {claim_part(run.number, size) for size in (begin + 1, run.end)}:
        for claim in rows.read(rows.Claim, spill, part):
            if begin < claim.size <= run.end:
                found[claim.size].append(claim)
    return found


class _Times:
    """When the checkpoints on both sides of an entry were stored."""

    def __init__(self, run: Run, claims: dict[int, list[rows.Claim]]) -> None:
        stored = {
            size: claim.last_modified_us // _US
            for size, of_size in sorted(claims.items())
            for claim in of_size
            if claim.by == rows.Claims.PUBLISHED
        }
        self._sizes = list(stored)
        self._end = run.end + TILE_WIDTH  # past every entry of the last bundle
        self._times = [run.earlier_s, *stored.values(), run.later_s]

    def around(self, index: int) -> tuple[int, int, int]:
        """The times around an entry, and the next entry for which they are others."""
        at = bisect_right(self._sizes, index)
        until = self._sizes[at] if at < len(self._sizes) else self._end
        return until, self._times[at], self._times[at + 1]


def _read(pulled: PulledLog, run: Run, index: int, found: Found) -> list[bytes] | None:
    """The entries of a bundle, which is there and has its form; so are its narrower forms."""
    key = path_key(run.log, Bundle(index))
    try:
        bundle = read_bundle(pulled, run.log, index)
    except IntegrityError as error:
        found.find(Finding(Step.TREE, key, "bundle", "exactly its entries", error.detail))
        return None
    if bundle is None:
        found.find(Finding(Step.TREE, key, "bundle", "its entries", "no such object"))
        return None
    widest, entries = bundle
    for width in widths(pulled, run.log, Bundle(index)):
        if width < widest.width:
            _check_narrower(pulled, path_key(run.log, Bundle(index, width)), format_bundle(entries[:width]), found)
    return entries


def _check_narrower(pulled: PulledLog, key: str, expected: bytes, found: Found) -> None:
    try:
        got = pulled.read(key, MAX_OBJECT_BYTES)
    except KeyError:
        return  # listed and not a plain file: found at step 5
    if got != expected:
        found.find(Finding(Step.TREE, key, "bundle", "the first entries of the wider one", "others"))


def _check_tiles(pulled: PulledLog, run: Run, index: int, hashes: Sequence[bytes], found: Found) -> None:
    for width in (*widths(pulled, run.log, Tile(0, index)), TILE_WIDTH):
        tile = Tile(0, index, width)
        is_due = width == len(hashes) and (index + 1) * TILE_WIDTH <= run.signed
        check_tile(pulled, run.log, tile, hashes, found, is_due=is_due)


def _check_ends(pulled: PulledLog, run: Run, index: int, claims: dict[int, list[rows.Claim]], found: Found) -> None:
    """The partial bundle and tile of each published size in this bundle are there, and not only wider ones."""
    within = range(index * TILE_WIDTH + 1, (index + 1) * TILE_WIDTH)
    due = [size for size in within if any(one.by == rows.Claims.PUBLISHED for one in claims.get(size, ()))]
    if not due:
        return
    for part in (Bundle(index), Tile(0, index)):
        there = widths(pulled, run.log, part)
        for size in due:
            if size % TILE_WIDTH not in there:
                found.find(missing_end(run.log, replace(part, width=size % TILE_WIDTH), size))


def missing_end(log: str, part: Tile | Bundle, size: int) -> Finding:
    """What a published tree ends with is not there."""
    what = "bundle" if isinstance(part, Bundle) else "tile"
    expected = f"what the tree of {size} ends with"
    return Finding(Step.TREE, path_key(log, part), what, expected, "no such object")


def check_tile(pulled: PulledLog, log: str, tile: Tile, hashes: Sequence[bytes], found: Found, *, is_due: bool) -> None:
    """The tile, if it is there or due, holds the first of these hashes, which were computed from the entries."""
    key = path_key(log, tile)
    try:
        data = pulled.read(key, TILE_WIDTH * HASH_BYTES)
    except KeyError:
        if is_due:
            found.find(Finding(Step.TREE, key, "tile", f"{tile.width} hashes", "no such object"))
        return
    expected = b"".join(hashes[: tile.width])
    if data == expected:
        return
    if len(data) != tile.width * HASH_BYTES:
        got = f"{len(data)}" if len(data) <= TILE_WIDTH * HASH_BYTES else "more"
        found.find(Finding(Step.TREE, key, "tile", f"{tile.width * HASH_BYTES} bytes", got))
        return
    pieces = range(0, len(data), HASH_BYTES)
    wrong = next((at for at in pieces if data[at : at + HASH_BYTES] != expected[at : at + HASH_BYTES]), 0)
    what = f"hash {wrong // HASH_BYTES}"
    computed = expected[wrong : wrong + HASH_BYTES].hex() or "none: there are fewer entries"
    found.find(Finding(Step.TREE, key, what, f"{computed}, from the entries", data[wrong : wrong + HASH_BYTES].hex()))


def _grow(first: int, hashes: Sequence[bytes], claims: dict[int, list[rows.Claim]], leaves: Leaves) -> None:
    tree = Subtrees()
    wanted = [size for size in range(first + 1, first + len(hashes) + 1) if size in claims] if claims else []
    for size in wanted:
        tree.extend(hashes[tree.size : size - first])
        leaves.claimed.append(Claimed(size, tuple(tree.hashes), tuple(claims[size])))
    tree.extend(hashes[tree.size :])
    if len(hashes) == TILE_WIDTH:
        leaves.roots.append(tree.hashes[0])
    else:
        leaves.right = tuple(tree.hashes)
