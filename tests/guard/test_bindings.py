"""A name means in what runs what it meant in what was asked: with its schema gone, it must not find another table."""

from __future__ import annotations

import pytest

from postern.guard.check import check
from postern.guard.scope import Scope
from postern.guard.verdict import Allowed, Refused
from tests.support.guard import WRITE, relation

SCOPE = Scope(
    "public",
    (
        relation("public", "orders", "id customer_id note", WRITE),
        relation("sales", "orders", "id channel note", WRITE),
        relation("public", "nums", "a b t", WRITE),
        relation("public", "person", "id email:pii.email:token ssn:pii.ssn:token name:pii.name:redact tag", WRITE),
    ),
    frozenset(),
    18,
    frozenset({"pii.email"}),
    "task_1",
)

AMBIGUOUS = {
    "short": "SELECT 1 FROM public.orders WHERE EXISTS"
    " (SELECT 1 FROM sales.orders WHERE public.orders.id = 1 AND orders.channel = 'x')",
    "whole-row": "SELECT (SELECT max(orders::text) FROM sales.orders WHERE public.orders.id = 1) FROM public.orders",
    "subquery": "SELECT id FROM public.orders WHERE EXISTS"
    " (SELECT 1 FROM (SELECT 99 AS id) orders WHERE public.orders.id = orders.id)",
    "with": "WITH orders AS (SELECT 2 AS id) SELECT id FROM public.orders WHERE EXISTS"
    " (SELECT 1 FROM orders WHERE public.orders.id = orders.id)",
    "alias": "SELECT 1 FROM public.orders WHERE EXISTS (SELECT 1 FROM public.nums orders WHERE public.orders.id = 1)",
    "function": "SELECT 1 FROM public.orders WHERE EXISTS"
    " (SELECT 1 FROM generate_series(1, 2) orders WHERE public.orders.id = 1)",
    "join": "SELECT 1 FROM public.orders WHERE EXISTS"
    " (SELECT 1 FROM (public.nums x JOIN public.nums y USING (a)) AS orders WHERE public.orders.id = 1)",
    "using": "SELECT 1 FROM public.orders WHERE EXISTS"
    " (SELECT 1 FROM public.nums x JOIN public.nums y USING (a) AS orders WHERE public.orders.id = 1)",
    "hidden-by-a-join": "SELECT (SELECT public.orders.id FROM (public.orders JOIN public.nums ON true) AS j)"
    " FROM public.nums orders",
    "lateral-from-the-left": "SELECT (SELECT s.id FROM LATERAL (SELECT public.orders.id) s, public.orders)"
    " FROM public.nums orders, public.orders AS o",
    "views-name": 'SELECT (SELECT max(sales.orders.id) FROM nums "sales.orders" WHERE public.orders.id = 1)'
    " FROM public.orders, sales.orders",
    "views-name-of-a-with": 'WITH "sales.orders" AS (SELECT 1) SELECT (SELECT max(sales.orders.id) FROM'
    ' "sales.orders" WHERE public.orders.id = 1) FROM public.orders, sales.orders',
}


@pytest.mark.parametrize("sql", AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
def test_refuses_a_qualified_column_whose_tables_name_something_else_has(sql):
    verdict = check(sql, SCOPE)
    assert isinstance(verdict, Refused)
    assert "alias" in verdict.reason


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1 FROM public.orders WHERE EXISTS (SELECT 1 FROM public.orders WHERE public.orders.id = 1)",
        "SELECT public.orders.id FROM public.orders, sales.orders WHERE public.orders.id = sales.orders.id",
        "SELECT 1 FROM public.orders WHERE EXISTS (SELECT 1 FROM sales.orders s WHERE s.id = public.orders.id)",
        "DELETE FROM public.orders USING public.nums WHERE public.orders.id = public.nums.a",
        "SELECT public.orders.id FROM public.orders WHERE EXISTS (SELECT 1 FROM nums orders WHERE orders.a = 1)",
        "SELECT public.orders.id FROM public.orders, (SELECT orders.a FROM nums orders) s",
    ],
    ids=["the-same-table", "side-by-side", "an-alias", "two-tables", "another-deeper", "another-beside"],
)
def test_allows_a_qualified_column_that_can_mean_one_table_only(sql):
    assert isinstance(check(sql, SCOPE), Allowed)


WRITTEN_BACK = {
    "qualified": "UPDATE person SET tag = public.person.email",
    "insert": "INSERT INTO nums (t) SELECT public.person.email FROM person",
    "star": "INSERT INTO nums (a, b, t) SELECT public.person.* FROM person",
    "returning": "WITH d AS (DELETE FROM person RETURNING public.person.email AS e)"
    " INSERT INTO nums (t) SELECT e FROM d",
    "rebound": "UPDATE public.nums SET t = (SELECT public.nums.t FROM (SELECT email AS t FROM person) nums LIMIT 1)",
    "column-before-relation": "INSERT INTO nums (t) SELECT (x).email FROM nums x, (SELECT p AS x FROM person p) s",
    "columns-star": "INSERT INTO nums (t) SELECT q.email FROM"
    " (SELECT (x).* FROM nums x, (SELECT p AS x FROM person p) s) q",
}


@pytest.mark.parametrize("sql", WRITTEN_BACK.values(), ids=WRITTEN_BACK.keys())
def test_refuses_a_mask_that_comes_by_another_name(sql):
    assert isinstance(check(sql, SCOPE), Refused)


@pytest.mark.parametrize(
    "sql",
    ["UPDATE person SET tag = public.person.tag || 'x'", "INSERT INTO nums (t) SELECT (x).tag FROM person x"],
    ids=["qualified", "of-a-row"],
)
def test_allows_an_open_column_by_the_same_roads(sql):
    assert isinstance(check(sql, SCOPE), Allowed)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT id FROM (SELECT id, ssn AS email FROM person) o WHERE EXISTS (SELECT 1 FROM public.person WHERE EXISTS"
        " (SELECT 1 FROM (SELECT o.email AS email) person WHERE public.person.email = $1))",
        "SELECT tag FROM (SELECT (x).email AS e, tag FROM person x,"
        " (SELECT q AS x FROM (SELECT ssn AS email FROM person) q) s) z WHERE e = $1",
    ],
    ids=["rebound", "column-before-relation"],
)
def test_a_lookup_of_one_class_is_not_compared_with_another(sql):
    assert isinstance(check(sql, SCOPE, {1: "pii.email"}), Refused)


def test_a_lookup_may_name_its_column_in_full():
    verdict = check("SELECT 1 FROM person WHERE public.person.email = $1", SCOPE, {1: "pii.email"})
    assert isinstance(verdict, Allowed)
    assert [(use.table, use.column) for use in verdict.lookups] == [("person", "email")]
