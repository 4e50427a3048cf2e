"""Data keys and the table that keeps them, in memory: keys by which tests open what was sealed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace

from postern.errors import EvidenceUnavailable, StateUnavailable
from postern.types import CommandId, DataKey, Erasure, TaskId


@dataclass
class FakeSeals:
    """Keeps the contracts of `seal_ports.SealKeys` and `SealTable` over one memory, as one environment would.

    `fail_after(n)` makes the n-th next step of the table fail after it was done, as a lost answer does.
    """

    kept: dict[TaskId, dict[str, DataKey]] = field(default_factory=dict)
    marks: dict[TaskId, Erasure] = field(default_factory=dict)
    held: dict[TaskId, DataKey] = field(default_factory=dict)
    away: bool = False
    made: int = 0
    _fails_after: int | None = None

    def key_of(self, task_id: TaskId) -> DataKey:
        if task_id not in self.held:
            if self.away or task_id in self.marks:
                raise EvidenceUnavailable("evidence.unavailable", "seal: no key: try again")
            self.made += 1
            drawn = hashlib.sha256(f"{task_id} {self.made}".encode())
            key = DataKey(drawn.hexdigest()[:32], drawn.digest())
            self.kept.setdefault(task_id, {})[key.id] = key
            self.held[task_id] = key
        return self.held[task_id]

    def forget(self) -> None:
        """As a new environment starts: what the old one held in its memory is gone."""
        self.held.clear()

    def fail_after(self, steps: int) -> None:
        self._fails_after = steps

    def erasure(self, task_id: TaskId) -> Erasure | None:
        self._step()
        return self.marks.get(task_id)

    def has_keys(self, task_id: TaskId) -> bool:
        self._step()
        return bool(self.kept.get(task_id))

    def mark_erased(self, task_id: TaskId, erasure: Erasure) -> Erasure:
        mark = self.marks.setdefault(task_id, erasure)
        self._step()
        return mark

    def delete_keys(self, task_id: TaskId) -> tuple[str, ...]:
        mark = self.marks[task_id]
        keys = self.kept.get(task_id, {})
        self.marks[task_id] = replace(mark, key_ids=tuple(sorted({*mark.key_ids, *keys})))
        keys.clear()
        self._step()
        return self.marks[task_id].key_ids

    def finish_erasure(self, task_id: TaskId, event_id: CommandId) -> None:
        self.marks[task_id] = replace(self.marks[task_id], event_id=event_id)
        self._step()

    def _step(self) -> None:
        if self._fails_after is not None:
            self._fails_after -= 1
            if self._fails_after == 0:
                self._fails_after = None
                raise StateUnavailable("state.unavailable", "the seal table cannot be reached: try again")
