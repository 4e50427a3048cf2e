"""Records that a pack names: their bytes and, for each, a proof (C2SP tlog-proof) that the signed log holds it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from postern.audit.keys import record_key
from postern.audit.stored import parse_record
from postern.errors import IntegrityError
from postern.tlog.entry_proof import prove_entry, read_entry
from postern.tlog.tiles import Read
from postern.tlog.tlog_proof import format_tlog_proof
from postern_cli.evidence.entries import SignedLog

FOLDER = "records"
_CACHED_FILES = 64  # tiles and bundles: entries are asked for in order, so a bundle is read once


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """An entry, by its log's name and its index."""

    log: str
    index: int


@dataclass(frozen=True, slots=True)
class NamedRecord:
    """A record in the pack. `problem` says why it has no proof; None where it has one."""

    place: Place
    key: str
    sha256: str
    type: str
    file: str | None
    proof: str | None
    problem: str | None


def write_records(logs: Mapping[str, SignedLog], places: Iterable[Place], out: Path) -> dict[Place, NamedRecord]:
    """Writes each record and its proof once. Raises `OSError` as the disk does."""
    (out / FOLDER).mkdir()
    readers = {name: lru_cache(maxsize=_CACHED_FILES)(log.read) for name, log in logs.items()}
    found = {}
    for place in sorted(set(places)):
        log = logs[place.log]
        found[place] = _write(log, place, out, readers[place.log])
    return found


def _write(log: SignedLog, place: Place, out: Path, read: Read) -> NamedRecord:
    stem = f"{FOLDER}/{place.log}-{place.index}"
    try:
        entry = read_entry(place.index, log.head.size, read)
    except IntegrityError as error:
        return NamedRecord(place, "-", "-", "-", None, None, error.detail)
    (out / f"{stem}.json").write_bytes(entry)
    key, type_, problem, proof = "-", "entry", None, None
    try:
        record = parse_record(entry)
        key, type_ = record_key(record.source.log, record.type, record.id), record.type.value
    except IntegrityError:
        pass  # bytes that are no record are an entry all the same, and proved as one
    try:
        made = format_tlog_proof(prove_entry(place.index, entry, log.note, log.head, read))
        proof = f"{stem}.tlog-proof"
        (out / proof).write_bytes(made)
    except IntegrityError as error:
        problem = error.detail
    return NamedRecord(place, key, hashlib.sha256(entry).hexdigest(), type_, f"{stem}.json", proof, problem)
