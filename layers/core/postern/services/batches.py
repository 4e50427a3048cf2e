"""Which records come next in a log, and in what order.

By the time inside their ids, then by key: a command's intent before its outcome before its settlement, where
one batch holds them. What is not a record comes last. The order in the log is the order of sequencing, not
of writing: a record whose event came late stands behind later ones.

Two events have a place of their own. A log begins with an `epoch_start`: until one is there, everything waits. After an
`epoch_end` nothing follows, so it goes last; and the deployed log does not end: one there waits for the deployment of
the next. What arrives for a log that has ended is late: it can never be sequenced there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from postern.audit.ids import uuid7_time_ms
from postern.audit.keys import parse_record_key
from postern.audit.records import RecordType
from postern.audit.stored import parse_record
from postern.errors import IntegrityError
from postern.log_ports import Head
from postern.services.stage import MAX_ENTRIES

EPOCH_START = "epoch_start"
EPOCH_END = "epoch_end"

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


def next_batch(head: Head, entries: Sequence[Entry], *, may_close: bool) -> Batch:
    """What of these entries, none of which is in the log, follows `head`. `may_close`: the log may end."""
    ordered = sorted(entries, key=lambda entry: (entry.time_ms, entry.key))
    if head.is_closed:
        return Batch((), closes=False, waiting=frozenset(), late=_keys(ordered))
    ends = [entry for entry in ordered if entry.event == EPOCH_END]
    others = [entry for entry in ordered if entry.event != EPOCH_END]
    if head.size == 0:
        start = next((entry for entry in others if entry.event == EPOCH_START), None)
        if start is None:
            return Batch((), closes=False, waiting=_keys(ordered), late=frozenset())
        others = [start, *(entry for entry in others if entry is not start)]
    closes = may_close and bool(ends) and len(others) < MAX_ENTRIES
    # The end that is taken is the first one; the head is closed then, and another is late.
    taken = [*others, ends[0]] if closes else others[:MAX_ENTRIES]
    waiting = _keys(ends) if not may_close else frozenset()
    return Batch(tuple(taken), closes=closes, waiting=waiting, late=frozenset())


def _keys(entries: Sequence[Entry]) -> frozenset[str]:
    return frozenset(entry.key for entry in entries)
