"""Every target there is, and rounds of them until the time is up."""

from __future__ import annotations

import itertools
import time
from random import Random

from tests.fuzz.cases import write_case
from tests.fuzz.search import search
from tests.fuzz.target import Target
from tests.fuzz.targets import (
    command_line,
    database_logs,
    evidence,
    identity,
    layer,
    requests,
    rpc,
    signed_records,
    sql,
    tlog,
)

MODULES = (tlog, evidence, identity, layer, sql, requests, rpc, database_logs, command_line, signed_records)
TARGETS: tuple[Target, ...] = tuple(target for module in MODULES for target in module.TARGETS)
EXAMPLES, SLOW_EXAMPLES = 400, 20  # an input's target a round
MOST_CPU_S = 20.0  # for one input: the longest that is bounded by size takes a tenth of it


def fuzz(first_seed: int, minutes: float) -> bool:
    """Whether nothing was found. What is found is written down as a case, and its target left alone from then on."""
    until, open_, asked, found_any = time.monotonic() + minutes * 60, list(TARGETS), 0, False
    for seed in itertools.count(first_seed):
        print(f"seed {seed}, {len(open_)} targets", flush=True)
        # In another order each time: where there is time for half of them, it is another half. It changes no draw.
        for target in Random(seed).sample(open_, len(open_)):
            if time.monotonic() >= until:
                break
            examples = SLOW_EXAMPLES if target.slow else EXAMPLES
            asked += examples
            found = search(target, examples=examples, random_seed=seed, most_cpu_s=MOST_CPU_S)
            if found is not None:
                found_any = True
                open_.remove(target)
                print(f"{found}\nwritten to {write_case(target.name, found.given)}", flush=True)
                print(f"find it again: make fuzz PART=inputs MINUTES=1 SEED={seed}", flush=True)
        if time.monotonic() >= until or not open_:
            break
    print(f"{asked:,} inputs, {'something' if found_any else 'nothing'} found")
    return not found_any
