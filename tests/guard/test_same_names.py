"""Tables of one name from several schemas, and WITH queries that are named like a table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from pg8000.core import CoreConnection

from postern.guard.check import check
from postern.guard.verdict import Allowed, Refused
from tests.support.guard import SHOP_SQL, WRITE, shop_scope
from tests.support.servers import Database

SHOP = replace(shop_scope(actions=WRITE), task_schema="task")

MAPPED = {
    "in one from": (
        "SELECT public.orders.id, sales.orders.channel FROM public.orders, sales.orders",
        'SELECT "orders".id, "sales.orders".channel FROM "orders", "sales.orders"',
    ),
    "in one join": (
        "SELECT 1 FROM public.orders JOIN sales.orders ON public.orders.id = sales.orders.id",
        'SELECT 1 FROM "orders" JOIN "sales.orders" ON "orders".id = "sales.orders".id',
    ),
    "one without its schema": (
        "SELECT sales.orders.* FROM orders, sales.orders",
        'SELECT "sales.orders".* FROM orders, "sales.orders"',
    ),
    "target of an update": (
        "UPDATE public.orders SET total = 1 FROM sales.orders WHERE sales.orders.id = public.orders.id",
        'UPDATE "orders" SET total = 1 FROM "sales.orders" WHERE "sales.orders".id = "orders".id',
    ),
    "target of a delete": (
        "DELETE FROM sales.orders USING public.orders WHERE sales.orders.id = public.orders.id",
        'DELETE FROM "sales.orders" USING "orders" WHERE "sales.orders".id = "orders".id',
    ),
    "in two selects": (
        "SELECT orders.id FROM public.orders UNION SELECT orders.id FROM sales.orders",
        'SELECT orders.id FROM "orders" UNION SELECT orders.id FROM "sales.orders" AS "orders"',
    ),
    "with an alias": (
        "SELECT o.id, orders.channel FROM public.orders o, sales.orders",
        'SELECT o.id, orders.channel FROM "orders" o, "sales.orders" AS "orders"',
    ),
    "in a subquery beside": (
        "SELECT (SELECT max(o.id) FROM public.orders o) FROM public.orders, sales.orders",
        'SELECT (SELECT max(o.id) FROM "orders" o) FROM "orders", "sales.orders"',
    ),
    "with query of the name": (
        "WITH orders AS (SELECT 1 AS id) SELECT o.id FROM orders o, public.orders p",
        'WITH orders AS (SELECT 1 AS id) SELECT o.id FROM orders o, "task"."orders" p',
    ),
    "with query over the table": (
        "WITH orders AS (SELECT * FROM public.orders WHERE total > 1) TABLE orders",
        'WITH orders AS (SELECT * FROM "orders" WHERE total > 1) TABLE orders',
    ),
    "recursive query over the table": (
        "WITH RECURSIVE orders AS (SELECT id FROM public.orders) TABLE orders",
        'WITH RECURSIVE orders AS (SELECT id FROM "task"."orders") TABLE orders',
    ),
    "with query named like a view": (
        'WITH "sales.orders" AS (SELECT 1) SELECT orders.id FROM sales.orders',
        'WITH "sales.orders" AS (SELECT 1) SELECT orders.id FROM "task"."sales.orders" AS "orders"',
    ),
    "beside a sample": (
        "SELECT count(*) FROM sales.orders, public.orders TABLESAMPLE SYSTEM (100)",
        'SELECT count(*) FROM "sales.orders", (SELECT * FROM "orders" WHERE pg_catalog.random() * 100 < (100))'
        ' AS "orders" ',
    ),
    "with query over the table in full": (
        "WITH orders AS (SELECT public.orders.id FROM public.orders) SELECT orders.id FROM orders",
        'WITH orders AS (SELECT "orders".id FROM "orders") SELECT orders.id FROM orders',
    ),
    "with query over another": (
        "WITH t AS (SELECT public.orders.* FROM public.orders), orders AS (TABLE t) SELECT orders.id FROM orders",
        'WITH t AS (SELECT "orders".* FROM "orders"), orders AS (TABLE t) SELECT orders.id FROM orders',
    ),
    "in two selects in full": (
        "SELECT public.orders.id FROM public.orders UNION SELECT sales.orders.id FROM sales.orders",
        'SELECT "orders".id FROM "orders" UNION SELECT "orders".id FROM "sales.orders" AS "orders"',
    ),
    "in a subquery that sees only its own": (
        "SELECT 1 FROM public.orders WHERE public.orders.id IN (SELECT sales.orders.id FROM sales.orders)",
        'SELECT 1 FROM "orders" WHERE "orders".id IN (SELECT "orders".id FROM "sales.orders" AS "orders")',
    ),
    "in a subquery that sees both": (
        "SELECT (SELECT count(*) FROM sales.orders WHERE sales.orders.id = public.orders.id) FROM public.orders",
        'SELECT (SELECT count(*) FROM "sales.orders" WHERE "sales.orders".id = "orders".id) FROM "orders"',
    ),
    "the other way around": (
        "SELECT (SELECT count(*) FROM orders WHERE sales.orders.id = public.orders.id) FROM sales.orders",
        'SELECT (SELECT count(*) FROM orders WHERE "sales.orders".id = "orders".id) FROM "sales.orders"',
    ),
    "a delete by the other": (
        "DELETE FROM public.orders WHERE EXISTS (SELECT FROM sales.orders WHERE sales.orders.id = public.orders.id)",
        'DELETE FROM "orders" WHERE EXISTS (SELECT FROM "sales.orders" WHERE "sales.orders".id = "orders".id)',
    ),
    "an update by the other": (
        "UPDATE public.orders SET note = 'x' WHERE public.orders.id IN"
        " (SELECT sales.orders.id FROM sales.orders WHERE sales.orders.channel IS DISTINCT FROM public.orders.note)",
        'UPDATE "orders" SET note = \'x\' WHERE "orders".id IN'
        ' (SELECT "sales.orders".id FROM "sales.orders" WHERE "sales.orders".channel IS DISTINCT FROM "orders".note)',
    ),
    "lateral": (
        "SELECT s.id FROM public.orders, LATERAL (SELECT sales.orders.id FROM sales.orders"
        " WHERE sales.orders.id = public.orders.id) s",
        'SELECT s.id FROM "orders", LATERAL (SELECT "sales.orders".id FROM "sales.orders"'
        ' WHERE "sales.orders".id = "orders".id) s',
    ),
    "the task's own schema": ("SELECT * FROM task.orders", "SELECT * FROM task.orders"),
}


@pytest.fixture
def world(database: Database) -> Iterator[CoreConnection]:
    database.run(SHOP_SQL)
    database.run("CREATE SCHEMA task")
    for table in SHOP.relations:
        database.run(f'CREATE VIEW task."{table.view}" AS SELECT * FROM {table.schema}.{table.name}')
    database.run("INSERT INTO orders (id) VALUES (1), (2); INSERT INTO sales.orders (id) VALUES (2), (3)")
    connection = CoreConnection("postgres", database=database.name, unix_sock=str(database.server.socket))
    try:
        yield connection
    finally:
        connection.close()


@pytest.mark.parametrize(("sql", "runs"), MAPPED.values(), ids=MAPPED)
def test_maps_each_to_its_own_view(sql: str, runs: str) -> None:
    verdict = check(sql, SHOP)

    assert isinstance(verdict, Allowed), verdict
    assert verdict.sql == runs


def test_what_runs_gives_what_the_tables_give(world: CoreConnection) -> None:
    for sql, runs in MAPPED.values():
        if "task" in sql:
            continue
        answers = []
        for path, text in (("public, pg_catalog", sql), ("task, pg_catalog", runs)):
            world.execute_simple(f"BEGIN; SET LOCAL search_path = {path}")
            answer = world.execute_unnamed(text).rows
            left = world.execute_unnamed("SELECT o.id, o.note, o.total FROM public.orders o ORDER BY 1").rows
            answers.append((answer, left))
            world.execute_simple("ROLLBACK")
        assert answers[0] == answers[1], sql


def test_refuses_what_would_come_to_mean_another_table() -> None:
    verdict = check(
        "SELECT 1 FROM public.orders, sales.orders WHERE EXISTS (SELECT FROM sales.orders WHERE orders.id = 1)", SHOP
    )

    assert isinstance(verdict, Refused)
    assert verdict.code == "guard.relation"
    assert verdict.reason == "relation orders: two tables of this name are read together; give each an alias"


def test_refuses_a_table_that_a_with_query_hides_where_the_tasks_schema_is_not_known() -> None:
    verdict = check("WITH orders AS (SELECT 1) SELECT * FROM public.orders", shop_scope())

    assert isinstance(verdict, Refused)
    assert "hides public.orders; give it another name" in verdict.reason


@pytest.mark.parametrize("name", ["task.secret", "task.pg_class", "other.orders", "task.task_key"])
def test_the_tasks_schema_holds_its_views_and_nothing_else(name: str) -> None:
    verdict = check(f"SELECT * FROM {name}", SHOP)

    assert isinstance(verdict, Refused)
    assert verdict.code == "guard.relation"
