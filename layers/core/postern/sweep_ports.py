"""What the sweep over roles of tasks came to, and whom the reaper asks for one; guarantees in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from postern.types import DatabaseName, TaskId


@dataclass(frozen=True, slots=True)
class Swept:
    """What one look at a database came to."""

    looked: int = 0  # roles of tasks and dry runs that were held against the state
    dropped: tuple[TaskId, ...] = ()
    left: tuple[tuple[TaskId, str], ...] = ()  # that should go, or could not be judged, by the code of what stopped it
    overdue: int = 0  # whose task said that it lives, past all that was consented to; among those two
    unknown: int = 0  # no task of ours is called so, and they are not ours, or too young to be forgotten: they stay
    another: int = 0  # another deployment's: they stay
    unlooked: int = 0  # for which time did not suffice: the youngest


class RoleSweeper(Protocol):
    """Asks the function that alone may drop roles to look at a database, and waits for what it came to.

    Raises `DatabaseUnavailable` where it did not answer or failed; what was dropped until then is on record.
    """

    def sweep(self, database: DatabaseName) -> Swept: ...
