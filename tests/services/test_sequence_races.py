"""Several sequencers at once, in bad weather: requests fail, answers are lost, writes land late, processes die.

Messages come twice, out of order, or never.

Which thread is next at each request, and what fails, follows from the seed: a failure can be run again.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from postern.errors import IntegrityError
from postern.services.sequence import Sequencer
from tests.support.log_check import check_log
from tests.support.log_fakes import LogStore
from tests.support.log_process import (
    LOG,
    ORIGIN,
    Killed,
    Turns,
    Weather,
    process,
    put_records,
    put_start,
    until_settled,
)


def messages(keys: list[str], chance: random.Random) -> list[list[str]]:
    """The keys as a standard queue delivers them: out of order, some twice, some never."""
    delivered = [key for key in keys if chance.random() > 0.02]
    delivered += chance.sample(keys, len(keys) // 10)
    chance.shuffle(delivered)
    batches = []
    while delivered:
        size = chance.randrange(1, 300)
        batches.append(delivered[:size])
        del delivered[:size]
    return batches


def worker(queue: list[list[str]], make: Callable[[], Sequencer], chance: random.Random) -> Callable[[], None]:
    """Takes batches off the queue, puts back what is left, and now and then begins again as a cold environment."""

    def run() -> None:
        sequencer = make()
        while queue:
            keys = queue.pop(0)
            try:
                done = sequencer.run(keys)
            except Killed:
                queue.append(keys)
                sequencer = make()
                continue
            assert not any(isinstance(fault, IntegrityError) for fault in done.faults), done.faults
            left = [key for key in keys if key not in done.settled]
            if left and chance.random() < 0.9:  # else the queue lost them: the listing finds them
                queue.append(left)
            if chance.random() < 0.1:
                sequencer = make()

    return run


def race(seed: int, *, records: int, workers: int, trouble: float) -> LogStore:
    chance = random.Random(seed)
    store = LogStore()
    keys = [put_start(store), *put_records(store, records - 1)]
    until_settled(process(store), keys[:1])
    turns = Turns(chance)
    weather = Weather(chance, trouble, turn=turns.next)
    queue = messages(keys, chance)
    turns.run(*(worker(queue, lambda: process(store, weather), chance) for _ in range(workers)))
    weather.clear()
    # The reaper lists `wal/` and brings again what is not in the log; here it brings everything.
    until_settled(process(store), keys)
    return store


@pytest.mark.parametrize("seed", range(8))
def test_three_in_bad_weather_make_one_whole_log(seed):
    store = race(seed, records=700, workers=3, trouble=0.04)
    check_log(store, LOG, ORIGIN)


def test_ten_thousand_records_through_four_at_once_are_each_in_the_log_once():
    store = race(4711, records=10_000, workers=4, trouble=0.0)
    whole = check_log(store, LOG, ORIGIN)
    assert len(whole.entries) == 10_000
    assert store.requests["commit"] > store.requests["committed"] > 40, "they never raced"
