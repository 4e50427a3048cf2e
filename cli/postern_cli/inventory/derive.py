"""What a log's bundles and checkpoints already hold of the rest of the bucket: found here, and not fetched again.

A record is an entry; a narrower bundle is the beginning of a wider one; tiles are hashes of entries; a stage is a batch
of entries under a header that follows from the tree before it; every version of `checkpoint` is one that was published.
Each is taken only where S3's own length and ETag say that the object has exactly these bytes: an ETag is the MD5 of an
object that was put in one part and is encrypted by S3's keys or none, as all of ours are. Whatever has another one is
fetched.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from uuid import uuid4

from postern.audit.canonical import canonical_bytes
from postern.audit.keys import LogKey, LogPart, log_key, parse_key, record_key
from postern.audit.objects import MAX_OBJECT_BYTES
from postern.audit.stored import parse_record
from postern.audit.verify.entries import path_key, read_bundle, read_entries
from postern.audit.verify.subtrees import Subtrees
from postern.audit.versions import Version
from postern.errors import IntegrityError
from postern.tlog.bundles import format_bundle
from postern.tlog.checkpoints import parse_checkpoint
from postern.tlog.hashing import leaf_hash
from postern.tlog.notes import parse_note
from postern.tlog.spelling import MAX_SIZE
from postern.tlog.tiles import TILE_WIDTH, Bundle, Tile, parse_path
from postern.types import Sha256Hex
from postern_cli.inventory.table import Head, Known, VersionTable
from postern_cli.pulled import PulledFolder, is_plain

_MAX_STAGE_HEADER_BYTES = 2 * 1024 * 1024


@dataclass(slots=True)
class LogBytes:
    """One log of the copy, of which the widest bundles and all checkpoints have been fetched."""

    table: VersionTable
    folder: PulledFolder
    log: str
    count: int = 0  # versions whose bytes did not have to be fetched
    _levels: list[bytearray] = field(default_factory=list)  # from level 1 on: the hashes of a level, joined

    def derive(self) -> None:
        """Puts all that follows from them into the copy."""
        for index, entries in self._bundles():
            self._derive_bundle(index, entries)
        for level, hashes in enumerate(self._levels, 1):
            for known in self.table.under(f"log/{self.log}/tile/{level}/"):
                self._derive_tile(known, hashes)
        self._read_heads()
        for known in self.table.under(f"log/{self.log}/stage/"):
            self._derive_stage(known)
        self.count += self.table.settle_latest(self.log, f"log/{self.log}/checkpoint")

    def _bundles(self) -> Iterator[tuple[int, list[bytes]]]:
        index = 0
        while True:
            try:
                found = read_bundle(self.folder, self.log, index)
            except IntegrityError:
                return  # the verifier says what is wrong with it; all that follows is fetched
            if found is None:
                return
            yield index, found[1]
            index += 1

    def _derive_bundle(self, index: int, entries: list[bytes]) -> None:
        for entry in entries:
            self._derive_record(entry)
        for known in self.table.under(f"{path_key(self.log, Bundle(index))}.p/"):
            part = part_of(known.version.key)
            if part is not None and part.width < len(entries):
                self._take(known, format_bundle(entries[: part.width]))
        leaves = [leaf_hash(entry) for entry in entries]
        key = path_key(self.log, Tile(0, index))
        for known in (*self.table.versions_of(key), *self.table.under(f"{key}.p/")):
            part = part_of(known.version.key)
            if part is not None and part.width <= len(leaves):
                self._take(known, b"".join(leaves[: part.width]))
        if len(leaves) == TILE_WIDTH:
            self._grow(0, leaves)

    def _derive_record(self, entry: bytes) -> None:
        try:
            record = parse_record(entry)
            key = record_key(self.log, record.type, record.id)
        except IntegrityError:
            return  # an opaque entry does not say where its object is
        known = self.table.versions_of(key)
        if len(known) == 1:
            self._take(known[0], entry)

    def _grow(self, level: int, hashes: Sequence[bytes]) -> None:
        """A tile of this level is full: its root is one hash of the next."""
        tree = Subtrees()
        tree.extend(hashes)
        if len(self._levels) == level:
            self._levels.append(bytearray())
        above = self._levels[level]
        above += tree.hashes[0]
        width = TILE_WIDTH * 32
        if len(above) % width == 0:
            self._grow(level + 1, [bytes(above[at : at + 32]) for at in range(len(above) - width, len(above), 32)])

    def _derive_tile(self, known: Known, hashes: bytearray) -> None:
        tile = part_of(known.version.key)
        if tile is not None:
            begin = tile.index * TILE_WIDTH * 32
            self._take(known, bytes(hashes[begin : begin + tile.width * 32]))

    def _read_heads(self) -> None:
        for known in self.table.under(f"log/{self.log}/checkpoints/"):
            try:
                data = self.folder.read(known.version.key, MAX_OBJECT_BYTES)
                checkpoint = parse_checkpoint(parse_note(data).text)
            except (IntegrityError, KeyError):
                continue
            if known.version.key == log_key(self.log, f"checkpoints/{checkpoint.size}"):
                sha256 = hashlib.sha256(data).hexdigest()
                head = Head(checkpoint.size, checkpoint.root, _md5(data), sha256, len(data))
                self.table.add_head(self.log, head)

    def _derive_stage(self, known: Known) -> None:
        size = _staged(known.version.key)
        before = self.table.head_before(self.log, size)
        begin, root = (before.size, before.root) if before is not None else (0, hashlib.sha256(b"").digest())
        if not 0 < size - begin <= TILE_WIDTH:
            return
        entries = read_entries(self.folder, self.log, begin, size)
        try:
            keys = [_record_key(self.log, entry) for entry in entries]
        except IntegrityError:
            return
        header = {"closes": False, "from": {"root": root.hex(), "size": begin}, "keys": keys, "log": self.log, "v": 1}
        head = canonical_bytes(header, max_bytes=_MAX_STAGE_HEADER_BYTES)
        self._take(known, head + b"\n" + format_bundle(entries))

    def _take(self, known: Known, data: bytes) -> None:
        """The version has these bytes, if S3 says so of it and there is no other of its key."""
        version = known.version
        if version.sha256 is not None or not is_of(version, known.etag, data) or not _is_ours(version.key):
            return
        target = self.folder.objects / version.key
        if not is_plain(target) or target.stat().st_size != len(data) or target.read_bytes() != data:
            unfinished = self.folder.partial / uuid4().hex
            unfinished.write_bytes(data)
            self.folder.put(unfinished, target)
        self.table.settle(replace(version, sha256=Sha256Hex(hashlib.sha256(data).hexdigest())), is_asked=False)
        self.count += 1


def is_of(version: Version, etag: str, data: bytes) -> bool:
    """Whether S3's length and ETag of the version are those of these bytes."""
    return not version.delete_marker and version.size == len(data) and etag == _md5(data)


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _record_key(log: str, entry: bytes) -> str:
    record = parse_record(entry)
    return record_key(log, record.type, record.id)


def part_of(key: str) -> Bundle | Tile | None:
    """The bundle or tile that the key names; None for a key that names none."""
    try:
        parsed = parse_key(key)
        if isinstance(parsed, LogKey) and parsed.part in {LogPart.BUNDLE, LogPart.TILE}:
            return parse_path(parsed.path)
    except IntegrityError:
        pass
    return None


def _staged(key: str) -> int:
    """The size of the tree that a stage leads to; 0 for the key of none."""
    try:
        parsed = parse_key(key)
    except IntegrityError:
        return 0
    size = int(parsed.path.removeprefix("stage/").partition("-")[0]) if isinstance(parsed, LogKey) else 0
    return size if size <= MAX_SIZE else 0


def _is_ours(key: str) -> bool:
    """Whether the key is safe as a path, and of one object for ever."""
    try:
        return getattr(parse_key(key), "part", None) is not LogPart.LATEST
    except IntegrityError:
        return False
