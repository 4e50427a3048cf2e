"""The checker of a whole log: recomputed from its entry bundles alone, it must agree with everything else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from postern.tlog.bundles import parse_bundle
from postern.tlog.checkpoints import open_checkpoint
from postern.tlog.compact_range import CompactRange
from postern.tlog.hashing import EMPTY_ROOT, Hash, leaf_hash
from postern.tlog.notes import VerifierKey, verifier_key
from postern.tlog.tiles import TILE_WIDTH, Bundle, Tile, format_path, parse_path, paths_of
from tests.support.log_fakes import LogStore, MemorySigner


@dataclass
class WholeLog:
    """A log recomputed from its bundles alone."""

    entries: list[bytes]
    levels: list[list[Hash]]  # of tiles: the hashes of each
    roots: dict[int, Hash]  # of the trees whose size was asked for


def check_log(store: LogStore, log: str, origin: str, *vkeys: VerifierKey, skipped: Sequence[str] = ()) -> WholeLog:
    """Everything that must be true of a log at rest: one latest checkpoint over all of `wal/` but `skipped`.

    No entry lost, none twice, each where the index says; every tile and bundle that was ever written, and every tree
    that was ever signed, is one of this very tree. Returns it.
    """
    keys = vkeys or (verifier_key(origin, MemorySigner(store).public),)
    latest = open_checkpoint(store.latest[log][-1], keys, origin)
    head = store.heads[log]
    assert (head.size, head.root, head.is_applied) == (latest.size, latest.root, True), "the head is not published"
    published = [open_checkpoint(data, keys, origin) for data in store.latest[log]]
    assert [one.size for one in published] == sorted({one.size for one in published}), "checkpoint moved backwards"
    copies = [
        open_checkpoint(data, keys, origin)
        for (of, path), data in store.objects.items()
        if of == log and path.startswith("checkpoints/")
    ]
    assert {one.size for one in published} <= {one.size for one in copies}, "a published checkpoint has no copy"
    trees = [*published, *copies, *(one for one in store.signed if one.origin == origin)]
    whole = _recompute(store, log, latest.size, {one.size for one in trees})
    for tree in trees:
        assert whole.roots.get(tree.size) == tree.root, f"the signed tree of {tree.size} disagrees"
    _check_tiles(store, log, whole, latest.size)
    _check_entries(store, log, whole, frozenset(skipped))
    return whole


def _recompute(store: LogStore, log: str, size: int, asked: set[int]) -> WholeLog:
    parts = [part for part in paths_of(size) if isinstance(part, Bundle)]
    entries = [one for part in parts for one in parse_bundle(store.objects[log, format_path(part)], part.width)]
    levels = [[leaf_hash(entry) for entry in entries]]
    roots, growing = {0: EMPTY_ROOT}, CompactRange()
    for at, leaf in enumerate(levels[0], 1):
        growing = growing.append(leaf)
        if at in asked:
            roots[at] = growing.root()
    while len(levels[-1]) >= TILE_WIDTH:
        below = levels[-1]
        full = range(0, len(below) - TILE_WIDTH + 1, TILE_WIDTH)
        levels.append([CompactRange.over(below[at : at + TILE_WIDTH]).root() for at in full])
    return WholeLog(entries, levels, roots)


def _check_tiles(store: LogStore, log: str, whole: WholeLog, size: int) -> None:
    stored = {path: data for (of, path), data in store.objects.items() if of == log and path.startswith("tile/")}
    assert {format_path(part) for part in paths_of(size)} <= stored.keys(), "a tile or bundle is missing"
    for path, data in stored.items():
        part = parse_path(path)
        begin = part.index * TILE_WIDTH
        if isinstance(part, Tile):
            hashes = whole.levels[part.level][begin : begin + part.width]
            assert b"".join(hashes) == data, f"{path} is not of this tree"
            assert len(hashes) == part.width, f"{path} is past the tree"
        else:
            assert parse_bundle(data, part.width) == whole.entries[begin : begin + part.width], f"{path} is another's"


def _check_entries(store: LogStore, log: str, whole: WholeLog, skipped: frozenset[str]) -> None:
    wal = {key: versions[0] for key, versions in store.wal.items() if key.startswith(f"wal/v1/{log}/")}
    places = {key: place for key, place in store.places.items() if key.startswith(f"wal/v1/{log}/")}
    assert places.keys() == wal.keys() - skipped, "entries lost, or of what must not be one"
    assert sorted(places.values()) == list(range(len(whole.entries))), "an entry twice, or one of no key"
    for key, place in places.items():
        assert whole.entries[place] == wal[key], f"{key}: the index points at other bytes"
