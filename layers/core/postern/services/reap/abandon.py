"""Closes a command whose writer died between its intent and its outcome, by that very outcome.

It is created under the key of the writer's own and only where nothing is there, so of the two one wins. Where the
writer was alive after all and lost, it finds other bytes in its place, undoes what it did and delivers nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from postern.audit.log_bodies import abandoned_outcome
from postern.audit.run_bodies import RUN_KINDS
from postern.errors import IntegrityError
from postern.ports import Clock, RecordStore
from postern.services.reap.records import Intent
from postern.types import CommandId

ABANDONED_AFTER_US = 300_000_000  # from the intent's storing; a request lasts 28 s, a provisioning 60
# The intents of a run are all stored before its first statement, and it lasts 15 minutes at most.
RUN_ABANDONED_AFTER_US = 1_200_000_000


def may_live(kind: str, age_us: int) -> bool:
    """Whether the writer of an intent that was stored so long ago may still be at it."""
    return age_us < (RUN_ABANDONED_AFTER_US if kind in RUN_KINDS else ABANDONED_AFTER_US)


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
