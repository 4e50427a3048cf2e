"""A prepared shop database on each PostgreSQL version that Postern supports."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from postern_local.postgres import PostgresServer
from tests.support.servers import Database, fresh_database
from tests.support.world import PreparedDatabase, prepared

SHOP = """
CREATE TABLE customers (
    id integer PRIMARY KEY, email text, full_name varchar(40), region text NOT NULL, born date, secret text
);
CREATE TABLE orders (
    id integer PRIMARY KEY, customer_id integer REFERENCES customers, email varchar(80), total numeric
);
CREATE TABLE salaries (person text, amount integer);
INSERT INTO customers VALUES
    (1, 'alice@example.com', 'Alice', 'EU', '1980-05-06', 'raw-secret-1'),
    (2, 'bob@example.org', 'Bob', 'US', '1990-07-08', 'raw-secret-2'),
    (3, NULL, NULL, 'EU', NULL, NULL);
INSERT INTO orders VALUES (10, 1, 'alice@example.com', 9.50), (11, 2, 'bob@example.org', 3), (12, 1, NULL, 7.25);
INSERT INTO salaries VALUES ('raw-person', 4242);
ANALYZE customers, orders, salaries;
"""
CATALOGUED = (("public", "customers"), ("public", "orders"))


@pytest.fixture(params=["postgres", "postgres16"], ids=["18", "16"])
def server(request: pytest.FixtureRequest) -> PostgresServer:
    """A server of each supported major version in turn."""
    chosen: PostgresServer = request.getfixturevalue(request.param)
    return chosen


@pytest.fixture
def shop18(postgres: PostgresServer) -> Iterator[PreparedDatabase]:
    """The shop on PostgreSQL 18 only, for what has nothing to do with the version."""
    with fresh_database(postgres) as database, prepared(database, SHOP, CATALOGUED) as ready:
        yield ready


@pytest.fixture
def bare(server: PostgresServer) -> Iterator[Database]:
    """The shop, not yet prepared."""
    with fresh_database(server) as database:
        database.run(SHOP)
        yield database


@pytest.fixture
def shop(bare: Database) -> Iterator[PreparedDatabase]:
    """The shop, prepared for `customers` and `orders`; `salaries` is in no catalog."""
    with prepared(bare, "", CATALOGUED) as ready:
        yield ready
