"""EXPLAIN of a SELECT: no options, nothing hidden under it, and the agent's names in the plan."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pg8000.core import CoreConnection

from postern.guard.check import check
from postern.guard.plan_text import plan_text
from postern.guard.scope import Scope
from postern.guard.verdict import Allowed, Refused, StatementKind
from postern_local.postgres import PostgresServer
from tests.support.guard import SHOP_SQL, WRITE, masked_scope, relation, shop_scope
from tests.support.servers import fresh_database

SHOP = shop_scope(actions=WRITE)

ALLOWED = {
    "select": ("EXPLAIN SELECT * FROM orders", "EXPLAIN (COSTS OFF) SELECT * FROM orders"),
    "as it runs": ("EXPLAIN (COSTS OFF) SELECT 1", "EXPLAIN (COSTS OFF) SELECT 1"),
    "costs false": ("EXPLAIN (COSTS FALSE) SELECT 1", "EXPLAIN (COSTS OFF) SELECT 1"),
    "costs nought": ("EXPLAIN (Costs 0) SELECT (1)", "EXPLAIN (COSTS OFF) SELECT (1)"),
    "costs off in quotes": ("EXPLAIN(costs'Off')SELECT 1", "EXPLAIN (COSTS OFF)SELECT 1"),
    "costs off twice": ("EXPLAIN (COSTS OFF, /* ) */ COSTS 'false') SELECT 1", "EXPLAIN (COSTS OFF) SELECT 1"),
    "after a comment": ("/* plan */ explain\nTABLE orders", "/* plan */ EXPLAIN (COSTS OFF)\nTABLE orders"),
    "qualified": (
        "EXPLAIN SELECT orders.id FROM sales.orders WHERE id = $1",
        'EXPLAIN (COSTS OFF) SELECT orders.id FROM "sales.orders" AS "orders" WHERE id = $1',
    ),
    "with": ("EXPLAIN WITH o AS (TABLE orders) TABLE o", "EXPLAIN (COSTS OFF) WITH o AS (TABLE orders) TABLE o"),
}


@pytest.mark.parametrize(("sql", "runs"), ALLOWED.values(), ids=ALLOWED)
def test_runs_without_costs(sql: str, runs: str) -> None:
    verdict = check(sql, SHOP)

    assert isinstance(verdict, Allowed), verdict
    assert (verdict.kind, verdict.sql, verdict.writes) == (StatementKind.EXPLAIN, runs, False)
    assert verdict.rewritten == (sql != runs)


CLOSED = {
    "analyze": "EXPLAIN ANALYZE SELECT 1",
    "analyze in parentheses": "EXPLAIN (ANALYZE) SELECT 1",
    "analyze off": "EXPLAIN (ANALYZE OFF) SELECT 1",
    "verbose": "EXPLAIN VERBOSE SELECT 1",
    "analyze verbose": "EXPLAIN ANALYZE VERBOSE SELECT 1",
    "costs": "EXPLAIN (COSTS) SELECT 1",
    "costs on": "EXPLAIN (COSTS ON) SELECT 1",
    "costs true": "EXPLAIN (COSTS TRUE) SELECT 1",
    "costs one": "EXPLAIN (COSTS 1) SELECT 1",
    "costs of another kind": "EXPLAIN (COSTS 0.0) SELECT 1",
    "costs no": "EXPLAIN (COSTS 'no') SELECT 1",
    "verbose off": "EXPLAIN (VERBOSE OFF) SELECT 1",
    "costs off and more": "EXPLAIN (COSTS OFF, BUFFERS) SELECT 1",
    "costs off and on": "EXPLAIN (COSTS OFF, COSTS ON) SELECT 1",
    "settings": "EXPLAIN (SETTINGS) SELECT 1",
    "generic plan": "EXPLAIN (GENERIC_PLAN) SELECT $1",
    "memory": "EXPLAIN (MEMORY) SELECT 1",
    "format": "EXPLAIN (FORMAT JSON) SELECT 1",
    "an extension's": "EXPLAIN (HYPOTHETICAL) SELECT 1",
    "insert": "EXPLAIN INSERT INTO orders (id) VALUES (1)",
    "update": "EXPLAIN UPDATE orders SET id = 1",
    "delete": "EXPLAIN DELETE FROM orders",
    "merge": "EXPLAIN MERGE INTO orders USING customers ON true WHEN MATCHED THEN DELETE",
    "execute": "EXPLAIN EXECUTE p",
    "declare": "EXPLAIN DECLARE c CURSOR FOR SELECT 1",
    "create table as": "EXPLAIN CREATE TABLE t AS SELECT 1",
    "refresh": "EXPLAIN REFRESH MATERIALIZED VIEW v",
    "write in with": "EXPLAIN WITH x AS (DELETE FROM orders RETURNING 1) TABLE x",
    "into": "EXPLAIN SELECT 1 INTO t",
    "for update": "EXPLAIN SELECT * FROM orders FOR UPDATE",
}


@pytest.mark.parametrize("sql", CLOSED.values(), ids=CLOSED)
def test_refuses_options_and_other_statements(sql: str) -> None:
    verdict = check(sql, SHOP)

    assert isinstance(verdict, Refused), verdict
    assert verdict.code == "guard.kind"


@pytest.mark.parametrize("statement", ["DELETE FROM orders", "EXECUTE p", "CREATE TABLE t AS SELECT 1"])
def test_says_that_only_a_select_is_explained(statement: str) -> None:
    verdict = check(f"EXPLAIN {statement}", SHOP)

    assert isinstance(verdict, Refused)
    assert verdict.reason == "EXPLAIN: expected a SELECT; only its plan can be shown"


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("EXPLAIN SELECT * FROM secret", "guard.relation"),
        ("EXPLAIN SELECT * FROM pg_stats", "guard.relation"),
        ("EXPLAIN SELECT pg_sleep(1)", "guard.function"),
        ("EXPLAIN SELECT 'x'::regclass", "guard.type"),
        ("EXPLAIN SELECT 1; SELECT 2", "guard.statements"),
        ("EXPLAIN EXPLAIN SELECT 1", "sql.syntax"),
    ],
)
def test_what_is_explained_is_checked_like_what_is_run(sql: str, code: str) -> None:
    verdict = check(sql, SHOP)

    assert isinstance(verdict, Refused)
    assert verdict.code == code


@pytest.mark.parametrize(
    ("sql", "because"),
    [
        ("EXPLAIN SELECT customer_id FROM customer", "public.customer masks columns"),
        ("EXPLAIN SELECT 1 FROM invoice WHERE EXISTS (SELECT FROM employee)", "public.employee masks columns"),
        ("EXPLAIN WITH c AS (TABLE sales.customer) SELECT 1", "sales.customer masks columns"),
        ("EXPLAIN SELECT * FROM region", "public.region filters rows"),
    ],
)
def test_refuses_plans_that_tell_of_hidden_values(sql: str, because: str) -> None:
    verdict = check(sql, masked_scope())

    assert isinstance(verdict, Refused)
    assert verdict.code == "guard.kind"
    assert because in verdict.reason
    assert "small LIMIT" in verdict.reason


def test_explains_beside_masks_that_it_does_not_touch() -> None:
    assert isinstance(check("EXPLAIN SELECT * FROM invoice", masked_scope()), Allowed)


PLANS = {
    "scan": ("Seq Scan on orders", "Seq Scan on orders or sales.orders"),
    "scan with an alias": ("  ->  Seq Scan on customers customers_1", "  ->  Seq Scan on customers customers_1"),
    "another schema's": ("Seq Scan on targets t", "Seq Scan on sales.targets t"),
    "index": ("Index Scan using nums_salary_idx on nums n", "Index Scan using an index on nums n"),
    "quoted index": ('Index Only Scan using "on it" on nums', "Index Only Scan using an index on nums"),
    "backwards": ("Index Scan Backward using i on nums", "Index Scan Backward using an index on nums"),
    "bitmap": ("        ->  Bitmap Index Scan on nums_salary_idx", "        ->  Bitmap Index Scan"),
    "bitmap heap": ("  ->  Parallel Bitmap Heap Scan on nums", "  ->  Parallel Bitmap Heap Scan on nums"),
    "condition": ("  Filter: (t = 'Seq Scan on secret'::text)", "  Filter: (t = 'Seq Scan on secret'::text)"),
    "function": ("  ->  Function Scan on generate_series g", "  ->  Function Scan on generate_series g"),
    "cte": ("  ->  CTE Scan on secret", "  ->  CTE Scan on secret"),
    "values": ('  ->  Values Scan on "*VALUES*"', '  ->  Values Scan on "*VALUES*"'),
    "aggregate": ("HashAggregate", "HashAggregate"),
}


@pytest.mark.parametrize(("line", "shown"), PLANS.values(), ids=PLANS)
def test_puts_the_agents_names_for_tables_and_none_for_indexes(line: str, shown: str) -> None:
    assert plan_text([line], SHOP) == (shown,)


def test_the_verdicts_relations_settle_a_shared_name() -> None:
    assert plan_text(["Seq Scan on orders"], SHOP, ("sales.orders",)) == ("Seq Scan on sales.orders",)


@pytest.mark.parametrize(
    "line",
    [
        "  ->  Seq Scan on orders_2026 orders_1",
        "  ->  Index Scan using i on secret",
        "  ->  Foreign Scan on elsewhere",
        "  ->  Custom Scan (Columnar) on secret",
        '  ->  Sample Scan on "of it"',
        "  ->  A Scan That Comes Later on secret",
    ],
)
def test_shows_only_the_shape_where_something_out_of_scope_is_read(line: str) -> None:
    plan = [
        "Nested Loop",
        "  Join Filter: (hidden = 1)",
        line,
        "        Filter: (salary > 1000)",
        "  ->  Seq Scan on nums",
    ]

    shown = plan_text(plan, SHOP)

    assert len(shown) == 3
    assert shown[0] == "Nested Loop" and shown[2] == "  ->  Seq Scan on nums"
    assert shown[1].endswith(" on (not in scope)")


@pytest.fixture(params=["postgres16", "postgres"])
def world(request: pytest.FixtureRequest) -> Iterator[CoreConnection]:
    server: PostgresServer = request.getfixturevalue(request.param)
    with fresh_database(server) as database:
        database.run(SHOP_SQL)
        database.run("CREATE INDEX orders_by_secret ON orders (customer_id) INCLUDE (total)")
        database.run("CREATE TABLE parts (id int, v text) PARTITION BY RANGE (id)")
        database.run("CREATE TABLE parts_of_secret PARTITION OF parts FOR VALUES FROM (1) TO (10)")
        database.run("INSERT INTO orders (id, customer_id) SELECT n, n FROM generate_series(1, 2000) AS n")
        database.run("CREATE SCHEMA task")
        for one in SCOPE.relations:
            columns = ", ".join(one.by_column)
            database.run(f'CREATE VIEW task."{one.view}" AS SELECT {columns} FROM {one.schema}.{one.name}')
        database.run("ANALYZE")
        connection = CoreConnection("postgres", database=database.name, unix_sock=str(server.socket))
        connection.execute_simple("SET search_path = task, pg_catalog")
        yield connection
        connection.close()


SCOPE = Scope("public", (*SHOP.relations, relation("public", "parts", "id v")), frozenset(), 18)


def test_plans_of_real_servers_name_what_the_agent_may_name(world: CoreConnection) -> None:
    for sql in [
        "EXPLAIN SELECT total FROM orders WHERE customer_id = 7",
        "EXPLAIN SELECT * FROM orders o JOIN sales.orders s USING (id) JOIN customers c ON c.id = o.customer_id",
        "EXPLAIN SELECT * FROM parts WHERE v = 'x'",
        "EXPLAIN SELECT max(customer_id) FROM orders",
        "EXPLAIN SELECT * FROM orders WHERE customer_id IN (1, 2) OR customer_id > 1990",
    ]:
        verdict = check(sql, SCOPE)
        assert isinstance(verdict, Allowed)
        plan = [row[0] for row in world.execute_unnamed(verdict.sql).rows]
        shown = "\n".join(plan_text(plan, SCOPE, verdict.relations))
        assert "secret" not in shown, shown
        assert ("parts" in sql) == ("(not in scope)" in shown), shown
    assert "secret" in "\n".join(plan)  # it stands in the plans themselves
