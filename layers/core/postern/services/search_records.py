"""Finds records in a log's published tree: by bisection where their times lie, then entry by entry.

1. What the caller may see (`audit_rights`). It comes before what is asked for, so that no answer, and no place where
   one ends, depends on a record that the caller may not see.
2. The signed head. A search goes on in the tree that it began in: what comes after is for another search.
3. Where the times begin, or end: as many requests as the number of bundles has binary digits.
4. Bundles from there on, a few at a time and 64 a call at most, with each outcome's intent (`joined_entries`).
5. A page ends where it is full, or the call has done its work; `next` says where to go on.

Nothing is proved here: it shows what the log's entries say. That they are under the signed head is what a verifier
shows, or a receipt. An entry that is no record is shown as such to who may see everything, whatever was asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from postern.audit.facts import Entry, Facts
from postern.audit.record_query import Place, RecordQuery, matches, matches_itself
from postern.errors import BadRequest
from postern.log_ports import LogBuckets, LogTable
from postern.reap_ports import KeysOf
from postern.services.audit_rights import AuditRights, Sight
from postern.services.joined_entries import JoinedEntries
from postern.services.log_entries import AT_ONCE, LogEntries
from postern.services.published_log import check_log, published_head
from postern.services.stopwatch import Stopwatch
from postern.tlog.tiles import TILE_WIDTH
from postern.types import Principal

MAX_BUNDLES = 64  # looked through in a call
MAX_BYTES = 1_900_000  # of a page's records: escaped they may be three times as long, and an answer may have 6 MB
MARGIN_S = 8.0  # left for the bundles that are under way, and for the answer


@dataclass(frozen=True, slots=True)
class Page:
    """What was found, in the order asked for, among the entries from `from_index` to before `to_index`."""

    sight: Sight
    found: tuple[Entry, ...]
    next: Place | None  # None at the end
    from_index: int
    to_index: int
    size: int  # of the tree that is searched
    newest_us: int | None  # the latest time in the last bundle that is published


@dataclass(frozen=True, slots=True)
class SearchRecords:
    """The use case. Raises `PolicyUnavailable`, `StateUnavailable`, `EvidenceUnavailable`; `IntegrityError`."""

    rights: AuditRights
    table: LogTable
    buckets: LogBuckets
    keys: KeysOf
    deployment: str

    def run(self, principal: Principal, query: RecordQuery, place: Place | None, limit: int, watch: Stopwatch) -> Page:
        """The first page of a search, or the one from a place on. Raises `BadRequest` for one that is none."""
        check_log(query.log)
        sight = self.rights.of(principal)
        bucket = self.buckets(query.log)
        published = published_head(query.log, self.deployment, self.keys(query.log), bucket)
        size = 0 if published is None else published.head.size
        entries = LogEntries(query.log, self.deployment, bucket, size)
        newest_us = entries.newest_us()
        begin = _begin(query, entries) if place is None else place
        if not 0 <= begin.at <= begin.size <= entries.size:
            raise BadRequest("request.invalid", "cursor: expected one that an answer gave, got another")
        walk = _Walk(query, sight, entries, self.table, begin, limit)
        walk.go(watch)
        low, high = (walk.at, begin.at) if query.is_descending else (begin.at, walk.at)
        onwards = None if walk.is_done else Place(begin.size, walk.at)
        return Page(sight, tuple(walk.found), onwards, low, high, begin.size, newest_us)


def _begin(query: RecordQuery, entries: LogEntries) -> Place:
    size = entries.size
    if query.is_descending:
        end = size if query.to_us is None else (entries.end_of(query.to_us) + 1) * TILE_WIDTH
        return Place(size, min(size, end))
    earliest_us = query.earliest_us
    return Place(size, 0 if earliest_us is None else entries.begin_of(earliest_us) * TILE_WIDTH)


@dataclass(slots=True)
class _Walk:
    """One call's way through the bundles; `at` is how far it came, as a place says it."""

    query: RecordQuery
    sight: Sight
    entries: LogEntries
    table: LogTable
    begin: Place
    limit: int
    found: list[Entry] = field(default_factory=list)
    at: int = field(init=False)
    is_done: bool = False
    _bytes: int = 0

    def __post_init__(self) -> None:
        self.at = self.begin.at

    def go(self, watch: Stopwatch) -> None:
        """Looks through bundles until the page is full, the work of a call is done, or nothing is left."""
        ahead = self._ahead()
        joined = JoinedEntries(self.entries, self.table, self._needs_intent)
        for numbers in _waves(ahead[:MAX_BUNDLES]):
            if numbers[0] != ahead[0] and watch.left_s() < MARGIN_S:
                return
            for number, bundle in zip(numbers, joined.read(numbers), strict=True):
                if not self._look(number, bundle):
                    return
                if self._is_past(number):
                    self.is_done = True
                    return
        self.is_done = len(ahead) <= MAX_BUNDLES

    def _ahead(self) -> range:
        if self.query.is_descending:
            return range((self.begin.at - 1) // TILE_WIDTH, -1, -1)
        return range(self.begin.at // TILE_WIDTH, -(-self.begin.size // TILE_WIDTH))

    def _look(self, number: int, bundle: Sequence[Entry]) -> bool:
        """Takes what is sought from the bundle; False where the page is full."""
        for entry in reversed(bundle) if self.query.is_descending else bundle:
            if not self._is_ahead(entry) or not self.sight.shows(entry) or not matches(self.query, entry):
                continue
            if self.found and self._bytes + len(entry.data) > MAX_BYTES:
                self.at = entry.index + 1 if self.query.is_descending else entry.index
                return False
            self.found.append(entry)
            self._bytes += len(entry.data)
            if len(self.found) == self.limit:
                self.at = entry.index if self.query.is_descending else entry.index + 1
                return False
        end = number * TILE_WIDTH if self.query.is_descending else (number + 1) * TILE_WIDTH
        self.at = min(end, self.begin.size)
        return True

    def _is_ahead(self, entry: Entry) -> bool:
        if self.query.is_descending:
            return entry.index < self.begin.at
        return self.begin.at <= entry.index < self.begin.size

    def _is_past(self, number: int) -> bool:
        """Whether nothing beyond this bundle is of the times that are sought."""
        if self.query.is_descending:
            earliest_us = self.query.earliest_us
            return earliest_us is not None and self.entries.is_before(number, earliest_us)
        return self.query.to_us is not None and self.entries.is_after(number, self.query.to_us)

    def _needs_intent(self, facts: Facts) -> bool:
        return (not self.sight.is_whole or self.query.asks_of_intents) and matches_itself(self.query, facts)


def _waves(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    """One bundle, then two, up to as many as are read side by side: a page that is soon full costs little."""
    first, width = 0, 1
    while first < len(numbers):
        yield numbers[first : first + width]
        first, width = first + width, min(2 * width, AT_ONCE)
