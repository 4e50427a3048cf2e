"""Steps 9, 10, 16 and 17 over what was filed: records that lie far apart in the copy, looked at together.

A file is taken as a whole, and in smaller portions where it is larger than a portion may be; so memory does not grow.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from postern.audit.findings import Finding, Step
from postern.audit.keys import blob_key, record_key
from postern.audit.listing import PulledLog
from postern.audit.stored import parse_record
from postern.audit.times import format_time
from postern.audit.verify import rows
from postern.audit.verify.entries import path_key, read_entries
from postern.audit.verify.found import KEPT, Found
from postern.audit.verify.quarantine import file_quarantine
from postern.audit.verify.spill import Kind, Spill
from postern.audit.verify.terms import Terms
from postern.errors import IntegrityError
from postern.tlog.bundles import MAX_ENTRY_BYTES
from postern.tlog.tiles import TILE_WIDTH, Bundle
from postern.types import CommandId

_KEY_EVENTS_KEPT = 1000  # of a file: there are a few a year, and one that is not read names no key
_US = 1_000_000
_WAL_BYTES = rows.WIDTHS[Kind.WAL]
_OF_BYTES = 34  # of an object's and an entry's row: digest and log
_ID_BYTES, _ID_LOG = 16, 18  # of a place's row: id, id and log


@dataclass(slots=True)
class Joined:
    """What a file came to. `key_events` are those about the logs' keys: log, id."""

    found: Found = field(default_factory=Found)
    key_events: list[tuple[int, bytes]] = field(default_factory=list)


def join_entries(pulled: PulledLog, spill: Spill, terms: Terms, signed: dict[int, int], part: int) -> Joined:
    """16. Objects under wal/ and entries, by their digests: each entry is one object's bytes, and stands once.

    An object without an entry is filed by its id, for `join_ids` to tell whether that is right.
    """
    joined = Joined()
    join = _EntryJoin(pulled, spill, terms, signed, joined)
    for portion in portions(spill, part, Kind.WAL, Kind.ENTRY):
        objects: dict[bytes, bytes] = {}  # by digest and log; several of the same bytes are joined
        for wal in rows.read_bytes(Kind.WAL, spill, portion):
            key = wal[:_OF_BYTES]
            objects[key] = objects[key] + wal if key in objects else wal
        for entry in rows.read_bytes(Kind.ENTRY, spill, portion):
            of_bytes = objects.get(entry[:_OF_BYTES])
            if of_bytes:
                objects[entry[:_OF_BYTES]] = of_bytes[_WAL_BYTES:]
                join.take(of_bytes[:_WAL_BYTES], entry)
            else:
                join.lack_object(rows.Entry(*rows.unpack_entry(entry)), is_again=of_bytes is not None)
        for of_bytes in objects.values():
            for at in range(0, len(of_bytes), _WAL_BYTES):
                join.lack_entry(rows.Wal(*rows.unpack_wal(of_bytes[at : at + _WAL_BYTES])))
    spill.flush()
    return joined


@dataclass(frozen=True, slots=True)
class _EntryJoin:
    pulled: PulledLog
    spill: Spill
    terms: Terms
    signed: dict[int, int]  # size of the largest signed tree, by log
    joined: Joined

    def take(self, wal: bytes, entry: bytes) -> None:
        """An object and the entry that has its bytes."""
        _, log, type_, id_, _, stored_us, mark = rows.unpack_wal(wal)
        _, _, at, earlier_s, later_s = rows.unpack_entry(entry)
        if at >= self.signed.get(log, 0):
            self.lack_entry(rows.Wal(*rows.unpack_wal(wal)))  # its entry is under no checkpoint yet
            return
        self.spill.add(Kind.PLACE, id_[-1], rows.pack_place(id_, log, type_, at))
        self.joined.found.count["sequenced"] += 1
        if mark:
            self.take_marked(mark, log, at, rows.key_of(self.terms.named(log).name, type_, id_), id_)
        bounds = self.terms.bounds
        is_early = later_s and stored_us > later_s * _US + bounds.skew_us
        if is_early or (earlier_s and stored_us < earlier_s * _US - bounds.max_unsequenced_us):
            self.find_times(rows.Wal(*rows.unpack_wal(wal)), rows.Entry(*rows.unpack_entry(entry)))

    def take_marked(self, mark: int, log: int, at: int, key: str, id_: bytes) -> None:
        found = self.joined.found
        if mark & rows.Mark.OPAQUE:
            found.leave_opaque(key)
        elif mark & rows.Mark.QUARANTINE:
            found.find(file_quarantine(self.pulled, self.spill, self.terms, key))
        elif mark & rows.Mark.KEYS and len(self.joined.key_events) < _KEY_EVENTS_KEPT:
            self.joined.key_events.append((log, id_))
        # Whoever may write a record may write one of these; only in their places do they mean anything.
        elif (mark & rows.Mark.START and at != 0) or (mark & rows.Mark.END and at != self.signed[log] - 1):
            found.leave_odd(key)

    def find_times(self, wal: rows.Wal, entry: rows.Entry) -> None:
        """17. It was stored before the first checkpoint that covers it, and not long before the last that does not."""
        stored_us, bounds = wal.last_modified_us, self.terms.bounds
        what, log = f"stored, as entry {entry.at}", self.terms.named(wal.log).name
        if entry.later_s and stored_us > entry.later_s * _US + bounds.skew_us:
            expected = f"not after the checkpoint over it, {format_time(entry.later_s * _US)}"
            where = rows.key_of(log, wal.type, wal.id)
            self.joined.found.find(Finding(Step.ORDER, where, what, expected, format_time(stored_us)))
        else:
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
        places = sorted(rows.read_bytes(Kind.PLACE, spill, portion))
        asides: dict[bytes, list[rows.Aside]] = defaultdict(list)
        for aside in rows.read(rows.Aside, spill, portion):
            asides[aside.id].append(aside)
        for id_, of_id in asides.items():
            join.check_asides(id_, of_id, _of_id(places, id_))
        for id_ in _unusual(places):
            join.check_places(id_, _of_id(places, id_))
    return joined


def _unusual(places: Sequence[bytes]) -> Iterator[bytes]:
    """Ids that stand in two logs, or whose records do not stand in the order of their types, which these are in."""
    last = b""
    for place in places:
        id_ = place[:_ID_BYTES]
        if last.startswith(id_) and (place[_ID_BYTES:_ID_LOG] != last[_ID_BYTES:_ID_LOG] or place[-8:] < last[-8:]):
            yield id_
            last = b""
        else:
            last = place


def _of_id(places: Sequence[bytes], id_: bytes) -> list[rows.Place]:
    found = []
    for at in range(bisect_left(places, id_), len(places)):
        if not places[at].startswith(id_):
            break
        found.append(rows.Place(*rows.unpack_place(places[at])))
    return found


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
        blobs = {(one.log, rows.place_and_size(one.number)[0]): one for one in asides if one.about == rows.About.BLOB}
        long = {(one.log, one.type): one.number for one in asides if one.about == rows.About.LONG}
        quarantined = {(one.log, one.type): one for one in asides if one.about == rows.About.QUARANTINED}
        for one in asides:
            if one.about == rows.About.NAMED:
                self._check_blob(id_, one, blobs.get((one.log, rows.place_and_size(one.number)[0])))
            elif one.about in (rows.About.UNPLACED, rows.About.UNREAD):
                of = (one.log, one.type)
                self._check_unplaced(id_, one, quarantined.pop(of, None), long.get(of))
        for one in quarantined.values():
            self._check_quarantine(id_, one, placed)

    def _check_blob(self, id_: bytes, named: rows.Aside, stored: rows.Aside | None) -> None:
        if stored is not None and (stored.sha256, stored.number) == (named.sha256, named.number):
            return
        log = self.terms.named(named.log).name
        where = rows.key_of(log, named.type, id_)
        place, size = rows.place_and_size(named.number)
        blob = blob_key(log, CommandId(where.split("/")[-2]), place)
        got = "no such object"
        if stored is not None:
            got = f"{stored.sha256.hex()}, {rows.place_and_size(stored.number)[1]} bytes"
        self.found.find(Finding(Step.COMMAND, where, blob, f"{named.sha256.hex()}, {size} bytes", got))

    def _check_unplaced(
        self, id_: bytes, one: rows.Aside, quarantine: rows.Aside | None, long_bytes: int | None
    ) -> None:
        log = self.terms.named(one.log)
        where = rows.key_of(log.name, one.type, id_)
        if quarantine is not None and long_bytes is not None:
            self.found.count["quarantined"] += 1
            self._check_quarantined(where, one, quarantine, long_bytes)
            return
        self.found.count["unsequenced"] += 1
        if quarantine is not None:
            # Its bytes are here, and nothing kept them out of the log.
            expected = f"one of more than {MAX_ENTRY_BYTES} bytes"
            self.found.find(Finding(Step.ENTRY, where, "quarantined object", expected, "one that fits an entry"))
            return
        if one.about == rows.About.UNREAD:
            # The log may hold what is no record; until it does, nothing speaks for it.
            self.found.find(Finding(Step.ENTRY, where, "record", "a record, or an entry of these bytes", "neither"))
            return
        late_us = self.terms.now_us - self.terms.bounds.max_unsequenced_us
        if log.has_tree and one.number < late_us:
            expected = "it under a checkpoint, or a quarantine of it"
            got = f"neither since {format_time(one.number)}"
            self.found.find(Finding(Step.ENTRY, where, "entry", expected, got))

    def _check_quarantined(self, where: str, one: rows.Aside, quarantine: rows.Aside, size: int) -> None:
        if quarantine.number != size:
            expected, got = f"{quarantine.number} bytes", f"{size}"
            self.found.find(Finding(Step.ENTRY, where, "quarantined object's length", expected, got))
        if quarantine.sha256 not in (one.sha256, rows.NO_DIGEST):
            expected, got = quarantine.sha256.hex(), one.sha256.hex()
            self.found.find(Finding(Step.ENTRY, where, "quarantined object's SHA-256", expected, got))

    def _check_quarantine(self, id_: bytes, one: rows.Aside, placed: Iterable[rows.Place]) -> None:
        where = rows.key_of(self.terms.named(one.log).name, one.type, id_)
        is_entry = any((place.log, place.type) == (one.log, one.type) for place in placed)
        if is_entry and one.sha256 == rows.NO_DIGEST and one.number <= MAX_ENTRY_BYTES:
            return  # it could not be read, and was read in the end
        got = "it in the log" if is_entry else "no such object"
        self.found.find(Finding(Step.ENTRY, where, "quarantined object", "it under wal/ and not in the log", got))


def portions(spill: Spill, part: int, *kinds: Kind) -> Iterator[int]:
    """The numbers of files that together hold what this file holds, each small enough to be looked at as a whole.

    Rows stay together with those of the same key: a digest, an environment or an id, with which every row begins.
    """
    size = sum(len(data) for kind in kinds for data in spill.rows(kind, part))
    count = size // spill.portion_bytes + 1
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
