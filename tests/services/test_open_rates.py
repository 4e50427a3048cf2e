"""How many tasks one may ask for, have waiting, and begin in a database: beyond that nothing is on record."""

from __future__ import annotations

import pytest

from postern.errors import BudgetExceeded, RefusedByPolicy, StateUnavailable
from postern.rate_ports import Rate
from postern.task_states import DENY
from postern.types import TaskState
from tests.services.test_open_task import Bench
from tests.support.policy import access, bundle

LONG = 28_000  # seconds to live for which policy does not approve by itself


@pytest.fixture
def bench() -> Bench:
    bench = Bench(policy=bundle(limits="openings: 2\npending: 1\ndatabases:\n  shop: {provisions: 1}\n"))
    bench.rates.task_of = bench.tasks.get
    return bench


def refused(bench: Bench, **changes: object) -> str:
    """The code; nothing is on record or stored of it."""
    before = list(bench.records.bodies()), dict(bench.tasks.tasks)
    with pytest.raises(BudgetExceeded) as caught:
        bench.open(**changes)
    assert caught.value.retry_after_s
    assert (list(bench.records.bodies()), bench.tasks.tasks) == before
    return caught.value.code


def test_no_more_tasks_are_looked_at_in_a_minute_than_one_may_ask_for(bench):
    for _ in range(2):
        with pytest.raises(RefusedByPolicy):
            bench.open(access=(access("nothing_here"),))
    assert refused(bench) == "rate.openings"


def test_no_more_worlds_begin_in_a_database_in_a_minute_than_it_takes(bench):
    bench.open()
    assert refused(bench) == "rate.provisions"


def test_a_task_that_waits_for_a_person_takes_a_place_and_no_world(bench):
    bench.open(ttl_s=LONG)
    assert not [rate for rate, *_ in bench.rates.counts if rate is Rate.PROVISIONS]
    assert refused(bench, ttl_s=LONG) == "rate.pending"


def test_the_place_of_a_task_that_no_longer_waits_is_free(bench):
    first = bench.open(ttl_s=LONG)
    bench.tasks.move(first.id, DENY)
    assert bench.open(ttl_s=LONG).state is TaskState.PENDING_APPROVAL


def test_opens_nothing_where_the_counts_are_away(bench):
    bench.rates.away = True
    with pytest.raises(StateUnavailable):
        bench.open()
    assert bench.records.bodies() == []
