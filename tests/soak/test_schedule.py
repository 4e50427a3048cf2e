"""The schedule: repeatable, on average what was asked, each agent there from the beginning."""

from __future__ import annotations

import pytest

from tests.soak.load.schedule import JOIN_EVERY, Arrival, arrivals


def drawn(seed: int, seconds: float = 500.0) -> list[Arrival]:
    return list(arrivals(seed=seed, rate=2.0, seconds=seconds, agents=8))


def test_the_same_seed_gives_the_same_schedule_and_draws() -> None:
    one, other = ([(a.at_s, a.agent, a.draw.random()) for a in drawn(3)] for _ in range(2))
    assert one == other
    assert one != [(a.at_s, a.agent, a.draw.random()) for a in drawn(4)]


def test_a_longer_run_begins_as_a_shorter_one() -> None:
    short, long = drawn(1, 50.0), drawn(1)
    assert [(a.at_s, a.agent) for a in short] == [(a.at_s, a.agent) for a in long[: len(short)]]


def test_calls_arrive_at_the_rate_on_average_and_in_order() -> None:
    times = [arrival.at_s for arrival in drawn(0)]
    assert times == sorted(times)
    assert len(times) / 500 == pytest.approx(2.0, rel=0.15)


def test_agents_join_one_after_another_and_all_are_there() -> None:
    called = [arrival.agent for arrival in drawn(0)]
    assert [called.index(agent) for agent in range(8)] == [agent * JOIN_EVERY for agent in range(8)]
