"""A database with people and their orders, and tasks' worlds over it that differ in what their views mask."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from tests.support.servers import Database, fresh_database
from tests.support.world import PreparedDatabase, granted, prepared

from bench.processor_time import of_processes
from postern.types import Mask, MaskKind, RowFilter
from postern.world.names import role_name
from postern_local.postgres import start

ROWS = 10_000
_TABLES = """
CREATE TABLE people (
    id integer PRIMARY KEY, region text NOT NULL, full_name text, email text, phone varchar(40), born date,
    seen timestamptz, pay integer, balance numeric(12, 2), person_key integer, reference uuid, nickname text,
    note text, remark text, document jsonb, tags text[]
);
CREATE TABLE orders (
    id integer PRIMARY KEY, person_id integer NOT NULL, status text NOT NULL, total numeric(12, 2) NOT NULL
)"""
_FILL = (
    f"""INSERT INTO people SELECT n, (ARRAY['north', 'south', 'east', 'west'])[1 + n % 4], 'Person Number ' || n,
    'user.' || n || '@mail' || n % 50 || '.example.com', '+1 202 555 ' || lpad((n % 10000)::text, 4, '0'),
    date '1945-01-01' + n % 22000, timestamptz '2026-11-23 00:00:00Z' - n * interval '1 minute', n * 37 % 90000,
    (n * 7.13)::numeric(12, 2), n, md5(n::text)::uuid, 'user' || n,
    'the order was sent back since an item arrived late, and was refunded to ' || n,
    'write to user.' || n || '@example.com or call +1 202 555 0101 before 2026-11-23, says the seller',
    jsonb_build_object('n', n, 'status', 'open', 'note', 'write to user.' || n || '@example.com'), ARRAY['new', 'vip']
    FROM generate_series(1, {ROWS}) AS n""",
    f"""INSERT INTO orders
    SELECT n, 1 + n * 7919 % {ROWS}, (ARRAY['open', 'paid', 'sent'])[1 + n % 3], (n % 1000) * 1.25
    FROM generate_series(1, {2 * ROWS}) AS n""",
    "CREATE INDEX ON orders (person_id)",
    "VACUUM ANALYZE people",
    "VACUUM ANALYZE orders",
)

MASKS: Mapping[str, Mask | None] = {
    "id": None,
    "region": None,
    "full_name": Mask(MaskKind.REDACT),
    "email": Mask(MaskKind.EMAIL),
    "phone": Mask(MaskKind.PARTIAL, keep_last=2),
    "born": Mask(MaskKind.YEAR),
    "seen": Mask(MaskKind.MONTH),
    "pay": Mask(MaskKind.RANGE, width=1000),
    "balance": Mask(MaskKind.RANGE, width=100),
    "person_key": Mask(MaskKind.TOKEN),
    "reference": Mask(MaskKind.TOKEN),
    "nickname": Mask(MaskKind.SQL, expression="left(lower(value), 2) || '***'", type="text"),
    "note": Mask(MaskKind.SCRUB),
    "remark": Mask(MaskKind.SCRUB),
    "document": Mask(MaskKind.SCRUB),
    "tags": Mask(MaskKind.SCRUB),
}
_LIGHT = {"full_name", "email", "phone", "born"}
_ALL_ROWS = RowFilter("region <> 'nowhere'", {})


@dataclass(frozen=True, slots=True)
class Side:
    """A session of the superuser on the tables, or of a task's role on its views, and the server's process behind it.

    Statements go over the extended protocol and are not kept prepared: each is parsed, rewritten and planned anew, as
    the product's are.
    """

    connection: psycopg.Connection[tuple[object, ...]]

    def run(self, sql: str, parameters: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
        return self.connection.execute(sql, parameters or None, prepare=False).fetchall()

    def server_us(self, sql: str, parameters: tuple[object, ...], times: int) -> float:
        """Microseconds of the server's processor for the statement: the mean of so many."""
        pids = [self.connection.info.backend_pid]
        begun = of_processes(pids)
        for _ in range(times):
            self.run(sql, parameters)
        return (of_processes(pids) - begun) * 1000 / times


@contextmanager
def sides(major: int) -> Iterator[dict[str, Side]]:
    """`tables`, then the worlds: of open columns alone, of light masks, of every mask, and one with a row filter."""
    light = {name: mask if name in _LIGHT else None for name, mask in MASKS.items()}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="postern-bench-")))
        database = stack.enter_context(fresh_database(stack.enter_context(start(folder, major=major))))
        database.run(_TABLES)
        for statement in _FILL:
            database.run(statement)
        ready = stack.enter_context(prepared(database, "", [("public", "people"), ("public", "orders")]))
        users = {
            "tables": "postgres",
            "open columns": _world(ready, dict.fromkeys(MASKS)),
            "light masks": _world(ready, light),
            "every mask": _world(ready, MASKS),
            "row filter": _world(ready, light, _ALL_ROWS),
        }
        yield {name: Side(stack.enter_context(_session(database, user))) for name, user in users.items()}


def _world(ready: PreparedDatabase, people: Mapping[str, Mask | None], row_filter: RowFilter | None = None) -> str:
    orders = dict.fromkeys(("id", "person_id", "status", "total"))
    task_id, _ = ready.build(granted("people", dict(people), row_filter=row_filter), granted("orders", orders))
    return role_name(task_id)


def _session(database: Database, user: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(database.dsn.replace("user=postgres", f"user={user}"), autocommit=True)
