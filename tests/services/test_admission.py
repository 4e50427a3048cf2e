"""Who is let in, in a minute: every statement is counted, and what is not let in holds nothing."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import pytest

from postern.errors import BudgetExceeded, NotFound, StateUnavailable
from postern.policy.limits import Allowance, RateLimits
from postern.ports import Finished, IdempotencyKey
from postern.rate_ports import Rate
from postern.services.admission import Admission
from postern.services.calls import Call, StatementCall
from postern.services.commands import Unit
from postern.types import Principal, Sha256Hex
from tests.support.domain import AGENT, BUDGETS, NOW_S, OTHER, TASK_ID, a_task
from tests.support.fake_clock import FakeClock, FakeIdentifiers
from tests.support.fake_policy import FakePolicy
from tests.support.fake_task_store import FakeTaskStore
from tests.support.rates import FakeRates

KEY = IdempotencyKey("once", Sha256Hex("a" * 64))
MINUTE = NOW_S // 60


class OpenGate:
    def check(self) -> None:
        pass


@dataclass
class Bench:
    """Admission on fakes with one active task, whose owner may send three statements a minute."""

    threads: ThreadPoolExecutor
    tasks: FakeTaskStore = field(default_factory=FakeTaskStore)
    rates: FakeRates = field(default_factory=FakeRates)
    clock: FakeClock = field(default_factory=FakeClock)
    identifiers: FakeIdentifiers = field(default_factory=FakeIdentifiers)
    policy: FakePolicy = field(default_factory=lambda: FakePolicy(limits=RateLimits(Allowance(statements=3))))

    def admit(
        self, count: int = 1, *, key: IdempotencyKey | None = None, principal: Principal = AGENT
    ) -> Unit | Finished:
        call = Call(tuple(StatementCall(f"SELECT {n}", (), 10) for n in range(count)), key)
        admission = Admission(
            self.policy, self.tasks, self.rates, self.identifiers, self.clock, OpenGate(), self.threads
        )
        return admission.admit(principal, TASK_ID, call)

    def counted(self) -> int:
        return self.rates.counts.get((Rate.STATEMENTS, AGENT.owner, MINUTE), 0)

    def is_untouched(self) -> bool:
        return self.tasks.tasks[TASK_ID].budgets == BUDGETS and not self.tasks.holds and not self.tasks.keys


@pytest.fixture
def bench() -> Iterator[Bench]:
    with ThreadPoolExecutor(1) as threads:
        bench = Bench(threads)
        bench.tasks.create(a_task())
        yield bench


def test_counts_every_statement_of_a_call(bench):
    bench.admit(2)
    assert bench.counted() == 2


@pytest.mark.parametrize("key", [pytest.param(None, id="without-key"), pytest.param(KEY, id="with-key")])
def test_a_call_beyond_the_minute_is_told_when_the_next_begins_and_holds_nothing(bench, key):
    bench.rates.counts[Rate.STATEMENTS, AGENT.owner, MINUTE] = 2
    with pytest.raises(BudgetExceeded) as caught:
        bench.admit(2, key=key)
    assert (caught.value.code, caught.value.retry_after_s) == ("rate.statements", 60 - NOW_S % 60)
    assert bench.is_untouched()


def test_a_call_is_let_in_once_its_next_minute_has_begun(bench):
    bench.admit(3)
    with pytest.raises(BudgetExceeded):
        bench.admit()
    bench.clock.at_us = (MINUTE + 1) * 60 * 1_000_000
    assert isinstance(bench.admit(), Unit)


def test_a_group_raises_what_its_members_may_send(bench):
    bench.policy.limits = replace(bench.policy.limits, groups={"agents": {"statements": 4}})
    bench.admit(4)


def test_where_the_counts_are_away_nothing_is_let_in_and_nothing_held(bench):
    bench.rates.away = True
    with pytest.raises(StateUnavailable):
        bench.admit()
    assert bench.is_untouched()


def test_another_ones_task_is_not_there_whatever_the_minute_holds(bench):
    bench.rates.counts[Rate.STATEMENTS, OTHER.owner, MINUTE] = 3
    with pytest.raises(NotFound):
        bench.admit(principal=OTHER)


def test_what_cannot_be_given_back_stays_held_for_the_reaper(bench):
    bench.rates.counts[Rate.STATEMENTS, AGENT.owner, MINUTE] = 3

    def away(*_: object, **__: object) -> None:
        raise StateUnavailable("state.unavailable", "away")

    bench.tasks.settle = away
    with pytest.raises(BudgetExceeded):
        bench.admit()
    assert len(bench.tasks.holds) == 1
