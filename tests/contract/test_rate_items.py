"""One contract of the rates, run on the fake that service tests use and on DynamoDB."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import boto3
import pytest

from postern.audit.ids import uuid7
from postern.edges.rate_items import DynamoRates
from postern.edges.task_store import DynamoTaskStore
from postern.errors import BudgetExceeded, StateUnavailable
from postern.ports import TaskStore
from postern.rate_ports import Rate, Rates
from postern.task_states import DENY, END
from postern.types import TaskId, TaskState
from tests.support.domain import AGENT, NOW_S, OTHER, a_task
from tests.support.fake_task_store import FakeTaskStore
from tests.support.places import Place, places
from tests.support.rates import FakeRates

MINUTE_S = NOW_S // 60 * 60
ME, YOU = AGENT.owner, OTHER.owner


@dataclass(frozen=True)
class Site:
    """The rates and the tasks that they look at; `fresh` is what another execution environment has."""

    rates: Rates
    tasks: TaskStore
    fresh: Callable[[], Rates]

    def pending(self, number: int, made_s: int = NOW_S) -> TaskId:
        """A task that took its place and was created."""
        task_id = an_id(number, made_s)
        self.rates.queue(ME, task_id, limit=2, now_s=made_s)
        self.tasks.create(a_task(id=task_id, state=TaskState.PENDING_APPROVAL))
        return task_id


def an_id(number: int, made_s: int = NOW_S) -> TaskId:
    return TaskId(uuid7(made_s * 1_000_000, number.to_bytes(10)).replace("-", ""))


def site_at(place: Place) -> Site:
    client, table = place.client("dynamodb"), place.state_table()
    return Site(DynamoRates(client, table), DynamoTaskStore(client, table), lambda: DynamoRates(client, table))


@pytest.fixture(params=places("dynamodb"))
def dynamodb(request: pytest.FixtureRequest) -> Site:
    return site_at(request.getfixturevalue(request.param))


def fake() -> Site:
    tasks = FakeTaskStore()
    rates = FakeRates(tasks.get)
    return Site(rates, tasks, lambda: rates)


@pytest.fixture(params=["fake", *places("dynamodb")])
def site(request: pytest.FixtureRequest) -> Site:
    return fake() if request.param == "fake" else site_at(request.getfixturevalue(request.param))


def refused(call: Callable[[], None]) -> BudgetExceeded:
    with pytest.raises(BudgetExceeded) as caught:
        call()
    return caught.value


def take(rates: Rates, amount: int = 1, *, rate: Rate = Rate.STATEMENTS, whose: str = ME, at_s: int = MINUTE_S) -> None:
    rates.take(rate, whose, amount, limit=5, now_s=at_s)


@pytest.mark.parametrize("rate", Rate)
def test_lets_exactly_the_limit_pass_in_a_minute_and_says_when_the_next_begins(site, rate):
    for _ in range(5):
        take(site.rates, rate=rate)
    late = refused(lambda: take(site.rates, rate=rate, at_s=MINUTE_S + 59))
    assert (late.code, late.retry_after_s) == (f"rate.{rate.value}", 1)
    assert refused(lambda: take(site.fresh(), rate=rate)).retry_after_s == 60
    take(site.rates, 5, rate=rate, at_s=MINUTE_S + 60)


def test_counts_each_owner_and_each_rate_for_itself(site):
    take(site.rates, 5)
    take(site.rates, 5, whose=YOU)
    take(site.rates, 5, rate=Rate.OPENINGS)


def test_counts_all_of_a_call_or_nothing_of_it(site):
    take(site.rates, 4)
    refused(lambda: take(site.rates, 2))
    take(site.rates, 1)
    refused(lambda: take(site.rates, 1))


def test_a_call_that_no_minute_has_room_for_is_not_told_to_wait(site):
    assert refused(lambda: take(site.rates, 6)).retry_after_s is None
    take(site.rates, 5)


def test_an_environment_whose_clock_is_behind_counts_into_the_minute_that_it_sees(site):
    take(site.rates, 5, at_s=MINUTE_S)
    take(site.fresh(), 5, at_s=MINUTE_S - 1)
    refused(lambda: take(site.fresh(), at_s=MINUTE_S - 1))


def test_however_many_count_at_once_no_more_than_the_limit_pass(site):
    def once(_: int) -> bool:
        try:
            take(site.fresh())
        except BudgetExceeded:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(once, range(24))) == 5


def test_refuses_a_task_for_which_there_is_no_place(site):
    site.pending(1), site.pending(2)
    full = refused(lambda: site.pending(3))
    assert (full.code, full.retry_after_s) == ("rate.pending", 60)
    site.rates.queue(YOU, an_id(3), limit=2, now_s=NOW_S)


def test_a_task_keeps_the_place_that_it_took_before(site):
    one, _ = site.pending(1), site.pending(2)
    site.rates.queue(ME, one, limit=2, now_s=NOW_S)


@pytest.mark.parametrize("move", [DENY, END], ids=lambda move: move.name)
def test_a_task_that_no_longer_waits_gives_its_place_to_the_next(site, move):
    one, _ = site.pending(1), site.pending(2)
    site.tasks.move(one, move)
    site.pending(3)
    refused(lambda: site.pending(4))


def test_a_place_whose_task_was_never_created_is_kept_for_ten_minutes(site):
    for number in (1, 2):
        site.rates.queue(ME, an_id(number), limit=2, now_s=NOW_S)
    refused(lambda: site.rates.queue(ME, an_id(3, NOW_S + 600), limit=2, now_s=NOW_S + 600))
    site.rates.queue(ME, an_id(3, NOW_S + 601), limit=2, now_s=NOW_S + 601)


def test_however_many_queue_at_once_no_more_than_the_places_are_taken(site):
    def once(number: int) -> bool:
        try:
            site.fresh().queue(ME, an_id(number), limit=2, now_s=NOW_S)
        except BudgetExceeded:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(once, range(16))) == 2


def test_a_full_minute_is_refused_without_asking_the_table_again(dynamodb):
    take(dynamodb.rates, 5)
    refused(lambda: take(dynamodb.rates))
    calls = []
    dynamodb.rates.client.meta.events.register("before-call", lambda **call: calls.append(call))
    refused(lambda: take(dynamodb.rates))
    assert calls == []


def test_the_table_forgets_a_minute_an_hour_after_it(dynamodb):
    take(dynamodb.rates, 5)
    [count] = dynamodb.rates.client.scan(TableName=dynamodb.rates.table)["Items"]
    assert count["ttl_s"]["N"] == str(MINUTE_S + 60 + 3600)
    assert AGENT.subject not in str(count)


def test_says_so_when_the_table_cannot_be_reached():
    away = boto3.client(
        "dynamodb",
        region_name="us-east-1",
        endpoint_url="http://127.0.0.1:1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
        config=boto3.session.Config(retries={"total_max_attempts": 1}, connect_timeout=0.2),
    )
    rates = DynamoRates(away, "state")
    for call in (lambda: take(rates), lambda: rates.queue(ME, an_id(1), limit=1, now_s=NOW_S)):
        with pytest.raises(StateUnavailable):
            call()
