"""A task's records out of a pulled copy: from the signed entries or, without a key, from the objects that lie there."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from postern.audit.canonical import MAX_RECORD_BYTES, parse_canonical
from postern.audit.records import RecordType
from postern.audit.stored import StoredRecord, parse_members
from postern.errors import IntegrityError
from postern.tlog.notes import VerifierKey
from postern_cli.evidence.entries import logs_of, open_log, read_with_progress
from postern_cli.evidence.held import Command, Held, open_members
from postern_cli.evidence.members import Odd
from postern_cli.progress import counting
from postern_cli.pulled import PulledFolder

_STEP = 1000
MAX_RECORDS = 100_000  # of one task; more would be no task of ours
_OBJECTS = "wal/v1/"


@dataclass(frozen=True, slots=True)
class Found:
    """A task's commands in the order of their times, and how many records had members of another form."""

    commands: tuple[Command, ...]
    odd: int


def gather(folder: PulledFolder, vkeys: Sequence[VerifierKey], task: str) -> Found:
    """With keys, raises `IntegrityError` where the copy is not what was signed."""
    held: list[Held] = []
    odd = Odd()
    for log, index, data in _signed(folder, vkeys) if vkeys else _lying(folder):
        one = _of_task(folder, log, index, data, task, odd)
        if one is not None:
            held.append(one)
        if len(held) > MAX_RECORDS:
            raise IntegrityError("evidence.malformed", f"task: expected at most {MAX_RECORDS:,} records of one")
    return Found(_commands(held), len(odd.names))


def _signed(folder: PulledFolder, vkeys: Sequence[VerifierKey]) -> Iterator[tuple[str, int | None, bytes]]:
    for name in logs_of(vkeys):
        log = open_log(folder, name, vkeys)
        for entry in read_with_progress(log):
            yield name, entry.index, entry.data


def _lying(folder: PulledFolder) -> Iterator[tuple[str, int | None, bytes]]:
    """Every object that may be a record, whoever put it there."""
    with counting("reading objects") as advance:
        for at, key in enumerate(folder.keys()):
            if key.startswith(_OBJECTS):
                yield key.split("/")[2], None, folder.read(key, MAX_RECORD_BYTES)
            if at % _STEP == _STEP - 1:
                advance(_STEP)


def _of_task(folder: PulledFolder, log: str, index: int | None, data: bytes, task: str, odd: Odd) -> Held | None:
    """The record, if it is one, and of this task. Most entries are of another, and are not parsed."""
    if json.dumps(task, ensure_ascii=False).encode()[1:-1] not in data:
        return None
    try:
        members = parse_canonical(data)
        record = parse_members(members, data)
    except IntegrityError:
        return None
    if record.source.log != log or task not in _tasks_named(members):
        return None
    return _held(folder, record, index, data, odd)


def _tasks_named(members: object) -> Iterator[object]:
    """The task that a record is of, and the one that a revocation is about."""
    if isinstance(members, dict):
        for path in (("task", "id"), ("revocation", "of", "name")):
            value: object = members
            for name in path:
                value = value.get(name) if isinstance(value, dict) else None
            yield value


def _held(folder: PulledFolder, record: StoredRecord, index: int | None, data: bytes, odd: Odd) -> Held:
    members = open_members(folder, record.source.log, record.id, data, odd)
    return Held(record.source.log, index, record.type, record.kind, record.id, record.time_us, record.sha256, members)


def _commands(held: Sequence[Held]) -> tuple[Command, ...]:
    """Each intent or event with the ending that names its bytes; the first one in the log counts."""
    endings: dict[tuple[str, str, RecordType, str], Held] = {}
    for one in held:
        named = one.members.value.get({RecordType.OUTCOME: "intent", RecordType.SETTLED: "outcome"}.get(one.type, ""))
        if isinstance(named, str):
            endings.setdefault((one.log, one.id, one.type, named), one)
    commands = []
    for one in sorted(held, key=lambda each: (each.time_us, each.log, each.index or 0, each.id)):
        if one.type in (RecordType.INTENT, RecordType.EVENT):
            outcome = endings.get((one.log, one.id, RecordType.OUTCOME, one.sha256))
            settled = outcome and endings.get((one.log, one.id, RecordType.SETTLED, outcome.sha256))
            commands.append(Command(one, outcome, settled))
    return tuple(commands)
