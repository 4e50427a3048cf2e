"""Reads a published log's entries, a bundle of 256 a request, and finds by bisection where a time lies in it.

Entries are in the order of sequencing, so nearly in the order of their times: one comes into the log at `SLACK_US`
after its time at most, or it is late. A bundle's time is the middle one of its entries' times, which no few of them
can move. Under that bound, of a bundle with the time t:

    every entry before it is of t + SLACK_US or earlier
    every entry after it is of t - SLACK_US or later

so a search for times that leaves out what these lines exclude misses late entries only. One that asks for no times
finds those, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from postern.audit.facts import Entry, Facts, read_facts
from postern.audit.record_query import SLACK_US
from postern.log_ports import LogBucket
from postern.tlog.bundles import parse_bundle
from postern.tlog.tiles import TILE_WIDTH, Bundle, format_path

AT_ONCE = 8  # bundles that are read side by side: each may have 16 MB


@dataclass(slots=True)
class LogEntries:
    """The entries of one log's tree of this size, which is published. For one call: it keeps the times of bundles.

    Raises `EvidenceUnavailable`; `IntegrityError` where a bundle is missing or has not its form.
    """

    log: str
    deployment: str
    bucket: LogBucket
    size: int
    _times: dict[int, int | None] = field(default_factory=dict)

    @property
    def bundles(self) -> int:
        """How many there are; the last may be partial."""
        return -(-self.size // TILE_WIDTH)

    def read(self, numbers: Sequence[int]) -> list[list[Entry]]:
        """The entries of these bundles, each bundle's in the log's order."""
        wanted = [Bundle(number, min(TILE_WIDTH, self.size - number * TILE_WIDTH)) for number in numbers]
        found = self.bucket.read_all([format_path(bundle) for bundle in wanted])
        return [self._parse(bundle, found[format_path(bundle)]) for bundle in wanted]

    def begin_of(self, from_us: int) -> int:
        """A bundle before which nothing is of `from_us` or later, as near as bisection comes to the last such."""
        low, high = 0, self.bundles
        while high - low > 1:
            middle = (low + high) // 2
            if self.is_before(middle, from_us):
                low = middle
            else:
                high = middle
        return low

    def end_of(self, to_us: int) -> int:
        """A bundle after which nothing is earlier than `to_us`, as near as bisection comes to the first such."""
        low, high = -1, self.bundles - 1
        while high - low > 1:
            middle = (low + high) // 2
            if self.is_after(middle, to_us):
                high = middle
            else:
                low = middle
        return high

    def is_before(self, number: int, time_us: int) -> bool:
        """Whether the bundle is so old that nothing before it is of this time or later."""
        middle_us = self._time(number)
        return middle_us is not None and middle_us + SLACK_US < time_us

    def is_after(self, number: int, time_us: int) -> bool:
        """Whether the bundle is so young that nothing after it is of an earlier time than this."""
        middle_us = self._time(number)
        return middle_us is not None and middle_us - SLACK_US >= time_us

    def newest_us(self) -> int | None:
        """The latest time in the last bundle; None where there is none."""
        if not self.size:
            return None
        times = [one.stored.time_us for one in self.read([self.bundles - 1])[0] if isinstance(one, Facts)]
        return max(times, default=None)

    def _time(self, number: int) -> int | None:
        """The middle time of a bundle; None where it has no readable entry."""
        if number not in self._times:
            self.read([number])
        return self._times[number]

    def _parse(self, bundle: Bundle, data: bytes) -> list[Entry]:
        first = bundle.index * TILE_WIDTH
        entries = [
            read_facts(first + place, entry, self.log, self.deployment)
            for place, entry in enumerate(parse_bundle(data, bundle.width))
        ]
        times = sorted(one.stored.time_us for one in entries if isinstance(one, Facts))
        self._times[bundle.index] = times[len(times) // 2] if times else None
        return entries
