"""Events of what takes access away: recorded before it is done where that can be, and owed where it cannot.

Removing access never waits for evidence. An event that cannot be written is kept beside the denials, with its id and
its time, and the reaper writes it. Giving access back does wait: see `Release`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from postern.audit.records import Record
from postern.denial_ports import Denials, Owed
from postern.errors import EvidenceUnavailable, IntegrityError
from postern.ports import Clock, Identifiers, RecordStore
from postern.services.reap.fixed_events import put_fixed

REDATED_AFTER_US = 600_000_000  # an id is for a record of its time: see docs/adr/0015


@dataclass(frozen=True, slots=True)
class ToldEvents:
    """Writes them, now or later."""

    records: RecordStore
    denials: Denials

    def tell(self, event: Record) -> bool:
        """Whether the event is durable; it is owed otherwise. Raises `StateUnavailable` where it is neither."""
        try:
            self.records.put(event)
        except (EvidenceUnavailable, IntegrityError):
            self.denials.owe(Owed(event.id, event))
            return False
        return True


@dataclass(frozen=True, slots=True)
class OwedEvents:
    """Writes what is owed. Several may at once: an event may then stand twice, under two ids, never not at all."""

    records: RecordStore
    denials: Denials
    identifiers: Identifiers
    clock: Clock

    def run(self) -> tuple[int, int]:
        """How many were written, and how many are still owed. Raises `StateUnavailable`."""
        owed = self.denials.owed()
        written = 0
        for one in owed:
            dated = self._dated(one)
            if dated is None:
                continue
            try:
                put_fixed(self.records, dated.record)
            except EvidenceUnavailable:
                break  # the bucket is away for the others as well
            self.denials.write_off(dated)
            written += 1
        return written, len(owed) - written

    def _dated(self, owed: Owed) -> Owed | None:
        """The event under an id that is young enough to be written; None where another is at it."""
        now_us = self.clock.now_us()
        if now_us - owed.record.time_us < REDATED_AFTER_US:
            return owed
        record = replace(owed.record, id=self.identifiers.command_id(now_us), time_us=now_us)
        return Owed(owed.name, record) if self.denials.redate(owed, record) else None
