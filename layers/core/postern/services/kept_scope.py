"""The guard's scope of the task that was served last: made once for a grant and a world, and not with each statement.

It follows from the task's id, its grant, its views, its address and its server's version, which are what a
reservation has just read. Another grant or another world is another object, and its scope is made anew: nothing is
ever older than those.
"""

from __future__ import annotations

from dataclasses import dataclass

from postern.guard.scope import Scope, scope_of
from postern.types import Task
from postern.world.names import schema_name


@dataclass(slots=True)
class KeptScope:
    """For one thread. Holds on to the task, so that what is compared by identity is not another in its place."""

    _kept: tuple[Task, Scope] | None = None

    def of(self, task: Task) -> Scope:
        """What `scope_of` gives for this task."""
        if self._kept is None or not _has_one_scope(self._kept[0], task):
            database = task.address.dbname if task.address else None
            scope = scope_of(task.grant, task.server_major, schema_name(task.id), task.views, database)
            self._kept = task, scope
        return self._kept[1]


def _has_one_scope(one: Task, other: Task) -> bool:
    is_one_world = one.grant is other.grant and one.views is other.views
    same = (one.id, one.server_major, one.address) == (other.id, other.server_major, other.address)
    return is_one_world and same
