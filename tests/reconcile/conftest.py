"""What real servers logged, once a module and version: starting a server takes longer than all that is asked of it."""

from __future__ import annotations

import pytest

from tests.support.reconcile import Recording, record


@pytest.fixture(scope="module", params=[18, 16])
def recording(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """The statements of `tests.support.reconcile`, as PostgreSQL 18 and 16 logged them. To be copied, not changed."""
    return record(tmp_path_factory.mktemp("logged"), request.param)
