"""The daily listing of all open days: what the minutes' listings cannot see.

Those begin half an hour before what is known to be covered, which is enough for every writer whose clock is right. A
key that is dated further back, or that is no record's at all, is found here. A day is open until a listing that began
two days after it found each of its objects covered; it is then not listed again, so what somebody puts there later,
and whose event is lost, is seen by a verifier only.

A listing takes as many passes as it needs. Where it stands is kept in the environment; a new one begins again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import islice, takewhile

from postern.audit.ids import uuid7_time_ms
from postern.audit.keys import parse_record_key
from postern.audit.records import RecordType
from postern.errors import IntegrityError
from postern.log_ports import Wal, WalVersion
from postern.reap_ports import Watermark
from postern.services.reap.coverage import Coverage
from postern.services.reap.listing import SHARDS, Folder, folders, hour_of, prefix_of
from postern.services.stopwatch import Stopwatch

DAY_US = 86_400_000_000
LATE_US = 7_200_000_000  # from an id to an object of it: later ones the minutes' listings may miss
LEAST_LEFT_S = 8.0
_AT_ONCE = 1_000  # what one request lists
_ASKED_AT_ONCE = 5_000  # one look at what is published for so many
_LAST = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class _Range:
    """Keys that begin with `prefix`, after `after` and before `until`."""

    prefix: str
    after: str
    until: str


@dataclass(frozen=True, slots=True)
class Found:
    """What a part of a sweep found."""

    uncovered: list[WalVersion] = field(default_factory=list)
    unfinished: list[Folder] = field(default_factory=list)  # commands that may have to be closed
    is_done: bool = False
    began_us: int = 0
    open_from_us: int = 0  # of a sweep that is done: the first day that the next one must look at


@dataclass(slots=True)
class Sweep:
    """One a log and environment."""

    log: str
    wal: Wal
    coverage: Coverage
    _began_us: int | None = None
    _ranges: list[_Range] = field(default_factory=list, repr=False)
    _open_us: int = 0  # start of the first day with something open

    def run(self, mark: Watermark, now_us: int, watch: Stopwatch) -> Found:
        """The next part, if a sweep is due or under way. Raises `UpstreamError`; what it was at is listed again."""
        if self._began_us is None and now_us - mark.swept_us < DAY_US:
            return Found()
        began_us = self._began_us or self._begin(mark, now_us)
        found = Found()
        while self._ranges and watch.left_s() >= LEAST_LEFT_S:
            self._go_on(found, watch)
        if self._ranges:
            return found
        self._began_us = None
        open_from_us = min(_day(self._open_us), _day(began_us - 2 * DAY_US))
        return replace(found, is_done=True, began_us=began_us, open_from_us=open_from_us)

    def _begin(self, mark: Watermark, now_us: int) -> int:
        self._began_us = self._open_us = now_us
        epoch = self.coverage.epochs.get(self.log)
        begun_us = 0 if epoch is None or epoch.begin is None else epoch.begin.time_us
        first_us, open_us = _day(begun_us - DAY_US), _day(mark.open_from_us)
        self._ranges = list(_ranges(self.log, hour_of(first_us), hour_of(max(first_us, open_us))))
        return now_us

    def _go_on(self, found: Found, watch: Stopwatch) -> None:
        """Some thousand versions. A folder that is cut in two is looked at again: it is found open then."""
        ranges, ours = list(self._ranges), list[WalVersion]()
        while ranges and len(ours) < _ASKED_AT_ONCE and (not ours or watch.left_s() >= LEAST_LEFT_S):
            at = ranges.pop(0)
            part = self._list(at)
            ours += part
            if len(part) == _AT_ONCE:
                ranges.insert(0, replace(at, after=part[-1].key))
        uncovered = self.coverage.uncovered(self.log, ours) if ours else []
        unfinished = [folder for folder in folders(ours) if _is_unfinished(folder)]
        found.uncovered.extend(uncovered)
        found.unfinished.extend(unfinished)
        ids = [uuid7_time_ms(folder.id) * 1000 for folder in unfinished]
        self._open_us = min([self._open_us, *ids, *map(_key_time_us, uncovered)])
        self._ranges = ranges

    def _list(self, at: _Range) -> list[WalVersion]:
        listed = takewhile(lambda one: one.key < at.until, self.wal.versions_under(at.prefix, after=at.after))
        return list(islice((one for one in listed if one.is_first), _AT_ONCE))


def _ranges(log: str, first: str, first_open: str) -> Iterator[_Range]:
    """Each shard from the first open day on; and what lies where no record can: before the log's first day, before the
    first shard, between two, and after the last.
    """
    root = prefix_of(log)
    if first == first_open:
        yield _Range(root, "", root + _LAST)  # every day is open, as in a young log: one listing shows all
        return
    after = ""
    for shard in SHARDS:
        prefix = prefix_of(log, shard)
        yield _Range(root, after, prefix)
        yield _Range(prefix, prefix, prefix + first)
        yield _Range(prefix, prefix + first_open, prefix + _LAST)
        after = prefix + _LAST
    yield _Range(root, after, root + _LAST)


def _is_unfinished(folder: Folder) -> bool:
    if folder.objects.keys() == {RecordType.INTENT}:
        return True
    is_late = folder.newest_us - uuid7_time_ms(folder.id) * 1000 > LATE_US
    return is_late and RecordType.SETTLED not in folder.objects and RecordType.EVENT not in folder.objects


def _key_time_us(version: WalVersion) -> int:
    """The time that a record's key tells; that of its storing for any other key."""
    try:
        return uuid7_time_ms(parse_record_key(version.key).id) * 1000
    except IntegrityError:
        return version.last_modified_us


def _day(time_us: int) -> int:
    return max(0, time_us) // DAY_US * DAY_US
