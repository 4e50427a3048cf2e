"""What the reaper reads of the records of a command."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from postern.audit.canonical import malformed, parse_canonical
from postern.audit.records import RecordType
from postern.audit.stored import StoredRecord, parse_record
from postern.ports import TransactionMark
from postern.types import CommandId, DatabaseName, Sha256Hex, TaskId

PENDING = "pending"


@dataclass(frozen=True, slots=True)
class Intent:
    """What a command was about to do. `unit` is the first command of its call, which has `count`; `index` from 0."""

    sha256: Sha256Hex
    kind: str
    is_refused: bool
    task: Mapping[str, object]
    database: DatabaseName
    unit: CommandId
    index: int
    count: int

    @property
    def task_id(self) -> TaskId:
        return TaskId(str(self.task.get("id")))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it. `mark` is what a pending one's transaction is known by."""

    sha256: Sha256Hex
    intent: Sha256Hex | None
    task_id: TaskId
    status: str
    rows: int
    bytes: int
    affected: int | None
    mark: TransactionMark | None


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of a pending outcome."""

    sha256: Sha256Hex
    task_id: TaskId
    status: str


def read_intent(data: bytes, log: str, id_: CommandId) -> Intent:
    """Raises `IntegrityError` (`evidence.malformed`) unless the bytes are the intent of this id in this log."""
    record, members = _read(data, log, id_, RecordType.INTENT)
    place = _object(members, "transaction")
    return Intent(
        sha256=record.sha256,
        kind=record.kind,
        is_refused=record.is_refused,
        task=_object(members, "task"),
        database=DatabaseName(str(_object(members, "target").get("database"))),
        unit=CommandId(str(place.get("id", id_))),
        index=_number(place, "index"),
        count=_number(place, "count") or 1,
    )


def read_outcome(data: bytes, log: str, id_: CommandId) -> Outcome:
    """Raises `IntegrityError` (`evidence.malformed`) unless the bytes are the outcome of this id in this log."""
    record, members = _read(data, log, id_, RecordType.OUTCOME)
    affected = members.get("affected")
    return Outcome(
        sha256=record.sha256,
        intent=record.names,
        task_id=TaskId(str(_object(members, "task").get("id"))),
        status=record.status or "",
        rows=_number(members, "rows"),
        bytes=_number(members, "bytes"),
        affected=affected if isinstance(affected, int) else None,
        mark=_mark(_object(members, "transaction")) if record.status == PENDING else None,
    )


def read_settlement(data: bytes, log: str, id_: CommandId) -> Settlement:
    """Raises `IntegrityError` (`evidence.malformed`) unless the bytes are the settlement of this id in this log."""
    record, members = _read(data, log, id_, RecordType.SETTLED)
    return Settlement(record.sha256, TaskId(str(_object(members, "task").get("id"))), record.status or "")


def _read(data: bytes, log: str, id_: CommandId, type_: RecordType) -> tuple[StoredRecord, Mapping[str, object]]:
    record = parse_record(data)
    if (record.source.log, record.id, record.type) != (log, id_, type_):
        raise malformed("record", f"the {type_.value} of its key", "another record")
    return record, parse_canonical(data)


def _mark(members: Mapping[str, object]) -> TransactionMark:
    identifier = members.get("system_identifier")
    return TransactionMark(
        xid=str(members.get("xid", "")),
        backend_pid=_number(members, "backend_pid"),
        backend_start=str(members.get("backend_start", "")),
        system_identifier=identifier if isinstance(identifier, str) else None,
    )


def _object(members: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = members.get(name)
    return value if isinstance(value, dict) else {}


def _number(members: Mapping[str, object], name: str) -> int:
    value = members.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
