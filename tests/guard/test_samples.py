"""TABLESAMPLE over views: what runs takes the share of the rows that was asked for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pg8000.core import CoreConnection

from postern.guard.check import check
from postern.guard.verdict import Allowed, Refused
from postern_local.postgres import PostgresServer
from tests.support.guard import SHOP_SQL, WRITE, shop_scope
from tests.support.servers import fresh_database

SHOP = shop_scope(actions=WRITE)
CHANCE = "pg_catalog.random() * 100 <"

MAPPED = {
    "bare": (
        "SELECT orders.id FROM orders TABLESAMPLE BERNOULLI (10) WHERE id > 1",
        f'SELECT orders.id FROM (SELECT * FROM orders WHERE {CHANCE} (10)) AS "orders"  WHERE id > 1',
    ),
    "alias": (
        "SELECT t.x FROM orders AS t (x) TABLESAMPLE SYSTEM (12.5)",
        f"SELECT t.x FROM (SELECT * FROM orders WHERE {CHANCE} (12.5)) AS t (x) ",
    ),
    "qualified": (
        "SELECT public.orders.id FROM public.orders TABLESAMPLE SYSTEM ($1), nums",
        f'SELECT "orders".id FROM (SELECT * FROM "orders" WHERE {CHANCE} ($1)) AS "orders" , nums',
    ),
    "of another schema": (
        "SELECT orders.id FROM sales.orders TABLESAMPLE SYSTEM (50)",
        f'SELECT orders.id FROM (SELECT * FROM "sales.orders" AS "orders" WHERE {CHANCE} (50)) AS "orders" ',
    ),
    "computed": (
        "SELECT t.id FROM orders t TABLESAMPLE BERNOULLI (100.0/3) REPEATABLE (-1 + (2 * $1))",
        "SELECT t.id FROM (SELECT * FROM orders WHERE (pg_catalog.hashtextextended("
        '"orders".*::text, (-1 + (2 * $1))::float8::bigint) & 1048575) * 100.0 / 1048576 < (100.0/3)) t ',
    ),
    "cast": (
        "SELECT t.id FROM orders t TABLESAMPLE BERNOULLI (CAST('10' AS numeric(5, 2))::real)",
        f"SELECT t.id FROM (SELECT * FROM orders WHERE {CHANCE} (CAST('10' AS numeric(5, 2))::real)) t ",
    ),
    "in full": (
        "SELECT t.id FROM orders t TABLESAMPLE pg_catalog . bernoulli (10)",
        f"SELECT t.id FROM (SELECT * FROM orders WHERE {CHANCE} (10)) t ",
    ),
    "comments": (
        "SELECT 1 FROM orders TABLESAMPLE SYSTEM (/* ) */ 5 ) -- end",
        f'SELECT 1 FROM (SELECT * FROM orders WHERE {CHANCE} (/* ) */ 5 )) AS "orders"  -- end',
    ),
    "two of them": (
        "SELECT 1 FROM orders o TABLESAMPLE SYSTEM (1) JOIN nums n TABLESAMPLE SYSTEM (2) ON o.id = n.a",
        f"SELECT 1 FROM (SELECT * FROM orders WHERE {CHANCE} (1)) o  "
        f"JOIN (SELECT * FROM nums WHERE {CHANCE} (2)) n  ON o.id = n.a",
    ),
}


@pytest.mark.parametrize(("sql", "runs"), MAPPED.values(), ids=MAPPED)
def test_runs_as_a_condition_over_the_view(sql: str, runs: str) -> None:
    verdict = check(sql, SHOP)

    assert isinstance(verdict, Allowed), verdict
    assert verdict.sql == runs
    assert verdict.rewritten


@pytest.fixture(params=["postgres16", "postgres"])
def world(request: pytest.FixtureRequest) -> Iterator[CoreConnection]:
    server: PostgresServer = request.getfixturevalue(request.param)
    with fresh_database(server) as database:
        database.run(SHOP_SQL)
        database.run("INSERT INTO sales.orders (id, channel) SELECT n, 'web' FROM generate_series(1, 4000) AS n")
        database.run('CREATE SCHEMA task; CREATE VIEW task."sales.orders" AS SELECT * FROM sales.orders')
        connection = CoreConnection("postgres", database=database.name, unix_sock=str(server.socket))
        connection.execute_simple("SET search_path = task, pg_catalog")
        yield connection
        connection.close()


def _ids(world: CoreConnection, clause: str) -> list[int]:
    verdict = check(f"SELECT o.id FROM sales.orders AS o TABLESAMPLE {clause} ORDER BY o.id", SHOP)
    assert isinstance(verdict, Allowed), verdict
    return [row[0] for row in world.execute_unnamed(verdict.sql).rows]


def test_takes_the_share_that_was_asked_for(world: CoreConnection) -> None:
    assert _ids(world, "BERNOULLI (100)") == list(range(1, 4001))
    assert _ids(world, "SYSTEM (100) REPEATABLE (1)") == list(range(1, 4001))
    assert _ids(world, "SYSTEM (0)") == []
    assert 250 < len(_ids(world, "BERNOULLI (10)")) < 550  # ten standard deviations to either side


def test_the_same_seed_takes_the_same_rows(world: CoreConnection) -> None:
    one = _ids(world, "BERNOULLI (25) REPEATABLE (7)")

    assert _ids(world, "SYSTEM (25) REPEATABLE (7)") == one
    assert _ids(world, "SYSTEM (25) REPEATABLE (8)") != one
    assert 750 < len(one) < 1250


@pytest.mark.parametrize(
    ("sample", "code"),
    [
        ("ONLY orders TABLESAMPLE SYSTEM (1)", "guard.node"),
        ("orders TABLESAMPLE SYSTEM (1, 2)", "guard.node"),
        ("orders TABLESAMPLE SYSTEM (1 + pi())", "guard.node"),
        ("orders TABLESAMPLE SYSTEM (1 + random())", "guard.node"),
        ("orders TABLESAMPLE SYSTEM ((SELECT 1) + 1)", "guard.node"),
        ("orders TABLESAMPLE SYSTEM (orders.id + 1)", "guard.node"),
        ("orders TABLESAMPLE SYSTEM (ARRAY[1]::real)", "guard.node"),
        ("orders TABLESAMPLE SYSTEM ('1'::text)", "guard.node"),
        ("orders TABLESAMPLE SYSTEM ('pg_class'::regclass)", "guard.node"),
        ("orders TABLESAMPLE SYSTEM ('{1}'::int[])", "guard.node"),
        ("orders TABLESAMPLE SYSTEM (1 OPERATOR(public.+) 1)", "guard.node"),
        ("orders TABLESAMPLE SYSTEM (2 ^ 3)", "guard.node"),
        ("orders TABLESAMPLE SYSTEM (" + "1 + " * 20 + "1)", "guard.node"),
        ("orders TABLESAMPLE public.bernoulli (1)", "guard.function"),
        ("orders TABLESAMPLE pg_catalog.system_rows (1)", "guard.function"),
        ("orders TABLESAMPLE shop.pg_catalog.bernoulli (1)", "guard.function"),
        ("orders TABLESAMPLE SYSTEM (1) REPEATABLE (random())", "guard.node"),
        ("orders TABLESAMPLE system_rows (1)", "guard.function"),
        ("pg_class TABLESAMPLE SYSTEM (1)", "guard.relation"),
    ],
)
def test_refuses_other_samples(sample: str, code: str) -> None:
    verdict = check(f"SELECT 1 FROM {sample}", SHOP)

    assert isinstance(verdict, Refused)
    assert verdict.code == code
