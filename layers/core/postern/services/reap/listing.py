"""Listings of a log's records, over as many passes as they need, and the commands that lie in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

from postern.audit.ids import RANDOM_BYTES, uuid7
from postern.audit.keys import parse_record_key
from postern.audit.records import RecordType
from postern.audit.times import format_time
from postern.errors import IntegrityError
from postern.log_ports import Wal, WalVersion
from postern.services.stopwatch import Stopwatch
from postern.types import CommandId

SHARDS = "0123456789abcdef"  # the first hex digit of SHA-256 over an id
_LOOK_AT_CLOCK_EVERY = 500
_MOST_OF_A_COMMAND = 3  # objects
_MILLISECONDS = 13  # characters of a UUIDv7 that tell its time


@dataclass(frozen=True, slots=True)
class Part:
    """What one pass listed: the first version of each object, in no order."""

    versions: Sequence[WalVersion]
    overwritten: int  # keys that have later versions too: these are no evidence, and someone put them there


@dataclass(slots=True)
class Listing:
    """Everything of a log under ids of `floor_us` and later; where that is None, everything.

    However many passes it takes, it shows each object that was stored before it began, and some that were later.
    """

    log: str
    wal: Wal
    floor_us: int | None
    _left: list[_Range] | None = None

    @property
    def is_whole(self) -> bool:
        return self._left == []

    def go_on(self, watch: Stopwatch, threads: Executor, *, until_left_s: float) -> Part:
        """The next part, until that much time is left. A command's objects come together.

        Raises `EvidenceUnavailable`; then the same part comes again.
        """
        left = _ranges(self.log, self.floor_us) if self._left is None else self._left
        steps = list(threads.map(lambda range_: _list(self.wal, range_, watch, until_left_s), left))
        # Only where all have answered: what one of them found would else be told twice.
        self._left = [step.left for step in steps if step.left is not None]
        return Part(
            [version for step in steps for version in step.versions],
            sum(step.overwritten for step in steps),
        )


@dataclass(frozen=True, slots=True)
class Folder:
    """All objects of one command, or one event."""

    id: CommandId
    objects: Mapping[RecordType, WalVersion]

    @property
    def newest_us(self) -> int:
        """When the last of them was stored, by the bucket's clock."""
        return max(version.last_modified_us for version in self.objects.values())


def prefix_of(log: str, shard: str = "") -> str:
    return f"wal/v1/{log}/{shard}/" if shard else f"wal/v1/{log}/"


def hour_of(time_us: int) -> str:
    """The part of a key that names this time's hour, from which on a shard is listed."""
    text = format_time(time_us)
    return f"{text[:4]}{text[5:7]}{text[8:10]}/{text[11:13]}/"


def folders(versions: Iterable[WalVersion], *, since_us: int = 0) -> list[Folder]:
    """The commands and events of which an object was stored at `since_us` or later; keys that are none are left out."""
    by_folder: dict[str, list[WalVersion]] = {}
    for version in versions:
        by_folder.setdefault(version.key.rpartition("/")[0], []).append(version)
    found = []
    for together in by_folder.values():
        if max(version.last_modified_us for version in together) >= since_us:
            found += _folder(together)
    return found


def _folder(versions: Iterable[WalVersion]) -> list[Folder]:
    objects: dict[RecordType, WalVersion] = {}
    id_: CommandId | None = None
    for version in versions:
        try:
            key = parse_record_key(version.key)
        except IntegrityError:
            continue  # an entry of the log all the same, as opaque bytes; nothing waits for it
        objects[key.type], id_ = version, key.id
    return [] if id_ is None else [Folder(id_, objects)]


@dataclass(frozen=True, slots=True)
class _Range:
    """Keys that begin with `prefix`, after `after`."""

    prefix: str
    after: str


@dataclass(frozen=True, slots=True)
class _Step:
    versions: list[WalVersion]
    overwritten: int
    left: _Range | None  # of a range that did not come to its end


def _ranges(log: str, floor_us: int | None) -> list[_Range]:
    if floor_us is None:
        return [_Range(prefix_of(log), "")]
    first = hour_of(floor_us) + uuid7(floor_us, bytes(RANDOM_BYTES))[:_MILLISECONDS]
    return [_Range(prefix_of(log, digit), prefix_of(log, digit) + first) for digit in SHARDS]


def _list(wal: Wal, range_: _Range, watch: Stopwatch, until_left_s: float) -> _Step:
    versions: list[WalVersion] = []
    overwritten = 0
    for number, version in enumerate(wal.versions_under(range_.prefix, after=range_.after)):
        if number % _LOOK_AT_CLOCK_EVERY == 0 and watch.left_s() <= until_left_s:
            _put_back_last(versions)
            return _Step(versions, overwritten, _Range(range_.prefix, versions[-1].key if versions else range_.after))
        if version.is_first:
            versions.append(version)
        else:
            overwritten += 1
    return _Step(versions, overwritten, None)


def _put_back_last(versions: list[WalVersion]) -> None:
    """Leaves the last command for the next part, since more of it may come."""
    if not versions:
        return
    last = versions[-1].key.rpartition("/")[0]
    at = len(versions)
    while at > 0 and versions[at - 1].key.rpartition("/")[0] == last:
        at -= 1
    # A folder with more in it is no command's, and may be larger than a pass can list.
    if len(versions) - at <= _MOST_OF_A_COMMAND:
        del versions[at:]
