"""GROUP BY a primary key, and casts to the application's own enums: what a view does not have and a table does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from postern.guard.check import check
from postern.guard.scope import Scope, scope_of
from postern.guard.verdict import Allowed, Refused
from postern.types import Action, MaskKind
from postern.world.names import role_name
from tests.support.servers import fresh_database
from tests.support.session import open_plain, read, rows
from tests.support.world import PreparedDatabase, grant_of, granted, masked, prepared

_SCHEMA = """
CREATE TYPE status AS ENUM ('open', 'sent');
CREATE TYPE "Size" AS ENUM ('Big');
CREATE TABLE customer (id int PRIMARY KEY, name text, city text, email text, spot point, size "Size", doc json);
CREATE TABLE orders (id int PRIMARY KEY, customer_id int, status status, total numeric, at date DEFAULT '2026-01-01');
CREATE TABLE line (order_id int, n int, product text, PRIMARY KEY (order_id, n));
CREATE TABLE animal (name text);
CREATE TABLE dog () INHERITS (animal);
INSERT INTO animal VALUES ('cat');
INSERT INTO dog VALUES ('rex');
CREATE TABLE person (email text PRIMARY KEY, name text, born date);
INSERT INTO customer VALUES (1, 'ann', 'Oslo', 'a@x.org'), (2, 'ann', 'Rome', 'b@x.org'), (3, 'cid', 'Rome', 'c@x.org');
INSERT INTO orders VALUES (1, 1, 'open', 5), (2, 1, 'sent', 7), (3, 2, 'sent', 1), (4, 9, 'open', 2);
INSERT INTO line VALUES (1, 1, 'a'), (1, 2, 'b'), (2, 1, 'a');
INSERT INTO person VALUES ('a@x.org', 'ann', '1990-01-01'), ('b@x.org', 'bob', '1990-02-01');
"""
TABLES = {
    "customer": ("id", "name", "city", "email", "spot", "size", "doc"),
    "orders": ("id", "customer_id", "status", "total", "at"),
    "line": ("order_id", "n", "product"),
}


@dataclass(frozen=True)
class Bench:
    """A world over all of it, and the scope that goes with it."""

    ready: PreparedDatabase
    scope: Scope
    role: str

    def run(self, sql: str) -> list[tuple[str | None, ...]]:
        """The rows that the guard and the task's own role give."""
        verdict = check(sql, self.scope)
        assert isinstance(verdict, Allowed), verdict
        connection = open_plain(self.ready.database, user=self.role)
        try:
            return rows(read(connection, verdict.sql))
        finally:
            connection.close()

    def direct(self, sql: str) -> list[tuple[str | None, ...]]:
        connection = open_plain(self.ready.database)
        try:
            return rows(read(connection, sql))
        finally:
            connection.close()


@pytest.fixture(scope="module")
def bench(postgres) -> Iterator[Bench]:
    token, year = masked(MaskKind.TOKEN), masked(MaskKind.YEAR)
    tables = [granted(name, dict.fromkeys(columns)) for name, columns in TABLES.items()]
    tables.append(
        granted(
            "person",
            {"email": token, "name": None, "born": year},
            actions=(Action.SELECT, Action.UPDATE, Action.DELETE),
        )
    )
    tables.append(granted("animal", {"name": None}, actions=(Action.SELECT, Action.DELETE)))
    names = [("public", table.name) for table in tables]
    with fresh_database(postgres) as database, prepared(database, _SCHEMA, names) as ready:
        task_id, views = ready.build(*tables)
        yield Bench(ready, scope_of(grant_of(*tables), 18, role_name(task_id), views), role_name(task_id))


QUERIES = {
    "qualified": "SELECT c.id, c.name, count(*) FROM customer c JOIN orders o ON customer_id = c.id GROUP BY c.id",
    "unqualified": "SELECT name, count(city) FROM customer GROUP BY id",
    "by-its-place": "SELECT c.id, c.name, sum(total) FROM customer c JOIN orders o ON customer_id = c.id GROUP BY 1",
    "with-others": "SELECT status, c.name FROM customer c JOIN orders o ON o.customer_id = c.id GROUP BY status, c.id",
    "having-and-order": "SELECT id FROM customer GROUP BY id HAVING length(name) > 2 ORDER BY city DESC, name",
    "two-tables": "SELECT c.name, o.total FROM customer c JOIN orders o ON o.customer_id = c.id GROUP BY c.id, o.id",
    "two-columns": "SELECT order_id, n, upper(product) FROM line GROUP BY n, order_id",
    "star": "SELECT l.*, count(*) FROM line l GROUP BY l.order_id, l.n",
    "outer-join": "SELECT o.id, c.name FROM orders o LEFT JOIN customer c ON c.id = customer_id GROUP BY o.id, c.id",
    "using": "SELECT name, sum(total) FROM customer JOIN orders o (x, id) USING (id) GROUP BY id",
    "in-a-subquery": "SELECT max(x) FROM (SELECT c.name || count(*) AS x FROM customer c GROUP BY c.id) s",
    "in-a-with-query": "WITH t AS (SELECT c.city, count(*) FROM customer c GROUP BY c.id) SELECT * FROM t",
    "correlated": "SELECT id, (SELECT count(*) FROM line WHERE n = c.id AND c.city > 'P') FROM customer c GROUP BY 1",
    "qualified-table": "SELECT public.customer.name, count(*) FROM public.customer GROUP BY public.customer.id",
    "window": "SELECT name, rank() OVER (ORDER BY city) FROM customer GROUP BY id",
    "distinct-groups": "SELECT c.name FROM customer c GROUP BY DISTINCT c.id",
    "filter": "SELECT name, count(*) FILTER (WHERE city = 'Rome') FROM customer GROUP BY id",
    "whole-row": "SELECT row_to_json(c) FROM (SELECT 1) x, orders c GROUP BY c.id",
    "whole-row-and-column": "SELECT o, o.total FROM orders o GROUP BY o.id",
    "whole-row-as-its-text": "SELECT o::text, count(*) FROM orders o GROUP BY o.id, ROLLUP (o::text)",
    "whole-row-beside-its-name": "SELECT count(*) AS o, row_to_json(o) FROM orders o GROUP BY o.id",
    "quoted-enum": "SELECT 'Big'::\"Size\", CAST('Big' AS public.\"Size\"), count(*) FROM customer",
    "json-in-an-aggregate": "SELECT id, any_value(doc::text), json_agg(doc) FROM customer GROUP BY id",
    "json-in-a-subquery": "SELECT id, (SELECT max(1) FROM (SELECT doc FROM customer) x) FROM customer GROUP BY 1",
    "only": "SELECT id FROM ONLY customer c",
    "nothing-to-add": "SELECT id, count(city) FROM customer GROUP BY id",
    "all-named": "SELECT id, name FROM customer GROUP BY id, name",
    "grouping-sets": "SELECT id, name FROM customer GROUP BY ROLLUP (id, name)",
    "ünïcode": "SELECT 'ü' AS ü, c.name FROM customer c WHERE name <> 'ö' GROUP BY c.id",
    "by-an-output-name": "SELECT c.id AS cid, c.name, count(*) FROM customer c GROUP BY cid",
    "an-output-name-that-is-a-column": "SELECT c.city, c.id AS name FROM customer c GROUP BY name, c.id",
    "in-parentheses": "SELECT name FROM customer GROUP BY (id)",
    "two-in-parentheses": "SELECT c.name, o.at FROM customer c JOIN orders o ON true GROUP BY (c.id), (o.id)",
    "a-row": "SELECT c.name, c.city, o.at FROM customer c JOIN orders o ON true GROUP BY (c.id, o.at)",
    "a-row-by-places": "SELECT order_id, n, product FROM line GROUP BY (1, 2)",
    "beside-a-rollup": "SELECT id, name, status FROM customer c JOIN orders USING (id) GROUP BY c.id, ROLLUP (status)",
    "before-it-a-sum": "SELECT name, total + 1 FROM customer c JOIN orders USING (id) GROUP BY total + 1, c.id",
    "a-function-first": "SELECT c.name FROM customer c GROUP BY (SELECT count(*) FROM line GROUP BY n LIMIT 1), c.id",
    "one-set": "SELECT c.name FROM customer c GROUP BY GROUPING SETS ((c.id))",
    "in-every-set": "SELECT c.id, name, city FROM customer c GROUP BY GROUPING SETS ((c.id, city), (id), ((1)))",
    "sets-of-what-it-decides": "SELECT id, name, city FROM customer GROUP BY id, GROUPING SETS ((name), ())",
    "an-empty-set": "SELECT name FROM customer GROUP BY id, ()",
    "distinct-sets": "SELECT id, name, city FROM customer GROUP BY DISTINCT id, ROLLUP (city), ROLLUP (city)",
    "an-outer-column": "SELECT c.name, (SELECT count(*) FROM line WHERE product < city) FROM customer c GROUP BY c.id",
    "two-levels-out": "SELECT (SELECT (SELECT min(n || city) FROM line) FROM person LIMIT 1) FROM customer GROUP BY id",
    "a-comment": "SELECT name FROM customer GROUP BY -- by its key\n (id)",
    "renamed-columns": "SELECT c.b, upper(d) FROM customer AS c (a, b, d) GROUP BY c.a",
    "some-renamed": "SELECT c.b, c.email FROM customer AS c (a, b) GROUP BY c.a",
    "renamed-crosswise": "SELECT c.id, c.name FROM customer AS c (name, id) GROUP BY c.name",
    "a-sample": "SELECT c.name, count(*) FROM customer c TABLESAMPLE SYSTEM (100) GROUP BY c.id",
    "enum-cast": "SELECT count(*) FROM orders WHERE status = 'sent'::status",
    "enum-cast-in-full": "SELECT CAST('open' AS status), status 'sent', NULL::public.status, ARRAY['open']::status[]",
    "enum-functions": "SELECT enum_range(NULL::status), enum_first(NULL::status)",
}


@pytest.mark.parametrize("sql", QUERIES.values(), ids=QUERIES.keys())
def test_gives_what_the_tables_give(bench, sql):
    assert sorted(map(str, bench.run(sql))) == sorted(map(str, bench.direct(sql)))


@pytest.mark.parametrize(
    "sql",
    [
        pytest.param("SELECT name FROM customer GROUP BY city", id="no-key"),
        pytest.param("SELECT product FROM line GROUP BY order_id", id="half-a-key"),
        pytest.param("WITH customer AS (SELECT 1 AS id, 'x' AS name) SELECT name FROM customer GROUP BY id", id="with"),
        pytest.param("SELECT name FROM (SELECT id, name FROM customer) customer GROUP BY id", id="subquery"),
        pytest.param("SELECT c.b FROM customer AS c (b, a) GROUP BY c.a", id="renamed-columns"),
        pytest.param("SELECT c.a FROM customer AS c (a, b, c, d, e, f, g, h) GROUP BY c.a", id="too-many-names"),
        pytest.param("SELECT c.city FROM customer c GROUP BY GROUPING SETS ((c.id), ())", id="not-in-every-set"),
        pytest.param("SELECT c.city FROM customer c GROUP BY ROLLUP (c.id)", id="a-rollup"),
        pytest.param("SELECT grouping(c.city) FROM customer c GROUP BY c.id", id="grouping-of-what-is-not-grouped"),
        pytest.param("SELECT c.city FROM customer c GROUP BY CUBE (c.id), city || ''", id="a-cube"),
        pytest.param("SELECT c.city FROM customer c GROUP BY ROW (c.id, 1)", id="a-row-that-is-one-value"),
        pytest.param("SELECT c.id AS city, c.name FROM customer c GROUP BY city", id="the-column-before-the-output"),
        pytest.param("SELECT id, doc FROM customer GROUP BY id", id="a-type-without-equality"),
        pytest.param(
            "SELECT o.total FROM customer c JOIN orders o ON true GROUP BY c.id", id="the-other-tables-column"
        ),
    ],
)
def test_leaves_what_no_key_decides_to_the_database(bench, sql):
    verdict = check(sql, bench.scope)
    assert isinstance(verdict, Allowed)
    assert not verdict.rewritten


def test_a_key_that_is_shown_as_tokens_decides_like_any_other(bench):
    found = bench.run("SELECT p.name, p.born, count(*) FROM person p GROUP BY p.email")
    assert sorted(found) == [("ann", "1990-01-01", "1"), ("bob", "1990-01-01", "1")]


def test_an_error_points_into_the_text_that_was_asked(bench):
    verdict = check("SELECT c.name, nope FROM customer c GROUP BY c.id", bench.scope)
    assert isinstance(verdict, Allowed)
    assert verdict.position_as_asked(verdict.sql.index("nope") + 1) == 16


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        pytest.param("SELECT * FROM ONLY animal", "guard.relation", id="only"),
        pytest.param("SELECT * FROM ONLY (public.animal)", "guard.relation", id="only-in-parentheses"),
        pytest.param("DELETE FROM ONLY animal WHERE name = 'x'", "guard.relation", id="delete-only"),
        pytest.param("UPDATE person SET name = DEFAULT", "guard.column", id="update-default"),
        pytest.param("UPDATE person SET (name) = ROW (DEFAULT)", "guard.column", id="update-default-in-a-row"),
        pytest.param("SELECT 'x'::other_status", "guard.type", id="another-type"),
        pytest.param("SELECT 'x'::hidden.status", "guard.type", id="another-schemas-type"),
    ],
)
def test_refuses_what_a_view_would_answer_wrongly(bench, sql, code):
    verdict = check(sql, bench.scope)
    assert isinstance(verdict, Refused)
    assert verdict.code == code


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        pytest.param("SELECT * FROM ONLY animal", "leave ONLY out", id="a-read"),
        pytest.param("DELETE FROM ONLY animal WHERE name = 'x'", "pick the rows by a condition", id="a-write"),
        pytest.param("UPDATE person SET (name) = ROW (DEFAULT)", "column name", id="the-column"),
    ],
)
def test_advises_what_does_no_harm(bench, sql, words):
    verdict = check(sql, bench.scope)
    assert isinstance(verdict, Refused)
    assert words in verdict.reason
