"""A task that may write learns no more: what is returned, how many rows are reached, and every error are the same.

What is written is undone, so that every statement meets the same rows. A conflict tells that an open key is taken, as a
SELECT would; docs/threat-model.md says what it tells where a filter hides rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings

from postern.types import Action
from postern_local.postgres import PostgresServer
from tests.noninterference.search import Tally
from tests.noninterference.shop import grant_tables
from tests.noninterference.statement import Statement
from tests.noninterference.twins import Twins, Wall, difference, twins
from tests.noninterference.writer import relations_of, writes

EXAMPLES = 120
WRITTEN = "orders"
WRITABLE = frozenset(
    column.name for table in grant_tables() if table.name == WRITTEN for column in table.columns if column.mask is None
)


@pytest.fixture(scope="module")
def pair(postgres: PostgresServer) -> Iterator[Twins]:
    tables = tuple(
        replace(table, actions=tuple(sorted(Action))) if table.name == WRITTEN else table for table in grant_tables()
    )
    with twins(postgres, wall=Wall(tables=tables)) as built:
        yield built


def test_writes_tell_nothing_apart(pair: Twins) -> None:
    tally = Tally()

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(writes(relations_of(pair.views), WRITTEN, WRITABLE))
    def check(statement: Statement) -> None:
        one, other = pair.ask(statement)
        tally.count(one)
        assert one == other, difference(statement, one, other)

    check()
    print(tally)
    assert tally.with_rows > EXAMPLES * 0.2, tally
    assert tally.refused < EXAMPLES * 0.05, tally


def test_what_was_written_was_undone(pair: Twins) -> None:
    pair.ask(Statement("DELETE FROM orders"))
    one, other = pair.ask(Statement("SELECT count(*) FROM orders"))
    assert one.parts[1] == b"[[40]]"
    assert one == other
