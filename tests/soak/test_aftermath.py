"""What is left of a task in a real database is found, and rows that are not what their agents were told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from types import SimpleNamespace
from typing import Any

import pytest

from tests.soak.load.aftermath import left_in_database, wrong_rows
from tests.soak.load.own_rows import OwnRows
from tests.support.servers import Database
from tests.support.world import new_task_id

KEYS = "CREATE SCHEMA postern; CREATE TABLE postern.task_key (role text, k bytea)"
TABLES = "CREATE TABLE entries (agent text, number int, version int); CREATE TABLE letters (owner text, number int)"


def run(database: Database, *statements: str) -> None:
    with closing(database.connect()) as connection:
        for statement in statements:
            connection.execute_simple(statement)


@pytest.fixture
def role(database: Database) -> Iterator[str]:
    """A role's name that is nobody's yet; roles are the server's, so it is dropped afterwards."""
    role = f"task_{new_task_id()}"
    run(database, KEYS)
    yield role
    run(database, f"DROP SCHEMA IF EXISTS {role}", f"DROP ROLE IF EXISTS {role}")


def found(database: Database, role: str) -> list[str]:
    return [one for one in left_in_database(database.dsn) if role in one]


def test_nothing_is_found_where_nothing_is_left(database: Database, role: str) -> None:
    assert found(database, role) == []


@pytest.mark.parametrize(
    ("leave", "what"),
    [
        pytest.param("CREATE ROLE {role}", "role", id="role"),
        pytest.param("CREATE SCHEMA {role}", "schema", id="schema"),
        pytest.param("INSERT INTO postern.task_key VALUES ('{role}', '')", "key of", id="key"),
    ],
)
def test_what_is_left_of_a_task_is_found(database: Database, role: str, leave: str, what: str) -> None:
    run(database, leave.format(role=role))
    assert found(database, role) == [f"in the database: expected nothing of a task, got {what} {role}"]


def test_a_session_of_a_tasks_role_is_found(database: Database, role: str) -> None:
    run(database, f"CREATE ROLE {role} LOGIN")
    with closing(database.connect(user=role)):
        assert any("session of" in one for one in found(database, role))


@pytest.mark.parametrize(
    ("write", "wrong"),
    [
        pytest.param("INSERT INTO entries VALUES ('agent-00', 0, 0)", 0, id="as it was told"),
        pytest.param("SELECT 1", 1, id="lost"),
        pytest.param("INSERT INTO entries VALUES ('agent-00', 0, 1)", 1, id="written twice"),
        pytest.param("INSERT INTO entries VALUES ('agent-00', 0, 0), ('agent-00', 0, 0)", 1, id="there twice"),
        pytest.param("INSERT INTO entries VALUES ('agent-00', 0, 0), ('agent-77', 0, 0)", 1, id="nobody's"),
    ],
)
def test_rows_are_what_their_agents_were_told(database: Database, write: str, wrong: int) -> None:
    run(database, TABLES, write)
    entries = OwnRows()
    entries.end(entries.begin_insert(), 0, is_sure=True)
    agent: Any = SimpleNamespace(name="agent-00", entries=entries, letters=OwnRows())
    assert len(list(wrong_rows(database.dsn, [agent]))) == wrong
