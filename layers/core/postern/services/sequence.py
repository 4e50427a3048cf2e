"""Records become entries: each object under `wal/` gets its one place in its log, and a checkpoint is signed over it.

A key that arrives is a hint that an object may be new. What is sequenced is the first version of the object as the
bucket has it, whatever the message said; and only if the index, read after the head was read as applied, has no place
for the key: so a message that comes twice, late or out of order changes nothing. Any number of sequencers may work at
once. What can never be sequenced is counted and let go of, so that it stands in nobody's way; the reaper's listing
finds it again and says so in the log (`quarantine`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from postern.audit.keys import LOG_NAME
from postern.errors import PosternError
from postern.log_ports import Head, LogBuckets, LogTable, Wal
from postern.reap_ports import Epoch
from postern.services.append import Appender
from postern.services.batches import Batch, Bounds, Entry, asks_for_bounds, bounds_of, next_batch, read_entry
from postern.services.known_log import KnownLog
from postern.services.publish import Publisher
from postern.services.stage import Stage
from postern.tlog.bundles import MAX_ENTRY_BYTES

_WAL_KEY = re.compile(rf"wal/v1/({LOG_NAME.pattern})/.+", re.DOTALL)
_LOST_ROUNDS = 16  # races for the head lost in a row before the messages are left for later


class Count(StrEnum):
    """What a run counts; the values are the names of the metrics."""

    SEQUENCED = "EntriesSequenced"
    OPAQUE = "OpaqueEntries"  # of them: bytes that are no record of their key
    KNOWN = "KnownKeys"  # had their place already
    OVERSIZED = "OversizedObjects"  # let go of: the reaper quarantines them
    LATE = "LateObjects"  # let go of: their log has ended
    ABSENT = "AbsentObjects"  # let go of: no object was ever stored under the key
    FOREIGN = "ForeignKeys"  # let go of: of no log that this deployment has
    UNREAD = "UnreadObjects"  # left for later: S3 would not give them
    OVERTAKEN = "OvertakenObjects"  # left for later: other sequencers were quicker, again and again
    WAITING = "WaitingObjects"  # left for later: the log has not begun, or its end is not due


@dataclass(slots=True)
class Sequenced:
    """What a run came to. A key that is not in `settled` must come again."""

    settled: set[str] = field(default_factory=set)  # published, or let go of
    counts: Counter[Count] = field(default_factory=Counter)
    faults: list[PosternError] = field(default_factory=list)  # at most one a log, which ended the work on it
    published: dict[str, int] = field(default_factory=dict)  # log -> size of the published tree

    def let_go(self, why: Count, keys: Iterable[str]) -> None:
        gone = set(keys)
        self.settled |= gone
        self.counts[why] += len(gone)


@dataclass(slots=True)
class Sequencer:
    """Sequences what is under `wal/`. One thread uses it; it keeps what it knows of each log between runs."""

    table: LogTable
    buckets: LogBuckets
    wal: Wal
    appender: Appender
    publisher: Publisher
    epoch: Callable[[str], Epoch | None]  # what the reaper fixed for a log, read strongly consistent
    log: str  # the deployed one: it may begin, and does not end
    _known: dict[str, KnownLog] = field(default_factory=dict, repr=False)

    def run(self, keys: Iterable[str]) -> Sequenced:
        """Sequences the objects under these keys and publishes a checkpoint over them.

        A fault of one log ends the work on that log only, and is in the result; what it left undone comes again.
        """
        run = Sequenced()
        for log, ours in _by_log(keys).items():
            if log is None:
                run.let_go(Count.FOREIGN, ours)
                continue
            try:
                self._run_log(log, ours, run)
            except PosternError as error:
                run.faults.append(error)
        return run

    def _run_log(self, log: str, keys: Sequence[str], run: Sequenced) -> None:
        if log != self.log and self.table.head(log).size == 0:
            run.let_go(Count.FOREIGN, keys)  # only the deployed log begins
            return
        if log not in self._known:
            self._known[log] = KnownLog(log, self.table, self.buckets(log))
        known = self._known[log]
        places = self._append(known, self._fetch(keys, run), run)
        if places:
            published = self.publisher.run(known, at_least=max(places.values()) + 1)
            run.published[log] = published
            run.settled |= {key for key, index in places.items() if index < published}

    def _fetch(self, keys: Sequence[str], run: Sequenced) -> list[Entry]:
        versions = self.wal.first_versions(keys)
        run.let_go(Count.ABSENT, (key for key, version in versions.items() if version is None))
        stored = [version for version in versions.values() if version is not None]
        run.let_go(Count.OVERSIZED, (one.key for one in stored if one.size > MAX_ENTRY_BYTES))
        data = self.wal.read_versions([one for one in stored if one.size <= MAX_ENTRY_BYTES])
        run.counts[Count.UNREAD] += len(keys) - len(data.keys() | (run.settled & set(keys)))
        return [read_entry(key, one) for key, one in data.items()]

    def _append(self, known: KnownLog, entries: Sequence[Entry], run: Sequenced) -> dict[str, int]:
        """Appends those that are not in the log yet; where each of them stands now."""
        pending = {entry.key: entry for entry in entries}
        places: dict[str, int] = {}
        lost = 0
        while pending and lost < _LOST_ROUNDS:
            head = self.appender.applied_head(known)
            # Only now: before it, a batch that holds some of these keys might still have been under way.
            stood = self.table.positions(list(pending))
            run.counts[Count.KNOWN] += len(stood)
            places |= _taken(pending, stood)
            batch = self._next_batch(head, list(pending.values()))
            run.let_go(Count.LATE, batch.late)
            run.counts[Count.WAITING] += len(batch.waiting) if not batch.entries else 0
            if not batch.entries:
                return places
            added = self.appender.commit(known, head, _stage(head, batch))
            if added is None:
                lost += 1
                continue
            lost = 0
            run.counts[Count.SEQUENCED] += len(added)
            run.counts[Count.OPAQUE] += sum(not entry.is_record for entry in batch.entries)
            places |= _taken(pending, added)
        run.counts[Count.OVERTAKEN] += len(pending)
        return places

    def _next_batch(self, head: Head, entries: Sequence[Entry]) -> Batch:
        asks = asks_for_bounds(head, entries)
        bounds = bounds_of(head.log, self.epoch(head.log)) if asks else Bounds(None, None)
        return next_batch(head, entries, bounds, may_close=head.log != self.log)


def _by_log(keys: Iterable[str]) -> dict[str | None, list[str]]:
    """The keys, each once, by the log whose records they would be; None for those of none."""
    logs: dict[str | None, list[str]] = {}
    for key in dict.fromkeys(keys):
        match = _WAL_KEY.fullmatch(key)
        logs.setdefault(match[1] if match else None, []).append(key)
    return logs


def _stage(head: Head, batch: Batch) -> Stage:
    keys = tuple(entry.key for entry in batch.entries)
    return Stage(head.log, head.size, head.root, keys, tuple(entry.data for entry in batch.entries), batch.closes)


def _taken(pending: dict[str, Entry], positions: Mapping[str, int]) -> dict[str, int]:
    """The positions of what was pending, and is no more."""
    return {key: index for key, index in positions.items() if pending.pop(key, None) is not None}
