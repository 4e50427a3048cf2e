"""Where a command's records stand in the log, and the proof of each: for whoever sent the command, and nobody else.

What a caller gets, it can check with the log's key alone; it is checked here first, so no proof that does not hold
is ever given.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from postern.audit.canonical import parse_canonical
from postern.audit.ids import uuid7_time_ms
from postern.audit.keys import record_key
from postern.audit.records import RecordType
from postern.audit.stored import parse_record
from postern.errors import EvidenceUnavailable, IntegrityError, NotFound
from postern.log_ports import LeftNotes, LogBucket, LogBuckets, LogTable
from postern.reap_ports import DatedKey, KeysOf
from postern.reaped import Watermark
from postern.services.log_health import Cosigned, ReadWatermark, cosigned_of, signed_size
from postern.services.published_log import check_log, published_head
from postern.tlog.checkpoints import Checkpoint
from postern.tlog.entry_proof import prove_entry, read_entry
from postern.tlog.hashing import Hash, leaf_hash
from postern.tlog.origins import origin_of
from postern.tlog.tiles import Read
from postern.tlog.tlog_proof import format_tlog_proof
from postern.types import CommandId, Principal, Sha256Hex

_WHO = ("issuer", "issuer_url", "subject", "on_behalf_of")


@dataclass(frozen=True, slots=True)
class ProvedRecord:
    """One record of a command, and the proof that the log holds it."""

    type: RecordType
    key: str
    index: int
    sha256: Sha256Hex  # of the record's bytes, as in the answer's receipt
    leaf: Hash
    proof: bytes  # a tlog-proof file, with the record's bytes in it


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a log's published tree holds of a command; records that are not in it yet are not listed."""

    command_id: CommandId
    origin: str
    size: int
    records: tuple[ProvedRecord, ...]


@dataclass(frozen=True, slots=True)
class PublicLog:
    """What anyone may know of a log: its keys, its latest signed head and how it is; none of it before it begins."""

    origin: str
    keys: tuple[DatedKey, ...]
    note: bytes | None
    size: int | None = None  # by the head, where its signature holds
    watermark: Watermark | None = None
    cosigned: Cosigned | None = None


@dataclass(frozen=True, slots=True)
class Receipts:
    """The use case. Raises `StateUnavailable`, `EvidenceUnavailable`; `IntegrityError` where log or index is wrong."""

    table: LogTable
    buckets: LogBuckets
    keys: KeysOf
    deployment: str
    watermark: ReadWatermark
    left_notes: LeftNotes

    def of_command(self, principal: Principal, log: str, command_id: str) -> Receipt:
        """The records of a command of this principal's.

        Raises `NotFound` (`receipt.unknown`), alike for one that is not there, not yet in the log, or somebody else's.
        """
        check_log(log)
        keys = _record_keys(log, command_id)
        places = self.table.positions(list(keys))
        if not places:
            raise _unknown(command_id)
        note, head = self._published(log)
        published = {key: type_ for key, type_ in keys.items() if places.get(key, head.size) < head.size}
        if not published:
            raise _unknown(command_id)
        read = _cached(self.buckets(log))
        entries = {key: read_entry(places[key], head.size, read) for key in published}
        for key, entry in entries.items():
            _check_place(key, log, entry)
        if not _is_of(principal, next(iter(entries.values()))):
            raise _unknown(command_id)
        records = tuple(
            ProvedRecord(
                type=published[key],
                key=key,
                index=places[key],
                sha256=parse_record(entry).sha256,
                leaf=leaf_hash(entry),
                proof=format_tlog_proof(prove_entry(places[key], entry, note, head, read)),
            )
            for key, entry in entries.items()
        )
        return Receipt(CommandId(command_id), head.origin, head.size, records)

    def log(self, log: str) -> PublicLog:
        """Keys, latest head and health of this log."""
        check_log(log)
        origin, keys = origin_of(self.deployment, log), self.keys(log)
        if keys is None:
            # Not begun, so the bucket has nothing either; to who may not list it, it would say 403.
            return PublicLog(origin, (), None)
        latest = self.buckets(log).latest_checkpoint()
        note = None if latest is None else latest[0]
        return PublicLog(
            origin,
            keys.keys,
            note,
            signed_size(note, keys.keys, origin),
            self.watermark(log),
            cosigned_of(self.left_notes(log), keys.keys, origin),
        )

    def _published(self, log: str) -> tuple[bytes, Checkpoint]:
        """The latest head, opened with the keys that are on record for its log."""
        found = published_head(log, self.deployment, self.keys(log), self.buckets(log))
        if found is None:
            raise EvidenceUnavailable("evidence.unavailable", f"log {log}: no checkpoint is published yet: try again")
        return found.note, found.head


def _record_keys(log: str, command_id: str) -> dict[str, RecordType]:
    """Every key that a record of this command can have, the first of a command first."""
    try:
        uuid7_time_ms(command_id)
    except IntegrityError as error:
        raise _unknown(command_id) from error
    order = (RecordType.EVENT, RecordType.INTENT, RecordType.OUTCOME, RecordType.SETTLED)
    return {record_key(log, type_, CommandId(command_id)): type_ for type_ in order}


def _check_place(key: str, log: str, entry: bytes) -> None:
    """The index is a table that can be changed: what it points at must be the record that it was asked for."""
    record = parse_record(entry)
    if record.source.log != log or record_key(log, record.type, record.id) != key:
        raise IntegrityError("evidence.conflict", f"{key}: expected its record at its place in the log, got another")


def _is_of(principal: Principal, entry: bytes) -> bool:
    """Whether the record names this caller, with whom it acts for, as the one who sent the command."""
    named = parse_canonical(entry).get("principal")
    return isinstance(named, dict) and all(named.get(name) == getattr(principal, name) for name in _WHO)


def _cached(bucket: LogBucket) -> Read:
    """Reads each object once: the records of a command lie close together, under the same tiles."""
    return cache(bucket.read)


def _unknown(command_id: str) -> NotFound:
    return NotFound(
        "receipt.unknown",
        f"receipt: expected a command of yours that the log holds, got {command_id[:40]!r}:"
        " a new one is in the log within about a minute",
    )
