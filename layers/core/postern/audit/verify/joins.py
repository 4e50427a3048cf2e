"""Steps 9, 10, 16 and 17 over what was filed: records that lie far apart in the copy, looked at together.

A file is taken as a whole, and in smaller portions where it is larger than a portion may be; so memory does not grow.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from postern.audit.findings import Finding, Step
from postern.audit.keys import blob_key, record_key
from postern.audit.listing import PulledLog
from postern.audit.stored import parse_record
from postern.audit.times import format_time
from postern.audit.verify import rows
from postern.audit.verify.entries import path_key, read_entries
from postern.audit.verify.found import KEPT, Found
from postern.audit.verify.spill import Kind, Spill
from postern.audit.verify.terms import Terms
from postern.errors import IntegrityError
from postern.tlog.tiles import TILE_WIDTH, Bundle
from postern.types import CommandId

MAX_PORTION_BYTES = 6 * 1024 * 1024  # of rows looked at together; some ten times that in memory
_SPECIAL_KEPT = 1000  # events about the log: a few a year
_US = 1_000_000


@dataclass(slots=True)
class Joined:
    """What a file came to. `special` are the events about logs: log, index, id."""

    found: Found = field(default_factory=Found)
    special: list[tuple[int, int | None, bytes]] = field(default_factory=list)


def join_entries(pulled: PulledLog, spill: Spill, terms: Terms, signed: dict[int, int], part: int) -> Joined:
    """16. Objects under wal/ and entries, by their digests: each entry is one object's bytes, and stands once.

    An object without an entry is filed by its id, for `join_ids` to tell whether that is right.
    """
    joined = Joined()
    join = _EntryJoin(pulled, spill, terms, signed, joined)
    for portion in portions(spill, part, Kind.WAL, Kind.ENTRY):
        objects: dict[tuple[bytes, int], list[rows.Wal]] = {}
        for wal in rows.read(rows.Wal, spill, portion):
            objects.setdefault((wal.sha256, wal.log), []).append(wal)
        for entry in rows.read(rows.Entry, spill, portion):
            of_bytes = objects.get((entry.sha256, entry.log))
            if of_bytes:
                join.take(of_bytes.pop(), entry)
            else:
                join.lack_object(entry, is_again=of_bytes is not None)
        for of_bytes in objects.values():
            for wal in of_bytes:
                join.lack_entry(wal)
    spill.flush()
    return joined


@dataclass(frozen=True, slots=True)
class _EntryJoin:
    pulled: PulledLog
    spill: Spill
    terms: Terms
    signed: dict[int, int]  # size of the largest signed tree, by log
    joined: Joined

    def take(self, wal: rows.Wal, entry: rows.Entry) -> None:
        """An object and the entry that has its bytes."""
        found, log = self.joined.found, self.terms.named(wal.log).name
        if entry.at >= self.signed.get(wal.log, 0):
            self.lack_entry(wal)  # its entry is under no checkpoint yet
            return
        rows.add(self.spill, rows.Place(wal.id, wal.log, wal.type, entry.at), wal.id[-1])
        found.count["sequenced"] += 1
        if wal.mark & rows.Mark.SPECIAL and len(self.joined.special) < _SPECIAL_KEPT:
            self.joined.special.append((wal.log, entry.at, wal.id))
        if wal.mark & rows.Mark.OPAQUE:
            found.leave_opaque(rows.key_of(log, wal.type, wal.id))
        self.check_times(wal, entry, log)

    def check_times(self, wal: rows.Wal, entry: rows.Entry, log: str) -> None:
        """17. It was stored before the first checkpoint that covers it, and not long before the last that does not."""
        stored_us, bounds = wal.last_modified_us, self.terms.bounds
        what = f"stored, as entry {entry.at}"
        if entry.later_s and stored_us > entry.later_s * _US + bounds.skew_us:
            expected = f"not after the checkpoint over it, {format_time(entry.later_s * _US)}"
            where = rows.key_of(log, wal.type, wal.id)
            self.joined.found.find(Finding(Step.ORDER, where, what, expected, format_time(stored_us)))
        elif entry.earlier_s and stored_us < entry.earlier_s * _US - bounds.max_unsequenced_us:
            expected = f"at most {bounds.max_unsequenced_us // _US} s before {format_time(entry.earlier_s * _US)},"
            where = rows.key_of(log, wal.type, wal.id)
            expected += " when a checkpoint did not cover it"
            self.joined.found.find(Finding(Step.ORDER, where, what, expected, format_time(stored_us)))

    def lack_object(self, entry: rows.Entry, *, is_again: bool) -> None:
        found, log = self.joined.found, self.terms.named(entry.log).name
        where = f"{path_key(log, Bundle(entry.at // TILE_WIDTH))} entry {entry.at}"
        if is_again:
            found.find(Finding(Step.ENTRY, where, "entry", "each record once", "one that is there twice"))
            return
        expected = "one with its bytes"
        if len(found.findings) < KEPT:
            expected += _named_by(read_entries(self.pulled, log, entry.at, entry.at + 1))
        found.find(Finding(Step.ENTRY, where, "object under wal/", expected, "none"))

    def lack_entry(self, wal: rows.Wal) -> None:
        is_unread = wal.mark & rows.Mark.OPAQUE and not wal.mark & rows.Mark.TOO_LONG
        about = rows.About.UNREAD if is_unread else rows.About.UNPLACED
        row = rows.Aside(wal.id, about, wal.log, wal.type, wal.last_modified_us, wal.sha256)
        rows.add(self.spill, row, wal.id[-1])


def _named_by(entries: list[bytes]) -> str:
    """Where the object of an entry would be, by its content."""
    try:
        record = parse_record(entries[0])
        return f", {record_key(record.source.log, record.type, record.id)}"
    except (IntegrityError, IndexError):
        return ""


def join_ids(spill: Spill, terms: Terms, part: int) -> Joined:
    """9, 16 and 17, by id: named blobs are there, what has no entry may lack it, an id stands in one log."""
    joined = Joined()
    join = _IdJoin(terms, joined.found)
    for portion in portions(spill, part, Kind.PLACE, Kind.ASIDE):
        places: dict[bytes, list[rows.Place]] = defaultdict(list)
        for place in rows.read(rows.Place, spill, portion):
            places[place.id].append(place)
        asides: dict[bytes, list[rows.Aside]] = defaultdict(list)
        for aside in rows.read(rows.Aside, spill, portion):
            asides[aside.id].append(aside)
        for id_, of_id in asides.items():
            join.check_asides(id_, of_id, places.get(id_, []))
        for id_, placed in places.items():
            join.check_places(id_, placed)
    return joined


@dataclass(frozen=True, slots=True)
class _IdJoin:
    terms: Terms
    found: Found

    def check_places(self, id_: bytes, placed: list[rows.Place]) -> None:
        if len({place.log for place in placed}) > 1:
            names = sorted({self.terms.named(place.log).name for place in placed})
            where = rows.key_of(names[-1], placed[0].type, id_)
            self.found.find(Finding(Step.ORDER, where, "id", "in one log", f"in {' and '.join(names)}"))
        ordered = [place.type for place in sorted(placed, key=lambda place: place.at)]
        # An event that was lost and sent again: the order of sequencing is not that of writing.
        self.found.count["reordered"] += ordered != sorted(ordered)

    def check_asides(self, id_: bytes, asides: list[rows.Aside], placed: list[rows.Place]) -> None:
        blobs = {(one.log, one.number): one.sha256 for one in asides if one.about == rows.About.BLOB}
        quarantined = {(one.log, one.type): one for one in asides if one.about == rows.About.QUARANTINED}
        for one in asides:
            if one.about == rows.About.NAMED:
                self._check_blob(id_, one, blobs.get((one.log, one.number)))
            elif one.about in (rows.About.UNPLACED, rows.About.UNREAD):
                self._check_unplaced(id_, one, quarantined.pop((one.log, one.type), None))
        for one in quarantined.values():
            self._check_quarantine(id_, one, placed)

    def _check_blob(self, id_: bytes, named: rows.Aside, stored: bytes | None) -> None:
        if stored != named.sha256:
            log = self.terms.named(named.log).name
            where = rows.key_of(log, named.type, id_)
            blob = blob_key(log, CommandId(where.split("/")[-2]), named.number)
            got = "no such object" if stored is None else stored.hex()
            self.found.find(Finding(Step.COMMAND, where, blob, named.sha256.hex(), got))

    def _check_unplaced(self, id_: bytes, one: rows.Aside, quarantine: rows.Aside | None) -> None:
        log = self.terms.named(one.log)
        where = rows.key_of(log.name, one.type, id_)
        if quarantine is not None:
            self.found.count["quarantined"] += 1
            if quarantine.sha256 not in (one.sha256, rows.NO_DIGEST):
                expected, got = quarantine.sha256.hex(), one.sha256.hex()
                self.found.find(Finding(Step.ENTRY, where, "quarantined object's SHA-256", expected, got))
            return
        self.found.count["unsequenced"] += 1
        if one.about == rows.About.UNREAD:
            # The log may hold what is no record; until it does, nothing speaks for it.
            self.found.find(Finding(Step.ENTRY, where, "record", "a record, or an entry of these bytes", "neither"))
            return
        late_us = self.terms.now_us - self.terms.bounds.max_unsequenced_us
        if log.has_tree and one.number < late_us:
            expected = "it under a checkpoint, or a quarantine of it"
            got = f"neither since {format_time(one.number)}"
            self.found.find(Finding(Step.ENTRY, where, "entry", expected, got))

    def _check_quarantine(self, id_: bytes, one: rows.Aside, placed: Iterable[rows.Place]) -> None:
        where = rows.key_of(self.terms.named(one.log).name, one.type, id_)
        is_entry = any((place.log, place.type) == (one.log, one.type) for place in placed)
        got = "it in the log" if is_entry else "no such object"
        self.found.find(Finding(Step.ENTRY, where, "quarantined object", "it under wal/ and not in the log", got))


def portions(spill: Spill, part: int, *kinds: Kind) -> Iterator[int]:
    """The numbers of files that together hold what this file holds, each small enough to be looked at as a whole.

    Rows stay together with those of the same key: a digest, an environment or an id, with which every row begins.
    """
    size = sum(len(data) for kind in kinds for data in spill.rows(kind, part))
    count = size // MAX_PORTION_BYTES + 1
    if count == 1:
        yield part
        return
    for kind in kinds:
        width = rows.WIDTHS[kind]
        for data in spill.rows(kind, part):
            for at in range(0, len(data), width):
                row = data[at : at + width]
                spill.add(kind, _portion(part, int.from_bytes(row[8:15], "big") % count), row)
        spill.drop(kind, part)
    spill.flush()
    for at in range(count):
        yield _portion(part, at)
        for kind in kinds:
            spill.drop(kind, _portion(part, at))


def _portion(part: int, at: int) -> int:
    return (part + 1) << 32 | at
