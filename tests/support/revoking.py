"""The services of `revoke`, of `provision` and of the reaper's part on fakes, around one table, bucket and database."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from postern.denials import DenialKey, DenialKind
from postern.policy.bundle import PolicyBundle
from postern.ports import TornDown
from postern.services.build_world import BuildWorld
from postern.services.mark_tasks import MarkTasks
from postern.services.operators import Operators
from postern.services.reap.denied import Denied, ReapDenials
from postern.services.rebuild_tasks import RebuildTasks
from postern.services.release import Lift, Release, Released
from postern.services.remove_world import RemoveWorld
from postern.services.revoke import RevocationRequest, Revoke, Revoked
from postern.services.stopwatch import Stopwatch
from postern.services.tear_down_tasks import TearDownTasks
from postern.services.told_events import OwedEvents, ToldEvents
from postern.types import CommandId, Principal, Task, TaskId, TaskState
from tests.support.approvals import FakeApprovalStore
from tests.support.audit import Json, MemoryRecordStore, source
from tests.support.denials import FakeDenials, FakeOpenTasks, FreeRates
from tests.support.domain import AGENT, DIGEST, a_task
from tests.support.fake_clock import FakeClock, FakeIdentifiers
from tests.support.fake_policy import FakePolicy
from tests.support.fake_task_store import FakeTaskStore
from tests.support.fake_worlds import FakeWorlds
from tests.support.policy import CATALOG, DATABASES, POLICY, bundle
from tests.support.reap_site import Inline

OPERATORS = """
@id("operators-revoke")
permit (principal in Postern::Group::"operators", action == Postern::Action::"revoke", resource);
@id("shopkeepers-revoke")
permit (principal in Postern::Group::"shopkeepers", action == Postern::Action::"revoke",
        resource == Postern::Database::"shop");
"""
BOTH = DATABASES + DATABASES.replace("shop:", "stock:").replace("shop", "stock").replace("cluster-ABC", "cluster-DEF")
STOCK = CATALOG.replace("database: shop", "database: stock")
OLGA = replace(AGENT, issuer="people", subject="olga", groups=("operators",))
SAM = replace(OLGA, subject="sam", groups=("shopkeepers",))
PRINCIPAL = DenialKey(DenialKind.PRINCIPAL, AGENT.id)
HOLD = DenialKey(DenialKind.HOLD, "shop")


def operating_policy() -> PolicyBundle:
    return bundle(databases=BOTH, catalog_stock=STOCK, policy_shop=POLICY + OPERATORS)


def ids(count: int) -> list[TaskId]:
    return [TaskId(f"0199a0b0c0d070008000{n:012x}") for n in range(count)]


@dataclass
class Bench:
    """Tasks with worlds; `provisioner` does what an invocation of the function would."""

    policy: PolicyBundle = field(default_factory=operating_policy)
    tasks: FakeTaskStore = field(default_factory=FakeTaskStore)
    records: MemoryRecordStore = field(default_factory=lambda: MemoryRecordStore(source("revoke")))
    worlds: FakeWorlds = field(default_factory=FakeWorlds)
    clock: FakeClock = field(default_factory=FakeClock)
    identifiers: FakeIdentifiers = field(default_factory=FakeIdentifiers)
    rates: FreeRates = field(default_factory=FreeRates)
    denials: FakeDenials = field(init=False)
    open: FakeOpenTasks = field(init=False)
    torn_down: list[tuple[TaskId, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.denials, self.open = FakeDenials(self.tasks), FakeOpenTasks(self.tasks)

    def load(self) -> PolicyBundle:
        return self.policy

    def task(self, task_id: TaskId | None = None, **changes: object) -> Task:
        task = a_task(**{"worlds": 1, "ttl_s": 3600, **({} if task_id is None else {"id": task_id}), **changes})
        self.tasks.create(task)
        if task.state in (TaskState.ACTIVE, TaskState.SUSPENDING, TaskState.ENDING):
            self.worlds.standing.add(task.id)
        return task

    def provisioner(self, by: str) -> Provisioning:
        return Provisioning(self, by)

    def revoke(
        self, of: TaskId | DenialKey, *, who: Principal = OLGA, budget_s: float = 27, **asked: object
    ) -> Revoked:
        request = RevocationRequest(of, **{"reason": "drill", **asked})  # type: ignore[arg-type]
        return self.revoke_service.run(who, request, Stopwatch(self.clock, budget_s=budget_s))

    @property
    def revoke_service(self) -> Revoke:
        return Revoke(
            self.operators,
            self,
            self.tasks,
            self.denials,
            ToldEvents(self.records, self.denials),
            MarkTasks(self.open, self.denials, Inline),
            TearDownTasks(self.tasks, self.provisioner("revocation"), self.clock, Inline),
            TearDownTasks(self.tasks, self.provisioner("hold"), self.clock, Inline),
            self.identifiers,
            self.clock,
        )

    @property
    def release_service(self) -> Release:
        return Release(self.operators, self.denials, self._lift(), self._rebuild())

    def release(self, id_: CommandId, *, who: Principal = OLGA) -> Released:
        return self.release_service.run(who, id_, Stopwatch(self.clock, budget_s=27))

    def reap(self) -> Denied:
        owed = OwedEvents(self.records, self.denials, self.identifiers, self.clock)
        service = ReapDenials(self.denials, self.open, owed, self._lift(), self._rebuild(), self.clock)
        return service.run(Stopwatch(self.clock, budget_s=48))

    @property
    def operators(self) -> Operators:
        return Operators(self, self.denials, self.clock)

    def _lift(self) -> Lift:
        return Lift(self.denials, self.records, self.identifiers, self.clock)

    def _rebuild(self) -> RebuildTasks:
        return RebuildTasks(self, self.tasks, self.open, self.provisioner("hold"), self.rates, self.clock, Inline)

    def state(self, task_id: TaskId) -> TaskState:
        return self.tasks.tasks[task_id].state

    def events(self) -> list[Json]:
        return [one for one in self.records.bodies() if one["type"] == "event"]

    def wait(self, seconds: int) -> None:
        self.clock.at_us += seconds * 1_000_000


@dataclass
class Provisioning:
    """The provisioning function as one that invokes it sees it."""

    bench: Bench
    by: str

    def provision(self, task_id: TaskId) -> None:
        bench = self.bench
        approvals = FakeApprovalStore(bench.tasks)
        BuildWorld(
            FakePolicy(DIGEST),
            bench.tasks,
            bench.records,
            bench.worlds,
            bench.identifiers,
            bench.clock,
            approvals,  # type: ignore[arg-type]
        ).run(task_id)

    def tear_down(self, task_id: TaskId) -> TornDown:
        bench = self.bench
        bench.torn_down.append((task_id, self.by))
        return RemoveWorld(
            FakePolicy(DIGEST),
            bench.tasks,
            bench.records,
            bench.worlds,
            bench.identifiers,
            bench.clock,  # type: ignore[arg-type]
        ).run(task_id, by=self.by)
