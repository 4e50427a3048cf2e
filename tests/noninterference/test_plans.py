"""What plans tell. PostgreSQL chooses them by statistics of raw values; without ORDER BY, rows come as plans give them.

A limit that is known and kept small: EXPLAIN is closed on masked and filtered views, and which rows come, and what they
hold, is the same. Only their order can differ, and the time that they take.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from postern_local.postgres import PostgresServer
from tests.noninterference.statement import Statement
from tests.noninterference.test_tokens import rows_of
from tests.noninterference.twins import Twins, Wall, twins
from tests.support.servers import Database

# The join builds its hash table on the side that it takes for the smaller one: on the groups, or on the orders.
GROUPED = (
    "SELECT o.id, s.region FROM (SELECT full_name, region FROM people GROUP BY 1, 2) AS s JOIN orders AS o"
    " ON o.id % 5 = length(s.region)"
)


def _with_names(names: Iterator[str]) -> Callable[[Database, str], None]:
    """Fills people with as many rows in both editions, whose raw names are one in the first and all different later."""

    def finish(database: Database, _role: str) -> None:
        database.run(
            "INSERT INTO people (id, region, full_name)"
            f" SELECT n, 'EU', {next(names)} FROM generate_series(1001, 1400) AS n; ANALYZE people, orders"
        )

    return finish


@pytest.fixture(scope="module")
def analysed(postgres: PostgresServer) -> Iterator[Twins]:
    names = iter(("'one name'", "'name ' || n"))
    with twins(postgres, wall=Wall(finish=_with_names(names))) as pair:
        yield pair


def test_the_order_of_rows_can_tell_how_many_values_there_are(analysed: Twins) -> None:
    one, other = (rows_of(delivered) for delivered in analysed.ask(Statement(GROUPED)))
    assert one != other
    assert sorted(json.loads(one)) == sorted(json.loads(other))


def test_nothing_is_left_to_tell_once_the_statement_orders_its_rows(analysed: Twins) -> None:
    one, other = analysed.ask(Statement(f"{GROUPED} ORDER BY o.id, s.region"))
    assert one == other


@pytest.mark.parametrize("options", ["", "ANALYZE", "(FORMAT json)", "(GENERIC_PLAN)", "VERBOSE"])
def test_a_plan_over_masks_is_not_shown(analysed: Twins, options: str) -> None:
    one, _ = analysed.ask(Statement(f"EXPLAIN {options} {GROUPED}"))
    assert one.outcome.startswith("guard.")
