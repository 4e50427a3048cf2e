"""What sealing and erasing need of the world outside, beside `ports.py`; guarantees in words.

The edges are `edges/seal_keys.py` and `edges/seal_table.py`; the fakes are in `tests/support/seals.py`.
`tests/contract/test_seal_table.py` holds table and fake to one contract.
"""

from __future__ import annotations

from typing import Protocol

from postern.types import CommandId, DataKey, Erasure, TaskId


class SealKeys(Protocol):
    """Data keys for the statement texts of tasks. Their holder can seal, and opens nothing that another sealed."""

    def key_of(self, task_id: TaskId) -> DataKey:
        """A key of this task's own; its wrapped form is durable when this returns, and the key is kept for later calls.

        Raises `EvidenceUnavailable`, also where the task's keys were erased: then nothing of it is sealed any more.
        """
        ...


class SealTable(Protocol):
    """The wrapped data keys of tasks, for whoever erases them. Every step may be taken again.

    Raises `StateUnavailable`. What is deleted is gone: there are no backups.
    """

    def erasure(self, task_id: TaskId) -> Erasure | None:
        """What is known of the task's erasure; None where there was none."""
        ...

    def has_keys(self, task_id: TaskId) -> bool: ...

    def mark_erased(self, task_id: TaskId, erasure: Erasure) -> Erasure:
        """From here on no key of the task can be added. Returns the mark that stands, an earlier one where there is."""
        ...

    def delete_keys(self, task_id: TaskId) -> tuple[str, ...]:
        """Deletes every key of a marked task. Returns the ids of all that ever were, also by an earlier attempt."""
        ...

    def finish_erasure(self, task_id: TaskId, event_id: CommandId) -> None:
        """Says that the erasure is on record as this event."""
        ...
