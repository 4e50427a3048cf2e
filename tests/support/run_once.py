"""What the tests of run-once statements share: migrations in files, and a database with a role that owns its tables."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pg8000.native

from tests.support.servers import Database

MIGRATIONS = Path(__file__).resolve().parent.parent / "run_once" / "migrations"


@dataclass(frozen=True, slots=True)
class Case:
    """A statement of a migration, and what is expected of it."""

    name: str
    sql: str
    refused: str | None  # the code
    runs: bool  # on the servers of the suite


def cases_of(file: str) -> list[Case]:
    """The statements of a file, in order; a line `-- refused: code` or `-- not run: why` stands with its statement."""
    parts = re.split(r"^-- name: (.+)\n", (MIGRATIONS / file).read_text(), flags=re.MULTILINE)[1:]
    return [_case(name, text) for name, text in zip(parts[::2], parts[1::2], strict=True)]


def _case(name: str, text: str) -> Case:
    refused = re.search(r"^-- refused: (\S+)$", text, flags=re.MULTILINE)
    runs = re.search(r"^-- (not run|refused by the server): ", text, flags=re.MULTILINE) is None
    sql = re.sub(r"^-- (refused|not run|refused by the server): .*$\n?", "", text, flags=re.MULTILINE).strip()
    return Case(name, sql, refused[1] if refused else None, runs)


@contextmanager
def owner_of(database: Database) -> Iterator[str]:
    """A role that owns what a migration makes, as the catalog's owner role does; gone at the end."""
    role = f"app_{uuid.uuid4().hex[:12]}"
    database.run(f"CREATE ROLE {role}")
    database.run(f"GRANT CREATE, TEMPORARY ON DATABASE {database.name} TO {role}")
    database.run(f"GRANT CREATE, USAGE ON SCHEMA public TO {role}")
    try:
        yield role
    finally:
        database.run(f"DROP OWNED BY {role} CASCADE")
        database.run(f"DROP ROLE {role}")


@contextmanager
def session_of(database: Database, role: str) -> Iterator[pg8000.native.Connection]:
    """A session that acts as the role."""
    connection = database.connect()
    try:
        connection.run(f"SET ROLE {role}")
        yield connection
    finally:
        connection.close()
