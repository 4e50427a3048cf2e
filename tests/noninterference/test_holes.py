"""The search finds what it is for: each wall with a hole is told apart within a bounded number of statements."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from postern_local.postgres import PostgresServer
from tests.noninterference.holes import HOLES, masking_by_output_column
from tests.noninterference.search import ToldApart, search
from tests.noninterference.statement import Statement
from tests.noninterference.twins import Wall, twins

EXAMPLES = 400


@pytest.mark.parametrize("hole", HOLES.values(), ids=HOLES)
def test_the_search_finds(postgres: PostgresServer, hole: Callable[[], Wall]) -> None:
    with twins(postgres, wall=hole()) as pair, pytest.raises(ToldApart) as found:
        search(pair, EXAMPLES, shrink=False)
    assert "can be told apart by: " in str(found.value)


def test_masking_by_output_column_looks_right_at_first_sight(postgres: PostgresServer) -> None:
    with twins(postgres, wall=masking_by_output_column()) as pair:
        one, other = pair.ask(Statement("SELECT * FROM people ORDER BY id"))
        assert one == other
        asked = "SELECT email AS contact FROM people ORDER BY id"
        one, other = pair.ask(Statement(asked))
        assert one != other
