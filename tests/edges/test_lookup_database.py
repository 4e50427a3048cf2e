"""Tokens of looked-up values, over the one connection that can ask for them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest

from postern.edges.lookup_database import LookupDatabase
from postern.edges.postgres.wire import AgentConnection
from postern.errors import DatabaseUnavailable, Unprocessable
from postern.ports import Sought
from postern.types import DatabaseAddress, MaskKind, Secret, Task
from postern.world.lookup import LOOKUP_ROLE
from tests.support.domain import a_task
from tests.support.servers import fresh_database
from tests.support.session import open_plain
from tests.support.world import PreparedDatabase, granted, masked, prepared

_SCHEMA = """
CREATE TABLE people (id int PRIMARY KEY, born date, name text);
INSERT INTO people VALUES (1, '1990-05-01', 'ann'), (2, '1990-05-02', 'bob');
"""


@dataclass
class Bench:
    """A world of tokens, and how often a connection was opened to look values up in it."""

    ready: PreparedDatabase
    task: Task
    opened: list[AgentConnection] = field(default_factory=list)

    def open(self, address: DatabaseAddress) -> AgentConnection:
        self.opened.append(open_plain(self.ready.database, user=LOOKUP_ROLE))
        return self.opened[-1]

    def tokens(self, column: str) -> list[str]:
        with self.ready.session(self.task.id) as session:
            return [row[0] for row in session.run(f"SELECT {column} FROM people ORDER BY id")]


@pytest.fixture(scope="module")
def world(postgres) -> Iterator[Bench]:
    token = masked(MaskKind.TOKEN)
    with (
        fresh_database(postgres) as database,
        prepared(database, _SCHEMA, [("public", "people")]) as ready,
    ):
        task_id, _ = ready.build(granted("people", {"id": None, "born": token, "name": token}))
        yield Bench(ready, a_task(id=task_id))


@pytest.fixture
def bench(world) -> Iterator[Bench]:
    world.opened.clear()
    yield world
    for connection in world.opened:
        connection.close()


def seek(token_of: str, *values: str) -> list[Sought]:
    return [Sought(token_of, Secret(value)) for value in values]


@pytest.mark.parametrize(
    ("column", "token_of", "values"),
    [
        pytest.param("name", "text", ("ann", "bob"), id="text"),
        pytest.param("born", "date", ("1990-05-01", "May 2, 1990"), id="a-date-however-it-is-written"),
    ],
)
def test_gives_the_tokens_that_the_view_shows(bench, column, token_of, values):
    lookups = LookupDatabase(bench.open)
    assert lookups.tokens(bench.task, bench.ready.address, seek(token_of, *values)) == bench.tokens(column)


def test_keeps_its_connection(bench):
    lookups = LookupDatabase(bench.open)
    for _ in range(2):
        lookups.tokens(bench.task, bench.ready.address, seek("text", "ann"))
    assert len(bench.opened) == 1


def test_opens_another_where_the_address_is_another(bench):
    lookups = LookupDatabase(bench.open)
    lookups.tokens(bench.task, bench.ready.address, seek("text", "ann"))
    lookups.tokens(bench.task, replace(bench.ready.address, port=1), seek("text", "ann"))
    assert [connection.is_open for connection in bench.opened] == [False, True]


def test_asks_again_over_a_new_connection_where_the_kept_one_was_ended(bench):
    lookups = LookupDatabase(bench.open)
    first = lookups.tokens(bench.task, bench.ready.address, seek("text", "ann"))
    bench.ready.database.run(
        f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = '{LOOKUP_ROLE}'"
    )
    assert lookups.tokens(bench.task, bench.ready.address, seek("text", "ann")) == first
    assert len(bench.opened) == 2


def test_refuses_a_value_of_another_type_without_saying_it(bench):
    with pytest.raises(Unprocessable) as caught:
        LookupDatabase(bench.open).tokens(bench.task, bench.ready.address, seek("date", "canary-4711"))
    assert caught.value.code == "sql.lookup"
    assert "canary" not in f"{caught.value} {caught.value.__cause__}"


def test_is_unavailable_for_a_task_that_does_not_stand(bench):
    with pytest.raises(DatabaseUnavailable):
        LookupDatabase(bench.open).tokens(a_task(), bench.ready.address, seek("text", "ann"))
