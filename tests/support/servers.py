"""A fresh database on one of the suite's PostgreSQL servers."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pg8000.native

from postern_local.postgres import PostgresServer, run_sql_file


@dataclass(frozen=True, slots=True)
class Database:
    """A database that exists for one test. Roles belong to the whole server: drop those that you make."""

    server: PostgresServer
    name: str

    @property
    def dsn(self) -> str:
        return self.server.dsn(self.name)

    def connect(self, *, user: str = "postgres") -> pg8000.native.Connection:
        """A new connection; close it, or the database cannot be dropped politely and is dropped by force."""
        return self.server.connect(self.name, user=user)

    def run(self, sql: str) -> list[list[object]]:
        """Runs SQL as the superuser over a connection of its own and returns the rows."""
        connection = self.connect()
        try:
            return [list(row) for row in connection.run(sql) or []]
        finally:
            connection.close()

    def load(self, path: Path) -> None:
        run_sql_file(self.server, self.name, path)


@contextmanager
def fresh_database(server: PostgresServer) -> Iterator[Database]:
    """Creates a database of a unique name and drops it at the end, with every session still in it.

    Its files are copied, not written through the server's log: that takes half as long, and nothing has to last.
    """
    database = Database(server, f"t_{uuid.uuid4().hex[:12]}")
    connection = server.connect()
    try:
        connection.run(f"CREATE DATABASE {database.name} STRATEGY file_copy")
    finally:
        connection.close()
    try:
        yield database
    finally:
        connection = server.connect()
        try:
            connection.run(f"DROP DATABASE {database.name} WITH (FORCE)")
        finally:
            connection.close()
