"""Building, ending, expiring: what stands, what is on record and which state is left, whatever fails between."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from postern.errors import (
    Conflict,
    DatabaseUnavailable,
    EvidenceUnavailable,
    IntegrityError,
    NotFound,
    RefusedByPolicy,
    StateUnavailable,
)
from postern.services.build_world import BuildWorld
from postern.services.end_task import EndTask
from postern.services.expire_tasks import ExpireTasks
from postern.services.read_tasks import ReadTasks
from postern.services.remove_world import RemoveWorld
from postern.services.stopwatch import Stopwatch
from postern.task_states import END, close_as
from postern.types import TaskId, TaskState
from tests.support.approvals import FakeApprovalStore
from tests.support.audit import MemoryRecordStore, source
from tests.support.domain import AGENT, NOW_S, OTHER, TASK_ID, VIEWS, a_task
from tests.support.fake_clock import FakeClock, FakeIdentifiers
from tests.support.fake_policy import FakePolicy
from tests.support.fake_task_store import FakeTaskStore
from tests.support.fake_worlds import FakeWorlds
from tests.support.reap_site import Inline

AWAY = DatabaseUnavailable("database.unavailable", "away")


@dataclass
class Bench:
    """The services of `provision` on fakes; `provisioner` calls them as `tasks` would through an invocation."""

    tasks: FakeTaskStore = field(default_factory=FakeTaskStore)
    records: MemoryRecordStore = field(default_factory=lambda: MemoryRecordStore(source("provision")))
    worlds: FakeWorlds = field(default_factory=FakeWorlds)
    clock: FakeClock = field(default_factory=FakeClock)
    identifiers: FakeIdentifiers = field(default_factory=FakeIdentifiers)

    @property
    def build(self) -> BuildWorld:
        return BuildWorld(
            FakePolicy(),
            self.tasks,
            self.records,
            self.worlds,
            self.identifiers,
            self.clock,
            FakeApprovalStore(self.tasks),
        )  # type: ignore[arg-type]

    @property
    def remove(self) -> RemoveWorld:
        return RemoveWorld(FakePolicy(), self.tasks, self.records, self.worlds, self.identifiers, self.clock)  # type: ignore[arg-type]

    @property
    def end(self) -> EndTask:
        return EndTask(ReadTasks(self.tasks, self.clock), self.tasks, self)

    @property
    def expire(self) -> ExpireTasks:
        return ExpireTasks(self.tasks, Timer(self), self.clock, Inline)

    def provision(self, task_id: TaskId) -> None:
        self.build.run(task_id)

    def tear_down(self, task_id: TaskId) -> None:
        self.remove.run(task_id, by="principal")

    def state(self) -> TaskState:
        return self.tasks.tasks[TASK_ID].state

    def trail(self) -> list[tuple[object, object, object]]:
        return [(one["kind"], one["type"], one.get("status")) for one in self.records.bodies()]


@dataclass
class Timer:
    """The provisioner as the reaper calls it."""

    bench: Bench

    def provision(self, task_id: TaskId) -> None:
        raise AssertionError("the timer builds nothing")

    def tear_down(self, task_id: TaskId) -> None:
        self.bench.remove.run(task_id, by="timer")


@pytest.fixture
def opening() -> Bench:
    bench = Bench()
    bench.tasks.create(a_task(state=TaskState.PROVISIONING, views=()))
    return bench


@pytest.fixture
def active() -> Bench:
    bench = Bench()
    bench.tasks.create(a_task())
    bench.worlds.standing.add(TASK_ID)
    return bench


BUILT = [("provision", "intent", None), ("provision", "outcome", "ok")]
REMOVED = [("teardown", "intent", None), ("teardown", "outcome", "ok")]


def test_builds_records_and_activates(opening):
    task = opening.build.run(TASK_ID)
    assert (task.state, task.views, task.server_major) == (TaskState.ACTIVE, VIEWS, 18)
    assert opening.trail() == BUILT


def test_builds_nothing_without_a_durable_intent(opening):
    opening.records.fail_next("before")
    with pytest.raises(EvidenceUnavailable):
        opening.build.run(TASK_ID)
    assert opening.worlds.standing == set()
    assert opening.state() is TaskState.PROVISIONING


@pytest.mark.parametrize("when", ["before", "after"])
def test_drops_a_world_whose_standing_is_not_on_record(opening, when):
    opening.records.fail_next()
    original = opening.worlds.build

    def build(*args, **named):
        opening.records.fail_next(when)
        return original(*args, **named)

    opening.worlds.build = build
    with pytest.raises(EvidenceUnavailable):
        opening.build.run(TASK_ID)
    assert opening.worlds.standing == set()
    assert opening.state() is TaskState.ENDING


def test_drops_a_world_whose_task_was_ended_while_it_was_built(opening):
    original = opening.worlds.build

    def build(*args, **named):
        opening.tasks.move(TASK_ID, END)
        opening.tasks.move(TASK_ID, close_as(TaskState.ENDED))
        return original(*args, **named)

    opening.worlds.build = build
    with pytest.raises(Conflict):
        opening.build.run(TASK_ID)
    assert opening.worlds.standing == set()
    assert opening.state() is TaskState.ENDED


def test_a_refused_world_is_recorded_and_its_task_fails(opening):
    opening.worlds.build_fails = RefusedByPolicy("policy.refused", "public.customers: expected column email, got none")
    with pytest.raises(RefusedByPolicy):
        opening.build.run(TASK_ID)
    assert opening.trail() == [("provision", "intent", None), ("provision", "outcome", "failed")]
    opening.expire.run(Stopwatch(FakeClock(), budget_s=60))
    assert opening.state() is TaskState.FAILED


def test_a_world_that_may_have_come_to_stand_is_dropped_by_the_timer(opening):
    opening.worlds.fails_after_commit, opening.worlds.build_fails = True, AWAY
    with pytest.raises(DatabaseUnavailable):
        opening.build.run(TASK_ID)
    assert opening.worlds.standing == {TASK_ID}
    opening.expire.run(Stopwatch(FakeClock(), budget_s=60))
    assert opening.worlds.standing == set()
    assert opening.state() is TaskState.FAILED


@pytest.mark.parametrize("state", [state for state in TaskState if state is not TaskState.PROVISIONING])
def test_builds_for_no_task_in_another_state(opening, state):
    opening.tasks.tasks[TASK_ID] = a_task(state=state)
    with pytest.raises(Conflict):
        opening.build.run(TASK_ID)
    assert (opening.worlds.standing, opening.trail()) == (set(), [])


def test_builds_nothing_past_the_deadline(opening):
    opening.clock.at_us = (NOW_S + 3600) * 1_000_000
    with pytest.raises(Conflict):
        opening.build.run(TASK_ID)


def test_ends_a_task_with_the_proof_on_record(active):
    assert active.end.run(AGENT, TASK_ID).state is TaskState.ENDED
    assert active.worlds.standing == set()
    assert active.trail() == REMOVED
    assert active.records.bodies()[1]["left"] == {"sessions": 0, "schemas": 0, "roles": 0, "keys": 0}


def test_ending_twice_is_as_good_as_once(active):
    active.end.run(AGENT, TASK_ID)
    assert active.end.run(AGENT, TASK_ID).state is TaskState.ENDED
    assert active.trail() == REMOVED


@pytest.mark.parametrize("principal", [OTHER, replace(AGENT, on_behalf_of="eve")], ids=["another", "for-another"])
def test_nobody_else_can_end_a_task(active, principal):
    with pytest.raises(NotFound):
        active.end.run(principal, TASK_ID)
    assert active.state() is TaskState.ACTIVE


def test_removes_access_even_when_nothing_can_be_recorded(active):
    active.records.fail_next("before")
    with pytest.raises(EvidenceUnavailable):
        active.end.run(AGENT, TASK_ID)
    assert active.worlds.standing == set()
    assert active.state() is TaskState.ENDING
    active.expire.run(Stopwatch(FakeClock(), budget_s=60))
    assert active.state() is TaskState.ENDED
    assert active.trail() == REMOVED


def test_removes_access_even_when_the_record_has_a_conflict(active):
    original = active.records.put

    def put(record):
        active.records.put = original
        raise IntegrityError("evidence.conflict", "other bytes")

    active.records.put = put
    with pytest.raises(IntegrityError):
        active.end.run(AGENT, TASK_ID)
    assert active.worlds.standing == set()
    assert active.state() is TaskState.ENDING


def test_stays_ending_until_the_proof_is_on_record(active):
    active.records.fail_next()
    original = active.worlds.tear_down

    def tear_down(*args):
        active.records.fail_next("before")
        active.worlds.tear_down = original
        return original(*args)

    active.worlds.tear_down = tear_down
    with pytest.raises(EvidenceUnavailable):
        active.end.run(AGENT, TASK_ID)
    assert active.state() is TaskState.ENDING
    active.expire.run(Stopwatch(FakeClock(), budget_s=60))
    assert active.state() is TaskState.ENDED


def test_records_a_teardown_that_failed_and_takes_it_up_again(active):
    active.worlds.tear_down_fails = AWAY
    with pytest.raises(DatabaseUnavailable):
        active.end.run(AGENT, TASK_ID)
    assert active.state() is TaskState.ENDING
    active.worlds.tear_down_fails = None
    assert active.expire.run(Stopwatch(FakeClock(), budget_s=60)).done == (TASK_ID,)
    assert active.trail() == [("teardown", "intent", None), ("teardown", "outcome", "failed"), *REMOVED]


def test_does_not_call_a_task_ended_while_anything_is_left(active):
    active.worlds.left = 1
    with pytest.raises(DatabaseUnavailable):
        active.end.run(AGENT, TASK_ID)
    assert active.state() is TaskState.ENDING


def test_expires_what_is_past_its_deadline(active):
    active.clock.at_us = (NOW_S + 3600) * 1_000_000
    assert active.expire.run(Stopwatch(FakeClock(), budget_s=60)).done == (TASK_ID,)
    assert active.state() is TaskState.EXPIRED
    assert active.records.bodies()[0]["by"] == "timer"


def test_leaves_alone_what_is_still_in_time(active):
    assert active.expire.run(Stopwatch(FakeClock(), budget_s=60)).done == ()
    assert active.worlds.standing == {TASK_ID}


def test_one_task_that_cannot_be_torn_down_does_not_keep_others_waiting(active):
    other = TaskId("0199a0b0c0d17000800000000000000b")
    active.tasks.create(a_task(id=other, expires_at_s=NOW_S - 1))
    active.tasks.tasks[TASK_ID] = a_task(expires_at_s=NOW_S - 1)
    original = active.worlds.tear_down

    def tear_down(task_id, address, still_goes):
        if task_id == TASK_ID:
            raise AWAY
        return original(task_id, address)

    active.worlds.tear_down = tear_down
    passed = active.expire.run(Stopwatch(FakeClock(), budget_s=60))
    assert passed.done == (other,)
    assert passed.left == ((TASK_ID, "database.unavailable"),)


def test_a_task_past_its_deadline_reads_as_expired_before_it_is_torn_down(active):
    active.clock.at_us = (NOW_S + 3600) * 1_000_000
    assert ReadTasks(active.tasks, active.clock).one(AGENT, TASK_ID).state is TaskState.EXPIRED


def test_says_so_when_the_state_table_is_away(active):
    active.tasks.away = True
    with pytest.raises(StateUnavailable):
        active.end.run(AGENT, TASK_ID)
    assert active.worlds.standing == {TASK_ID}
