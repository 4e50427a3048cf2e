"""A server that crashed gives its transactions' numbers again: what it says of one may be said of another's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from postern.edges.reap_database import ReapDatabase
from postern.reap_ports import Fate
from postern.world.bootstrap import plan_bootstrap
from postern.world.names import REAP_ROLE
from postern_local import postgres
from tests.support.crashes import crash, wait_until_up
from tests.support.domain import ADDRESS
from tests.support.servers import Database
from tests.support.session import begin, open_plain, run
from tests.support.world import run_all

INSERT = "INSERT INTO noted VALUES (1)"


@pytest.fixture
def shop(tmp_path) -> Iterator[Database]:
    """On a server whose commits are on its disk before they are answered."""
    with postgres.start(tmp_path, settings={"synchronous_commit": "on"}) as server:
        database = Database(server, "postgres")
        database.run("CREATE TABLE noted (n int)")
        run_all(database, plan_bootstrap((("public", "noted"),), rds=False))
        yield database


def test_a_write_that_a_crash_undid_is_not_taken_for_the_one_that_has_its_number_now(shop: Database):
    transaction = begin(open_plain(shop))
    run(transaction, INSERT)
    mark = transaction.mark()
    crash(shop.server)
    wait_until_up(shop.server)
    with closing(open_plain(shop)) as connection:
        other = begin(connection)
        run(other, INSERT)
        assert other.mark().xid == mark.xid
        other.commit()
    assert shop.run("SELECT n FROM noted") == [[1]]
    assert ReapDatabase(lambda _: open_plain(shop, user=REAP_ROLE)).fate(ADDRESS, mark) is Fate.LOST
