"""When calls arrive, and whose they are: drawn from a seed before anything runs, so that no answer can put one off."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

JOIN_EVERY = 4  # calls


@dataclass(frozen=True, slots=True)
class Arrival:
    """One call to be sent. `draw` is a random source of its own: what it does depends on no other call's answer."""

    number: int
    at_s: float  # since the beginning
    agent: int
    draw: random.Random


def arrivals(*, seed: int, rate: float, seconds: float, agents: int) -> Iterator[Arrival]:
    """A Poisson process: independent callers, on average `rate` a second, each time one of the agents.

    Agents join one after another, with every fourth call: what an agent does first is to open a task, and if all did
    at once, it would be a measurement of that.
    """
    times = random.Random(f"{seed}/arrivals")
    at_s, number = times.expovariate(rate), 0
    while at_s < seconds:
        joined = min(agents, number // JOIN_EVERY + 1)
        agent = joined - 1 if number < agents * JOIN_EVERY and number % JOIN_EVERY == 0 else times.randrange(joined)
        yield Arrival(number, at_s, agent, random.Random(f"{seed}/{number}"))
        at_s += times.expovariate(rate)
        number += 1
