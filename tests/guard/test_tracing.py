"""What the guard says that a column is made of, against what a server says when it describes the statement."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pg8000.core import CoreConnection

from postern.guard.check import check
from postern.guard.findings import Findings
from postern.guard.lineage import Row
from postern.guard.lists import LISTS
from postern.guard.lookups import Lookups
from postern.guard.scope import Scope
from postern.guard.source import Source, read
from postern.guard.tracing import Tracer
from postern.guard.verdict import Allowed, Refused
from postern.guard.walk import walk
from postern_local.postgres import PostgresServer
from tests.support.guard import (
    CHINOOK_SQL,
    SHOP_SQL,
    WRITE,
    chinook_scope,
    named_statements,
    require_shared,
    shop_scope,
)
from tests.support.servers import Database, fresh_database

SHOP = shop_scope()
Origins = dict[tuple[int, int], tuple[str, str, str]]

MORE = """
SELECT * FROM orders o JOIN customers c ON c.id = o.customer_id
SELECT o.*, c.email AS e FROM orders AS o (x, y), customers c
SELECT s.a, s.b FROM (SELECT id, email FROM customers) AS s (a, b)
SELECT x.* FROM (SELECT o.id, o.total * 2, o.note FROM orders o) x
WITH a AS (SELECT id, email FROM customers), b (p, q) AS (SELECT email, id FROM a) SELECT q, p, upper(p) FROM b
WITH customers AS (SELECT email AS id FROM customers) SELECT id FROM customers
SELECT id FROM orders o, LATERAL (SELECT o.total AS t) l
SELECT l.t FROM orders o, LATERAL (SELECT o.total AS t) l
SELECT j.x FROM (orders o JOIN order_items i ON o.id = i.order_id) AS j (x, y)
SELECT (c).* FROM customers c
SELECT a, b FROM (SELECT (c).*, 1 FROM customers c) AS s (a, b)
SELECT email FROM customers JOIN orders ON orders.customer_id = customers.id
SELECT (SELECT email FROM customers LIMIT 1), region FROM customers
SELECT region FROM customers WHERE EXISTS (SELECT email FROM customers)
SELECT sales.orders.id, channel FROM sales.orders
SELECT (c).email, (c).id FROM customers c
SELECT email || id, lower(email) FROM customers
SELECT coalesce, max FROM (SELECT coalesce(email, ''), max(email) FROM customers GROUP BY email) s
SELECT g FROM customers c, unnest(c.tags) AS g
SELECT id FROM orders GROUP BY id HAVING count(*) > 1 ORDER BY id
SELECT DISTINCT email FROM customers
SELECT first_value(email) OVER (), email FROM customers
SELECT a.email, b.email FROM customers a, LATERAL (SELECT * FROM customers b WHERE b.id = a.id) b
""".strip().splitlines()


def trace(sql: str, scope: Scope) -> Row:
    source = read(sql)
    assert isinstance(source, Source), source
    findings = Findings(scope, LISTS[18], source.body)
    assert walk(source.node, source.body, findings) is None
    tracer = Tracer(findings, Lookups(findings, {}))
    row = tracer.query(source.node, source.body, {})
    assert tracer.objection is None
    return row


def _origins(connection: CoreConnection) -> Origins:
    rows = connection.execute_simple(
        "SELECT attrelid, attnum, relname, attname FROM pg_attribute JOIN pg_class c ON c.oid = attrelid "
        "WHERE attnum > 0 AND relnamespace = 'task'::regnamespace"
    ).rows
    views = {relation.view: relation for scope in (SHOP, chinook_scope()) for relation in scope.relations}
    return {
        (int(oid), int(number)): (views[view].schema, views[view].name, column) for oid, number, view, column in rows
    }


def _disagreements(
    connection: CoreConnection, statements: list[str], scope: Scope, *, is_exact: bool = False
) -> list[str]:
    """What the server describes otherwise; with `is_exact` also what the guard knows less of than the server."""
    origins = _origins(connection)
    found = []
    for asked in statements:
        verdict = check(asked, scope)
        assert isinstance(verdict, Allowed)
        described = connection.prepare_statement(verdict.sql, ())[1]
        row = trace(asked, scope)
        if not row.is_ordered:
            continue  # a join by USING, or a function's columns: no position to compare
        if len(row.columns) != len(described):
            found.append(f"{asked}: {len(row.columns)} columns, and the server describes {len(described)}")
            continue
        for column, told in zip(row.columns, described, strict=True):
            if column.name not in (None, told["name"]):
                found.append(f"{asked}: column {column.name}, and the server calls it {told['name']}")
            came_from = origins.get((told["table_oid"], told["column_attrnum"]))
            if came_from and (came_from not in column.value.origins or (is_exact and not column.value.is_exact)):
                found.append(f"{asked}: {told['name']} comes from {came_from}, got {column.value}")
            if column.value.is_exact and len(column.value.origins) == 1 and not came_from and "UNION" not in asked:
                found.append(f"{asked}: {told['name']} is computed, got {column.value}")
    return found


@pytest.fixture(scope="module")
def connection(postgres: PostgresServer) -> Iterator[CoreConnection]:
    with fresh_database(postgres) as database:
        database.run(SHOP_SQL)
        yield from _world(database, SHOP)


@pytest.fixture(scope="module")
def chinook(postgres: PostgresServer) -> Iterator[CoreConnection]:
    with fresh_database(postgres) as database:
        database.load(require_shared(CHINOOK_SQL))
        yield from _world(database, chinook_scope())


def _world(database: Database, scope: Scope) -> Iterator[CoreConnection]:
    database.run("CREATE SCHEMA task")
    for relation in scope.relations:
        columns = ", ".join(relation.by_column)
        database.run(f'CREATE VIEW task."{relation.view}" AS SELECT {columns} FROM {relation.schema}.{relation.name}')
    opened = CoreConnection("postgres", database=database.name, unix_sock=str(database.server.socket))
    opened.execute_simple("SET search_path = task, pg_catalog")
    yield opened
    opened.close()


def test_agrees_with_the_server_about_every_column(connection: CoreConnection) -> None:
    assert _disagreements(connection, MORE, SHOP, is_exact=True) == []


@pytest.mark.parametrize("file", ["shop.sql", "general.sql", "postgres18.sql"])
def test_agrees_about_ordinary_statements(connection: CoreConnection, file: str) -> None:
    assert _disagreements(connection, list(named_statements(file).values()), SHOP) == []


@pytest.mark.parametrize("file", ["chinook.sql", "analytics.sql"])
def test_agrees_about_ordinary_statements_over_chinook(chinook: CoreConnection, file: str) -> None:
    assert _disagreements(chinook, list(named_statements(file).values()), chinook_scope()) == []


def test_most_statements_are_compared_and_not_passed_over() -> None:
    statements = [*named_statements("shop.sql").values(), *named_statements("general.sql").values(), *MORE]

    assert sum(trace(sql, SHOP).is_ordered for sql in statements) > 0.85 * len(statements)


RECURSIVE = "WITH RECURSIVE {} SELECT 1 FROM orders WHERE id = $1"


@pytest.mark.parametrize(
    "queries",
    [
        "a AS (SELECT 1 AS n UNION ALL SELECT n FROM a)",
        "a AS (SELECT n FROM b), b AS (SELECT 1 AS n)",
        "a AS (SELECT * FROM a)",
        "a AS (SELECT * FROM b), b AS (SELECT * FROM a)",
        "a AS (SELECT a.* FROM a, a AS c UNION SELECT 1)",
        "a AS (SELECT ROW(a) AS x FROM a UNION SELECT 1)",
        ", ".join(f"q{n} AS (SELECT * FROM q{(n + 1) % 40})" for n in range(40)),
        "a AS (WITH RECURSIVE b AS (WITH RECURSIVE c AS (TABLE a) TABLE c) TABLE b)",
        "a AS (SELECT 1 AS n UNION SELECT n FROM a) SEARCH DEPTH FIRST BY n SET o CYCLE n SET m USING p",
    ],
)
def test_recursions_of_any_kind_are_decided(queries: str) -> None:
    scope = Scope("public", SHOP.relations, frozenset(), 18, frozenset({"x"}))

    verdict = check(RECURSIVE.format(queries), scope, {1: "x"})

    assert isinstance(verdict, Refused)
    assert verdict.code in {"guard.lookup", "guard.depth"}


def test_recursions_in_recursions_are_given_up_after_a_bounded_number_of_steps() -> None:
    """Each level goes over the one inside several times."""
    inner = "SELECT id AS x FROM orders"
    for level in range(25):
        inner = f"WITH RECURSIVE r{level} AS ({inner} UNION SELECT x FROM r{level}) SELECT x FROM r{level}"

    verdict = check(f"DELETE FROM orders WHERE id IN ({inner})", shop_scope(actions=WRITE))

    assert isinstance(verdict, Refused)
    assert verdict.code == "guard.depth"
