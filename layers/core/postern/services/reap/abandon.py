"""Closes a command whose writer died between its intent and its outcome, by that very outcome.

It is created under the key of the writer's own and only where nothing is there, so of the two one wins. Where the
writer was alive after all and lost, it finds other bytes in its place, undoes what it did and delivers nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from postern.audit.log_bodies import abandoned_outcome
from postern.errors import IntegrityError
from postern.ports import Clock, RecordStore
from postern.services.reap.records import Intent
from postern.types import CommandId

ABANDONED_AFTER_US = 300_000_000  # from the intent's storing; a request lasts 28 s, a provisioning 60


@dataclass(frozen=True, slots=True)
class Abandon:
    """Raises `EvidenceUnavailable`."""

    clock: Clock

    def run(self, records: RecordStore, id_: CommandId, intent: Intent) -> bool:
        """Whether it is closed as abandoned now; False where its writer, or another reaper, came first."""
        outcome = abandoned_outcome(intent.kind, id_, self.clock.now_us(), intent.sha256, intent.task or None)
        try:
            records.put(outcome)
        except IntegrityError as conflict:
            if conflict.code != "evidence.conflict":
                raise
            return False
        return True
