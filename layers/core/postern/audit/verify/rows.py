"""The forms of the rows that a verification files, fixed in width and read by nobody else.

An object under wal/ is named by log, type and id, from which its key follows; logs are numbered by their names' order.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum, IntFlag
from struct import Struct
from typing import NamedTuple, TypeVar

from postern.audit.keys import record_key
from postern.audit.records import RecordType
from postern.audit.verify.spill import Kind, Spill
from postern.types import CommandId

TYPES = (RecordType.INTENT, RecordType.OUTCOME, RecordType.SETTLED, RecordType.EVENT)
_CODES = {type_: code for code, type_ in enumerate(TYPES)}
NO_DIGEST = bytes(32)
_PLACE_BITS = 14  # 0 to 9999
_MOST_BYTES = 1 << 48


class Mark(IntFlag):
    """What is said of an object under wal/."""

    OPAQUE = 1  # it is no record
    KEYS = 2  # an event about the keys that sign
    TOO_LONG = 4  # for an entry
    QUARANTINE = 8  # an event about an object that is no entry
    START = 16  # an event that a log begins
    END = 32  # an event that a log ends


class About(IntEnum):
    """What an aside tells of."""

    BLOB = 0  # there is a blob of this id: `blob_number` and digest
    NAMED = 1  # a record of this id names one; `type` is the record's
    QUARANTINED = 2  # an event says that this object is no entry: digest or none, number of bytes
    UNPLACED = 3  # an object that no entry holds: its digest, the time it was stored
    UNREAD = 4  # the same of one that is no record, and short enough to be an entry
    LONG = 5  # an object that is too long for an entry: its digest, its length


class Claims(IntEnum):
    """Who says that a tree of a size has a root."""

    PUBLISHED = 0  # checkpoints/<size>
    STAGED = 1  # a stage, of the tree after it; its entries are those of the tree
    DIFFERS = 2  # a stage, of the tree after it; its entries are not those of the tree
    BASE = 3  # a stage, of the tree before it
    ANCHOR = 4  # somebody outside asks for its root: the claim has none


class Wal(NamedTuple):
    sha256: bytes
    log: int
    type: int
    id: bytes
    time_us: int
    last_modified_us: int
    mark: int


class Entry(NamedTuple):
    sha256: bytes
    log: int
    at: int  # its index in the log
    earlier_s: int  # when the last checkpoint without it was stored; 0: there is none
    later_s: int  # when the first checkpoint with it was stored; 0: there is none


class Chain(NamedTuple):
    env: bytes
    n: int
    sha256: bytes
    prev: bytes
    last_modified_us: int
    source: bytes  # 8 bytes of a digest
    log: int
    type: int
    id: bytes


class Place(NamedTuple):
    id: bytes
    log: int
    type: int
    at: int  # its index in the log


class Aside(NamedTuple):
    id: bytes
    about: int
    log: int
    type: int
    number: int
    sha256: bytes


class Note(NamedTuple):
    sha256: bytes
    log: int
    is_version: bool
    number: int  # published: the size; a version: its place in the listing, newest first
    last_modified_us: int


class Claim(NamedTuple):
    size: int
    log: int
    by: int
    root: bytes
    last_modified_us: int
    stage_size: int
    stage_root: bytes


R = TypeVar("R", Wal, Entry, Chain, Place, Aside, Note, Claim)
Row = Wal | Entry | Chain | Place | Aside | Note | Claim

_FORMS: dict[type[Row], tuple[Kind, Struct]] = {
    Wal: (Kind.WAL, Struct(">32sHB16sqqB")),
    Entry: (Kind.ENTRY, Struct(">32sHQII")),
    Chain: (Kind.CHAIN, Struct(">16sQ32s32sq8sHB16s")),
    Place: (Kind.PLACE, Struct(">16sHBQ")),
    Aside: (Kind.ASIDE, Struct(">16sBHBq32s")),
    Note: (Kind.NOTE, Struct(">32sH?qq")),
    Claim: (Kind.CLAIM, Struct(">QHB32sqQ32s")),
}
WIDTHS = {kind: form.size for kind, form in _FORMS.values()}


# For what is filed or read once a record: a row there is a plain tuple or bytes, in the order of the fields above.
pack_wal, pack_entry, pack_chain, pack_place = (_FORMS[row][1].pack for row in (Wal, Entry, Chain, Place))
unpack_wal, unpack_entry, unpack_chain, unpack_place = (_FORMS[row][1].unpack for row in (Wal, Entry, Chain, Place))


def add(spill: Spill, row: Row, part: int) -> None:
    kind, form = _FORMS[type(row)]
    spill.add(kind, part, form.pack(*row))


def part_of(key: bytes) -> int:
    """The file of a row by its digest, environment or id: random in its last byte."""
    return key[-1]


def read(row: type[R], spill: Spill, part: int) -> Iterator[R]:
    kind, form = _FORMS[row]
    for data in spill.rows(kind, part):
        for one in form.iter_unpack(data):
            yield row(*one)


def read_bytes(kind: Kind, spill: Spill, part: int) -> Iterator[bytes]:
    """The rows as they are stored: those of a kind sort by their first fields."""
    width = WIDTHS[kind]
    for data in spill.rows(kind, part):
        for at in range(0, len(data), width):
            yield data[at : at + width]


def blob_number(place: int, size: int) -> int:
    """A blob's place and length in one number. No object is as long as the most that it tells apart."""
    return place | min(size, _MOST_BYTES) << _PLACE_BITS


def place_and_size(number: int) -> tuple[int, int]:
    """What `blob_number` was made of."""
    return number & (1 << _PLACE_BITS) - 1, number >> _PLACE_BITS


def code_of(type_: RecordType) -> int:
    return _CODES[type_]


def key_of(log: str, type_: int, id_: bytes) -> str:
    """The key of the object that a row names."""
    digits = id_.hex()
    dashed = f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
    return record_key(log, TYPES[type_], CommandId(dashed))


def id_bytes(id_: CommandId) -> bytes:
    return bytes.fromhex(id_.replace("-", ""))
