"""Qualified names run under the names that the task's schema has; nothing else of the statement changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from pg8000.core import CoreConnection

from postern.guard.check import check
from postern.guard.findings import Mapped
from postern.guard.rewrite import Rewritten, rewrite
from postern.guard.scope import Scope
from postern.guard.source import Node, Source, read
from postern.guard.verdict import Allowed, Edit, Objection, Refused
from tests.support.guard import SHOP_SQL, WRITE, named_statements, relation, shop_scope
from tests.support.servers import Database

SHOP = replace(shop_scope(), database="shop")

MAPPED = {
    "default schema": ("SELECT * FROM public.orders", 'SELECT * FROM "orders"'),
    "qualified column": ("SELECT public.orders.id FROM public.orders", 'SELECT "orders".id FROM "orders"'),
    "qualified star": ("SELECT public.orders.* FROM public.orders", 'SELECT "orders".* FROM "orders"'),
    "alias": ("SELECT o.id FROM public.orders AS o", 'SELECT o.id FROM "orders" AS o'),
    "spaces and comments": (
        "SELECT 1 /* a */ FROM public /* b */ . /* c */ orders -- d",
        'SELECT 1 /* a */ FROM "orders" -- d',
    ),
    "quoted": ('SELECT"public"."orders"."id"FROM"public".orders', 'SELECT"orders"."id"FROM"orders"'),
    "folded case": ("SELECT 1 FROM PUBLIC.Orders", 'SELECT 1 FROM "orders"'),
    "unicode escape": ('SELECT 1 FROM U&"publ\\0069c".orders', 'SELECT 1 FROM "orders"'),
    "other schema": ("SELECT orders.id FROM sales.orders", 'SELECT orders.id FROM "sales.orders" AS "orders"'),
    "column of another schema": (
        "SELECT sales.orders.id FROM sales.orders",
        'SELECT "orders".id FROM "sales.orders" AS "orders"',
    ),
    "other schema with alias": ("SELECT t.goal FROM sales.targets t", 'SELECT t.goal FROM "sales.targets" t'),
    "both schemas": (
        "SELECT o.id, s.id FROM public.orders o JOIN sales.orders s USING (id)",
        'SELECT o.id, s.id FROM "orders" o JOIN "sales.orders" s USING (id)',
    ),
    "only": ("SELECT 1 FROM ONLY public.orders", 'SELECT 1 FROM ONLY "orders"'),
    "only in parentheses": (
        "SELECT 1 FROM ONLY (sales.targets) WHERE targets.goal > 1",
        'SELECT 1 FROM ONLY ("sales.targets") AS "targets" WHERE targets.goal > 1',
    ),
    "star": ("SELECT 1 FROM sales.targets *", 'SELECT 1 FROM "sales.targets" * AS "targets"'),
    "table command": ("TABLE public.orders", 'TABLE "orders"'),
    "table command of another schema": (
        "TABLE sales.targets ORDER BY targets.goal",
        'SELECT * FROM "sales.targets" AS "targets" ORDER BY targets.goal',
    ),
    "subquery": ("SELECT (SELECT max(id) FROM public.orders)", 'SELECT (SELECT max(id) FROM "orders")'),
    "in the database": ('SELECT * FROM "shop"."public"."orders"', 'SELECT * FROM "orders"'),
    "in the database with spaces": (
        "SELECT orders.id FROM shop /* a */ . sales . /* b */ orders *",
        'SELECT orders.id FROM "sales.orders" * AS "orders"',
    ),
    "only in the database": (
        "SELECT 1 FROM ONLY (shop.sales.targets)",
        'SELECT 1 FROM ONLY ("sales.targets") AS "targets"',
    ),
    "table command in the database": ("TABLE shop.sales.targets", 'SELECT * FROM "sales.targets" AS "targets"'),
    "sample in the database": (
        "SELECT 1 FROM shop.sales.targets t TABLESAMPLE SYSTEM (12)",
        'SELECT 1 FROM (SELECT * FROM "sales.targets" WHERE pg_catalog.random() * 100 < (12)) t ',
    ),
    "column of a table in the database": (
        "SELECT public.orders.id FROM shop.public.orders",
        'SELECT "orders".id FROM "orders"',
    ),
    "letters beyond ascii before": (
        "SELECT 'Größe €😀' FROM public.orders",
        "SELECT 'Größe €😀' FROM \"orders\"",
    ),
    "row type": ("SELECT NULL::public.orders", 'SELECT NULL::"orders"'),
    "row type of another schema": ("SELECT NULL::sales.targets[]", 'SELECT NULL::"sales.targets"[]'),
    "literal forms stay": (
        "SELECT 0x1F, 1e3, E'\\n', $$ public.orders $$, B'1', 'public.orders' FROM public.orders",
        "SELECT 0x1F, 1e3, E'\\n', $$ public.orders $$, B'1', 'public.orders' FROM \"orders\"",
    ),
    "same name as a later query": (
        "WITH a AS (SELECT * FROM public.orders), orders AS (SELECT 1) SELECT * FROM a",
        'WITH a AS (SELECT * FROM "orders"), orders AS (SELECT 1) SELECT * FROM a',
    ),
    "inside a query of its name": (
        "WITH orders AS (SELECT * FROM public.orders) SELECT * FROM orders",
        'WITH orders AS (SELECT * FROM "orders") SELECT * FROM orders',
    ),
    "sixty terms": (
        "SELECT " + "||".join(["note"] * 60) + " FROM public.orders",
        "SELECT " + "||".join(["note"] * 60) + ' FROM "orders"',
    ),
}


@pytest.mark.parametrize(("asked", "runs"), MAPPED.values(), ids=MAPPED)
def test_maps_qualified_names_in_place(asked: str, runs: str) -> None:
    verdict = check(asked, SHOP)

    assert isinstance(verdict, Allowed), verdict
    assert verdict.sql == runs
    assert verdict.rewritten


def test_allows_what_it_wrote_without_a_change() -> None:
    for asked, runs in MAPPED.values():
        again = check(runs, SHOP)
        assert isinstance(again, Allowed), asked
        assert not again.rewritten


WRITES = {
    "insert": ("INSERT INTO public.orders (id) VALUES (1)", 'INSERT INTO "orders" (id) VALUES (1)'),
    "insert elsewhere": (
        "INSERT INTO sales.targets (goal) VALUES (1) RETURNING targets.goal",
        'INSERT INTO "sales.targets" AS "targets" (goal) VALUES (1) RETURNING targets.goal',
    ),
    "update": ("UPDATE public.orders SET id = public.orders.id + 1", 'UPDATE "orders" SET id = "orders".id + 1'),
    "update row": (
        "UPDATE public.orders SET (id, total) = (SELECT id, 1 FROM public.customers)",
        'UPDATE "orders" SET (id, total) = (SELECT id, 1 FROM "customers")',
    ),
    "delete": (
        "DELETE FROM sales.targets USING public.orders WHERE orders.id = 1",
        'DELETE FROM "sales.targets" AS "targets" USING "orders" WHERE orders.id = 1',
    ),
}


@pytest.mark.parametrize(("asked", "runs"), WRITES.values(), ids=WRITES)
def test_maps_the_names_of_writes(asked: str, runs: str) -> None:
    verdict = check(asked, shop_scope(actions=WRITE))

    assert isinstance(verdict, Allowed), verdict
    assert verdict.sql == runs
    assert verdict.writes


POSITIONS = {
    "before": ("SELECT bad FROM public.orders", "bad"),
    "after": ("SELECT 'é' FROM public.orders WHERE bad = 1", "bad"),
    "after two of different lengths": ("SELECT sales.orders.id FROM sales.orders, public.customers WHERE bad", "bad"),
    "at the name itself": ("SELECT 1 FROM public.orders", "public.orders"),
    "end of the text": ("SELECT 1 FROM sales.targets, x", "x"),
}


@pytest.mark.parametrize(("asked", "word"), POSITIONS.values(), ids=POSITIONS)
def test_finds_a_position_of_what_runs_in_what_was_asked(asked: str, word: str) -> None:
    verdict = check(f"WITH x AS (SELECT 1) {asked}", SHOP)
    assert isinstance(verdict, Allowed)
    runs = verdict.sql.rindex(word if word in verdict.sql else '"orders"') + 1

    assert verdict.position_as_asked(runs) == f"WITH x AS (SELECT 1) {asked}".rindex(word) + 1


def test_positions_of_an_unchanged_statement_stay() -> None:
    verdict = check("SELECT * FROM orders", SHOP)

    assert isinstance(verdict, Allowed)
    assert [verdict.position_as_asked(position) for position in (1, 10, 20)] == [1, 10, 20]


CAPTURED = {
    "later use": "WITH orders AS (SELECT 1) SELECT * FROM public.orders",
    "sibling": "WITH orders AS (SELECT 1), a AS (SELECT * FROM public.orders) TABLE a",
    "recursive": "WITH RECURSIVE orders AS (SELECT id FROM public.orders) TABLE orders",
    "recursive forward": "WITH RECURSIVE a AS (TABLE public.orders), orders AS (SELECT 1) TABLE a",
    "outer": "WITH orders AS (SELECT 1) SELECT (SELECT count(*) FROM public.orders)",
    "view of another schema": 'WITH "sales.orders" AS (SELECT 1) SELECT * FROM sales.orders',
}


@pytest.mark.parametrize("sql", CAPTURED.values(), ids=CAPTURED)
def test_refuses_to_drop_a_qualifier_where_a_with_query_would_capture_the_name(sql: str) -> None:
    verdict = check(sql, SHOP)

    assert isinstance(verdict, Refused)
    assert verdict.code == "guard.relation"
    assert "hides" in verdict.reason


def test_refuses_name_that_has_more_tokens_than_parts() -> None:
    verdict = check("SELECT 1 FROM U&\"publ!0069c\" UESCAPE '!' . orders", SHOP)

    assert isinstance(verdict, Refused)
    assert verdict.code == "guard.node"


def test_keeps_the_fingerprint_of_what_was_asked() -> None:
    verdict = check("SELECT * FROM public.orders", SHOP)
    source = read("SELECT * FROM public.orders")

    assert isinstance(verdict, Allowed) and isinstance(source, Source)
    assert verdict.fingerprint == source.fingerprint


def _point_elsewhere(body: Node) -> None:
    body["fromClause"][0]["RangeVar"]["location"] += 1


def _add_a_field(body: Node) -> None:
    body["fromClause"][0]["RangeVar"]["alias"] = {"aliasname": "o"}


def _drop_a_field(body: Node) -> None:
    del body["fromClause"][0]["RangeVar"]["inh"]


def _add_to_a_list(body: Node) -> None:
    body["targetList"].append(body["targetList"][0])


def _change_a_value(body: Node) -> None:
    body["targetList"][0]["ResTarget"]["name"] = "two"


def _change_a_kind(body: Node) -> None:
    body["targetList"] = {}


@pytest.mark.parametrize(
    "change",
    [_point_elsewhere, _add_a_field, _drop_a_field, _add_to_a_list, _change_a_value, _change_a_kind],
    ids=lambda change: change.__name__.strip("_"),
)
def test_refuses_when_the_result_is_not_the_tree_that_was_asked(change: Callable[[Node], None]) -> None:
    """As if splicing had gone wrong: the text that comes out differs from the tree it should be."""
    source = read("SELECT 1 AS one FROM public.orders, public.customers")
    assert isinstance(source, Source)
    body = source.body["fromClause"][0]["RangeVar"]
    change(source.body)

    assert isinstance(rewrite(source, [Mapped("RangeVar", body, "orders")]), Objection)


@pytest.mark.parametrize(
    ("runs", "code"),
    [
        ("SELECT * FROM secret", "guard.relation"),
        ("SELECT pg_sleep(1)", "guard.function"),
        ("DROP TABLE orders", "guard.kind"),
        ("SELECT * FROM customers", "guard.node"),
        ("SELECT * FROM orders, public.orders o", "guard.node"),
        ("WITH x AS (DELETE FROM orders) SELECT * FROM orders", "guard.node"),
    ],
)
def test_what_will_run_is_checked_even_if_the_rewriting_is_wrong(
    monkeypatch: pytest.MonkeyPatch, runs: str, code: str
) -> None:
    source = read(runs)
    assert isinstance(source, Source)
    monkeypatch.setattr("postern.guard.check.rewrite", lambda *_: Rewritten(source, (Edit(0, 1, 1),)))

    verdict = check("SELECT * FROM public.orders", shop_scope(actions=WRITE))

    assert isinstance(verdict, Refused)
    assert verdict.code == code


def test_the_same_change_without_a_fault_is_made() -> None:
    source = read("SELECT 1 AS one FROM public.orders, public.customers")
    assert isinstance(source, Source)

    changed = rewrite(source, [Mapped("RangeVar", source.body["fromClause"][0]["RangeVar"], "orders")])

    assert isinstance(changed, Rewritten)
    assert changed.source.sql == 'SELECT 1 AS one FROM "orders", public.customers'


def test_view_with_a_quote_in_its_name_stays_one_identifier() -> None:
    odd = 'a"; DROP TABLE x; --'
    scope = Scope("public", (relation("s", odd, "id"),), frozenset(), 18)

    verdict = check('SELECT 1 FROM s."a""; DROP TABLE x; --"', scope)

    assert isinstance(verdict, Allowed)
    assert isinstance(read(verdict.sql), Source)
    assert verdict.sql.startswith('SELECT 1 FROM "s.a""; DROP TABLE x; --"')


@pytest.fixture
def world(database: Database) -> Iterator[CoreConnection]:
    """The shop as a task sees it: views in a schema of their own, which alone is on the search path."""
    database.run(SHOP_SQL)
    database.run("CREATE SCHEMA task")
    for table in SHOP.relations:
        database.run(f'CREATE VIEW task."{table.view}" AS SELECT * FROM {table.schema}.{table.name}')
    connection = CoreConnection("postgres", database=database.name, unix_sock=str(database.server.socket))
    connection.execute_simple("SET search_path = task, pg_catalog")
    try:
        yield connection
    finally:
        connection.close()


def test_what_it_writes_runs_in_a_tasks_world(world: CoreConnection) -> None:
    for _asked, runs in MAPPED.values():
        world.execute_unnamed(runs)


def test_every_ordinary_statement_runs_in_a_tasks_world(world: CoreConnection) -> None:
    """The whole list, with every name in FROM qualified, is allowed and is valid over the views."""
    for name, sql in named_statements("shop.sql").items():
        if name == "long concatenation":
            continue  # too deep for the protobuf tree that `_qualify` works on
        verdict = check(_qualify(sql), SHOP)
        assert isinstance(verdict, Allowed), name
        world.prepare_statement(verdict.sql, ())


def _qualify(sql: str) -> str:
    """The statement with `public.` before each table that stands in FROM or JOIN and is no WITH query's name."""
    from postgast import deparse, parse, walk

    tree = parse(sql)
    queries = {node.ctename for _field, node in walk(tree) if node.DESCRIPTOR.name == "CommonTableExpr"}
    for _field, node in walk(tree):
        if node.DESCRIPTOR.name == "RangeVar" and node.relname not in queries and not node.schemaname:
            node.schemaname = "public"
    return str(deparse(tree))
