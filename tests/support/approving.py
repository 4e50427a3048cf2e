"""The approval services on fakes and a real policy; the provisioner builds nothing and makes the task active."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from postern.announcements import Announcement
from postern.approval_ports import Approved
from postern.approvals import Said, Word
from postern.policy.bundle import PolicyBundle
from postern.policy.scope_digest import scope_digest
from postern.services.admit_task import AdmitTask
from postern.services.approve_task import ApproveTask
from postern.services.read_tasks import ReadTasks
from postern.services.review_tasks import ReviewTasks
from postern.task_states import STAND, close_as
from postern.types import Principal, Sha256Hex, Task, TaskId, TaskState
from tests.support.approvals import FakeApprovalStore, FakeEstimator, FakeRunner
from tests.support.audit import Json, MemoryRecordStore, source
from tests.support.denials import FakeDenials
from tests.support.domain import AGENT, NOW_S, TASK_ID, WORLD, a_task
from tests.support.fake_clock import FakeClock, FakeIdentifiers
from tests.support.fake_task_store import FakeTaskStore
from tests.support.policy import POLICY, bundle
from tests.support.rates import FakeRates

APPROVERS = """
@id("leads-approve")
permit (principal in Postern::Group::"leads", action == Postern::Action::"approve",
        resource in Postern::Database::"shop");
"""
ANN = Principal(
    "ci",
    "https://issuer.example",
    "ann",
    Sha256Hex("a" * 64),
    NOW_S + 600,
    attributes={"email": "ann@acme.example"},
    groups=("leads",),
)
BEN = replace(ANN, subject="ben", token_sha256=Sha256Hex("b" * 64), attributes={"email": "ben@acme.example"})
EVE = replace(ANN, subject="eve", token_sha256=Sha256Hex("c" * 64), attributes={}, groups=())


def approving_policy(extra: str = "") -> PolicyBundle:
    return bundle(policy_shop=POLICY + APPROVERS + extra)


@dataclass
class Announced:
    """Keeps what was announced."""

    told: list[Announcement] = field(default_factory=list)

    def announce(self, announcement: Announcement) -> None:
        self.told.append(announcement)


@dataclass
class Bench:
    """One pending task of the agent's, and who may approve it."""

    policy: PolicyBundle = field(default_factory=approving_policy)
    tasks: FakeTaskStore = field(default_factory=FakeTaskStore)
    records: MemoryRecordStore = field(default_factory=lambda: MemoryRecordStore(source("tasks")))
    clock: FakeClock = field(default_factory=FakeClock)
    rates: FakeRates = field(default_factory=FakeRates)
    estimator: FakeEstimator = field(default_factory=FakeEstimator)
    runner: FakeRunner = field(default_factory=FakeRunner)
    announced: Announced = field(default_factory=Announced)
    identifiers: FakeIdentifiers = field(default_factory=FakeIdentifiers)
    before_build: Callable[[], None] = lambda: None
    built: list[TaskId] = field(default_factory=list)

    @property
    def approvals(self) -> FakeApprovalStore:
        return FakeApprovalStore(self.tasks)

    @property
    def approve(self) -> ApproveTask:
        return ApproveTask(
            policy=self,
            tasks=self.tasks,
            approvals=self.approvals,
            records=self.records,
            admit=AdmitTask(self.rates, FakeDenials(self.tasks)),
            provisioner=self,
            runner=self.runner,
            announcer=self.announced,
            identifiers=self.identifiers,
            clock=self.clock,
        )

    @property
    def review(self) -> ReviewTasks:
        reader = ReadTasks(self.tasks, self.clock)
        return ReviewTasks(reader, self, self.tasks, self.approvals, self.estimator, self.clock)

    def load(self) -> PolicyBundle:
        return self.policy

    def provision(self, task_id: TaskId) -> None:
        self.before_build()
        self.built.append(task_id)
        self.tasks.move(task_id, STAND, world=WORLD, expires_at_s=NOW_S + 3600)

    def tear_down(self, task_id: TaskId) -> None:
        self.tasks.move(task_id, close_as(self.task().ends_as or TaskState.ENDED))

    def waiting(self, **changes: object) -> Task:
        """Stores a pending task that needs one approval."""
        grant = replace(a_task().grant, policy_digest=self.policy.digest)
        given = {"grant": grant, "approvals_needed": 1, "expires_at_s": NOW_S + 600, "ttl_s": 3600, "views": ()}
        task = a_task(state=TaskState.PENDING_APPROVAL, **{**given, **changes})
        self.tasks.create(task)
        return task

    def task(self) -> Task:
        return self.tasks.tasks[TASK_ID]

    def say(
        self, who: Principal, word: Word = Word.APPROVE, comment: str = "fine", digest: str | None = None
    ) -> Approved:
        said = Said(word, comment, None if digest is None else Sha256Hex(digest))
        return self.approve.run(who, TASK_ID, said)

    def recorded(self) -> list[Json]:
        return [one for one in self.records.bodies() if one["kind"] == "approval"]

    def rewrite(self, **changes: object) -> None:
        """Changes a stored task as who holds the rights of the function that runs statements could."""
        self.tasks.tasks[TASK_ID] = replace(self.task(), **changes)  # type: ignore[arg-type]


def redigested(task: Task) -> Task:
    """The task with the digest of what it now is, as a forger would set it."""
    return replace(task, scope_digest=scope_digest(task))


__all__ = ["AGENT", "ANN", "BEN", "EVE", "NOW_S", "TASK_ID", "Bench", "Word", "approving_policy", "redigested"]
