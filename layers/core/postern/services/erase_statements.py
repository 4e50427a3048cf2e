"""Erases what a task's sealed records hold: its data keys are destroyed, then that is recorded.

The locked objects stay as they are; what nobody can open any more is gone. Removing comes first and never waits for
the record; where that cannot be written the same request, sent again, finds nothing left to delete and records it.

Crash points, by what is durable when the process dies:
    mark         no key can be added; the keys that are there still open their texts
    keys         nothing opens any more; the erasure is not on record yet
    event        the same, on record; sent again it may be recorded a second time, never not at all
    mark closed  done: whoever asks again is told so
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from postern.audit import bodies
from postern.errors import BadRequest, Conflict, NotFound
from postern.masking.detectors import redact_text
from postern.ports import Clock, Identifiers, RecordStore, TaskStore
from postern.seal_ports import SealTable
from postern.types import Erasure, TaskId

MAX_WORDS = 2_000  # characters of a reason, and of who asks


@dataclass(frozen=True, slots=True)
class EraseStatements:
    """The use case."""

    tasks: TaskStore
    seals: SealTable
    records: RecordStore
    identifiers: Identifiers
    clock: Clock

    def run(self, task_id: TaskId, *, by: str, reason: str) -> Erasure:
        """The erasure as it stands on record. `by` is what the invoker says; CloudTrail knows who it was.

        Raises `BadRequest` without a reason, `NotFound` where nothing of the task is sealed, `Conflict` where the task
        still runs, `StateUnavailable`, and `EvidenceUnavailable` where the keys are gone and the record is missing.
        """
        for what, words in (("reason", reason), ("by", by)):
            if not 0 < len(words) <= MAX_WORDS:
                raise BadRequest("request.invalid", f"{what}: expected 1 to {MAX_WORDS} characters, got {len(words)}")
        standing = self.seals.erasure(task_id)
        if standing is None:
            self._check(task_id)
            asked = Erasure(self.clock.now_us(), redact_text(by), redact_text(reason))
            standing = self.seals.mark_erased(task_id, asked)
        standing = replace(standing, key_ids=self.seals.delete_keys(task_id))
        if standing.event_id is not None:
            return standing
        # An event's id says when it was written: a late attempt draws its own.
        event_id = self.identifiers.command_id(self.clock.now_us())
        self.records.put(bodies.erasure_event(event_id, self.clock.now_us(), task_id, standing))
        self.seals.finish_erasure(task_id, event_id)
        return replace(standing, event_id=event_id)

    def _check(self, task_id: TaskId) -> None:
        task = self.tasks.get(task_id)  # None once its items have gone by their time to live
        if task is not None and not task.state.is_final:
            raise Conflict("task.state", f"task: expected it to have ended, got {task.state.value}: end it first")
        if not self.seals.has_keys(task_id):
            raise NotFound("task.unknown", f"task: expected one with sealed statements, got {task_id!r}")
