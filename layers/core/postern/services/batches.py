"""Which records come next in a log, and in what order.

By the time inside their ids, then by key: a command's intent before its outcome before its settlement, where
one batch holds them. What is not a record comes last. The order in the log is the order of sequencing, not
of writing: a record whose event came late stands behind later ones.

Two events have a place of their own: the `epoch_start` and the `epoch_end` whose ids the reaper fixed before it wrote
them. A log begins with that start: until it is there, everything waits. After that end nothing follows, so it goes
last; and the deployed log does not end: there it waits for the deployment of the next. Every other event of these kinds
is an entry like any other: who may write records can neither begin a log nor end one, nor hold one up. What arrives for
a log that has ended is late: it can never be sequenced there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from postern.audit.ids import uuid7_time_ms
from postern.audit.keys import parse_record_key, record_key
from postern.audit.log_bodies import EPOCH_END, EPOCH_START
from postern.audit.records import RecordType
from postern.audit.stored import parse_record
from postern.errors import IntegrityError
from postern.log_ports import Head
from postern.reap_ports import Epoch, Fixed
from postern.services.stage import MAX_ENTRIES

_AFTER_ALL_TIMES = 2**48


@dataclass(frozen=True, slots=True)
class Entry:
    """What will be one leaf. `event` is the kind of an event that is a well-formed record of its key; else None."""

    key: str
    data: bytes
    time_ms: int  # inside the record's id; after all times where it is no record
    is_record: bool
    event: str | None


@dataclass(frozen=True, slots=True)
class Bounds:
    """The keys of the two records that begin and end a log; None where its id is not fixed, so that nothing is it."""

    start: str | None
    end: str | None


@dataclass(frozen=True, slots=True)
class Batch:
    """What is appended next. Without entries where nothing can be."""

    entries: tuple[Entry, ...]
    closes: bool  # its last entry ends the log
    waiting: frozenset[str]  # keys whose time has not come
    late: frozenset[str]  # keys that the log can never hold


def read_entry(key: str, data: bytes) -> Entry:
    """The entry of these bytes under this key. What is not a record is an entry all the same: opaque bytes."""
    try:
        stands = parse_record_key(key)
        record = parse_record(data)
    except IntegrityError:
        return Entry(key, data, _AFTER_ALL_TIMES, is_record=False, event=None)
    if (record.source.log, record.type, record.id) != (stands.log, stands.type, stands.id):
        return Entry(key, data, _AFTER_ALL_TIMES, is_record=False, event=None)
    event = record.kind if record.type is RecordType.EVENT else None
    return Entry(key, data, uuid7_time_ms(record.id), is_record=True, event=event)


def asks_for_bounds(head: Head, entries: Sequence[Entry]) -> bool:
    """Whether `next_batch` depends on the log's bounds. Where not, any will do."""
    return head.size == 0 or any(entry.event == EPOCH_END for entry in entries)


def bounds_of(log: str, epoch: Epoch | None) -> Bounds:
    """The bounds that the log's item fixes. To be read after the entries were: the id stands before its event does."""
    if epoch is None:
        return Bounds(None, None)
    return Bounds(_key(log, epoch.begin), _key(log, epoch.end))


def next_batch(head: Head, entries: Sequence[Entry], bounds: Bounds, *, may_close: bool) -> Batch:
    """What of these entries, none of which is in the log, follows `head`. `may_close`: the log may end."""
    ordered = sorted(entries, key=lambda entry: (entry.time_ms, entry.key))
    if head.is_closed:
        return Batch((), closes=False, waiting=frozenset(), late=_keys(ordered))
    end = _find(ordered, EPOCH_END, bounds.end)
    others = [entry for entry in ordered if entry is not end]
    if head.size == 0:
        start = _find(others, EPOCH_START, bounds.start)
        if start is None:
            return Batch((), closes=False, waiting=_keys(ordered), late=frozenset())
        others = [start, *(entry for entry in others if entry is not start)]
    if end is not None and may_close and len(others) < MAX_ENTRIES:
        return Batch((*others, end), closes=True, waiting=frozenset(), late=frozenset())
    waiting = _keys([end]) if end is not None and not may_close else frozenset()
    return Batch(tuple(others[:MAX_ENTRIES]), closes=False, waiting=waiting, late=frozenset())


def _find(entries: Sequence[Entry], event: str, key: str | None) -> Entry | None:
    return next((entry for entry in entries if entry.event == event and entry.key == key), None)


def _key(log: str, fixed: Fixed | None) -> str | None:
    return None if fixed is None else record_key(log, RecordType.EVENT, fixed.event_id)


def _keys(entries: Sequence[Entry]) -> frozenset[str]:
    return frozenset(entry.key for entry in entries)
