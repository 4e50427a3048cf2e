"""What a million statements cost, from requests that were counted: `python -m bench.cost`, `--write` into docs/cost.md.

The sequencer runs over stores in memory that count each request as AWS would charge it; tests hold that
they count what the edges send. The state table's writes are counted on moto. Compute is estimated, and marked so.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil

from tests.support.log_fakes import LogStore

from bench.log_records import put_commands, put_start
from bench.pages import options, publish
from bench.prices import INDEX_GB_MONTH, KEY_MONTH, METRIC_MONTH, STORED_GB_MONTH, Priced
from bench.sequencer import sequencer
from bench.state_requests import count_state_requests

MILLION = 1_000_000
GB = 1024**3
PASSES_A_MONTH = 43_800  # of the reaper: one a minute
REACH_S = 40 * 60  # how far back a listing goes: half an hour before the watermark, which lags by some minutes
SHARDS = 16

# Estimates, not measurements on AWS: seconds in the function, times its memory in GB.
AUTHORIZE_GBS = 0.020 * 0.5
QUERY_GBS = 0.150 * 1.73
REAP_GBS = 1.5 * 1.0


@dataclass(frozen=True, slots=True)
class Load:
    """A steady rate of statements that read, and how long the queue gathers."""

    name: str
    per_second: float
    window_s: int
    sample: int  # statements that are simulated


LOADS = (
    Load("1 a minute, 5 s", 1 / 60, 5, 768),
    Load("1 a minute, 300 s", 1 / 60, 300, 1_280),
    Load("12 a second, 5 s", 12, 5, 3_840),
)

# What each request of the counting stores is priced as.
_PRICED = {
    "put stage": Priced.PUT,
    "put tile": Priced.PUT,
    "put checkpoints": Priced.PUT,
    "put checkpoint": Priced.PUT,
    "list wal": Priced.PUT,
    "list bundles": Priced.PUT,
    "get": Priced.GET,
    "get wal": Priced.GET,
    "get checkpoint": Priced.GET,
    "commit": Priced.WRITE,
    "mark": Priced.WRITE,
    "head": Priced.READ,
    "sign": Priced.SIGN,
}
_BY_ITEM = {"index", "positions", "committed"}  # priced by the item, not the request; the last is no request


@dataclass(frozen=True, slots=True)
class Counted:
    """Units for one statement, and the bytes that stay locked for it."""

    units: Mapping[Priced, float]
    batch: float  # records an invocation
    wal_bytes: float
    log_bytes: float


def simulate(load: Load) -> Counted:
    """The log's part of this load, by running it."""
    store = LogStore()
    tried = sequencer(store)
    tried.run([put_start(store)])
    keys = put_commands(store, load.sample, per_second=load.per_second)
    before, batches = Counter(store.requests), list(_windows(keys, load))
    stored = _log_bytes(store)
    for batch in batches:
        tried.run(batch)
    units: defaultdict[Priced, float] = defaultdict(float)
    for name, count in (store.requests - before).items():
        if name not in _BY_ITEM:
            units[_PRICED[name]] += count
    units[Priced.WRITE] += len(keys)  # an index item each, under 1 KB
    units[Priced.READ] += len(keys)  # each key is looked for once
    for batch in batches:
        # A message each from S3; received and deleted ten at a time.
        units[Priced.QUEUE] += len(batch) + 2 * ceil(len(batch) / 10)
        units[Priced.INVOKE] += 1
        units[Priced.COMPUTE] += 1.73 * (0.35 + len(batch) * 0.004)  # an estimate: round trips, and a record's share
    return Counted(
        {what: count / load.sample for what, count in units.items()},
        batch=len(keys) / len(batches),
        wal_bytes=sum(len(store.wal[key][0]) for key in keys) / load.sample,
        log_bytes=(_log_bytes(store) - stored) / load.sample,
    )


def statement_units() -> dict[Priced, float]:
    """What a statement that reads takes on its own way: two records, and the state table."""
    return {
        Priced.API: 1,
        Priced.INVOKE: 2,
        Priced.COMPUTE: AUTHORIZE_GBS + QUERY_GBS,
        Priced.PUT: 2,
        Priced.WRITE: count_state_requests()["writes"],
    }


def tables() -> str:
    """The tables of docs/cost.md."""
    counted = [simulate(load) for load in LOADS]
    return "\n".join([*_prices(), "", *_statements(counted), "", *_storage(counted), "", *_fixed()])


def _windows(keys: list[str], load: Load) -> Iterator[list[str]]:
    """The records that arrive within each window; a command's two arrive together."""
    gathered = max(1, int(load.per_second * load.window_s)) * 2
    for at in range(0, len(keys), gathered):
        yield keys[at : at + gathered]


def _log_bytes(store: LogStore) -> int:
    return sum(map(len, store.objects.values())) + sum(
        len(one) for versions in store.latest.values() for one in versions
    )


def _prices() -> Iterator[str]:
    yield "| price | for a million | unit |"
    yield "|---|---:|---|"
    for one in Priced:
        yield f"| {one.value.what} | ${one.value.per_million:g} | {one.value.unit} |"


def _statements(counted: list[Counted]) -> Iterator[str]:
    yield f"| dollars a million statements | the statement | {' | '.join(f'log: {load.name}' for load in LOADS)} |"
    yield f"|---|---:|{'---:|' * len(LOADS)}"
    columns = [statement_units(), *(one.units for one in counted)]
    for what in Priced:
        cells = [
            f"{units[what] * what.value.per_million:,.2f} ({units[what]:.3g})" if what in units else ""
            for units in columns
        ]
        yield f"| {what.value.what} | {' | '.join(cells)} |"
    sums = [sum(count * what.value.per_million for what, count in units.items()) for units in columns]
    yield f"| **all** | {' | '.join(f'**{one:,.2f}**' for one in sums)} |"


def _storage(counted: list[Counted]) -> Iterator[str]:
    yield f"| | {' | '.join(load.name for load in LOADS)} |"
    yield f"|---|{'---:|' * len(LOADS)}"
    rows = {
        "records a batch": [f"{one.batch:,.0f}" for one in counted],
        "records, KB a statement": [f"{one.wal_bytes / 1024:.1f}" for one in counted],
        "log, KB a statement": [f"{one.log_bytes / 1024:.1f}" for one in counted],
        "locked, GB a million statements": [f"{_gb(one):,.1f}" for one in counted],
        "dollars a month for a million statements": [f"{_gb(one) * STORED_GB_MONTH:,.2f}" for one in counted],
        "dollars a month for their index": [f"{2 * MILLION * 300 / GB * INDEX_GB_MONTH:,.2f}"] * len(counted),
    }
    for name, cells in rows.items():
        yield f"| {name} | {' | '.join(cells)} |"


def _gb(one: Counted) -> float:
    return (one.wal_bytes + one.log_bytes) * MILLION / GB


def _fixed() -> Iterator[str]:
    yield "| dollars a month, whatever is run | idle | 1 a minute | 12 a second |"
    yield "|---|---:|---:|---:|"
    listed = [SHARDS * max(1, ceil(rate * 2 * REACH_S / SHARDS / 1000)) for rate in (0, 1 / 60, 12)]
    lists = [one * PASSES_A_MONTH * Priced.PUT.value.per_million / MILLION for one in listed]
    pass_cost = (
        PASSES_A_MONTH * (REAP_GBS * Priced.COMPUTE.value.per_million + Priced.INVOKE.value.per_million) / MILLION
    )
    yield f"| reaper: listings ({', '.join(map(str, listed))} a pass) | {' | '.join(f'{one:,.2f}' for one in lists)} |"
    yield f"| reaper: compute (estimated) | {' | '.join([f'{pass_cost:,.2f}'] * 3)} |"
    polls = 5 * 3 * PASSES_A_MONTH * Priced.QUEUE.value.per_million / MILLION  # five pollers of Lambda, 20 s each
    yield f"| queue: empty polls (estimated) | {' | '.join([f'{polls:,.2f}'] * 3)} |"
    yield f"| signing key, 12 metrics | {' | '.join([f'{KEY_MONTH + 12 * METRIC_MONTH:,.2f}'] * 3)} |"


if __name__ == "__main__":
    options(__doc__).parse_args()
    publish("cost.md", "bench.cost", tables())
