"""A build that comes late: its task was ended and torn down before it began, or is while it runs."""

from __future__ import annotations

import pytest

from postern.errors import Conflict, DatabaseUnavailable
from tests.support.world import KEY, PreparedDatabase, grant_of, granted, new_task_id

CUSTOMERS = grant_of(granted("customers", {"id": None}))


def test_a_build_that_is_no_longer_wanted_leaves_nothing(shop: PreparedDatabase) -> None:
    task_id = new_task_id()

    def is_not() -> None:
        raise Conflict("task.state", "task: expected it to be provisioning, got ended")

    with pytest.raises(Conflict):
        shop.worlds().build(task_id, CUSTOMERS, shop.address, key=KEY, still_wanted=is_not)
    assert shop.remains(task_id) == (0, 0, 0)


def test_a_teardown_that_begins_once_a_build_was_found_wanted_waits_for_it_and_then_drops_it(
    shop: PreparedDatabase,
) -> None:
    task_id = new_task_id()
    met: list[str] = []

    def is_torn_down_meanwhile() -> None:
        with pytest.raises(DatabaseUnavailable) as waited:
            shop.worlds().tear_down(task_id, shop.address)
        met.append(waited.value.code)

    shop.worlds().build(task_id, CUSTOMERS, shop.address, key=KEY, still_wanted=is_torn_down_meanwhile)
    assert met == ["database.unavailable"]
    assert shop.worlds().tear_down(task_id, shop.address).is_clean
    assert shop.remains(task_id) == (0, 0, 0)
