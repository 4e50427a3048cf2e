"""A process that holds more and more is found; one that warms up, or breathes, is not."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from tests.soak.load.leaks import leaks, trend_of, trends
from tests.soak.load.processes import Held, Process, Watcher, held_by, processes_below

WORKER = Process("function query", 7)


def looks(held: Callable[[int], Held], count: int = 100) -> list[tuple[float, Held]]:
    """One look a second."""
    return [(float(at), held(at)) for at in range(count)]


@pytest.mark.parametrize(
    ("held", "words"),
    [
        pytest.param(lambda at: Held(90_000, 4, 30), None, id="steady"),
        pytest.param(lambda at: Held(90_000 + min(at, 20) * 2_000, 4, 30), None, id="warms up"),
        pytest.param(lambda at: Held(90_000 + at % 2 * 2_000, 4 + at % 3, 30 + at % 5), None, id="breathes"),
        pytest.param(lambda at: Held(90_000 + at * 1_000, 4, 30), "MB", id="memory"),
        pytest.param(lambda at: Held(90_000, 4 + at // 2, 30), "threads", id="threads"),
        pytest.param(lambda at: Held(90_000, 4, 30 + at // 2), "descriptors", id="descriptors"),
    ],
)
def test_what_grows_after_it_was_warm_is_a_leak(held: Callable[[int], Held], words: str | None) -> None:
    found = list(leaks({WORKER: looks(held)}))
    assert len(found) == (words is not None)
    assert words is None or words in found[0]


def test_the_store_keeps_what_it_is_given_but_no_descriptors() -> None:
    store = Process("AWS (moto)", 8)
    assert not list(leaks({store: looks(lambda at: Held(90_000 + at * 5_000, 4, 30))}))
    assert list(leaks({store: looks(lambda at: Held(90_000, 4, 30 + at))}))


def test_a_pool_that_grows_is_no_leak_of_the_gateway() -> None:
    gateway = Process("gateway", 1)
    workers = {Process("function query", pid): looks(lambda at: Held(1, 1, 1))[pid * 10 :] for pid in range(2, 8)}
    started = [sum(pid * 10 <= at for pid in range(2, 8)) for at in range(100)]
    grows = looks(lambda at: Held(90_000, 10 + 4 * started[at], 20 + 5 * started[at]))
    assert not list(leaks({gateway: grows} | workers))
    assert len(list(leaks({gateway: grows}))) == 1


def test_of_a_process_that_was_hardly_there_nothing_is_said() -> None:
    assert not list(leaks({WORKER: looks(lambda at: Held(90_000 * (at + 1), 4, 30), count=5)}))


def test_the_slope_is_told_by_the_minute() -> None:
    samples = looks(lambda at: Held(1_000 + at * 2, 1, 1))
    assert trend_of(samples, lambda held: held.memory_kb).a_minute == pytest.approx(120)


def test_a_process_that_ends_while_it_is_looked_at_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_pid: int) -> Held:
        raise FileNotFoundError

    monkeypatch.setattr("tests.soak.load.processes.held_by", gone)
    watcher = Watcher(os.getpid(), 1.0)
    watcher.look()
    assert dict(watcher.samples) == {}
    assert list(trends(watcher.samples)) == []


def test_a_process_is_measured_with_all_below_it() -> None:
    assert Process("gateway", os.getpid()) in processes_below(os.getpid())
    before = held_by(os.getpid())
    with open(os.devnull) as _:
        assert held_by(os.getpid()).descriptors == before.descriptors + 1
