"""The reaper has each database looked at now and then: one by one, in turn, and at nobody's cost."""

from __future__ import annotations

import pytest

from postern.errors import DatabaseUnavailable, PolicyUnavailable
from postern.services.reap.sweep_databases import EVERY_US, LEAST_LEFT_S, SweepDatabases
from postern.services.stopwatch import Stopwatch
from postern.sweep_ports import Swept
from postern.types import DatabaseName, TaskId
from tests.support.domain import ADDRESS, TASK_ID, a_task
from tests.support.fake_clock import FakeClock
from tests.support.fake_policy import FakePolicy
from tests.support.reap_fakes import FakeSweeper
from tests.support.reap_site import Site

NAMES = tuple(DatabaseName(name) for name in ("crm", "hr", "shop"))
AWAY = DatabaseUnavailable("database.unavailable", "away")
STRAY = TaskId("f" * 32)


class Bench:
    """Three databases and a clock."""

    def __init__(self) -> None:
        self.clock, self.sweeper = FakeClock(), FakeSweeper()
        self.policy = FakePolicy(databases=dict.fromkeys(NAMES, ADDRESS))
        self.sweep = SweepDatabases(self.policy, self.sweeper, self.clock)  # type: ignore[arg-type]

    def run(self, *, budget_s: float = 48):
        self.sweeper.asked.clear()
        return self.sweep.run(Stopwatch(self.clock, budget_s=budget_s))


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_each_database_has_its_turn_once_in_five_minutes(bench):
    bench.run()
    assert bench.sweeper.asked == list(NAMES)
    bench.clock.at_us += EVERY_US - 1
    bench.run()
    assert bench.sweeper.asked == []
    bench.clock.at_us += 1
    bench.run()
    assert bench.sweeper.asked == list(NAMES)


def test_what_time_did_not_suffice_for_is_first_in_the_next_pass(bench):
    def slow() -> None:
        bench.clock.at_s += 25
        bench.clock.at_us += 25_000_000

    bench.sweeper.meanwhile = slow
    turns = []
    for _ in range(4):
        bench.run()
        turns.append(list(bench.sweeper.asked))
        bench.clock.at_us += EVERY_US
    assert turns == [["crm"], ["hr"], ["shop"], ["crm"]]


def test_none_is_begun_that_the_pass_could_not_wait_for(bench):
    bench.run(budget_s=LEAST_LEFT_S - 1)
    assert bench.sweeper.asked == []


def test_one_that_does_not_answer_is_told_keeps_no_other_waiting_and_is_not_asked_each_minute(bench):
    bench.sweeper.found = {NAMES[0]: AWAY}
    assert bench.run().faults == [AWAY]
    assert bench.sweeper.asked == list(NAMES)
    bench.clock.at_us += 60_000_000
    assert bench.run().faults == []
    assert bench.sweeper.asked == []


def test_without_a_policy_layer_that_is_the_fault_and_no_pass_stops(bench):
    fault = PolicyUnavailable("policy.unavailable", "no layer")

    def load() -> None:
        raise fault

    bench.policy.load = load
    assert bench.run().faults == [fault]


def test_what_was_found_dropped_and_left_is_counted_over_all_databases(bench):
    bench.sweeper.found = {
        NAMES[0]: Swept(looked=4, dropped=(STRAY,), left=((TASK_ID, "database.unavailable"),), unknown=1, overdue=1),
        NAMES[1]: Swept(looked=2, dropped=(STRAY,), another=2, unlooked=3),
    }
    assert bench.run().counts() == {
        "StrayRoles": 3,
        "StrayRolesDropped": 2,
        "StrayRolesLeft": 1,
        "OverdueRoles": 1,
        "UnknownRoles": 1,
        "RolesUnlooked": 3,
    }


def test_a_pass_sweeps_and_tells_it():
    site = Site()
    site.sweeper.found = {ADDRESS.name: Swept(looked=1, dropped=(STRAY,))}
    counts = site.reap().counts()
    assert (site.sweeper.asked, counts["StrayRolesDropped"]) == ([ADDRESS.name], 1)


def test_a_sweep_that_fails_keeps_no_other_part_of_the_pass():
    site = Site()
    site.tasks.create(a_task(expires_at_s=1))
    site.sweeper.found = {ADDRESS.name: AWAY}
    report = site.reap()
    assert report.all_faults() == [AWAY]
    assert report.expired is not None
    assert report.expired.done == (TASK_ID,)
