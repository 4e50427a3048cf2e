"""The search of `test_worlds` without its bounds: `make fuzz PART=worlds MINUTES=n`.

Each round has databases and statements of its own, drawn from a seed that is printed; a round is run again with
`--seed`. Ends with 1 at the first statement that tells two worlds apart, made as small as it goes.
"""

from __future__ import annotations

import argparse
import itertools
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from postern_local import postgres as launcher
from postern_local.postgres import PostgresServer
from tests.noninterference.search import ToldApart, search
from tests.noninterference.shop import Edition
from tests.noninterference.templates import UNGUARDED
from tests.noninterference.twins import twins

GUARDED, ALONE = 1200, 400  # statements a round: through the guard, and straight to the wall
MAJORS = (18, 18, 18, 16)  # by the round's seed


def main() -> int:
    arguments = _arguments()
    first = random.SystemRandom().randrange(2**32) if arguments.seed is None else arguments.seed
    until = time.monotonic() + arguments.minutes * 60
    asked = 0
    with _servers() as servers:
        for seed in itertools.count(first):
            major = MAJORS[seed % len(MAJORS)]
            print(f"seed {seed}, PostgreSQL {major}", flush=True)
            try:
                asked += _round(servers[major], seed)
            except ToldApart as found:
                print(f"{found}\nrun it again: make fuzz PART=worlds MINUTES=1 SEED={seed}")
                return 1
            if time.monotonic() >= until:
                break
    print(f"{asked:,} statements, nothing found")
    return 0


def _round(server: PostgresServer, seed: int) -> int:
    editions = (Edition(seed, "one"), Edition(seed, "other"))
    with twins(server, editions=editions) as pair:
        guarded = search(pair, GUARDED, random_seed=seed)
        print(f"  {guarded}", flush=True)
        alone = search(pair, ALONE, random_seed=seed, guarded=False, extra=UNGUARDED)
        print(f"  guard off: {alone}", flush=True)
        return guarded.asked + alone.asked


@contextmanager
def _servers() -> Iterator[dict[int, PostgresServer]]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="postern-fuzz-")))
        yield {major: stack.enter_context(launcher.start(folder / str(major), major=major)) for major in set(MAJORS)}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5.0, help="no round begins later than this")
    parser.add_argument("--seed", type=int, help="of the first round; random without it")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
