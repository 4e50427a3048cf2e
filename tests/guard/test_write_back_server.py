"""Writes that the guard allows, run on a server whose masked columns hold marked values: none of them is written."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from random import Random

import pytest
from pg8000.core import CoreConnection
from pg8000.exceptions import DatabaseError

from postern.guard.check import check
from postern.guard.verdict import Allowed
from postern_local.postgres import PostgresServer
from tests.support.guard import masked_scope
from tests.support.servers import fresh_database

SCOPE = masked_scope()
MARK = "§"
TABLES = f"""
CREATE TABLE customer (customer_id int, first_name text, last_name text, email text, phone text, country text,
                       support_rep_id int);
CREATE TABLE employee (employee_id int, last_name text, email text, ssn text, title text, reports_to int);
CREATE TABLE invoice (invoice_id int, customer_id int, invoice_date timestamp, billing_country text, total numeric);
INSERT INTO customer VALUES (1, '{MARK}', '{MARK}', '{MARK}', '{MARK}', 'DE', 1), (2, '{MARK}', '{MARK}', '{MARK}', '{MARK}', 'US', 1);
INSERT INTO employee VALUES (1, '{MARK}', '{MARK}', '{MARK}', 'boss', NULL);
INSERT INTO invoice VALUES (1, 1, now(), 'DE', 1), (2, 2, now(), 'US', 2);
"""  # noqa: E501

VALUES = """
email
phone
country
c.email
c.country
c
c.*
*
email AS country
country AS email
x
e
to_jsonb(c)
(c).email
(c).country
coalesce(email, '')
count(email)
max(phone)
""".strip().splitlines()
SOURCES = """
customer c
(SELECT * FROM customer) c
(SELECT country AS x, email AS e, * FROM customer c) c
(customer c JOIN employee USING (email)) AS c
(customer c JOIN employee e ON true) AS c (x, e)
customer AS c (a, b, d, country, e, email, x)
(SELECT c.*, 1 FROM customer c) AS c (x, e)
(SELECT (c).*, country FROM customer c) AS c (x, e, country)
(SELECT email FROM customer UNION SELECT country FROM customer) AS c (x)
customer c, LATERAL (SELECT c.email AS x, c.country AS e) l
customer c, unnest(ARRAY[c.email]) AS x
customer c, unnest(ARRAY[c.country]) WITH ORDINALITY AS u (x, e)
customer c NATURAL JOIN employee AS x
(VALUES ('a', 'b')) AS c (x, email)
customer c, jsonb_each_text(to_jsonb(c)) AS j (e, x)
ROWS FROM (generate_series(1, 2), unnest(ARRAY(SELECT email FROM customer))) AS c (e, x)
(SELECT row(c.*) AS x FROM customer c) c
(SELECT country, phone FROM customer c) AS c (phone, country)
customer c TABLESAMPLE SYSTEM (100)
""".strip().splitlines()
QUERIES = """
WITH c AS (SELECT country AS email, email AS country FROM customer)
WITH customer AS (SELECT email, country FROM customer)
WITH RECURSIVE c (x, e, n) AS (SELECT country, email, 1 FROM customer UNION ALL SELECT e, x, n + 1 FROM c WHERE n < 3)
WITH c AS (UPDATE customer SET country = 'ZZ' RETURNING country AS x, email AS e, *)
WITH a AS (SELECT email FROM customer), c AS (SELECT a.email AS x, 'k' AS e FROM a)
""".strip().splitlines()
FORMS = """
INSERT INTO invoice (billing_country) SELECT {} FROM {}
INSERT INTO invoice (billing_country) SELECT q::text FROM (SELECT {} FROM {}) AS q
INSERT INTO invoice (billing_country) SELECT x FROM (SELECT {} FROM {}) AS q (x)
INSERT INTO invoice (billing_country) SELECT country FROM customer UNION ALL SELECT {} FROM {}
UPDATE invoice SET billing_country = (SELECT z::text FROM (SELECT {} FROM {}) AS z (z) LIMIT 1)
""".strip().splitlines()


def statements() -> list[str]:
    plain = [form.format(value, source) for form, value, source in product(FORMS, VALUES, SOURCES)]
    named = [
        f"{query} {form.format(value, source)}"
        for query, form, value, source in product(QUERIES, FORMS, VALUES, ["c", "c AS c (x, e)", *SOURCES[:6]])
    ]
    return [*Random(18).sample(plain, 700), *Random(18).sample(named, 700)]


@pytest.fixture(scope="module")
def connection(postgres: PostgresServer) -> Iterator[CoreConnection]:
    with fresh_database(postgres) as database:
        database.run(TABLES)
        opened = CoreConnection("postgres", database=database.name, unix_sock=str(postgres.socket))
        yield opened
        opened.close()


def _marks_written(connection: CoreConnection, sql: str) -> int | None:
    """How many rows hold a mark after the statement; None where the server does not run it."""
    connection.execute_simple("BEGIN")
    try:
        connection.execute_unnamed(sql)
        found = connection.execute_simple(f"SELECT count(*) FROM invoice WHERE billing_country LIKE '%{MARK}%'")
        return int(found.rows[0][0])
    except DatabaseError:
        return None
    finally:
        connection.execute_simple("ROLLBACK")


def test_no_allowed_write_stores_a_masked_value(connection: CoreConnection) -> None:
    ran = 0
    for sql in statements():
        verdict = check(sql, SCOPE)
        if isinstance(verdict, Allowed):
            marks = _marks_written(connection, verdict.sql)
            assert not marks, sql
            ran += marks == 0

    assert ran > 100


def test_most_refused_writes_would_have_stored_one(connection: CoreConnection) -> None:
    refused = [sql for sql in statements() if not isinstance(check(sql, SCOPE), Allowed)]
    ran = [marks for sql in refused[::4] if (marks := _marks_written(connection, sql)) is not None]

    assert len(ran) > 30
    assert sum(map(bool, ran)) > 0.8 * len(ran)
