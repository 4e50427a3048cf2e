"""Entries of a log on their way into an export's scratch file."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from postern.audit.records import RecordType
from postern.audit.stored import StoredRecord, parse_record
from postern.audit.times import format_time
from postern.errors import IntegrityError
from postern_cli.evidence.entries import Entry
from postern_cli.evidence.held import open_members
from postern_cli.evidence.members import Members, Odd
from postern_cli.evidence.period import Period
from postern_cli.ocsf.kinds import LEFT_OUT, MAPPED, UNKNOWN_KIND
from postern_cli.ocsf.scratch import Scratch
from postern_cli.pulled import PulledFolder

_ENDINGS = (RecordType.OUTCOME, RecordType.SETTLED)


@dataclass(slots=True)
class Intake:
    """Takes every entry of a log once. What becomes no event is counted, each with its reason."""

    folder: PulledFolder
    scratch: Scratch
    period: Period | None
    entries: int = 0
    left_out: Counter[str] = field(default_factory=Counter)

    def take(self, entry: Entry) -> None:
        self.entries += 1
        record = _record(entry)
        if record is None:
            self.left_out["no record: see `postern audit verify`"] += 1
        elif record.type in _ENDINGS:
            self._take_ending(entry, record)
        else:
            self._take_first(entry, record)

    def _take_ending(self, entry: Entry, record: StoredRecord) -> None:
        """Whatever its own time: an intent at the period's end has its outcome after it."""
        if not self.scratch.add_ending(entry.index, record, entry.data):
            self.left_out["a second ending of one command: see `postern audit verify`"] += 1

    def _take_first(self, entry: Entry, record: StoredRecord) -> None:
        if record.kind == "grant":
            self._take_classes(open_members(self.folder, record.source.log, record.id, entry.data, Odd()))
        mapped = MAPPED.get((record.type.value, record.kind))
        if mapped is None:
            reason = LEFT_OUT.get((record.type.value, record.kind), UNKNOWN_KIND)
            # A name of a kind has no more than 40 of a few characters, so this may be printed.
            self.left_out[f"{record.type.value} {record.kind}: {reason}"] += 1
        elif self.period is not None and not self.period.holds(format_time(record.time_us)):
            self.left_out["outside the period"] += 1
        else:
            self.scratch.add_first(mapped.event_class.uid, entry.index, record, entry.data)

    def _take_classes(self, members: Members) -> None:
        """Of a grant at any time: its task may run statements long after it."""
        task = members.inside("task").text("id")
        for table in members.objects("scope"):
            for column in table.objects("columns"):
                name, class_ = column.text("name"), column.text("class")
                if task is not None and name is not None and class_ is not None:
                    self.scratch.add_class(task, name, class_)


def _record(entry: Entry) -> StoredRecord | None:
    """None of what is no record, or one of another log: neither may be told as what this log says."""
    try:
        record = parse_record(entry.data)
    except IntegrityError:
        return None
    return record if record.source.log == entry.log else None
