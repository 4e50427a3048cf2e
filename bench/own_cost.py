"""What a statement costs of a processor, handler in to answer out: `python -m bench.own_cost`, `--write` to keep it.

Processor time of the whole process, its threads among it. Three things in one run, in turns: the function over ports
that answer at once; over its own AWS edges, whose transport answers at once; and the requests that these make, alone.
"""

from __future__ import annotations

import contextlib
import gc
import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from botocore import __version__ as botocore_version

from bench.machine import described
from bench.own_cost_aws import Noted, answers_of, over_aws
from bench.own_cost_parts import largest_parts
from bench.own_cost_requests import by_boto3, by_own_clients, by_signer, session_tokens
from bench.own_cost_shapes import SHAPES, Shape
from bench.own_cost_site import asking, deployed, open_task, over_fakes
from bench.pages import options, publish
from bench.samples import percentile
from bench.stub_transport import answering
from bench.tables import markdown
from postern.policy.bundle import PolicyBundle
from postern.types import DatabaseName, Task

ROUNDS = 250
OWN_A_ROUND = 2
LOOKUPS_A_ROUND = 8  # 2,000 in all stand behind the 99th percentile of a point lookup
WARM_ROUNDS = 20
PART_ROUNDS = 300
_RESULTS = {shape.sql: shape.result for shape in SHAPES}
_BESIDE = SHAPES[:2]
_OPERATIONS = ("put_object", "update_item")
_TOKEN = "a role assumed and a token signed"
Call = Callable[[], object]
Spent = Mapping[str, Sequence[float]]  # milliseconds, by what was called


def main() -> None:
    options(__doc__).parse_args()
    publish("performance.md", "bench.own_cost", measured())


def measured() -> str:
    """The tables, measured now."""
    bundle = deployed()
    task = open_task(bundle)
    line = described(f"botocore {botocore_version}")
    with (
        Path(os.devnull).open("w") as nowhere,
        contextlib.redirect_stdout(nowhere),
        answering(answers_of(task)),
    ):
        calls = _calls(bundle, task)
        for call in [*calls.values()] * WARM_ROUNDS:
            call()
        # As an environment does after its first answer: what the start made is not looked at again.
        gc.collect()
        gc.freeze()
        spent = _in_turns(calls)
        parts = largest_parts(calls[SHAPES[0].name], PART_ROUNDS)
    return "\n\n".join([line, _own(spent), _beside(spent), _requests(spent), _parts(parts)])


def _calls(bundle: PolicyBundle, task: Task) -> dict[str, Call]:
    """Everything that is measured, by name. Inside `answering` only."""
    fakes = over_fakes(bundle, task, _RESULTS)
    aws = over_aws(bundle, task, _RESULTS)
    calls: dict[str, Call] = {shape.name: asking(fakes, shape.sql, shape.params) for shape in SHAPES}
    for shape in _BESIDE:
        noted = _noted(bundle, task, shape)
        calls[f"{shape.name}, AWS edges"] = asking(aws, shape.sql, shape.params)
        calls[f"{shape.name}, boto3"] = by_boto3(noted)
        calls[f"{shape.name}, own clients"] = by_own_clients(noted)
    for operation in _OPERATIONS:
        one = next(request for request in _noted(bundle, task, SHAPES[0]) if request[0] == operation)
        calls[f"{operation}, boto3"] = by_boto3([one])
        calls[f"{operation}, own clients"] = by_own_clients([one])
        calls[f"{operation}, signer"] = by_signer(one)
    ours, bare = session_tokens(task, bundle.address(DatabaseName("shop")))
    return {**calls, f"{_TOKEN}, own clients": ours, f"{_TOKEN}, boto3": bare}


def _noted(bundle: PolicyBundle, task: Task, shape: Shape) -> list[Noted]:
    """The requests of one statement, as the edges send them."""
    noted: list[Noted] = []
    asking(over_aws(bundle, task, _RESULTS, noted), shape.sql, shape.params)()
    return noted


def _in_turns(calls: Mapping[str, Call]) -> Spent:
    """Milliseconds of a processor: each call once a round, those over fakes more often."""
    spent: dict[str, list[float]] = {name: [] for name in calls}
    lookup, *others = [shape.name for shape in SHAPES]
    turns = [*[lookup] * (LOOKUPS_A_ROUND - 1), *others * (OWN_A_ROUND - 1), *calls]
    for _ in range(ROUNDS):
        for name in turns:
            begun = time.process_time()
            calls[name]()
            spent[name].append((time.process_time() - begun) * 1000)
    return spent


def _own(spent: Spent) -> str:
    put_ms = statistics.median(spent[f"{_OPERATIONS[0]}, boto3"])
    rows = [(shape.name, *_cells(spent[shape.name], put_ms)) for shape in SHAPES]
    return markdown(
        ("own cost, ms of a processor", "median", "middle half", "p99", "median and p99 / put_object"), rows
    )


def _cells(values: Sequence[float], put_ms: float) -> tuple[str, ...]:
    low, median, high = statistics.quantiles(values, n=4)
    p99 = percentile(values, 0.99)
    return f"{median:.2f}", f"{low:.2f} to {high:.2f}", f"{p99:.2f}", f"{median / put_ms:.2f} and {p99 / put_ms:.2f}"


def _beside(spent: Spent) -> str:
    rows = []
    for shape in _BESIDE:
        whole, bare = spent[f"{shape.name}, AWS edges"], spent[f"{shape.name}, boto3"]
        more = [a - b for a, b in zip(whole, bare, strict=True)]
        ours = statistics.median(spent[f"{shape.name}, own clients"])
        low, median, high = statistics.quantiles(more, n=4)
        medians = (f"{statistics.median(whole):.2f}", f"{statistics.median(bare):.2f}", f"{ours:.2f}")
        rows.append((shape.name, *medians, f"{median:.2f}", f"{low:.2f} to {high:.2f}"))
    columns = ("with AWS's clients, ms", "the statement", "boto3 alone", "own clients alone", "statement - boto3")
    return markdown((*columns, "middle half"), rows)


def _requests(spent: Spent) -> str:
    rows = []
    for name in (*_OPERATIONS, _TOKEN):
        ways = [spent.get(f"{name}, {way}") for way in ("boto3", "own clients", "signer")]
        rows.append((name, *("" if values is None else f"{statistics.median(values):.2f}" for values in ways)))
    return markdown(("one request, ms", "boto3", "own clients", "signer and session alone"), rows)


def _parts(parts: Sequence[tuple[str, float, float]]) -> str:
    rows = [(name, f"{spent_ms * 1000:.0f}", f"{share:.0%}") for name, spent_ms, share in parts]
    return markdown(("the largest parts of a point lookup", "microseconds", "share"), rows)


if __name__ == "__main__":
    main()
