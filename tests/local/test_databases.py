"""Databases of a stack, made from the user's SQL: what is at fault in it is named."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from postern.types import DatabaseName
from postern_local.databases import create_databases
from postern_local.failure import StackFailure
from postern_local.policy_layer import read_policy
from postern_local.postgres import PostgresServer
from postern_local.stack import DEMO


@pytest.fixture
def name(postgres: PostgresServer) -> Iterator[DatabaseName]:
    """A name that no database of the server has; dropped at the end."""
    chosen = DatabaseName(f"made_{uuid.uuid4().hex[:12]}")
    yield chosen
    connection = postgres.connect()
    try:
        connection.run(f"DROP DATABASE IF EXISTS {chosen}")
    finally:
        connection.close()


def create(server: PostgresServer, name: DatabaseName, folder: Path, sql: str) -> None:
    """Makes the database under the demo's catalog, which wants its six tables."""
    (catalog,) = read_policy(DEMO / "policy", region="us-east-1").bundle.catalogs.values()
    (folder / "load.sql").write_text(sql)
    create_databases(server, {name: catalog}, {name: [folder / "load.sql"]})


def test_says_which_tables_of_the_catalog_the_sql_does_not_make(postgres, name, tmp_path):
    with pytest.raises(StackFailure, match=r'got none of the name .*"public"\."orders"'):
        create(postgres, name, tmp_path, "CREATE TABLE a (b int);\n")


def test_stops_at_the_line_that_is_no_sql(postgres, name, tmp_path):
    with pytest.raises(StackFailure, match=r"load\.sql:2: "):
        create(postgres, name, tmp_path, "CREATE TABLE a (b int);\nCREATE TABEL c (d int);\n")
