"""The answer of a search among the log's records, as it goes over HTTP, and what the service says in its shapes."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from postern.audit.facts import Entry, Facts
from postern.audit.record_query import SLACK_US
from postern.audit.times import format_time

if TYPE_CHECKING:
    from postern.services.search_records import Page


class UnreadableBody(Struct, frozen=True):
    """Why an entry is no record of this log, its length, and its SHA-256 in hex; its bytes are in the bucket."""

    reason: str
    bytes: int
    sha256: str


class RecordBody(Struct, frozen=True):
    """An entry of the log: its index, its key under `wal/`, and the record as it was written (docs/log-format.md).

    Of one that is no record `key` and `record` are null, and `unreadable` says why.
    """

    index: int
    key: str | None
    record: msgspec.Raw | None
    unreadable: UnreadableBody | None = None


class SearchedBody(Struct, frozen=True):
    """Which entries this call looked through: from the first index to before the second.

    A search by time misses records that came into the log more than `slack_s` after their time; one without finds them.
    """

    from_index: int
    to_index: int
    slack_s: int


class TreeBody(Struct, frozen=True):
    """The signed tree that is searched: its entries, and the latest time in it as it is now; null where it is empty."""

    size: int
    time: str | None


class RecordsAnswer(Struct, frozen=True):
    """Records in the log's order, or from its end on: those of `audits`, all where `audits_all`, and the caller's own.

    A page may be empty and have a `next` all the same: the rest is looked through when it is sent as `cursor` with the
    same parameters.
    """

    log: str
    audits: list[str]
    audits_all: bool
    records: list[RecordBody]
    next: str | None
    searched: SearchedBody
    tree: TreeBody


def records_answer(log: str, page: Page, cursor: str | None) -> RecordsAnswer:
    return RecordsAnswer(
        log=log,
        audits=sorted(page.sight.databases),
        audits_all=page.sight.is_whole,
        records=[_record(entry) for entry in page.found],
        next=cursor,
        searched=SearchedBody(page.from_index, page.to_index, SLACK_US // 1_000_000),
        tree=TreeBody(page.size, None if page.newest_us is None else format_time(page.newest_us)),
    )


def _record(entry: Entry) -> RecordBody:
    if isinstance(entry, Facts):
        return RecordBody(entry.index, entry.key, msgspec.Raw(entry.data))
    why = UnreadableBody(entry.reason, len(entry.data), hashlib.sha256(entry.data).hexdigest())
    return RecordBody(entry.index, None, None, why)
