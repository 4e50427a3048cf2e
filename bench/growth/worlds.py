"""What the database does for one task, as other tasks' worlds stand in it: real roles, schemas and views, built as the
product builds them.

Two servers: one fills up, the other keeps a single world. Both are asked in turns, so that the ratio is of two answers
of the same moment.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from pg8000.core import CoreConnection
from tests.support.servers import fresh_database
from tests.support.world import PreparedDatabase, granted, masked, prepared

from bench.growth.series import Series, up_to
from bench.samples import timed
from postern.types import GrantedTable, Mask, MaskKind, TaskId
from postern.world.names import role_name
from postern_local import postgres

WORLDS = (1, 10, 100, 1_000, 5_000)
_TABLES = """
CREATE TABLE customers (id integer PRIMARY KEY, name text NOT NULL, email text NOT NULL);
CREATE TABLE orders (id integer PRIMARY KEY, customer_id integer NOT NULL, total numeric NOT NULL);
INSERT INTO customers SELECT n, 'name ' || n, 'c' || n || '@example.com' FROM generate_series(1, 1000) AS n;
INSERT INTO orders SELECT n, n % 1000 + 1, n * 1.25 FROM generate_series(1, 5000) AS n;
ANALYZE;
"""
POINT = "SELECT total, customer_id FROM orders WHERE id = 4711"
_TRIES = 5
_NAMES = ("connecting", "first statement of a session", "point lookup, warm", "building a world", "removing a world")


@dataclass
class Site:
    """One server with worlds in it; sessions are of the first one's role."""

    ready: PreparedDatabase
    task: TaskId

    def connect(self) -> None:
        self._open().close()

    def first(self) -> float:
        """Milliseconds of the first statement in a new session, whose caches of the catalogs are cold."""
        connection = self._open()
        try:
            return timed(lambda: connection.execute_unnamed(POINT))
        finally:
            connection.close()

    def warm(self) -> float:
        """Milliseconds of the statement in a session that has run it, which is new: an idle one is soon ended."""
        connection = self._open()
        try:
            connection.execute_unnamed(POINT)
            return min(timed(lambda: connection.execute_unnamed(POINT)) for _ in range(_TRIES))
        finally:
            connection.close()

    def build(self) -> TaskId:
        return self.ready.build(*tables())[0]

    def remove(self, task: TaskId) -> None:
        self.ready.worlds().tear_down(task, self.ready.address)
        self.ready.built.remove(task)

    def _open(self) -> CoreConnection:
        return self.ready.connect_core(user=role_name(self.task))


def world_costs(repeats: int, most: int, told: Callable[[str], None]) -> Iterator[Series]:
    """Each cost, beside the single world's at the same moments: the samples are ratios to it, and milliseconds."""
    costs: dict[str, dict[int, list[float]]] = {name: {} for name in _NAMES}
    ratios: dict[str, dict[int, list[float]]] = {name: {} for name in _NAMES}
    with ExitStack() as parts:
        full, single = _site(parts), _site(parts)
        count = 1
        for size in up_to(most, WORLDS):
            begun_s = time.monotonic()
            while count < size:
                full.build()
                count += 1
            told(f"{size} worlds, {time.monotonic() - begun_s:.0f} s to build those that were missing")
            for site in (full, single):
                _looked_at(site)
            for _ in range(repeats):
                both = [_looked_at(site) for site in (full, single)]
                for name, here, there in zip(_NAMES, *both, strict=True):
                    costs[name].setdefault(size, []).append(here)
                    ratios[name].setdefault(size, []).append(here / there)
    for name in _NAMES:
        yield Series(name, "worlds in the database", "ms", costs[name])
        yield Series(f"{name}, beside one world", "worlds in the database", "times", ratios[name])


def _looked_at(site: Site) -> tuple[float, ...]:
    """Of the quick ones the best of a few: what disturbs a machine only ever adds."""
    connect = min(timed(site.connect) for _ in range(_TRIES))
    first = min(site.first() for _ in range(_TRIES))
    point = site.warm()
    begun_s = time.perf_counter()
    task = site.build()
    build = (time.perf_counter() - begun_s) * 1000
    return connect, first, point, build, timed(lambda: site.remove(task))


def _site(parts: ExitStack) -> Site:
    folder = Path(parts.enter_context(tempfile.TemporaryDirectory(prefix="postern-growth-")))
    server = parts.enter_context(postgres.start(folder))
    database = parts.enter_context(fresh_database(server))
    ready = parts.enter_context(prepared(database, _TABLES, [("public", "customers"), ("public", "orders")]))
    # The server goes with all its worlds: nothing is gained by dropping thousands one by one.
    parts.callback(ready.built.clear)
    task, _ = ready.build(*tables())
    return Site(ready, task)


def tables() -> tuple[GrantedTable, GrantedTable]:
    customers: dict[str, Mask | None] = {
        "id": masked(MaskKind.TOKEN),
        "name": masked(MaskKind.REDACT),
        "email": masked(MaskKind.EMAIL),
    }
    return granted("customers", customers), granted("orders", {"id": None, "customer_id": None, "total": None})
