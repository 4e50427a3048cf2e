"""A deployment whose log has begun, and calls of it that a test can kill."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.services.test_run_statements import Bench
from tests.support.dead_calls import begun_site, query_of
from tests.support.reap_site import Site


@pytest.fixture
def site() -> Site:
    return begun_site()


@pytest.fixture
def query(site: Site) -> Iterator[Bench]:
    bench = query_of(site)
    yield bench
    bench.threads.shutdown()
