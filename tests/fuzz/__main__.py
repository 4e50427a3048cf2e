"""`make fuzz MINUTES=n`: hostile input of every kind, each part with its share of the minutes.

    worlds     statements of two worlds that differ in what is masked alone
    inputs     everything that is parsed: evidence, tokens, policy, SQL, bodies, messages, files
    http       raw bytes at the gateway of a local stack, among them JSON-RPC
    contract   what the API's own description allows and what it does not, by schemathesis

Seeds are printed: `make fuzz PART=inputs SEED=n` draws the same again. Ends with 1 where something was found.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
from collections.abc import Callable

PARTS = ("worlds", "inputs", "http", "contract")


def main() -> int:
    arguments = _arguments()
    parts = PARTS if arguments.part is None else (arguments.part,)
    seed = random.SystemRandom().randrange(2**32) if arguments.seed is None else arguments.seed
    found = [part for part in parts if not _RUN[part](seed, arguments.minutes / len(parts))]
    for part in found:
        print(f"{part}: something was found")
    return 1 if found else 0


def _worlds(seed: int, minutes: float) -> bool:
    # In a process of its own: its servers end with it.
    command = [sys.executable, "-m", "tests.noninterference.fuzz", "--minutes", str(minutes), "--seed", str(seed)]
    return subprocess.run(command, check=False).returncode == 0


def _inputs(seed: int, minutes: float) -> bool:
    from tests.fuzz.inputs import fuzz

    return fuzz(seed, minutes)


def _http(seed: int, minutes: float) -> bool:
    from tests.fuzz.wire import fuzz

    return fuzz(seed, minutes)


def _contract(seed: int, minutes: float) -> bool:
    from tests.fuzz.contract import fuzz

    return fuzz(seed, minutes)


_RUN: dict[str, Callable[[int, float], bool]] = {
    "worlds": _worlds,
    "inputs": _inputs,
    "http": _http,
    "contract": _contract,
}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5.0, help="for all parts together")
    parser.add_argument("--part", choices=PARTS, help="only this one")
    parser.add_argument("--seed", type=int, help="of each part's first round; random without it")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
