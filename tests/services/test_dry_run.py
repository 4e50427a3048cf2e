"""Dry runs: nothing of them ever stands, their role goes, whatever happens to the task meanwhile."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from postern.audit.records import RecordType
from postern.denials import DenialKey, DenialKind
from postern.errors import (
    Conflict,
    DatabaseUnavailable,
    IntegrityError,
    NotFound,
    RefusedByPolicy,
    StatementFailed,
    UpstreamError,
)
from postern.policy.decide_statements import check_dry_run
from postern.run_ports import DRY_RUNS, Lock, RunState, Status
from postern.services.dry_run import LOCK_TIMEOUT_MS, STATEMENT_TIMEOUT_MS
from postern.services.dry_run_roles import DryRunRole
from postern.services.dry_run_start import DEAD_AFTER_S, StartDryRun
from postern.services.remove_world import RemoveWorld
from postern.task_states import APPROVE, DENY, REVOKE
from postern.types import Principal, TaskId, TaskState
from tests.support.denials import FakeDenials
from tests.support.domain import NOW_S, TASK_ID
from tests.support.fake_clock import FakeIdentifiers
from tests.support.fake_worlds import FakeWorlds
from tests.support.policy import principal
from tests.support.runs import BUNDLE, MIXED, STATEMENTS, Policy, RunSite

OWNER = principal(groups=("ci",))
DBA = principal(groups=("dba",), subject="ann")
STRANGER = principal(groups=("ci",), subject="other")
OUTSIDER = principal(groups=(), subject="repo:acme/shop")


@dataclass
class Starter:
    """Starts dry runs of the site's task; what it starts runs when a test says so."""

    site: RunSite
    started: list[TaskId] = field(default_factory=list)
    fails: bool = False
    denied: tuple[DenialKey, ...] = ()

    def start_dry_run(self, task_id: TaskId, dry_run_id: TaskId) -> None:
        if self.fails:
            raise DatabaseUnavailable("database.unavailable", "not started")
        self.started.append(dry_run_id)

    def ask(self, who: Principal = OWNER) -> TaskId:
        site = self.site
        denials = FakeDenials(site.tasks)
        denials.standing = lambda keys: next((key for key in keys if key in self.denied), None)  # type: ignore[method-assign]
        starting = StartDryRun(Policy(), site.tasks, site.runs, denials, self, site.identifiers, site.clock)
        starting.run(who, TASK_ID)
        return self.started[-1]

    def run(self, dry_run_id: TaskId):
        return self.site.trying.run(TASK_ID, dry_run_id, self.site.watch())


@pytest.fixture
def site() -> RunSite:
    return waiting(STATEMENTS)


def waiting(statements: tuple[str, ...]) -> RunSite:
    made = RunSite(statements, TaskState.PENDING_APPROVAL)
    made.tasks.tasks[TASK_ID] = replace(made.task, principal=OWNER)
    made.tasks.approvals[TASK_ID] = made.decided(made.task, people=0)
    return made


def statuses(dry_run) -> list[str]:
    return [one.status.value for one in dry_run.statements]


def test_it_shows_rows_and_the_locks_that_each_was_first_to_take_and_nothing_stands(site):
    orders, parcels = Lock("public.orders", "AccessShareLock"), Lock("public.parcels", "AccessExclusiveLock")
    site.session.answers = {STATEMENTS[1]: 3}
    site.session.taken = {STATEMENTS[0]: (parcels,), STATEMENTS[1]: (orders, parcels)}
    starter = Starter(site)
    done = starter.run(starter.ask())
    assert (done.state, statuses(done)) == (RunState.DONE, ["ok"] * 3)
    assert [one.affected for one in done.statements] == [None, 3, None]
    assert [one.locks for one in done.statements] == [(parcels,), (orders,), ()]
    assert (site.session.stands, site.session.is_open, site.roles.roles) == ([], False, set())
    assert site.runs.of(TASK_ID).dry_runs == (done,)
    assert site.task.state is TaskState.PENDING_APPROVAL


def test_it_is_on_record_under_a_role_of_its_own_and_says_who_asked(site):
    starter = Starter(site)
    dry_run_id = starter.ask(DBA)
    starter.run(dry_run_id)
    intents = site.records.bodies(RecordType.INTENT)
    assert {body["kind"] for body in site.records.bodies()} == {"dry_run"}
    assert {body["target"]["role"] for body in intents} == {f"task_{dry_run_id}"}
    assert {body["by"] for body in intents} == {DBA.id}
    assert {body["task"]["id"] for body in intents} == {TASK_ID}
    assert [body["status"] for body in site.records.bodies(RecordType.OUTCOME)] == ["ok"] * 3
    assert site.database.opened[0][0] == dry_run_id != TASK_ID


def test_its_bounds_are_set_before_every_statement(site):
    starter = Starter(site)
    starter.run(starter.ask())
    assert len(site.session.bounds) == 4  # once for BEGIN
    for bounds in site.session.bounds:
        assert (bounds.lock_timeout_ms, bounds.statement_timeout_ms) == (LOCK_TIMEOUT_MS, STATEMENT_TIMEOUT_MS)


def test_it_holds_its_locks_for_half_a_minute_at_most(site):
    def slow() -> None:
        site.clock.at_s += 31

    site.session.on[STATEMENTS[0]] = slow
    starter = Starter(site)
    done = starter.run(starter.ask())
    assert (done.error, statuses(done)) == ("database.timeout", ["ok", "failed", "not_run"])


def test_it_stops_at_the_first_that_fails(site):
    site.session.answers = {STATEMENTS[1]: StatementFailed("sql.failed", "no", sqlstate="23505")}
    starter = Starter(site)
    done = starter.run(starter.ask())
    assert (done.state, statuses(done)) == (RunState.FAILED, ["ok", "failed", "not_run"])
    assert (done.statements[1].sqlstate, site.roles.roles) == ("23505", set())


def test_what_would_stop_the_commit_stops_it(site):
    def deferred() -> None:
        raise StatementFailed("sql.failed", "a deferred constraint", sqlstate="23503")

    site.session.on["mark"] = deferred
    starter = Starter(site)
    done = starter.run(starter.ask())
    assert (done.state, done.error, statuses(done)) == (RunState.FAILED, "sql.failed", ["failed"] * 3)
    assert {one.sqlstate for one in done.statements} == {"23503"}
    assert [body["status"] for body in site.records.bodies(RecordType.OUTCOME)] == ["failed"] * 3
    assert (site.session.stands, site.roles.roles) == ([], set())


def test_what_cannot_run_in_a_transaction_is_not_tried_and_has_no_record():
    site = waiting(MIXED)
    starter = Starter(site)
    done = starter.run(starter.ask())
    assert statuses(done) == ["ok", "ok", "not_tried", "ok"]
    assert done.statements[2].command_id is None
    assert len(site.records.bodies(RecordType.INTENT)) == 3


@pytest.mark.parametrize("who", [STRANGER, OUTSIDER], ids=["another-agent", "no-group"])
def test_it_is_theirs_who_opened_or_may_approve_it_where_policy_lets_them(site, who):
    starter = Starter(site)
    with pytest.raises((NotFound, RefusedByPolicy)):
        starter.ask(who)
    assert starter.started == []
    assert (starter.ask(OWNER), len(starter.started)) == (starter.started[0], 1)


@pytest.mark.parametrize(
    "denied",
    [
        DenialKey(DenialKind.PRINCIPAL, OWNER.id),
        DenialKey(DenialKind.ISSUER, "ci"),
        DenialKey(DenialKind.DATABASE, "shop"),
    ],
    ids=lambda key: key.kind.value,
)
def test_who_is_revoked_tries_nothing(site, denied):
    starter = Starter(site, denied=(denied,))
    with pytest.raises(Conflict, match="revoked"):
        starter.ask()
    assert (starter.started, site.runs.of(TASK_ID).dry_runs) == ([], ())


def test_policy_is_asked_for_dry_run_and_not_for_the_right_to_run(site):
    check_dry_run(BUNDLE, DBA, site.task, now_us=site.clock.now_us())
    with pytest.raises(RefusedByPolicy):
        check_dry_run(BUNDLE, OUTSIDER, site.task, now_us=site.clock.now_us())


def test_one_at_a_time_and_as_many_as_there_may_be(site):
    starter = Starter(site)
    first = starter.ask()
    with pytest.raises(Conflict, match="one runs"):
        starter.ask()
    starter.run(first)
    for _ in range(DRY_RUNS - 1):
        starter.run(starter.ask())
    with pytest.raises(Conflict, match="as many"):
        starter.ask()
    assert len(site.runs.of(TASK_ID).dry_runs) == DRY_RUNS


def test_one_that_died_holds_no_other_up_for_ever(site):
    starter = Starter(site)
    dead = starter.ask()
    site.clock.at_us += DEAD_AFTER_S * 1_000_000
    starter.run(starter.ask())
    assert site.runs.standing_dry_runs(TASK_ID) == {dead}  # its role may be there: the task's end drops it


def test_one_that_was_not_started_holds_no_other_up(site):
    starter = Starter(site, fails=True)
    with pytest.raises(DatabaseUnavailable):
        starter.ask()
    starter.fails = False
    starter.run(starter.ask())


def test_invoked_twice_or_without_being_asked_for_it_does_nothing(site):
    starter = Starter(site)
    dry_run_id = starter.ask()
    starter.run(dry_run_id)
    for id_ in (dry_run_id, TaskId("f" * 32)):
        with pytest.raises(Conflict):
            starter.run(id_)
    assert len(site.database.opened) == 1


@pytest.mark.parametrize("move", [APPROVE, DENY], ids=lambda move: move.name)
def test_the_task_may_go_on_while_it_runs(site, move):
    site.session.on[STATEMENTS[1]] = lambda: site.tasks.move(TASK_ID, move)
    starter = Starter(site)
    done = starter.run(starter.ask())
    assert (statuses(done), site.roles.roles, site.session.stands) == (["ok"] * 3, set(), [])
    assert site.task.state is move.to


@pytest.mark.parametrize("move", [APPROVE, DENY], ids=lambda move: move.name)
def test_one_whose_task_went_on_before_it_began_does_not_begin(site, move):
    starter = Starter(site)
    dry_run_id = starter.ask()
    site.tasks.move(TASK_ID, move)
    done = starter.run(dry_run_id)
    assert (done.state, done.error, site.roles.made) == (RunState.FAILED, "task.state", [])


def test_a_session_that_breaks_is_told_and_the_role_still_goes(site):
    site.session.answers = {STATEMENTS[1]: site.lost()}
    starter = Starter(site)
    done = starter.run(starter.ask())
    assert statuses(done) == ["ok", "lost", "not_run"]
    assert (done.statements[1].status, site.roles.roles) == (Status.LOST, set())


def test_a_role_that_could_not_be_dropped_is_left_to_the_tasks_end(site):
    site.roles.away = True
    starter = Starter(site)
    dry_run_id = starter.ask()
    assert starter.run(dry_run_id).state is RunState.DONE
    assert site.runs.standing_dry_runs(TASK_ID) == {dry_run_id}


@dataclass
class Worlds(FakeWorlds):
    """Roles of runs, too."""

    meanwhile: object = None

    def build_run_role(self, task_id, owner_role, address, *, key, still_wanted, dry_run_of):
        still_wanted()
        assert dry_run_of == TASK_ID
        self.standing.add(task_id)
        if self.meanwhile is not None:
            self.meanwhile()
        return


@pytest.fixture
def roles(site):
    worlds = Worlds()
    return DryRunRole(
        Policy(), site.tasks, site.runs, site.records, worlds, FakeIdentifiers(50), site.clock, site.approvals
    )


def test_the_role_is_made_and_dropped_with_intent_and_outcome(site, roles):
    dry_run_id = Starter(site).ask()
    roles.build(TASK_ID, dry_run_id)
    assert roles.worlds.standing == {dry_run_id}
    roles.remove_of(TASK_ID, dry_run_id)
    assert (roles.worlds.standing, site.runs.standing_dry_runs(TASK_ID)) == (set(), frozenset())
    assert [(body["kind"], body["type"]) for body in site.records.bodies()] == [
        *(("provision", "intent"), ("provision", "outcome"), ("teardown", "intent"), ("teardown", "outcome"))
    ]


def rewrite(site: RunSite) -> None:
    """What a function that writes tasks could do, and no function that runs statements takes."""
    site.tasks.tasks[TASK_ID] = replace(site.task, statements=("DROP TABLE orders",))


def test_statements_that_are_not_those_of_its_opening_are_not_tried(site):
    starter = Starter(site)
    dry_run_id = starter.ask()
    rewrite(site)
    done = starter.run(dry_run_id)
    assert (done.state, done.error) == (RunState.FAILED, "approval.mismatch")
    assert (site.roles.made, site.records.bodies(), site.database.opened) == ([], [], [])


@pytest.mark.parametrize("spoil", ["rewritten", "never-opened"])
def test_no_role_is_made_for_a_task_that_is_not_as_it_was_opened(site, roles, spoil):
    dry_run_id = Starter(site).ask()
    if spoil == "rewritten":
        rewrite(site)
    else:
        del site.tasks.approvals[TASK_ID]
    with pytest.raises(IntegrityError):
        roles.build(TASK_ID, dry_run_id)
    assert (roles.worlds.standing, site.records.bodies()) == (set(), [])


@pytest.mark.parametrize("spoil", ["unasked", "approved"])
def test_no_role_is_made_that_nobody_asked_for_or_for_a_task_that_went_on(site, roles, spoil):
    dry_run_id = TaskId("f" * 32) if spoil == "unasked" else Starter(site).ask()
    if spoil == "approved":
        site.tasks.move(TASK_ID, APPROVE)
    with pytest.raises(Conflict):
        roles.build(TASK_ID, dry_run_id)
    assert roles.worlds.standing == set()


def test_a_role_whose_task_was_denied_while_it_was_made_is_dropped_again(site, roles):
    dry_run_id = Starter(site).ask()
    roles.worlds.meanwhile = lambda: site.tasks.move(TASK_ID, DENY)
    with pytest.raises(Conflict):
        roles.build(TASK_ID, dry_run_id)
    assert roles.worlds.standing == set()


@pytest.mark.parametrize("stopped_by", ["evidence.unavailable", "database.unavailable"])
def test_a_task_that_ends_keeps_no_role_of_a_trial_for_what_is_away(site, roles, stopped_by):
    dry_run_id = Starter(site).ask()
    roles.build(TASK_ID, dry_run_id)
    site.tasks.move(TASK_ID, REVOKE)
    worlds = FakeWorlds()
    if stopped_by == "evidence.unavailable":
        site.records.fail_next(*["before"] * 10)
    else:
        worlds.tear_down_fails = DatabaseUnavailable(stopped_by, "the task's database, not the trial's")
    remove = RemoveWorld(Policy(), site.tasks, site.records, worlds, FakeIdentifiers(90), site.clock, roles)
    with pytest.raises(UpstreamError) as stopped:
        remove.run(TASK_ID, by="revocation")
    assert (stopped.value.code, roles.worlds.standing) == (stopped_by, set())


def test_one_that_cannot_be_dropped_does_not_keep_the_others(site, roles):
    first, second = TaskId("1" * 32), TaskId("2" * 32)
    site.runs.standing[TASK_ID] = {first, second}
    site.runs.dry[TASK_ID] = (0, 2, second)
    roles.worlds.standing |= {first, second}
    away, real = DatabaseUnavailable("database.unavailable", "away"), roles.worlds.tear_down

    def tear_down(task_id, address):
        if task_id == first:
            raise away
        return real(task_id, address)

    roles.worlds.tear_down = tear_down
    with pytest.raises(DatabaseUnavailable) as stopped:
        roles.remove_all(site.task, by="timer")
    assert stopped.value is away
    assert (roles.worlds.standing, site.runs.standing_dry_runs(TASK_ID)) == ({first}, {first})


def test_the_end_of_the_task_drops_what_dry_runs_left(site, roles):
    dead = Starter(site).ask()
    roles.build(TASK_ID, dead)
    roles.remove_all(site.task, by="timer")
    assert (roles.worlds.standing, site.runs.standing_dry_runs(TASK_ID)) == (set(), frozenset())
    assert site.records.bodies()[-2]["by"] == "timer"
    assert site.clock.now_us() == NOW_S * 1_000_000
