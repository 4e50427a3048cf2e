"""Ordinary analytical SQL gives exactly the database's own answer.

Some of it through everything: token, policy, guard, views, records, JSON over HTTP. The rest, which is more than the
stack has time for, by the same way without what no row reaches.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from postern_local.demo.caller import Caller
from postern_local.postgres import PostgresServer
from postern_local.stack import Stack
from tests.e2e.queries import CHINOOK, ORDERED, UNORDERED, is_ordered
from tests.support import direct
from tests.support.answers import compare
from tests.support.pipeline import Pipeline, catalog_tables, pipeline
from tests.support.servers import fresh_database
from tests.support.world import prepared

CATALOG = Path(__file__).parent.parent / "chinook" / "catalog" / "chinook.yaml"


@pytest.fixture(scope="module")
def inside(postgres: PostgresServer, chinook_sql: Path) -> Iterator[tuple[Pipeline, str]]:
    """A world over all of Chinook's catalog, and the database's own DSN."""
    tables = catalog_tables(CATALOG)
    with fresh_database(postgres) as database:
        database.load(chinook_sql)
        with prepared(database, "", [(table.schema, table.name) for table in tables]) as ready:
            task_id, views = ready.build(*tables)
            with pipeline(ready, task_id, views, tables) as opened:
                yield opened, database.dsn


@pytest.mark.parametrize("sql", ORDERED.values(), ids=ORDERED)
def test_gives_the_databases_own_answer_in_its_own_order(chinook: Stack, agent: Caller, task: str, sql: str) -> None:
    reply = agent.call("POST", f"/v1/tasks/{task}/query", {"sql": sql})
    assert reply.status == 200, reply.body
    compare(reply.body, direct.typed_answer(chinook.ready.databases["chinook"], sql), ordered=True)
    assert reply.body["masked"] == []


@pytest.mark.parametrize("sql", UNORDERED.values(), ids=UNORDERED)
def test_gives_the_databases_own_rows(chinook: Stack, agent: Caller, task: str, sql: str) -> None:
    reply = agent.call("POST", f"/v1/tasks/{task}/query", {"sql": sql})
    assert reply.status == 200, reply.body
    compare(reply.body, direct.typed_answer(chinook.ready.databases["chinook"], sql), ordered=False)


@pytest.mark.parametrize(("name", "sql"), CHINOOK.items(), ids=CHINOOK)
def test_gives_the_same_without_http(inside: tuple[Pipeline, str], name: str, sql: str) -> None:
    pipeline, dsn = inside
    answer = pipeline.ask(sql)
    compare(answer, direct.typed_answer(dsn, sql), ordered=is_ordered(name))
    assert answer["masked"] == ()
