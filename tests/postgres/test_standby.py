"""A server that takes no writes, as in the midst of a failover: that is no fault of the statement's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from postern.errors import DatabaseUnavailable
from postern_local import postgres
from tests.support.crashes import crash_into_standby
from tests.support.servers import Database
from tests.support.session import begin, open_plain, read, rows


@pytest.fixture(scope="module")
def standby(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with postgres.start(tmp_path_factory.mktemp("standby")) as server:
        crash_into_standby(server)
        yield Database(server, "postgres")


def test_a_transaction_that_writes_finds_the_database_unavailable(standby: Database):
    connection = open_plain(standby)
    with pytest.raises(DatabaseUnavailable) as refused:
        begin(connection)
    assert refused.value.code == "database.unavailable"
    assert "takes no writes" in refused.value.detail
    assert not connection.is_open  # the next one may be of the server that took over


def test_a_statement_that_reads_is_answered(standby: Database):
    connection = open_plain(standby)
    try:
        assert rows(read(connection, "select 1")) == [("1",)]
    finally:
        connection.close()
