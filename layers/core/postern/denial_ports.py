"""What revoking and holding need of the world outside, with the guarantee each port gives in words.

Every method raises `StateUnavailable`, after which a write may or may not have happened; each may be tried again.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from postern.audit.records import Record
from postern.denials import Denial, DenialKey, OpenTask
from postern.task_states import Move
from postern.types import CommandId, TaskId


@dataclass(frozen=True, slots=True)
class Owed:
    """An event that could not be written when it happened. Its record has the id and the time of the last attempt."""

    name: CommandId  # the id of the first
    record: Record


class Denials(Protocol):
    """The denials. Every read is strongly consistent: a denial that was put is seen by whoever looks after that."""

    def standing(self, keys: Collection[DenialKey]) -> DenialKey | None:
        """The first of them that stands, or None."""
        ...

    def all(self) -> Sequence[Denial]:
        """Those that stand, and those that were lifted and are not settled; the oldest first."""
        ...

    def put(self, denial: Denial) -> Denial:
        """The denial as it stands once this returns. One that stood keeps its id; it lasts as long as the longer."""
        ...

    def lift(self, denial: Denial, *, now_s: int, if_over: bool = False) -> bool:
        """From now on it forbids nothing. False where one of this id does not stand, or with `if_over` lasts longer."""
        ...

    def settle(self, denial: Denial) -> None:
        """Notes that no task has to be looked for any more, unless it was lifted or put again since it was read."""
        ...

    def owe(self, owed: Owed) -> None:
        """Keeps an event until it is written."""
        ...

    def owed(self) -> Sequence[Owed]: ...

    def redate(self, owed: Owed, record: Record) -> bool:
        """Gives an owed event another id and time; False where another was faster."""
        ...

    def write_off(self, owed: Owed) -> None:
        """The event is durable. Idempotent."""
        ...


class OpenTasks(Protocol):
    """The tasks in no final state, whoever they belong to."""

    def all(self) -> Sequence[OpenTask]:
        """Which these are may lag behind by a moment; what each of them is does not."""
        ...

    def move(self, task_id: TaskId, move: Move) -> bool:
        """Sends a task whose world goes on its way, by one conditional write. False where it is in another state."""
        ...
