"""Masked views beside the tables under them, in turns on one server: `python -m bench.views`, `--major 16`, `--write`.

What is measured is the server's processor time from the statement's text to its last row, by the kernel's count for the
session's process: parsing, rewriting, planning and running, without the client and whatever else the machine does.
"""

from __future__ import annotations

import argparse
import re
import statistics
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from bench.machine import described
from bench.pages import publish
from bench.tables import markdown
from bench.view_worlds import MASKS, ROWS, Side, sides
from postern.types import MaskKind

REPEATS = 15
_MASKED_ROWS = 2_500
_SCRUBBED_ROWS = 250


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that gives the same rows over views and tables, and how often it is run to be counted once."""

    name: str
    sql: str
    parameters: tuple[object, ...] = ()
    times: int = 20


_JOIN = "SELECT o.total, p.region FROM orders AS o JOIN people AS p ON p.id = o.person_id WHERE o.id = %s"
_LATERAL = (
    "SELECT o.total, p.region FROM orders AS o"
    " JOIN LATERAL (SELECT region FROM people AS p WHERE p.id = o.person_id OFFSET 0) AS p ON true WHERE o.id = %s"
)
STATEMENTS = (
    Statement("point lookup, 4 columns in the table", "SELECT status, total FROM orders WHERE id = %s", (4711,)),
    Statement("point lookup, 16 columns", "SELECT id, region FROM people WHERE id = %s", (4711,)),
    Statement("join of one row", _JOIN, (4711,)),
    Statement("join of one row, `LATERAL … OFFSET 0`", _LATERAL, (4711,)),
    Statement(
        f"join of {2 * ROWS:,} rows",
        "SELECT count(*), sum(o.total) FROM orders AS o JOIN people AS p ON p.id = o.person_id WHERE p.region = %s",
        ("north",),
        2,
    ),
    Statement("scan and group by an open column", "SELECT region, count(*) FROM people GROUP BY region", times=3),
)
SCAN = Statement(
    "scan, delivered: 2 open, 4 masked columns", "SELECT id, region, full_name, email, phone, born FROM people", times=1
)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--major", type=int, default=18, choices=(16, 18))
    parser.add_argument("--write", action="store_true", help="into docs/performance.md")
    major = parser.parse_args().major
    with sides(major) as all_sides:
        tables = (_statements(all_sides), _parts(all_sides), _masks(all_sides["tables"], all_sides["every mask"]))
        publish("performance.md", "bench.views", "\n\n".join([described(f"PostgreSQL {major}"), *tables]))


def _statements(all_sides: Mapping[str, Side]) -> str:
    """Ratios to the tables, in each turn."""
    rows = []
    for one in (*STATEMENTS, SCAN):
        chosen = {name: side for name, side in all_sides.items() if one is not SCAN or name != "open columns"}
        counted = _interleaved({name: _counting(side, one) for name, side in chosen.items()})
        base = counted["tables"]
        ratios = {
            name: _middle(us / table for us, table in zip(times, base, strict=True)) for name, times in counted.items()
        }
        worlds = [ratios.get(name, "-") for name in all_sides if name != "tables"]
        rows.append((one.name, f"{statistics.median(base):,.0f}", *worlds))
    head = [f"view: {name}" for name in all_sides if name != "tables"]
    return markdown(("processor time in the server", "table, µs", *head), rows)


def _counting(side: Side, one: Statement) -> Callable[[], float]:
    return lambda: side.server_us(one.sql, one.parameters, one.times)


def _parts(all_sides: Mapping[str, Side]) -> str:
    """What of a point lookup is planning and running, by the server's own clock."""
    explained: dict[str, list[tuple[float, float]]] = {name: [] for name in all_sides}
    for _ in range(REPEATS * 10):
        for name, side in all_sides.items():
            explained[name].append(_explained(side, STATEMENTS[1]))
    rows = []
    for name, parts in explained.items():
        planning, running = (statistics.median(times) for times in zip(*parts, strict=True))
        rows.append((name, f"{planning:.0f}", f"{running:.0f}"))
    return markdown(("point lookup, 16 columns, µs", "planning", "running"), rows)


def _explained(side: Side, one: Statement) -> tuple[float, float]:
    """Microseconds of planning, the rewriting before it left out, and of running."""
    plan = side.run(f"EXPLAIN (ANALYZE, TIMING OFF, BUFFERS OFF) {one.sql}", one.parameters)
    times = re.findall(r"(?:Planning|Execution) Time: ([0-9.]+) ms", "\n".join(str(line) for (line,) in plan))
    return float(times[0]) * 1000, float(times[1]) * 1000


def _masks(tables: Side, views: Side) -> str:
    """Each mask: a row's column delivered raw and masked."""
    rows = []
    for column, mask in MASKS.items():
        if mask is None:
            continue
        count = _SCRUBBED_ROWS if mask.kind is MaskKind.SCRUB else _MASKED_ROWS
        one = Statement(
            column, f"SELECT {column} FROM people WHERE id <= {count}", times=4 if count < _MASKED_ROWS else 1
        )
        counted = _interleaved({"table": _counting(tables, one), "view": _counting(views, one)})
        per_row = {name: [us / count for us in times] for name, times in counted.items()}
        ratios = [view / table for view, table in zip(per_row["view"], per_row["table"], strict=True)]
        ((example,),) = views.run(f"SELECT {column}::text FROM people WHERE id = 4711")
        medians = [statistics.median(per_row[name]) for name in ("table", "view")]
        shown = f"`{str(example)[:60]}`" if example is not None else "NULL"
        rows.append((f"{mask.kind.value} on `{column}`", *(f"{us:.2f}" for us in medians), _middle(ratios), shown))
    return markdown(("a column delivered", "table, µs a row", "view, µs a row", "times", "what is seen"), rows)


def _interleaved(calls: Mapping[str, Callable[[], float]]) -> dict[str, list[float]]:
    """What each call gives, in turns; once before that counts."""
    for call in calls.values():
        call()
    counted: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(REPEATS):
        for name, call in calls.items():
            counted[name].append(call())
    return counted


def _middle(values: Iterable[float]) -> str:
    low, median, high = statistics.quantiles(values, n=4)
    digits = 2 if median < 10 else 0
    return f"{median:,.{digits}f} ({low:,.{digits}f} to {high:,.{digits}f})"


if __name__ == "__main__":
    main()
