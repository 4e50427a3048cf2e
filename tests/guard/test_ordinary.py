"""Ordinary SQL passes, unchanged, and is SQL that real servers accept."""

from __future__ import annotations

import pytest
from pg8000.core import CoreConnection
from pg8000.exceptions import DatabaseError

from postern.guard.check import check
from postern.guard.verdict import Allowed, StatementKind
from postern_local.postgres import PostgresServer
from tests.support.guard import CHINOOK_SQL, SHOP_SQL, chinook_scope, named_statements, require_shared, shop_scope
from tests.support.servers import Database, fresh_database

FILES = {
    "chinook.sql": chinook_scope(),
    "analytics.sql": chinook_scope(),
    "shop.sql": shop_scope(),
    "general.sql": shop_scope(),
}
EVERY_VERSION = [
    pytest.param(file, text, id=f"{file.removesuffix('.sql')}: {name}")
    for file in FILES
    for name, text in named_statements(file).items()
]
NEWER = [pytest.param("postgres18.sql", text, id=name) for name, text in named_statements("postgres18.sql").items()]


def test_there_are_enough_ordinary_statements() -> None:
    assert len(EVERY_VERSION) + len(NEWER) >= 390


@pytest.mark.parametrize(("file", "sql"), [*EVERY_VERSION, *NEWER])
def test_allows_ordinary_statement_byte_for_byte(file: str, sql: str) -> None:
    verdict = check(sql, FILES.get(file, shop_scope()))

    assert isinstance(verdict, Allowed), verdict
    assert verdict.sql == sql
    assert not verdict.rewritten
    assert not verdict.writes
    assert verdict.kind is StatementKind.SELECT


def _complaints(database: Database, statements: list[str]) -> list[str]:
    """What the server says against each statement when it is prepared, where it says anything."""
    connection = CoreConnection("postgres", database=database.name, unix_sock=str(database.server.socket))
    try:
        return [complaint for sql in statements if (complaint := _complaint(connection, sql))]
    finally:
        connection.close()


def _complaint(connection: CoreConnection, sql: str) -> str | None:
    try:
        connection.prepare_statement(sql, ())
    except DatabaseError as error:
        return f"{sql}\n{error}"
    return None


@pytest.fixture(params=["postgres16", "postgres"])
def server(request: pytest.FixtureRequest) -> PostgresServer:
    started: PostgresServer = request.getfixturevalue(request.param)
    return started


@pytest.mark.parametrize("file", ["shop.sql", "general.sql"])
def test_ordinary_statements_are_valid_on_every_version(file: str, server: PostgresServer) -> None:
    with fresh_database(server) as database:
        database.run(SHOP_SQL)

        assert _complaints(database, list(named_statements(file).values())) == []


def test_newer_statements_are_valid_on_postgres_18(database: Database) -> None:
    database.run(SHOP_SQL)

    assert _complaints(database, list(named_statements("postgres18.sql").values())) == []


def test_chinook_statements_are_valid_on_every_version(server: PostgresServer) -> None:
    with fresh_database(server) as database:
        database.load(require_shared(CHINOOK_SQL))

        statements = [*named_statements("chinook.sql").values(), *named_statements("analytics.sql").values()]
        assert _complaints(database, statements) == []
