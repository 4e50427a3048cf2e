"""Step 11, and what is filed of the objects under log/: checkpoints and their signatures, stages, how far it all goes.

Whether a bundle or a tile holds what it must is told by `bundles` and `growth`, which come to it by its place; here
it is only counted, so that none is left that nobody comes to.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from postern.audit.findings import Finding, Step
from postern.audit.keys import LogKey, LogPart, log_key
from postern.audit.listing import Listed, PulledLog
from postern.audit.objects import read_object
from postern.audit.verify import rows
from postern.audit.verify.entries import read_entries
from postern.audit.verify.spill import Spill
from postern.audit.verify.stages import parse_stage
from postern.audit.verify.terms import Log
from postern.errors import IntegrityError
from postern.tlog.checkpoints import Checkpoint, open_checkpoint, parse_checkpoint
from postern.tlog.notes import parse_note
from postern.tlog.origins import log_of
from postern.tlog.tiles import TILE_HEIGHT, TILE_WIDTH, Bundle, Tile, parse_path

_CLAIM_BITS = 16  # claims are filed by so many entries at a time: at most a few each, so that a file fits in memory


@dataclass(slots=True)
class Sizes:
    """How far a log goes. An extent is in leaves, with the key that reaches so far."""

    signed: int = -1  # the largest tree in a sound checkpoint; -1: there is none
    checkpoints: int = 0
    has_latest: bool = False
    bundles: int = 0  # full ones
    bundle: tuple[int, str] = (0, "")
    partial: tuple[int, str] = (0, "")
    tiles: dict[int, tuple[int, str]] = field(default_factory=dict)

    def add(self, other: Sizes) -> None:
        self.signed = max(self.signed, other.signed)
        self.checkpoints += other.checkpoints
        self.has_latest |= other.has_latest
        self.bundles += other.bundles
        self.bundle = max(self.bundle, other.bundle)
        self.partial = max(self.partial, other.partial)
        for level, extent in other.tiles.items():
            self.tiles[level] = max(self.tiles.get(level, (0, "")), extent)


def claim_part(log: int, size: int) -> int:
    """The file of a claim: a log's claims lie in the order of their sizes."""
    return log << 48 | max(0, size - 1) >> _CLAIM_BITS


def check_log_object(
    row: Listed, parsed: LogKey, log: Log, pulled: PulledLog, spill: Spill, sizes: Sizes
) -> Finding | None:
    """5 and 11 of one object, whose versions and locks hold."""
    if parsed.part is LogPart.LATEST:
        sizes.has_latest = True
        _file_versions(row, log, spill)
        if row.skipped:
            return None
    data = read_object(row, pulled)
    if isinstance(data, Finding):
        return data
    if parsed.part is LogPart.LATEST:
        return _check_latest(row, log, data, sizes)
    if parsed.part is LogPart.CHECKPOINT:
        return _check_published(row, log, data, spill, sizes)
    if parsed.part is LogPart.STAGE:
        return _check_stage(row, parsed, log, data, pulled, spill)
    return _count(row.key, parsed.path, sizes)


def check_note(data: bytes, where: str, log: Log) -> Checkpoint | Finding:
    """11. The checkpoint in these bytes, signed by one of the log's keys, if any was given; else only of its form."""
    try:
        if log.vkeys and log.origin is not None:
            return open_checkpoint(data, log.vkeys, log.origin)
        checkpoint = parse_checkpoint(parse_note(data).text)
        expected = log.origin or f"postern.<deployment>/{log.name}"
        if checkpoint.origin != log.origin and (log.origin is not None or log_of(checkpoint.origin) != log.name):
            return Finding(Step.CHECKPOINT, where, "origin", expected, checkpoint.origin[:100])
    except IntegrityError as error:
        return Finding(Step.CHECKPOINT, where, "checkpoint", f"one of {log.origin or log.name}", error.detail)
    return checkpoint


def _check_latest(row: Listed, log: Log, data: bytes, sizes: Sizes) -> Finding | None:
    checkpoint = check_note(data, row.key, log)
    if isinstance(checkpoint, Finding):
        return checkpoint
    sizes.signed = max(sizes.signed, checkpoint.size)
    return None


def _check_published(row: Listed, log: Log, data: bytes, spill: Spill, sizes: Sizes) -> Finding | None:
    checkpoint = check_note(data, row.key, log)
    if isinstance(checkpoint, Finding):
        return checkpoint
    named = row.key.rpartition("/")[2]
    if str(checkpoint.size) != named:
        return Finding(Step.CHECKPOINT, row.key, "size", f"{named}, as its key says", f"{checkpoint.size}")
    sizes.signed = max(sizes.signed, checkpoint.size)
    sizes.checkpoints += 1
    version = row.versions[0]
    stored_us = version.last_modified_us
    claim = rows.Claim(
        checkpoint.size, log.number, rows.Claims.PUBLISHED, checkpoint.root, stored_us, 0, rows.NO_DIGEST
    )
    rows.add(spill, claim, claim_part(log.number, checkpoint.size))
    digest = bytes.fromhex(version.sha256 or "")
    rows.add(
        spill,
        rows.Note(digest, log.number, is_version=False, number=checkpoint.size, last_modified_us=stored_us),
        digest[-1],
    )
    return None


def _file_versions(row: Listed, log: Log, spill: Spill) -> None:
    for number, version in enumerate(row.versions, row.skipped):
        digest = bytes.fromhex(version.sha256 or "")
        note = rows.Note(digest, log.number, is_version=True, number=number, last_modified_us=version.last_modified_us)
        rows.add(spill, note, digest[-1])


def _check_stage(row: Listed, parsed: LogKey, log: Log, data: bytes, pulled: PulledLog, spill: Spill) -> Finding | None:
    """15. Of its form. Whether it was committed, the root in its name tells; then the tree must hold its entries."""
    size_text, _, root_text = parsed.path.removeprefix("stage/").partition("-")
    after, root = int(size_text), bytes.fromhex(root_text)
    try:
        stage = parse_stage(data)
    except IntegrityError as error:
        return Finding(Step.STAGE, row.key, "stage", "a stage's form", error.detail)
    if stage.log != log.name or stage.size + len(stage.entries) != after or stage.size == after:
        got = f"{len(stage.entries)} of {stage.log} on {stage.size}"
        return Finding(Step.STAGE, row.key, "stage", f"entries of {log.name} up to {after}", got)
    is_ours = read_entries(pulled, log.name, stage.size, after) == stage.entries
    by = rows.Claims.STAGED if is_ours else rows.Claims.DIFFERS
    stored_us = row.versions[0].last_modified_us
    rows.add(spill, rows.Claim(after, log.number, by, root, stored_us, after, root), claim_part(log.number, after))
    base = rows.Claim(stage.size, log.number, rows.Claims.BASE, stage.root, stored_us, after, root)
    rows.add(spill, base, claim_part(log.number, stage.size))
    return None


def _count(key: str, path: str, sizes: Sizes) -> Finding | None:
    try:
        part = parse_path(path)
    except IntegrityError as error:
        return Finding(Step.KEY, key, "key", "a tile's or bundle's path", error.detail)
    end = part.index * TILE_WIDTH + part.width
    if isinstance(part, Tile):
        extent = end << TILE_HEIGHT * part.level
        sizes.tiles[part.level] = max(sizes.tiles.get(part.level, (0, "")), (extent, key))
    elif isinstance(part, Bundle) and part.width == TILE_WIDTH:
        sizes.bundles += 1
        sizes.bundle = max(sizes.bundle, (end, key))
    else:
        sizes.partial = max(sizes.partial, (end, key))
    return None


def checkpoint_key(log: str, size: int) -> str:
    return log_key(log, f"checkpoints/{size}")


def stage_key(log: str, size: int, root: bytes) -> str:
    return log_key(log, f"stage/{size}-{root.hex()}")
