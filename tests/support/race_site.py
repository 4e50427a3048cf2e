"""One task and everything that is shared about it, in memory, for services that run side by side on it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from postern.announcements import Announcement
from postern.audit.records import RecordType
from postern.denials import DenialKey
from postern.policy.bundle import PolicyBundle
from postern.ports import IdempotencyKey, TornDown
from postern.services.admission import Admission
from postern.services.admit_task import AdmitTask
from postern.services.approve_task import ApproveTask, Said, Word
from postern.services.build_world import BuildWorld
from postern.services.calls import Call, StatementCall
from postern.services.end_task import EndTask
from postern.services.expire_tasks import ExpireTasks
from postern.services.journal import Journal
from postern.services.mark_tasks import MarkTasks
from postern.services.operators import Operators
from postern.services.read_tasks import ReadTasks
from postern.services.rebuild_tasks import RebuildTasks
from postern.services.remove_world import RemoveWorld
from postern.services.revoke import RevocationRequest, Revoke
from postern.services.run_statements import RunStatements
from postern.services.stopwatch import Stopwatch
from postern.services.sweep_roles import SweepRoles
from postern.services.tear_down_tasks import TearDownTasks
from postern.services.told_events import ToldEvents
from postern.task_states import SUSPEND
from postern.types import Task, TaskId, TaskState
from tests.support.approvals import FakeApprovalStore, FakeRunner
from tests.support.audit import Immutable, MemoryRecordStore, source
from tests.support.denials import FakeDenials
from tests.support.domain import AGENT, GRANT, TASK_ID, a_task
from tests.support.fake_clock import FakeClock, FakeIdentifiers
from tests.support.fake_tokens import FakeTokens
from tests.support.policy import bundle
from tests.support.race_database import RaceDatabase, RaceWorlds, Sessions
from tests.support.race_tasks import TracedOpenTasks, TracedTasks
from tests.support.rates import FakeRates
from tests.support.reap_site import Inline
from tests.support.runs import FakeRuns
from tests.support.schedule import Process

APPROVERS = """
permit (principal in Postern::Group::"approvers", action == Postern::Action::"approve",
        resource == Postern::Database::"shop");
permit (principal in Postern::Group::"operators", action == Postern::Action::"revoke",
        resource == Postern::Database::"shop");
"""
OPERATOR = replace(AGENT, issuer="people", subject="olga", groups=("operators",))
SQL = "SELECT id, email FROM customers"
BUNDLE = bundle(policy_approvers=APPROVERS)


@dataclass
class Deployed:
    """A policy layer under which the task was decided, and two may approve it."""

    bundle: PolicyBundle = BUNDLE

    def load(self) -> PolicyBundle:
        return self.bundle


@dataclass
class RaceSite:
    """What is shared. A service is made for one process, with its ports watched by that process."""

    tasks: Any = field(default_factory=TracedTasks)
    worlds: RaceWorlds = field(default_factory=RaceWorlds)
    clock: FakeClock = field(default_factory=FakeClock)
    identifiers: FakeIdentifiers = field(default_factory=FakeIdentifiers)
    rates: FakeRates = field(default_factory=FakeRates)
    objects: Immutable = field(default_factory=Immutable)
    policy: Any = field(default_factory=lambda: Deployed())
    watches_records: bool = False
    task_id: TaskId = TASK_ID
    approvals: Any = None
    environments: int = 0

    def __post_init__(self) -> None:
        self.approvals = self.approvals or FakeApprovalStore(self.tasks)
        self.denials = FakeDenials(self.tasks)
        self.open_tasks = TracedOpenTasks(self.tasks)
        self.database = RaceDatabase(self.worlds)

    def begin(self, state: TaskState, **changes: Any) -> RaceSite:
        """Starts with a task in this state, and with its world where one stands in that state."""
        stands = state in {TaskState.ACTIVE, TaskState.SUSPENDING}
        world: dict[str, Any] = {"worlds": 1}
        if state in {TaskState.PENDING_APPROVAL, TaskState.PROVISIONING}:
            world = {"views": (), "server_major": 0}
        world["grant"] = replace(GRANT, policy_digest=BUNDLE.digest)
        self.tasks.create(a_task(id=self.task_id, state=state, ttl_s=3600, **{**world, **changes}))
        if stands:
            self.worlds.standing.add(self.task_id)
        return self

    @property
    def task(self) -> Task:
        task = self.tasks.get(self.task_id)
        assert isinstance(task, Task)
        return task

    def records(self, process: Process, function: str) -> Any:
        self.environments += 1
        store = MemoryRecordStore(source(function), self.objects, f"env{self.environments}")
        return process.watch(store, "records") if self.watches_records else store

    def build(self, process: Process) -> BuildWorld:
        return BuildWorld(
            self.policy,
            process.watch(self.tasks, "tasks"),
            self.records(process, "provision"),
            process.watch(self.worlds, "worlds"),
            self.identifiers,
            self.clock,
            self.approvals,
        )

    def remove(self, process: Process) -> RemoveWorld:
        return RemoveWorld(
            self.policy,
            process.watch(self.tasks, "tasks"),
            self.records(process, "provision"),
            process.watch(self.worlds, "worlds"),
            self.identifiers,
            self.clock,
        )

    def provision(self, process: Process) -> object:
        return self.build(process).run(self.task_id)

    def tear_down(self, process: Process) -> object:
        return self.remove(process).run(self.task_id, by="principal")

    def end(self, process: Process) -> object:
        tasks = process.watch(self.tasks, "tasks")
        return EndTask(ReadTasks(tasks, self.clock), tasks, Provisioning(self, process)).run(AGENT, self.task_id)

    def expire(self, process: Process) -> object:
        tasks = process.watch(self.tasks, "tasks")
        provisioner = Provisioning(self, process, by="timer")
        return ExpireTasks(tasks, provisioner, self.clock, Inline).run(Stopwatch(self.clock, budget_s=58))

    def query(self, process: Process, key: IdempotencyKey | None = None) -> object:
        tasks = process.watch(self.tasks, "tasks")
        admission = Admission(self.policy, tasks, self.rates, self.identifiers, self.clock, OpenGate(), Inline())
        run = RunStatements(
            admission,
            tasks,
            Journal(self.records(process, "query"), self.clock, "prod-2026"),
            Sessions(process.watch(self.database, "database")),
            FakeTokens(),
            self.clock,
            Inline(),
        )
        return run.run(
            AGENT, self.task_id, Call((StatementCall(SQL, (), 10),), key), Stopwatch(self.clock, budget_s=28)
        )

    def approve(self, process: Process, name: str, word: Word = Word.APPROVE) -> object:
        tasks = process.watch(self.tasks, "tasks")
        approving = ApproveTask(
            self.policy,
            tasks,
            process.watch(self.approvals, "approvals"),
            self.records(process, "tasks"),
            AdmitTask(self.rates, FakeDenials()),
            Provisioning(self, process),
            FakeRunner(),
            Silence(),
            self.identifiers,
            self.clock,
        )
        approver = replace(AGENT, subject=name, groups=("approvers",))
        return approving.run(approver, self.task_id, Said(word, "looked at it"))

    def revoke(self, process: Process, of: DenialKey | None = None) -> object:
        """Of the task, where nothing else is named."""
        denials = process.watch(self.denials, "denials")
        teardowns = TearDownTasks(
            process.watch(self.tasks, "tasks"), Provisioning(self, process, by="revocation"), self.clock, Inline
        )
        service = Revoke(
            Operators(self.policy, self.denials, self.clock),
            self.policy,
            process.watch(self.tasks, "tasks"),
            denials,
            ToldEvents(self.records(process, "revoke"), denials),
            MarkTasks(process.watch(self.open_tasks, "open_tasks"), denials, Inline),
            teardowns,
            teardowns,
            self.identifiers,
            self.clock,
        )
        request = RevocationRequest(self.task_id if of is None else of, "drill")
        return service.run(OPERATOR, request, Stopwatch(self.clock, budget_s=27))

    def rebuild(self, process: Process) -> object:
        tasks = process.watch(self.tasks, "tasks")
        open_tasks = process.watch(self.open_tasks, "open_tasks")
        building = Provisioning(self, process)
        service = RebuildTasks(self.policy, tasks, open_tasks, building, self.rates, self.clock, Inline)
        return service.run(self.task.grant.database, Stopwatch(self.clock, budget_s=27))

    def sweep(self, process: Process) -> object:
        service = SweepRoles(
            self.policy,
            process.watch(self.tasks, "tasks"),
            self.approvals,
            FakeRuns(self.tasks),
            self.records(process, "provision"),
            process.watch(self.worlds, "worlds"),
            self.identifiers,
            self.clock,
        )
        return service.run(self.task.grant.database)

    def suspend_and_rebuild(self, process: Process) -> object:
        """A hold and its release."""
        tasks = process.watch(self.tasks, "tasks")
        tasks.move(self.task_id, SUSPEND)
        tasks.put_off(self.task_id, until_s=self.clock.now_us() // 1_000_000 + 50)
        self.tear_down(process)
        return self.rebuild(process)

    def tear_down_and_rebuild(self, process: Process) -> object:
        self.tear_down(process)
        return self.rebuild(process)

    def bodies(self) -> list[dict[str, Any]]:
        return MemoryRecordStore(objects=self.objects).bodies()

    def open_intents(self) -> list[str]:
        """The ids of intents that were allowed and have no outcome."""
        by_type: dict[str, set[str]] = {kind.value: set() for kind in RecordType}
        for one in self.bodies():
            if one["type"] != "intent" or one.get("decision", {}).get("result") != "refuse":
                by_type[one["type"]].add(one["id"])
        return sorted(by_type["intent"] - by_type["outcome"])

    def quiesce(self) -> None:
        """The timer comes until nothing is due: past the deadline everything is."""
        self.clock.at_us = max(self.clock.at_us, self.task.expires_at_s * 1_000_000)
        for _ in range(5):
            self.clock.at_us += 700 * 1_000_000
            process = Process("timer", self.expire)
            process.begin()
            while not process.is_over:
                process.go_on()
            if isinstance(process.result, BaseException):
                raise process.result
            if self.task.state.is_final:
                return
        raise AssertionError(f"five passes left the task {self.task.state.value}")


class Silence:
    def announce(self, announcement: Announcement) -> None:
        pass


class OpenGate:
    def check(self) -> None:
        pass


@dataclass
class Provisioning:
    """The provision function, as a call in the caller's own process."""

    site: RaceSite
    process: Process
    by: str = "principal"

    def provision(self, task_id: TaskId) -> None:
        self.site.build(self.process).run(task_id)

    def tear_down(self, task_id: TaskId) -> TornDown:
        return self.site.remove(self.process).run(task_id, by=self.by)
