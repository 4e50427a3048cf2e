"""A database with roles of tasks in it, and the sweep that looks at them: what the tests of the sweep stand on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from postern.errors import DatabaseUnavailable, PosternError
from postern.ports import Maker, StandingRole, TeardownProof, World
from postern.services.dry_run_roles import DryRunRole
from postern.services.sweep_roles import SweepRoles
from postern.sweep_ports import Swept
from postern.types import DatabaseAddress, Task, TaskId, TaskState
from tests.support.audit import Json
from tests.support.domain import ADDRESS, TASK_ID
from tests.support.fake_clock import FakeIdentifiers
from tests.support.runs import Policy, RunSite

STRANGER = TaskId("f" * 32)
OLD_S = 10**6  # older than any task may be


@dataclass
class SweptWorlds:
    """Roles that stand, each as a look finds it. `on` is called before what it names: `roles`, `build`,
    `tear_down`, `shut`."""

    standing: dict[TaskId, StandingRole] = field(default_factory=dict)
    shut_down: list[TaskId] = field(default_factory=list)
    on: dict[str, Callable[[], None]] = field(default_factory=dict)
    fails: dict[TaskId, PosternError] = field(default_factory=dict)
    left: int = 0
    torn_down: list[TaskId] = field(default_factory=list)

    def add(
        self, id_: TaskId, maker: Maker = Maker.OURS, *, dry_run_of: TaskId | None = None, age_s: int | None = OLD_S
    ) -> TaskId:
        self.standing[id_] = StandingRole(id_, maker, dry_run_of, age_s)
        return id_

    def build_run_role(
        self,
        task_id: TaskId,
        owner_role: str,
        address: DatabaseAddress,
        *,
        key: bytes,
        still_wanted: Callable[[], None],
        dry_run_of: TaskId | None,
    ) -> World:
        self._before("build")
        still_wanted()
        self.add(task_id, dry_run_of=dry_run_of, age_s=0)
        return World((), 18)

    def roles(self, address: DatabaseAddress) -> list[StandingRole]:
        found = sorted(self.standing.values(), key=lambda role: (-(role.age_s or 0), role.id))
        self._before("roles")
        return found

    def tear_down(
        self, task_id: TaskId, address: DatabaseAddress, still_goes: Callable[[], None] = lambda: None
    ) -> TeardownProof:
        self._before("tear_down")
        still_goes()
        if task_id in self.fails:
            raise self.fails[task_id]
        self.torn_down.append(task_id)
        self.standing.pop(task_id, None)
        return TeardownProof(sessions=self.left, schemas=0, roles=0, keys=0, terminated=1)

    def shut(self, task_id: TaskId, address: DatabaseAddress, still_goes: Callable[[], None] = lambda: None) -> None:
        self._before("shut")
        still_goes()
        self.shut_down.append(task_id)

    def _before(self, what: str) -> None:
        self.on.pop(what, lambda: None)()


@dataclass
class SweepSite:
    """A task of statements in some state, its dry runs, and roles in its database."""

    state: TaskState = TaskState.PENDING_APPROVAL

    def __post_init__(self) -> None:
        self.site = RunSite(state=self.state)
        self.tasks, self.runs, self.records = self.site.tasks, self.site.runs, self.site.records
        self.clock, self.worlds = self.site.clock, SweptWorlds()
        self.dry_roles = DryRunRole(
            Policy(),  # type: ignore[arg-type]
            self.tasks,
            self.runs,
            self.records,
            self.worlds,
            FakeIdentifiers(500),
            self.clock,
            self.site.approvals,  # type: ignore[arg-type]
        )

    @property
    def service(self) -> SweepRoles:
        return SweepRoles(
            Policy(),  # type: ignore[arg-type]
            self.tasks,
            self.site.approvals,  # type: ignore[arg-type]
            self.runs,
            self.records,
            self.worlds,
            FakeIdentifiers(900 + len(self.records.bodies())),
            self.clock,
        )

    @property
    def task(self) -> Task:
        return self.site.task

    def sweep(self) -> Swept:
        return self.service.run(ADDRESS.name)

    def known(self, task_id: TaskId, state: TaskState) -> None:
        """Another task, like this one but for its id and state."""
        self.tasks.tasks[task_id] = replace(self.task, id=task_id, state=state)

    def become(self, state: TaskState) -> None:
        self.tasks.tasks[TASK_ID] = replace(self.task, state=state)

    def teardowns(self) -> list[Json]:
        return [body for body in self.records.bodies() if body["kind"] == "teardown"]


AWAY = DatabaseUnavailable("database.unavailable", "away")
