"""A column of each type, on each PostgreSQL version that Postern supports."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.masked_values import Values, sample_values


@pytest.fixture(scope="module", params=["postgres", "postgres16"], ids=["18", "16"])
def values(request: pytest.FixtureRequest) -> Iterator[Values]:
    with sample_values(request.getfixturevalue(request.param)) as sample:
        yield sample
