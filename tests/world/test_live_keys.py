"""Primary keys as the database has them, and what a world's views say of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.servers import fresh_database
from tests.support.world import PreparedDatabase, granted, prepared

_SCHEMA = """
CREATE TABLE plain (id int PRIMARY KEY, name text);
CREATE TABLE pair (name text, b int, a int, PRIMARY KEY (b, a));
CREATE TABLE keyless (id int UNIQUE NOT NULL);
CREATE TABLE put_off (id int PRIMARY KEY DEFERRABLE);
CREATE TABLE parent (id int PRIMARY KEY);
CREATE TABLE child () INHERITS (parent);
CREATE TABLE half (id int) PARTITION BY RANGE (id);
CREATE TABLE half_of_it PARTITION OF half FOR VALUES FROM (1) TO (9);
CREATE TABLE parts (id int, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
"""
TABLES = ("plain", "pair", "keyless", "put_off", "parts", "parent", "half")


@pytest.fixture(scope="module")
def ready(postgres) -> Iterator[PreparedDatabase]:
    with fresh_database(postgres) as database, prepared(database, _SCHEMA, [("public", one) for one in TABLES]) as made:
        yield made


@pytest.mark.parametrize(
    ("table", "columns", "key"),
    [
        pytest.param("plain", ("id", "name"), ("id",), id="one-column"),
        pytest.param("plain", ("name",), (), id="hidden"),
        pytest.param("pair", ("name", "b", "a"), ("b", "a"), id="two-columns-in-the-keys-order"),
        pytest.param("pair", ("name", "b"), (), id="half-hidden"),
        pytest.param("keyless", ("id",), (), id="unique-is-not-primary"),
        pytest.param("put_off", ("id",), (), id="deferrable"),
        pytest.param("parent", ("id",), (), id="inherited-from"),
        pytest.param("parts", ("id", "at"), ("id", "at"), id="partitioned"),
    ],
)
def test_a_view_knows_the_key_of_its_table_where_it_shows_all_of_it(ready, table, columns, key):
    _, [view] = ready.build(granted(table, dict.fromkeys(columns)))
    assert view.key == key


@pytest.mark.parametrize(
    ("table", "column", "has_heirs"), [("plain", "id", False), ("parent", "id", True), ("half", "id", True)]
)
def test_a_view_knows_whether_it_shows_rows_of_other_tables(ready, table, column, has_heirs):
    _, [view] = ready.build(granted(table, {column: None}))
    assert view.has_heirs is has_heirs
