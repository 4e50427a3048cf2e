"""What grows with what: `python -m bench.growth`, `--write` for docs/performance.md and its pictures.

`--quick` is for trying it, `--long` builds five thousand worlds in place of one thousand.

A table for each: on a statement's path, in the stores, in the database, and where tasks are opened and functions start.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

from bench.growth.own import first_statements, openings, own_cost
from bench.growth.pictures import draw
from bench.growth.series import Series
from bench.growth.stores import store_costs
from bench.growth.worlds import world_costs
from bench.machine import described
from bench.pages import options, publish
from bench.tables import markdown

_COLUMNS = ("cost", "as this grows", "at the least", "at the most", "times", "growth")
_NOWHERE = Path(os.devnull).open("w")  # noqa: SIM115
_PICTURES = {
    "statement": "A statement's own cost",
    "stores": "State step and record (moto's own work among it)",
    "database": "In the database, beside other worlds",
    "opening": "Opening a task, and starting a function",
}


def main() -> None:
    given = _arguments()
    repeats, most, worlds = (5, 1_000, 100) if given.quick else (15, 10_000, 5_000 if given.long else 1_000)
    parts = {
        "statement": _quietly(own_cost(repeats, most)),
        "opening": _quietly(chain(first_statements(repeats, most), openings(repeats, most))),
        "stores": list(store_costs(repeats, most)),
        "database": list(world_costs(repeats, worlds, _tell)),
    }
    text = "\n\n".join([described("PostgreSQL 18", "moto"), *_sections(parts)])
    if given.write:
        for name, shown in parts.items():
            draw(name, _PICTURES[name], [series for series in shown if series.unit == "ms"])
    publish("performance.md", "bench.growth", text)


def _arguments() -> argparse.Namespace:
    parser = options(__doc__)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="small sizes and few repeats, to try it")
    size.add_argument("--long", action="store_true", help="five thousand worlds in place of one thousand")
    return parser.parse_args()


def _quietly(series: Iterable[Series]) -> list[Series]:
    """What the functions print is their log; their logger keeps what it is given first, so it is never closed."""
    found = []
    with contextlib.redirect_stdout(_NOWHERE):
        for one in series:
            _tell(one.label)
            found.append(one)
    sys.excepthook = sys.__excepthook__  # their logger's would write there, too
    return found


def _sections(parts: Mapping[str, Sequence[Series]]) -> Iterator[str]:
    for name, shown in parts.items():
        yield f"![{_PICTURES[name]}](pictures/growth-{name}.svg)"
        yield markdown(_COLUMNS, (one.row() for one in shown))


def _tell(line: str) -> None:
    print(f"  {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
