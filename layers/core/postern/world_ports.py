"""What builds and drops worlds, with the guarantee each port gives in words. `ports.py` has these names too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from postern.types import DatabaseAddress, Grant, TaskId, TaskState, View


@dataclass(frozen=True, slots=True)
class World:
    """A world as it stands: what a task keeps of it."""

    views: tuple[View, ...]
    server_major: int  # the PostgreSQL server's major version, by which the guard chooses its lists
    address: DatabaseAddress | None = None  # where it stands; None leaves what the task knew before


@dataclass(frozen=True, slots=True)
class TeardownSteps:
    """Milliseconds from the teardown's first request to the database until each step was done."""

    nologin_ms: int = 0  # nobody logs in any more
    terminated_ms: int = 0  # no session is left
    dropped_ms: int = 0  # role and schema are gone
    verified_ms: int = 0


@dataclass(frozen=True, slots=True)
class TeardownProof:
    """What a query found after a teardown: all must be zero."""

    sessions: int
    schemas: int
    roles: int
    keys: int
    terminated: int  # backends that were ended on the way
    steps: TeardownSteps = field(default_factory=TeardownSteps, compare=False)

    @property
    def is_clean(self) -> bool:
        return self.sessions == self.schemas == self.roles == self.keys == 0


class Maker(StrEnum):
    """Who made a role, by the mark on it, which no agent can write."""

    OURS = "ours"
    ANOTHER = "another"  # another deployment, or somebody who writes marks that we cannot read
    UNKNOWN = "unknown"  # it has no mark


@dataclass(frozen=True, slots=True)
class StandingRole:
    """A role `task_<id>` as a look at a database found it."""

    id: TaskId  # of its task, or of the dry run that it is for
    maker: Maker
    dry_run_of: TaskId | None = None  # the task, where it is the role of a dry run
    age_s: int | None = None  # since it was made, by the database's clock; None where it has no key


class WorldDatabase(Protocol):
    """The provisioner's hands in a database. Raises `DatabaseUnavailable`."""

    def build(
        self,
        task_id: TaskId,
        grant: Grant,
        address: DatabaseAddress,
        *,
        key: bytes,
        still_wanted: Callable[[], None] = lambda: None,
    ) -> World:
        """Builds role, schema, views and key in one transaction, or nothing.

        Building what stands, or is being torn down, is a `Conflict` (`task.state`). `still_wanted` is called once a
        teardown of the same task would wait for this transaction: what it raises undoes it. So whoever sends a task on
        its way first and then tears it down leaves nothing behind, however late a build of it comes.

        Raises `RefusedByPolicy`: `policy.writes` where a write is not proved, `policy.refused` where the database lacks
        a granted table, column or function, or has it of another type than declared,
        or a mask cannot stand on a column's type.
        """
        ...

    def build_run_role(
        self,
        task_id: TaskId,
        owner_role: str,
        address: DatabaseAddress,
        *,
        key: bytes,
        still_wanted: Callable[[], None] = lambda: None,
        dry_run_of: TaskId | None = None,
    ) -> World:
        """Makes the role of a task whose statements run once as `owner_role`, or nothing. It has no views.

        As `build` where it stands, or is no longer wanted. `dry_run_of` names the task where the role is for a trial
        of its statements, and `task_id` is the trial's own. Raises `RefusedByPolicy` (`policy.refused`) where
        `owner_role` is more than an owner of tables.
        """
        ...

    def tear_down(
        self, task_id: TaskId, address: DatabaseAddress, still_goes: Callable[[], None] = lambda: None
    ) -> TeardownProof:
        """Ends the role's sessions, drops everything of the task, and proves it by query. Idempotent.

        `still_goes` is called before each step that changes something, where a build of the task would wait for that
        step: what it raises stops the teardown. So a teardown that was overtaken drops no world that was built since.
        """
        ...

    def shut(self, task_id: TaskId, address: DatabaseAddress, still_goes: Callable[[], None] = lambda: None) -> None:
        """The first half of `tear_down`: no login, no session, no schema. A role that may do nothing is left, to be
        found by the next look. Idempotent.
        """
        ...

    def roles(self, address: DatabaseAddress) -> Sequence[StandingRole]:
        """The roles of tasks that have their world in this database, the oldest first, as of one moment.

        A role is of this database if its key is in it or its mark names it: roles belong to the whole cluster.
        """
        ...


@dataclass(frozen=True, slots=True)
class TornDown:
    """What a teardown came to: the task's state after it, and what was found; None where another had done it."""

    state: TaskState
    proof: TeardownProof | None = None


class Provisioner(Protocol):
    """Asks the function that alone may build and drop worlds. Both calls wait for the result.

    Raises `DatabaseUnavailable` where it did not answer or failed; the task's state then tells how far it came.
    """

    def provision(self, task_id: TaskId) -> None: ...

    def tear_down(self, task_id: TaskId) -> TornDown: ...
