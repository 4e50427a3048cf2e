"""A log of any size on disk without a file for each record: tiles, bundles and checkpoints are files, and records are
read out of the bundles that hold them.

Ten million records would be as many files, which no benchmark should leave on a machine. What the verifier is given is
the same: every key, every line of the listing, every byte. The rows beside the bundles say, shard by shard and in the
order of keys, where each command's two records lie.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from struct import Struct

from postern.audit.ids import uuid7
from postern.audit.keys import log_key, record_key
from postern.audit.listing import WHOLE, Stretch
from postern.audit.records import RecordType
from postern.audit.times import format_time
from postern.tlog.tiles import TILE_WIDTH, Bundle, format_path
from postern.types import CommandId
from postern_cli.pulled import PulledFolder

LOG = "bench-2026"
BEGUN_US = 1_795_341_600_000_000
UNTIL_US = BEGUN_US + 400 * 86_400_000_000
STEP_US = 20_000  # from a command to the next
SHARDS = 16
ROW = Struct(">I4I64s")  # number; begin in its bundle and length, of both records; both digests
_SHARD_BITS = 40
_KEPT = 16  # rows behind the one that was read last


@dataclass(slots=True)
class BundledCopy:
    """Implements `postern.audit.listing.PulledLog`. Handed to another process it begins with nothing open."""

    folder: Path
    _log: PulledFolder = field(init=False)
    _size: int = field(init=False)
    _places: dict[str, tuple[int, int, int]] = field(default_factory=dict)  # key -> entry, begin, length

    def __post_init__(self) -> None:
        self._log = PulledFolder(self.folder)
        self._size = int((self.folder / "size").read_text())

    def __reduce__(self) -> tuple[type[BundledCopy], tuple[Path]]:
        return BundledCopy, (self.folder,)

    def stretches(self, wanted: int) -> Sequence[Stretch]:
        counts = [self._rows(shard) for shard in range(SHARDS)]
        starts = [(shard, at) for shard in range(SHARDS) for at in _starts(counts[shard], wanted // SHARDS)]
        keys = [self._key(*start) for start in starts]
        found = [Stretch(0, None, "", keys[0])]
        for (shard, at), key, until in zip(starts, keys, [*keys[1:], None], strict=True):
            ends = [other for of, other in starts if of == shard and other > at]
            end = shard << _SHARD_BITS | (ends[0] if ends else counts[shard])
            found.append(Stretch(shard << _SHARD_BITS | at, end, key, until))
        return found

    def version_lines(self, stretch: Stretch = WHOLE) -> Iterator[bytes]:
        if stretch.first == "":
            yield from self._log.version_lines(Stretch(0, None))
            return
        for key, digest, length, entry in self._records(stretch):
            yield line_of(key, digest.hex(), length, BEGUN_US + entry * (STEP_US // 2))

    def keys(self, stretch: Stretch = WHOLE) -> Iterator[str]:
        if stretch.first == "":
            yield from self._log.keys(stretch)
            return
        for key, *_ in self._records(stretch):
            yield key

    def names(self, folder: str) -> Sequence[str]:
        return [LOG] if folder == "wal/v1" else self._log.names(folder)

    def read(self, key: str, limit: int) -> bytes:
        if not key.startswith("wal/"):
            return self._log.read(key, limit)
        entry, begin, length = self._places[key]
        handle = os.open(self._bundle(entry), os.O_RDONLY)
        try:
            return os.pread(handle, min(length, limit + 1), begin)
        finally:
            os.close(handle)

    def digest(self, key: str) -> tuple[int, str]:
        data = self.read(key, 1 << 30)
        return len(data), sha256(data).hexdigest()

    def _records(self, stretch: Stretch) -> Iterator[tuple[str, bytes, int, int]]:
        """Key, digest, length and entry of each record of the stretch, in key order."""
        shard, at = divmod(stretch.begin, 1 << _SHARD_BITS)
        end = (stretch.end or 0) & (1 << _SHARD_BITS) - 1
        with (self.folder / f"rows/{shard:x}").open("rb") as file, _mapped(file.fileno()) as rows:
            for number, *places, digests in ROW.iter_unpack(rows[at * ROW.size : end * ROW.size]):
                for second, type_ in enumerate(types_of(number)):
                    key = record_key(LOG, type_, id_of(number))
                    entry = max(0, 2 * number - 1 + second)
                    self._keep(key, (entry, places[2 * second], places[2 * second + 1]))
                    yield key, digests[32 * second : 32 * second + 32], places[2 * second + 1], entry

    def _keep(self, key: str, place: tuple[int, int, int]) -> None:
        self._places[key] = place
        if len(self._places) > _KEPT:
            del self._places[next(iter(self._places))]

    def _rows(self, shard: int) -> int:
        return (self.folder / f"rows/{shard:x}").stat().st_size // ROW.size

    def _key(self, shard: int, at: int) -> str:
        with (self.folder / f"rows/{shard:x}").open("rb") as file:
            number = ROW.unpack(os.pread(file.fileno(), ROW.size, at * ROW.size))[0]
        return record_key(LOG, types_of(number)[0], id_of(number))

    def _bundle(self, entry: int) -> str:
        index = entry // TILE_WIDTH
        bundle = Bundle(index, min(TILE_WIDTH, self._size - index * TILE_WIDTH))
        return f"{self.folder}/objects/{log_key(LOG, format_path(bundle))}"


def types_of(number: int) -> tuple[RecordType, ...]:
    """The records of a command; number 0 is the event that the log begins with."""
    return (RecordType.INTENT, RecordType.OUTCOME) if number else (RecordType.EVENT,)


def id_of(number: int) -> CommandId:
    return CommandId(uuid7(BEGUN_US + number * STEP_US, sha256(b"%d" % number).digest()[:10]))


def line_of(key: str, digest: str, length: int, time_us: int, *, is_latest: bool = True, version: int = 1) -> bytes:
    """A line of `versions.jsonl`, as `format_version` writes it."""
    stored = format_time(time_us // 1_000_000 * 1_000_000)
    return (
        f'{{"delete_marker":false,"is_latest":{"true" if is_latest else "false"},"key":"{key}",'
        f'"last_modified":"{stored}","mode":"COMPLIANCE","retain_until":"{format_time(UNTIL_US)}",'
        f'"sha256":"{digest}","size":{length},"version_id":"{version}"}}'
    ).encode()


def _starts(count: int, pieces: int) -> Iterator[int]:
    """Where the pieces of a shard begin, each with something in it."""
    pieces = max(1, min(pieces, count))
    yield from (count * piece // pieces for piece in range(pieces))


def _mapped(handle: int) -> mmap.mmap:
    return mmap.mmap(handle, 0, access=mmap.ACCESS_READ)
