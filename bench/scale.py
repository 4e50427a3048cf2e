"""What breaks first as statements come faster: `python -m bench.scale`, `--write` into docs/scale.md.

What a statement asks of each part is held against that part's bound. Connections come out of a simulation: agents send
at random, Lambda hands each statement to the environment that was free last, and an environment keeps one connection,
to the task that it served last. The log's requests come from the sequencer, run over stores that count them. The same
seed gives the same figures; nothing here ran on AWS.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import heappop, heappush
from math import ceil
from random import Random

from bench.cost import REACH_S, SHARDS, Load, simulate
from bench.pages import options, publish
from bench.prices import Priced
from bench.scale_bounds import BOUNDS, Asked, Bound

RATES = (10, 1_000, 100_000)

STATEMENT_S = 0.150  # in the function, mostly waiting for S3 and the database: estimated, as in docs/cost.md
AUTHORIZE_S = 0.020  # the same
THINK_S = 5.0  # between two statements of one task, on average
BATCH = 1_000  # records, as the event source of the sequencer says
WINDOW_S = 5.0  # the same
BATCH_S, RECORD_S = 0.35, 0.004  # the sequencer's, as in docs/cost.md: estimated
LIST_S, LISTERS = 0.05, 8  # a listing of the reaper, estimated, and how many run side by side
VERIFIED = 4_700  # records a second in one process: measured by `make bench`
STATE_WRITES = 3  # reservation, rate, settlement


@dataclass(frozen=True, slots=True)
class Connections:
    """What the simulation of environments gives for one rate."""

    environments: int  # the most at once; each holds one session for as long as a minute
    opened: float  # share of statements that open a connection


def connections(rate: float, *, statements: int = 12_000, seed: int = 6) -> Connections:
    """Runs so many statements through environments that keep one connection each.

    The first half fills the environments and is not counted.
    """
    random = Random(seed)
    tasks = max(1, round(rate * THINK_S))
    kept: list[int] = []  # by environment: the task that it is connected for
    free: list[int] = []  # the one that was free last is at the end
    busy: list[tuple[float, int]] = []
    now, opened, counted = 0.0, 0, 0
    total = max(statements, 4 * ceil(rate * STATEMENT_S))
    for n in range(total):
        now += random.expovariate(rate)
        while busy and busy[0][0] <= now:
            free.append(heappop(busy)[1])
        task = random.randrange(tasks)
        if free:
            environment = free.pop()
        else:
            environment = len(kept)
            kept.append(-1)
        if n >= total // 2:
            counted += 1
            opened += kept[environment] != task
        kept[environment] = task
        heappush(busy, (now + random.uniform(0.5, 1.5) * STATEMENT_S, environment))
    return Connections(len(kept), opened / counted)


def asked(rate: float) -> dict[Asked, float]:
    """What this rate asks of each part, a second where the bound is by second."""
    found = connections(rate)
    records = 2 * rate
    window_s = min(WINDOW_S, BATCH / records)
    units = simulate(Load("scale", rate, max(1, int(window_s)), 500)).units if rate < BATCH / 2 / WINDOW_S else _full()
    batch = min(BATCH, max(2.0, records * WINDOW_S))
    return {
        Asked.CALLS: rate,
        Asked.EXECUTIONS: found.environments + rate * AUTHORIZE_S,
        Asked.SESSIONS: found.environments,
        Asked.LOGINS: rate * found.opened,
        Asked.ROLES: rate * found.opened,
        Asked.STATE_WRITES: rate * STATE_WRITES,
        Asked.TASK_WRITES: 2 / THINK_S,
        Asked.LOG_WRITES: rate * units[Priced.WRITE],
        Asked.PUTS: records,
        Asked.SHARDED_PUTS: records / SHARDS,
        Asked.SIGNATURES: rate * units[Priced.SIGN],
        Asked.SEQUENCED: records * (BATCH_S / batch + RECORD_S),
        Asked.LISTED_S: SHARDS * ceil(records * REACH_S / SHARDS / 1000) * LIST_S / LISTERS,
        Asked.VERIFIED: records / VERIFIED,
    }


_FULL: dict[Priced, float] = {}


def _full() -> dict[Priced, float]:
    """The log's requests for one statement where every batch is full; the same at any higher rate."""
    if not _FULL:
        _FULL.update(simulate(Load("full", BATCH / 2, 1, BATCH)).units)
    return _FULL


def breaks_at(bound: Bound, at_thousand: float) -> float:
    """Statements a second at which the bound is met, from what 1,000 of them ask. A task's own writes never grow."""
    return float("inf") if bound.asked is Asked.TASK_WRITES else 1_000 * bound.limit / at_thousand


def tables() -> str:
    """The tables of docs/scale.md."""
    by_rate = {rate: asked(rate) for rate in RATES}
    return "\n".join([*_bounds(by_rate), "", *_environments()])


def _bounds(by_rate: dict[int, dict[Asked, float]]) -> Iterator[str]:
    yield f"| part | bound | {' | '.join(f'{rate:,}/s' for rate in RATES)} | met at, statements/s |"
    yield f"|---|---:|{'---:|' * len(RATES)}---:|"
    ordered = sorted(BOUNDS, key=lambda bound: breaks_at(bound, by_rate[1_000][bound.asked]))
    for bound in ordered:
        cells = [_cell(by_rate[rate][bound.asked], bound.limit) for rate in RATES]
        at = breaks_at(bound, by_rate[1_000][bound.asked])
        yield f"| {bound.name} | {_number(bound.limit)} | {' | '.join(cells)} | {_number(at)} |"


def _environments() -> Iterator[str]:
    yield "| statements/s | environments of `query` at most | statements that open a connection |"
    yield "|---:|---:|---:|"
    for rate in (1, *RATES):
        found = connections(rate)
        yield f"| {rate:,} | {found.environments:,} | {found.opened:.0%} |"


def _cell(value: float, limit: float) -> str:
    return f"**{_number(value)}**" if value > limit else _number(value)


def _number(value: float) -> str:
    """Two digits that count: more would say that an estimate is exact."""
    if value == float("inf"):
        return "never"
    if value < 1:
        return f"{value:.2g}"
    digits = len(str(int(value)))
    return f"{round(value, 2 - digits):,.{1 if value < 10 else 0}f}".removesuffix(".0")


if __name__ == "__main__":
    options(__doc__).parse_args()
    publish("scale.md", "bench.scale", tables())
