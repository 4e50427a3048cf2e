"""A pulled log written as events.

1. Every entry is read in the log's order and checked against the signed root; intents, events and endings go to a
   scratch file. Where the root is another than the signed one, it stops here: nothing was written.
2. Each command is made an event, in the order of times, and written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from postern.audit.records import RecordType
from postern.tlog.notes import VerifierKey
from postern.types import CommandId
from postern_cli.evidence.entries import SignedLog, logs_of, open_log, read_with_progress
from postern_cli.evidence.held import Command, Held, open_members
from postern_cli.evidence.members import Odd
from postern_cli.evidence.period import Period
from postern_cli.ocsf.days import day_of
from postern_cli.ocsf.events import event_of
from postern_cli.ocsf.intake import Intake
from postern_cli.ocsf.schema import CLASSES
from postern_cli.ocsf.scratch import Row, Scratch
from postern_cli.progress import counting
from postern_cli.pulled import PulledFolder

_STEP = 500  # between two movements of the progress bar


class Sink(Protocol):
    """Takes events in order. What it has written is complete once `close` returns."""

    files: list[Path]

    def write(self, day: str, event: dict[str, Any], size: int, /) -> None:
        """`size` is the bytes of the records that the event was made of."""

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Order:
    """What is exported. `by_class`: one class after the other, for a sink that has a file for each."""

    folder: PulledFolder
    vkeys: Sequence[VerifierKey]
    period: Period | None
    only: str | None
    by_class: bool


@dataclass(slots=True)
class Done:
    """What was read and written, for a summary."""

    logs: list[SignedLog] = field(default_factory=list)
    entries: int = 0
    events: Counter[int] = field(default_factory=Counter)  # by class
    odd: int = 0  # events of records that had members of another form than the documented one
    left_out: Counter[str] = field(default_factory=Counter)


def export(order: Order, sink: Sink, scratch_file: Path) -> Done:
    """Writes the events. Raises `IntegrityError` where the copy is not what was signed, and then nothing is written."""
    with closing(Scratch(scratch_file)) as scratch:
        intake, done = Intake(order.folder, scratch, order.period), Done()
        for name in logs_of(order.vkeys):
            if order.only is None or name == order.only:
                done.logs.append(open_log(order.folder, name, order.vkeys))
                for entry in read_with_progress(done.logs[-1]):
                    intake.take(entry)
        scratch.seal()
        done.entries, done.left_out = intake.entries, intake.left_out
        try:
            _write(order, scratch, sink, done)
        finally:
            sink.close()
    return done


def _write(order: Order, scratch: Scratch, sink: Sink, done: Done) -> None:
    classes: list[int | None] = [*CLASSES] if order.by_class else [None]
    with counting("writing events") as advance:
        for class_uid in classes:
            for row in scratch.firsts(class_uid):
                odd = Odd()
                command, size = _command(order.folder, scratch, row, odd)
                event = event_of(command, scratch.class_of)
                sink.write(day_of(row.time_us), event, size)
                done.events[event["class_uid"]] += 1
                done.odd += bool(odd.names)
                if done.events.total() % _STEP == 0:
                    advance(_STEP)


def _command(folder: PulledFolder, scratch: Scratch, row: Row, odd: Odd) -> tuple[Command, int]:
    rows = [row, *_endings(scratch, row)]
    held = [_held(folder, one, odd) for one in rows]
    settled = next((one for one in held if one.type is RecordType.SETTLED), None)
    outcome = next((one for one in held if one.type is RecordType.OUTCOME), None)
    return Command(held[0], outcome, settled), sum(len(one.data) for one in rows)


def _endings(scratch: Scratch, row: Row) -> Iterator[Row]:
    """Each ending names the bytes of the record before it, so one that was written for another is not taken."""
    if row.type is RecordType.INTENT and (outcome := scratch.ending(row, RecordType.OUTCOME)) is not None:
        yield outcome
        if (settled := scratch.ending(outcome, RecordType.SETTLED)) is not None:
            yield settled


def _held(folder: PulledFolder, row: Row, odd: Odd) -> Held:
    id_ = CommandId(row.id)
    members = open_members(folder, row.log, id_, row.data, odd)
    return Held(row.log, row.at, row.type, row.kind, id_, row.time_us, row.sha256, members)
