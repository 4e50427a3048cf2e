"""Step 10: every writer's chain is whole.

One environment's records are numbered from 0 and each names the bytes of the one before, so none can be
taken out from between two others, replaced, or put in. What a chain cannot show: that its last records
are missing. The order of all records, and completeness, need the log.

Records of a chain lie in many folders, so what ties them together is held until the end: some 300 bytes
a record.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from postern.audit.chain import Source
from postern.audit.findings import Bounds, Finding, Step
from postern.audit.objects import Checked
from postern.audit.times import format_time


@dataclass(frozen=True, slots=True, order=True)
class _Place:
    """One record's place: its number first, so that places sort by it."""

    n: int
    key: str
    sha256: bytes
    prev: bytes | None
    last_modified_us: int


@dataclass(slots=True)
class Chains:
    """Collects the places of all records, then tells what is wrong with their chains."""

    _places: dict[str, list[_Place]] = field(default_factory=dict)
    _sources: dict[str, Source] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._places)

    def add(self, one: Checked) -> Finding | None:
        """Takes the record's place. A finding where its environment is another function, version or log by now."""
        link = one.record.link
        prev = None if link.prev is None else bytes.fromhex(link.prev)
        place = _Place(link.n, one.key, bytes.fromhex(one.record.sha256), prev, one.last_modified_us)
        self._places.setdefault(link.env, []).append(place)
        source = self._sources.setdefault(link.env, one.record.source)
        if source != one.record.source:
            return Finding(Step.CHAIN, one.key, f"source of chain {link.env}", f"{source}", f"{one.record.source}")
        return None

    def check(self, bounds: Bounds) -> Iterator[Finding]:
        """The first thing wrong with each chain that is not whole, chains in the order of their names."""
        for env in sorted(self._places):
            finding = _check_chain(env, sorted(self._places[env]), bounds)
            if finding is not None:
                yield finding


def _check_chain(env: str, places: list[_Place], bounds: Bounds) -> Finding | None:
    last: _Place | None = None
    for n, place in enumerate(places):
        if place.n < n:
            return Finding(Step.CHAIN, place.key, f"chain {env}", f"one record at {place.n}", "another one there")
        if place.n > n:
            return Finding(Step.CHAIN, place.key, f"chain {env}", f"a record at {n}", f"none before {place.n}")
        finding = None if last is None else _check_next(env, last, place, bounds)
        if finding is not None:
            return finding
        last = place
    return None


def _check_next(env: str, last: _Place, place: _Place, bounds: Bounds) -> Finding | None:
    if place.prev != last.sha256:
        got = "none" if place.prev is None else place.prev.hex()
        return Finding(Step.CHAIN, place.key, f"digest before it in chain {env}", last.sha256.hex(), got)
    if place.last_modified_us < last.last_modified_us - bounds.skew_us:
        expected = f"not before {format_time(last.last_modified_us)}, when the one before it was"
        return Finding(Step.CHAIN, place.key, "stored", expected, format_time(place.last_modified_us))
    return None
