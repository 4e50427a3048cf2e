"""What a real server says of transactions to `postern_reap`, and what that role can do besides: nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from postern.edges.postgres.wire import AgentConnection
from postern.edges.reap_database import ReapDatabase
from postern.errors import DatabaseUnavailable, StatementFailed
from postern.ports import TransactionMark
from postern.reap_ports import Fate
from postern.world.bootstrap import plan_bootstrap
from postern.world.names import REAP_ROLE
from postern_local.postgres import PostgresServer
from tests.support.domain import ADDRESS
from tests.support.servers import Database, fresh_database
from tests.support.session import begin, open_plain, run
from tests.support.world import run_all

INSERT = "INSERT INTO noted VALUES (1)"


@pytest.fixture(scope="module")
def shop(postgres: PostgresServer) -> Iterator[Database]:
    with fresh_database(postgres) as database:
        database.run("CREATE TABLE noted (n int)")
        run_all(database, plan_bootstrap((("public", "noted"),), rds=False))
        yield database


@pytest.fixture
def writer(shop: Database) -> Iterator[AgentConnection]:
    opened = open_plain(shop)
    yield opened
    opened.close()


@pytest.fixture
def ask(shop: Database) -> ReapDatabase:
    return ReapDatabase(lambda _: open_plain(shop, user=REAP_ROLE))


def marked(writer: AgentConnection, *, then: str) -> TransactionMark:
    """A write's mark, and what became of it after: committed, rolled back, lost with its session, or still running."""
    transaction = begin(writer)
    run(transaction, INSERT)
    mark = transaction.mark()
    match then:
        case "commit":
            transaction.commit()
        case "rollback":
            transaction.rollback()
        case "lose":
            writer.abandon(cancel=False)
    return mark


@pytest.mark.parametrize(
    ("then", "fate"),
    [("commit", Fate.COMMITTED), ("rollback", Fate.ROLLED_BACK), ("run", Fate.RUNNING)],
)
def test_tells_what_became_of_a_transaction(ask, writer, then, fate):
    assert ask.fate(ADDRESS, marked(writer, then=then)) is fate


def test_a_transaction_whose_session_broke_off_is_rolled_back_once_the_server_has_noticed(shop, ask, writer):
    mark = marked(writer, then="lose")
    with closing(shop.connect()) as admin:
        admin.run("SELECT pg_terminate_backend(:pid, 5000)", pid=mark.backend_pid)
    assert ask.fate(ADDRESS, mark) is Fate.ROLLED_BACK


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"system_identifier": "1"}, id="of-another-server"),
        pytest.param({"system_identifier": None}, id="of-a-server-that-was-not-told"),
        pytest.param({"xid": str(2**40)}, id="of-the-future"),
        pytest.param({"xid": "1 OR true"}, id="no-xid"),
        pytest.param({"xid": ""}, id="empty"),
        pytest.param({"xid": "99999999999999999999"}, id="an-xid-out-of-range"),
        pytest.param({"backend_pid": 2**40}, id="a-pid-out-of-range"),
        pytest.param({"backend_start": "then"}, id="no-time"),
        pytest.param({"backend_start": "2026-13-45T00:00:00Z"}, id="a-time-that-is-none"),
        pytest.param({"backend_start": "0\u0000"}, id="no-text"),
    ],
)
def test_cannot_tell_the_fate_of_a_transaction(ask, writer, change):
    mark = replace(marked(writer, then="commit"), **change)
    assert ask.fate(ADDRESS, mark) is Fate.UNKNOWN


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"backend_pid": 1}, id="another-process"),
        pytest.param({"backend_start": "2020-01-01T00:00:00.000000Z"}, id="an-earlier-process-of-that-number"),
    ],
)
def test_in_progress_counts_only_while_its_own_backend_lives(ask, writer, change):
    mark = replace(marked(writer, then="run"), **change)
    assert ask.fate(ADDRESS, mark) is Fate.UNKNOWN


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM public.noted",
        "SELECT * FROM postern.task_key",
        "CREATE TEMP TABLE t (n int)",
        "SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity WHERE usename = 'postgres'",
        "SET ROLE postern_owner",
        "SELECT pg_read_file('postgresql.conf')",
    ],
    ids=lambda sql: sql.split(" FROM ")[0].split("(")[0],
)
def test_the_role_can_do_nothing_else(shop, writer, sql):
    with closing(open_plain(shop, user=REAP_ROLE)) as session, pytest.raises(StatementFailed) as caught:
        session.fetch_constant(sql, ())
    assert caught.value.sqlstate in {"42501", "25006"}


def test_a_database_that_is_away_is_no_answer(writer):
    def refuse(_: object) -> AgentConnection:
        raise DatabaseUnavailable("database.unavailable", "away")

    with pytest.raises(DatabaseUnavailable):
        ReapDatabase(refuse).fate(ADDRESS, marked(writer, then="commit"))


def test_a_session_that_breaks_off_is_no_answer(shop, writer):
    closed = open_plain(shop, user=REAP_ROLE)
    closed.close()
    with pytest.raises(DatabaseUnavailable):
        ReapDatabase(lambda _: closed).fate(ADDRESS, marked(writer, then="commit"))
