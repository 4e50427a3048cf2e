"""Step 12 before the hashes: how many entries there are, that bundles have no gap, and that no tile goes past them."""

from __future__ import annotations

from collections.abc import Iterator

from postern.audit.findings import Finding, Step
from postern.audit.listing import PulledLog
from postern.audit.verify import rows
from postern.audit.verify.bundles import Run
from postern.audit.verify.entries import widths
from postern.audit.verify.found import Found
from postern.audit.verify.log_objects import Sizes
from postern.audit.verify.spill import Kind, Spill
from postern.audit.verify.terms import Log
from postern.tlog.tiles import TILE_WIDTH, Bundle

_BUNDLES = 32  # in a run: enough to be worth a task, few enough that all cores have some
_US = 1_000_000


def check_extents(pulled: PulledLog, log: Log, sizes: Sizes, found: Found) -> int:
    """How many entries the bundles hold, without a gap; findings for whatever lies past them."""
    partial = widths(pulled, log.name, Bundle(sizes.bundles))
    size = sizes.bundles * TILE_WIDTH + (partial[-1] if partial else 0)
    for extent, key in (sizes.bundle, sizes.partial):
        if extent > size:
            found.find(Finding(Step.TREE, key, "bundle", f"one of the {size} entries without a gap", f"up to {extent}"))
    for _, (extent, key) in sorted(sizes.tiles.items()):
        if extent > size:
            found.find(Finding(Step.TREE, key, "tile", f"one over the {size} entries", f"up to {extent}"))
    return size


def runs_of(spill: Spill, log: Log, size: int, signed: int) -> Iterator[Run]:
    """The log's bundles, some at a time, with the times of the checkpoints around them."""
    step = _BUNDLES * TILE_WIDTH
    begins = range(0, size, step)
    stored = _stored(spill, log)
    earlier_s = 0
    pending: list[Run] = []
    published = next(stored, None)
    for begin in begins:
        pending.append(Run(log.name, log.number, begin // TILE_WIDTH, min(begin + step, size), signed, earlier_s, 0))
        while published is not None and published[0] <= begin + step:
            earlier_s = published[1]
            published = next(stored, None)
        if published is not None:
            yield from _until(pending, published[1])
            pending = []
    yield from pending


def _until(pending: list[Run], later_s: int) -> Iterator[Run]:
    for run in pending:
        yield Run(run.log, run.number, run.first, run.end, run.signed, run.earlier_s, later_s)


def _stored(spill: Spill, log: Log) -> Iterator[tuple[int, int]]:
    """Sizes of published checkpoints and when they were stored, in seconds, in the order of sizes."""
    for part in spill.parts(Kind.CLAIM):
        if part >> 48 == log.number:
            published = (row for row in rows.read(rows.Claim, spill, part) if row.by == rows.Claims.PUBLISHED)
            yield from sorted((row.size, row.last_modified_us // _US) for row in published)
