"""Listings of a log's records, and the commands that lie in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass

from postern.audit.keys import parse_record_key
from postern.audit.records import RecordType
from postern.audit.times import format_time
from postern.errors import IntegrityError
from postern.log_ports import Wal, WalVersion
from postern.services.stopwatch import Stopwatch
from postern.types import CommandId

SHARDS = "0123456789abcdef"  # the first hex digit of SHA-256 over an id
LEAST_LEFT_S = 5.0  # a listing stops here, so that what it found can still be used
_LOOK_AT_CLOCK_EVERY = 500


@dataclass(frozen=True, slots=True)
class Listing:
    """The first version of each object of a log, as far as it was listed, in no order."""

    began_us: int
    versions: tuple[WalVersion, ...]
    is_whole: bool  # False where time was up before its end
    overwritten: int  # keys that have later versions too: these are no evidence, and someone put them there


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


def list_from(
    wal: Wal, log: str, floor_us: int | None, watch: Stopwatch, threads: Executor, *, began_us: int
) -> Listing:
    """Everything of the log in the hour of `floor_us` and later; where that is None, everything.

    Raises `EvidenceUnavailable`.
    """
    if floor_us is None:
        return _joined(began_us, [_list(wal, prefix_of(log), "", watch)])
    hour = hour_of(floor_us)

    def shard(digit: str) -> _Part:
        prefix = prefix_of(log, digit)
        return _list(wal, prefix, prefix + hour, watch)

    return _joined(began_us, threads.map(shard, SHARDS))


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
class _Part:
    versions: list[WalVersion]
    is_whole: bool
    overwritten: int


def _list(wal: Wal, prefix: str, after: str, watch: Stopwatch) -> _Part:
    versions: list[WalVersion] = []
    overwritten = 0
    for number, version in enumerate(wal.versions_under(prefix, after=after)):
        if number % _LOOK_AT_CLOCK_EVERY == 0 and watch.left_s() < LEAST_LEFT_S:
            return _Part(versions, is_whole=False, overwritten=overwritten)
        if version.is_first:
            versions.append(version)
        else:
            overwritten += 1
    return _Part(versions, is_whole=True, overwritten=overwritten)


def _joined(began_us: int, parts: Iterable[_Part]) -> Listing:
    done = list(parts)
    return Listing(
        began_us,
        tuple(version for part in done for version in part.versions),
        all(part.is_whole for part in done),
        sum(part.overwritten for part in done),
    )
