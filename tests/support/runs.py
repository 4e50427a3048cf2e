"""Statements that run once, without a database: a site with an approved task, and sessions that do as they are told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from postern.approvals import Approval, TaskApprovals
from postern.errors import Conflict, DatabaseLost, DatabaseUnavailable, NotFound, OutcomeUnknown, PosternError
from postern.policy.scope_digest import scope_digest
from postern.ports import TransactionMark
from postern.run_ports import DRY_RUNS, DryRun, Lock, Run, RunBounds, TaskRuns
from postern.services.dry_run import TryStatements
from postern.services.gate import Gate
from postern.services.run_once import RunOnce
from postern.services.run_once_journal import RunJournal
from postern.services.statement_texts import StatementTexts
from postern.services.stopwatch import Stopwatch
from postern.types import Budgets, CommandId, DatabaseAddress, DatabaseName, Grant, Task, TaskId, TaskState
from tests.support.audit import MemoryRecordStore, source
from tests.support.domain import AGENT, NOW_S, TASK_ID, a_task
from tests.support.fake_clock import FakeClock, FakeIdentifiers
from tests.support.fake_task_store import FakeTaskStore
from tests.support.fake_watermarks import FakeWatermarks
from tests.support.policy import CATALOG, POLICY, bundle
from tests.support.reap_fakes import FakeProvisioner

STATEMENTS = (
    "CREATE TABLE parcels (id integer)",
    "INSERT INTO parcels SELECT id FROM orders",
    "ALTER TABLE parcels ADD note text",
)
MIXED = (*STATEMENTS[:2], "CREATE INDEX CONCURRENTLY parcels_by_id ON parcels (id)", STATEMENTS[2])
CONSENT = POLICY + (
    'permit (principal in Postern::Group::"ci", action in [Postern::Action::"runStatements",'
    ' Postern::Action::"dryRun"], resource);\n'
    'permit (principal in Postern::Group::"dba", action in [Postern::Action::"approve",'
    ' Postern::Action::"dryRun"], resource);\n'
)
BUNDLE = bundle(catalog_shop=CATALOG + "owner_role: shop_owner\n", policy_shop=CONSENT)
GRANT = Grant(DatabaseName("shop"), "public", (), (), BUNDLE.digest, owner_role="shop_owner")
MARK = TransactionMark("742", 17, "2026-11-22T10:00:00.000000Z", "7", 3)


@dataclass
class FakeRuns:
    """Keeps `run_ports.Runs`'s contract over the tasks of a fake store."""

    tasks: FakeTaskStore
    claimed: dict[TaskId, CommandId] = field(default_factory=dict)
    dry: dict[TaskId, tuple[int, int, TaskId]] = field(default_factory=dict)  # until when, how many, the last
    standing: dict[TaskId, set[TaskId]] = field(default_factory=dict)
    kept: dict[TaskId, TaskRuns] = field(default_factory=dict)
    shown: list[Run] = field(default_factory=list)

    def _task(self, task_id: TaskId) -> Task:
        task = self.tasks.get(task_id)
        if task is None:
            raise NotFound("task.unknown", "task: expected one that exists")
        return task

    def claim(self, task_id: TaskId, run_id: CommandId, *, now_s: int) -> None:
        task = self._task(task_id)
        if self.claimed.get(task_id) == run_id:
            return
        fits = task.state is TaskState.ACTIVE and task.runs_once and task.expires_at_s > now_s
        if not fits or task_id in self.claimed:
            raise Conflict("task.state", "run: expected a task that may run")
        self.claimed[task_id] = run_id

    def keep(self, task_id: TaskId, run: Run) -> None:
        self.tasks._reach()
        self.shown.append(run)
        self.kept[task_id] = replace(self.of(task_id), run=run)

    def claim_dry_run(self, task_id: TaskId, dry_run: DryRun, *, now_s: int) -> None:
        task = self._task(task_id)
        if task.state is not TaskState.PENDING_APPROVAL or not task.runs_once or task.expires_at_s <= now_s:
            raise Conflict("task.state", "dry run: expected a task that waits")
        until_s, count, _ = self.dry.get(task_id, (0, 0, None))
        if until_s > now_s or count >= DRY_RUNS:
            raise Conflict("run_once.dry_run", "dry run: one runs, or there were as many as there may be")
        self.dry[task_id] = (dry_run.until_s, count + 1, dry_run.id)
        self.standing.setdefault(task_id, set()).add(dry_run.id)
        self.keep_dry_run(task_id, dry_run)

    def keep_dry_run(self, task_id: TaskId, dry_run: DryRun) -> None:
        known = self.of(task_id)
        others = tuple(one for one in known.dry_runs if one.id != dry_run.id)
        self.kept[task_id] = replace(
            known, dry_runs=tuple(sorted((*others, dry_run), key=lambda one: (one.started_at_s, one.id)))
        )

    def end_dry_run(self, task_id: TaskId, dry_run_id: TaskId) -> None:
        if dry_run_id in self.standing.get(task_id, set()):
            self.standing[task_id].discard(dry_run_id)
            _, count, last = self.dry[task_id]
            if last == dry_run_id:
                self.dry[task_id] = (0, count, last)

    def standing_dry_runs(self, task_id: TaskId) -> frozenset[TaskId]:
        return frozenset(self.standing.get(task_id, ()))

    def of(self, task_id: TaskId) -> TaskRuns:
        return self.kept.get(task_id, TaskRuns())


Answer = Exception | int | None


@dataclass
class FakeRunSession:
    """Runs as `answers` says, by statement; `on` is called before what it names: a statement, `mark` or `commit`."""

    answers: Mapping[str, Answer] = field(default_factory=dict)
    on: dict[str, Callable[[], None]] = field(default_factory=dict)
    commit_fails: PosternError | None = None
    taken: Mapping[str, tuple[Lock, ...]] = field(default_factory=dict)
    stands: list[str] = field(default_factory=list)  # committed, in order
    bounds: list[RunBounds] = field(default_factory=list)
    is_open: bool = True
    _pending: list[str] | None = None

    @property
    def in_transaction(self) -> bool:
        return self._pending is not None

    def _before(self, name: str) -> None:
        self.on.get(name, lambda: None)()

    def _answer(self, sql: str) -> int | None:
        self._before(sql)
        answer = self.answers.get(sql)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def begin(self, bounds: RunBounds, *, command_id: CommandId) -> None:
        assert self._pending is None
        assert self.is_open
        self.bounds.append(bounds)
        self._pending = []

    def run(self, sql: str, *, command_id: CommandId, timeout_ms: int, bounds: RunBounds | None = None) -> int | None:
        assert self._pending is not None
        if bounds is not None:
            self.bounds.append(bounds)
        affected = self._answer(sql)
        self._pending.append(sql)
        return affected

    def locks(self) -> tuple[Lock, ...]:
        assert self._pending is not None
        return tuple(sorted({lock for sql in self._pending for lock in self.taken.get(sql, ())}, key=str))

    def mark(self, *, timeout_ms: int) -> TransactionMark:
        self._before("mark")
        return MARK

    def commit(self) -> None:
        self._before("commit")
        assert self._pending is not None, "committed what was rolled back"
        pending, self._pending = self._pending, None
        if self.commit_fails is not None:
            if isinstance(self.commit_fails, OutcomeUnknown):
                self.stands += pending
            raise self.commit_fails
        self.stands += pending

    def rollback(self) -> None:
        self._pending = None

    def run_alone(self, sql: str, bounds: RunBounds, *, command_id: CommandId) -> int | None:
        assert self._pending is None
        self.bounds.append(bounds)
        affected = self._answer(sql)
        self.stands.append(sql)
        return affected

    def close(self) -> None:
        self._pending = None
        self.is_open = False


@dataclass
class FakeRunDatabase:
    """Gives its one session."""

    session: FakeRunSession = field(default_factory=FakeRunSession)
    away: bool = False
    opened: list[tuple[TaskId, DatabaseAddress]] = field(default_factory=list)

    def open(self, task: Task, address: DatabaseAddress) -> FakeRunSession:
        if self.away:
            raise DatabaseUnavailable("database.unavailable", "the database is away")
        self.opened.append((task.id, address))
        self.session.is_open = True
        return self.session


@dataclass
class FakeRoles:
    """Makes and drops roles of dry runs."""

    runs: FakeRuns
    roles: set[TaskId] = field(default_factory=set)
    made: list[TaskId] = field(default_factory=list)
    fails: PosternError | None = None
    away: bool = False

    def provision_dry_run(self, task_id: TaskId, dry_run_id: TaskId) -> None:
        if self.fails is not None:
            raise self.fails
        self.roles.add(dry_run_id)
        self.made.append(dry_run_id)

    def tear_down_dry_run(self, task_id: TaskId, dry_run_id: TaskId) -> None:
        if self.away:
            raise DatabaseUnavailable("database.unavailable", "the provisioner is away")
        self.roles.discard(dry_run_id)
        self.runs.end_dry_run(task_id, dry_run_id)


class Policy:
    """The deployed layer, with an owner role."""

    def load(self) -> object:
        return BUNDLE


@dataclass
class RunSite:
    """A task of statements, approved by two unless a test says otherwise, and what runs it."""

    statements: tuple[str, ...] = STATEMENTS
    state: TaskState = TaskState.ACTIVE
    texts: StatementTexts = field(default_factory=StatementTexts)

    def __post_init__(self) -> None:
        self.clock, self.tasks = FakeClock(), FakeTaskStore()
        self.records = MemoryRecordStore(source("run"))
        self.database, self.provisioner = FakeRunDatabase(), FakeProvisioner()
        self.runs, self.marks = FakeRuns(self.tasks), FakeWatermarks()
        self.roles = FakeRoles(self.runs)
        self.identifiers = FakeIdentifiers()
        self.gate = Gate(self.marks, self.clock, "prod-2026", 3600, NOW_S + 86_400)
        task = a_task(
            state=self.state,
            grant=GRANT,
            views=(),
            budgets=Budgets(),
            statements=self.statements,
            approvals_needed=2,
            ttl_s=3600,
        )
        self.tasks.create(replace(task, scope_digest=scope_digest(task)))
        self.tasks.approvals[TASK_ID] = self.decided(self.task)

    @property
    def task(self) -> Task:
        return self.tasks.tasks[TASK_ID]

    @property
    def session(self) -> FakeRunSession:
        return self.database.session

    def decided(self, task: Task, *, people: int = 2, needed: int = 2) -> TaskApprovals:
        given = tuple(
            Approval(f"ci|person{n}", (f"person{n}",), AGENT.token_sha256, NOW_S, "seen", CommandId(f"e{n}"))
            for n in range(people)
        )
        return TaskApprovals(needed, scope_digest(task), task.budgets, NOW_S, given)

    @property
    def service(self) -> RunOnce:
        journal = RunJournal(self.records, self.clock, self.texts)
        return RunOnce(
            Policy(),
            self.tasks,
            self.runs,
            self.approvals,
            journal,
            self.database,
            self.provisioner,
            self.gate,
            self.identifiers,
            self.clock,
            5000,
        )

    @property
    def approvals(self) -> object:
        from tests.support.approvals import FakeApprovalStore

        return FakeApprovalStore(self.tasks)

    @property
    def trying(self) -> TryStatements:
        journal = RunJournal(self.records, self.clock, self.texts)
        return TryStatements(
            Policy(),
            self.tasks,
            self.runs,
            self.approvals,
            journal,
            self.database,
            self.roles,
            self.gate,
            self.identifiers,
            self.clock,
        )

    def watch(self) -> Stopwatch:
        return Stopwatch(self.clock, budget_s=900)

    def run(self) -> Run:
        return self.service.run(TASK_ID, self.watch())

    def lost(self) -> DatabaseLost:
        return DatabaseLost("database.lost", "the session broke")
