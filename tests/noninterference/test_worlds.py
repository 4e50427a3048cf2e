"""Two databases that differ only in masked values and hidden rows deliver the same, whatever is asked of them.

What may differ and what is left out stands in `shop` and `twins`. Tokens are the same in both, because the values under
them are: `test_tokens.py` has the other half. What plans tell is in `test_plans.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from postern_local.postgres import PostgresServer
from tests.noninterference.search import search
from tests.noninterference.shop import grant_tables
from tests.noninterference.statement import Statement
from tests.noninterference.templates import UNGUARDED
from tests.noninterference.twins import Twins, twins

EXAMPLES = {"postgres": 240, "postgres16": 60}  # `make fuzz` asks more
PLAIN = ("people", "orders", "visits", "events", "products")


@pytest.fixture(scope="module", params=list(EXAMPLES), ids=["18", "16"])
def pair(request: pytest.FixtureRequest) -> Iterator[Twins]:
    server: PostgresServer = request.getfixturevalue(request.param)
    with twins(server) as built:
        yield built


@pytest.fixture
def examples(request: pytest.FixtureRequest) -> int:
    return EXAMPLES[request.node.callspec.params["pair"]]


def test_the_editions_differ_in_every_masked_column_and_in_the_hidden_rows(pair: Twins) -> None:
    """Or the properties below would hold of anything."""
    (one,), (other,) = (side.database.run(_ALL_MASKED) for side in (pair.one, pair.other))
    assert [name for name, left, right in zip(_MASKED, one, other, strict=True) if left == right] == []
    one, other = (
        side.database.run("SELECT count(*) FROM visits WHERE country <> 'FR'") for side in (pair.one, pair.other)
    )
    assert one != other


@pytest.mark.parametrize("table", PLAIN)
def test_a_whole_view_is_the_same(pair: Twins, table: str) -> None:
    one, other = pair.ask(Statement(f"SELECT * FROM {table}"))
    assert one.outcome == "answer"
    assert one == other


def test_nothing_tells_them_apart(pair: Twins, examples: int) -> None:
    tally = search(pair, examples)
    print(tally)
    assert tally.asked >= examples * 0.9
    assert tally.outcomes["answer"] > tally.asked * 0.5, tally
    assert tally.with_rows > tally.asked * 0.2, tally
    assert tally.refused < tally.asked * 0.01, tally


def test_nothing_tells_them_apart_with_the_guard_off(pair: Twins, examples: int) -> None:
    tally = search(pair, examples // 2, guarded=False, extra=UNGUARDED)
    print(tally)
    assert tally.outcomes["answer"] > tally.asked * 0.3, tally


_MASKED = tuple(column.name for column in grant_tables()[0].columns if column.mask and column.name != "reference")
_ALL_MASKED = f"SELECT {', '.join(f'array_agg({name}::text ORDER BY id)' for name in _MASKED)} FROM people"
