"""Generated statements: PostgreSQL itself says which relations a statement opens, and the guard must agree."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pg8000.core import CoreConnection
from pg8000.exceptions import DatabaseError

from postern.guard.check import check
from postern.guard.verdict import Allowed, Refused
from postern_local.postgres import PostgresServer
from tests.support.guard import SHOP_SQL, named_statements, shop_scope
from tests.support.servers import fresh_database

SHOP = shop_scope()
IN_SCOPE = {relation.qualified for relation in SHOP.relations}

TWINS = ["orders", "customers", "events", "products", "order_items", "payments", "employees", "posts", "nums"]

# Names of tables, most of them in scope; those out of scope are names of WITH queries too, as is one in scope.
INSIDE = ["orders", "customers", "events", "public.orders", "sales.targets"]
OUTSIDE = ["secret", "vault", "a", "pg_tablespace"]
relation_names = st.sampled_from(
    [*INSIDE * 8, *OUTSIDE * 2, "public.secret", "hidden.vault", "pg_catalog.pg_tablespace"]
)
with_names = st.sampled_from([*OUTSIDE, "orders"])


ITEMS = [
    "{name} AS n{i}",
    "ONLY {name} AS n{i}",
    "({query}) AS n{i}",
    "LATERAL ({query}) AS n{i}",
    "{name} AS n{i} CROSS JOIN {name} AS m{i}",
    "(VALUES (({query} LIMIT 1))) AS n{i}",
]
CONDITIONS = [
    "",
    " WHERE EXISTS ({query})",
    " WHERE 1 IN ({query})",
    " HAVING (SELECT true FROM {name} LIMIT 1)",
    " ORDER BY (SELECT 1 FROM ({query}) AS o LIMIT 1)",
    " LIMIT (SELECT count(*) FROM {name})",
]


@st.composite
def queries(draw: st.DrawFn, depth: int = 3) -> str:
    """A SELECT of one column, with WITH clauses and subqueries in every place that takes one."""
    if depth == 0:
        return f"(SELECT 1 AS x FROM {draw(relation_names)})"
    below = queries(depth=depth - 1)
    shape = draw(st.sampled_from(["select", "select", "union", "with", "with", "recursive"]))
    if shape == "union":
        return f"({draw(below)} UNION ALL {draw(below)})"
    if shape == "select":
        items = draw(st.lists(st.sampled_from(ITEMS), min_size=1, max_size=2))
        filled = [item.format(query=draw(below), name=draw(relation_names), i=i) for i, item in enumerate(items)]
        condition = draw(st.sampled_from(CONDITIONS)).format(query=draw(below), name=draw(relation_names))
        return f"(SELECT 1 AS x FROM {', '.join(filled)}{condition})"
    names = draw(st.lists(with_names, min_size=1, max_size=3, unique=True))
    start = "SELECT 1 AS x UNION ALL " if shape == "recursive" else ""
    parts = ", ".join(f"{name} AS ({start}{draw(below)})" for name in names)
    return f"(WITH {'RECURSIVE ' if start else ''}{parts} SELECT x FROM {draw(below)} AS w)"


@pytest.fixture(scope="module", params=["postgres16", "postgres"])
def oracle(request: pytest.FixtureRequest) -> Iterator[CoreConnection]:
    """A superuser's session that finds every table by its bare name."""
    server: PostgresServer = request.getfixturevalue(request.param)
    with fresh_database(server) as database:
        database.run(SHOP_SQL)
        database.run("CREATE TABLE a (x int)")
        for table in TWINS:
            database.run(f"CREATE TABLE {table}_twin (LIKE {table})")
        connection = CoreConnection("postgres", database=database.name, unix_sock=str(server.socket))
        connection.execute_simple("SET search_path = public, hidden, sales")
        yield connection
        connection.close()


_LOCKED = """
SELECT n.nspname || '.' || c.relname FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE l.pid = pg_backend_pid() AND (n.nspname NOT LIKE 'pg\\_%' OR c.relname = 'pg_tablespace')
"""


def _relations_opened(oracle: CoreConnection, sql: str) -> set[str] | None:
    """What the server locks to plan the statement; None where it does not accept it."""
    oracle.execute_simple("BEGIN")
    try:
        oracle.execute_unnamed(f"EXPLAIN {sql}")
        return {row[0] for row in oracle.execute_simple(_LOCKED).rows}
    except DatabaseError:
        return None
    finally:
        oracle.execute_simple("ROLLBACK")


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(sql=queries())
def test_agrees_with_the_server_about_every_relation(oracle: CoreConnection, sql: str) -> None:
    opened = _relations_opened(oracle, sql)
    verdict = check(sql, SHOP)

    if opened is None:
        return
    if isinstance(verdict, Allowed):
        assert set(verdict.relations) == opened
        assert opened <= IN_SCOPE
    else:
        assert verdict.code == "guard.relation", verdict
        assert "hides" in verdict.reason or not opened <= IN_SCOPE


def test_the_oracle_sees_what_a_statement_opens(oracle: CoreConnection) -> None:
    sql = "WITH a AS (TABLE secret) SELECT 1 FROM orders, pg_tablespace"

    assert _relations_opened(oracle, sql) == {"public.secret", "public.orders", "pg_catalog.pg_tablespace"}
    assert _relations_opened(oracle, "SELECT 1 FROM absent") is None


ORDINARY = [*named_statements("shop.sql").values(), *named_statements("general.sql").values()]
PIECES = sorted({piece for sql in ORDINARY for piece in re.findall(r"\w+|\S", sql)})


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=30).map(" ".join) | st.text(max_size=200))
def test_decides_about_any_text(sql: str) -> None:
    verdict = check(sql, SHOP)

    assert isinstance(verdict, Allowed | Refused)
    if isinstance(verdict, Allowed) and not verdict.rewritten:
        assert verdict.sql == sql


def test_names_exactly_the_relations_that_ordinary_statements_open(oracle: CoreConnection) -> None:
    for sql in ORDINARY:
        opened, verdict = _relations_opened(oracle, sql), check(sql, SHOP)
        assert isinstance(verdict, Allowed)
        assert opened is None or set(verdict.relations) == opened, sql


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sql=st.sampled_from(ORDINARY), data=st.data())
def test_refuses_an_ordinary_statement_with_one_name_changed(
    oracle: CoreConnection, sql: str, data: st.DataObject
) -> None:
    """Each table has a twin out of scope: one mention of it becomes the twin, and the server says what it opens."""
    mentions = list(re.finditer(rf"\b({'|'.join(TWINS)})\b", sql))
    if not mentions:
        return
    mention = data.draw(st.sampled_from(mentions))
    changed = f"{sql[: mention.end()]}_twin{sql[mention.end() :]}"

    opened, verdict = _relations_opened(oracle, changed), check(changed, SHOP)

    if opened is not None:
        inside = opened <= IN_SCOPE
        if isinstance(verdict, Allowed):
            assert inside, changed
        else:
            assert not inside or verdict.code == "guard.type", changed
