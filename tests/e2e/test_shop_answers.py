"""The shop's answers: the database's own where nothing masked is shown, and those over masked views written by hand.

Customers are tokens wherever they are named, so a join that counts by customer is computed over tokens and must come to
the same as over the numbers under them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from postern_local import demo
from postern_local.postgres import PostgresServer
from tests.e2e.queries import SHOP, SHOP_MASKED, is_ordered
from tests.support import direct
from tests.support.answers import compare
from tests.support.pipeline import Pipeline, catalog_tables, pipeline
from tests.support.servers import fresh_database
from tests.support.world import prepared

DEMO = Path(demo.__file__).parent

# What the demo's catalog says, in other words than the product's.
EXPECTED = """
CREATE SCHEMA expected;
CREATE FUNCTION expected.token(value integer) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT 'tok_' || substr(encode(sha256(k || value::text::bytea), 'hex'), 1, 16)
    FROM postern.task_key WHERE role = '{role}'
$$;
CREATE VIEW expected.customers AS SELECT
    expected.token(id) AS id, '[redacted]'::text AS full_name,
    regexp_replace(email, '^(.)[^@]*@(.).*[.]([a-z]+)$', '\\1***@\\2***.\\3') AS email,
    '***' || right(phone, 2) AS phone, make_date(extract(year FROM birth_date)::int, 1, 1) AS birth_date,
    region, created_at FROM public.customers;
CREATE VIEW expected.orders AS SELECT
    id, expected.token(customer_id) AS customer_id, ordered_at, status, total, shipping, tags FROM public.orders;
CREATE VIEW expected.payments AS SELECT
    id, order_id, method, '***' || right(card_number, 4) AS card_number, NULL::text AS iban, amount, paid_at
    FROM public.payments;
CREATE VIEW expected.support_notes AS SELECT
    id, expected.token(customer_id) AS customer_id, note, rating, written_at FROM public.support_notes;
"""


@pytest.fixture(scope="module")
def shop_inside(postgres: PostgresServer) -> Iterator[tuple[Pipeline, str]]:
    """A world over all of the demo's catalog, and the database's DSN; `expected` holds the views of another hand."""
    tables = catalog_tables(DEMO / "policy" / "catalog" / "shop.yaml")
    with fresh_database(postgres) as database:
        database.load(DEMO / "shop.sql")
        with prepared(database, "", [(table.schema, table.name) for table in tables]) as ready:
            task_id, views = ready.build(*tables)
            connection = database.connect()
            connection.execute_simple(EXPECTED.format(role=f"task_{task_id}"))
            connection.close()
            with pipeline(ready, task_id, views, tables) as opened:
                yield opened, database.dsn


@pytest.mark.parametrize(("name", "sql"), SHOP.items(), ids=SHOP)
def test_gives_the_databases_own_answer(shop_inside: tuple[Pipeline, str], name: str, sql: str) -> None:
    pipeline, dsn = shop_inside
    answer = pipeline.ask(sql)
    compare(answer, direct.typed_answer(dsn, sql), ordered=is_ordered(name))
    assert answer["masked"] == ()


@pytest.mark.parametrize(("name", "sql"), SHOP_MASKED.items(), ids=SHOP_MASKED)
def test_gives_what_masked_views_of_another_hand_give(shop_inside: tuple[Pipeline, str], name: str, sql: str) -> None:
    pipeline, dsn = shop_inside
    wanted = direct.typed_answer(dsn, sql, search_path="expected, public")
    compare(pipeline.ask(sql), wanted, ordered=is_ordered(name))
