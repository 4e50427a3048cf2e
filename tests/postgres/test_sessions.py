"""The kept session: whose it is, when it is reused, and when it must not be."""

from __future__ import annotations

import dataclasses

import pytest

from postern.edges.postgres.sessions import KeptSession, task_connections
from postern.edges.postgres.wire import AgentConnection
from postern.errors import BudgetExceeded, DatabaseLost, DatabaseUnavailable, StatementFailed, TooLarge
from postern.ports import Limits
from postern.types import CommandId, DatabaseAddress, DatabaseName, Secret, Task, TaskId
from postern.world.names import role_name
from tests.support.domain import a_task
from tests.support.servers import Database
from tests.support.session import LIMITS, NAME, Front, message, open_plain

ADDRESS = DatabaseAddress(DatabaseName("shop"), "localhost", 5432, "shop", "cluster-TEST", "us-east-1", "ca.pem")
OTHER_TASK = TaskId("0199a0b0c0d07000800000000000000b")


class Opener:
    """Opens plain connections and keeps them, for a test to look at."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.opened: list[AgentConnection] = []
        self.refusing = False

    def __call__(self, task: Task, address: DatabaseAddress):
        if self.refusing:
            raise DatabaseUnavailable("database.unavailable", "no")
        self.opened.append(open_plain(self.database))
        return self.opened[-1]


@pytest.fixture
def opener(shop: Database):
    made = Opener(shop)
    yield made
    for connection in made.opened:
        connection.close()


def run(kept: KeptSession, sql: str, *, task: Task | None = None, limits: Limits = LIMITS, address=ADDRESS):
    session = kept.session(task or a_task(), address)
    return session.run(sql, [], limits, command_id=CommandId(NAME))


def test_a_session_is_kept_for_the_next_statement_of_its_task(opener):
    kept = KeptSession(opener)
    first, second = (run(kept, "select pg_backend_pid()").values for _ in range(2))
    assert first == second
    assert len(opener.opened) == 1


def test_a_statement_finds_nothing_of_the_one_before(opener):
    kept = KeptSession(opener)
    run(kept, "select set_config('work_mem', '77MB', false), pg_advisory_lock(1)")
    result = run(
        kept, "select current_setting('work_mem'), (select count(*) from pg_locks where locktype = 'advisory')"
    )
    assert result.values == (["4MB"], ["0"])
    assert len(opener.opened) == 1


def test_another_task_gets_a_session_of_its_own_and_the_old_one_is_closed(opener):
    kept = KeptSession(opener)
    run(kept, "select 1")
    run(kept, "select 1", task=a_task(id=OTHER_TASK))
    assert [connection.is_open for connection in opener.opened] == [False, True]


def test_the_same_task_at_another_address_gets_a_session_of_its_own(opener):
    kept = KeptSession(opener)
    run(kept, "select 1")
    run(kept, "select 1", address=dataclasses.replace(ADDRESS, port=5433))
    assert [connection.is_open for connection in opener.opened] == [False, True]


def test_a_kept_session_that_died_is_replaced_without_a_word(opener, shop):
    kept = KeptSession(opener)
    run(kept, "select 1")
    shop.run("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'test'")
    assert run(kept, "select 'alive'").values == (["alive"],)
    assert [connection.is_open for connection in opener.opened] == [False, True]


def test_a_session_lost_under_a_statement_is_an_error_and_the_next_one_is_new(opener):
    kept = KeptSession(opener)
    with pytest.raises(DatabaseLost):
        run(kept, "select pg_terminate_backend(pg_backend_pid()), pg_sleep(1)")
    assert run(kept, "select 'alive'").values == (["alive"],)
    assert len(opener.opened) == 2


def test_a_clean_error_keeps_the_session(opener):
    kept = KeptSession(opener)
    with pytest.raises(StatementFailed):
        run(kept, "select 1/0")
    assert run(kept, "select 2").values == (["2"],)
    assert len(opener.opened) == 1


@pytest.mark.parametrize(
    ("sql", "limits", "error"),
    [
        ("select repeat('x', 5000)", dataclasses.replace(LIMITS, max_cell_bytes=1_000), TooLarge),
        ("commit", LIMITS, DatabaseLost),
        ("copy pg_class to stdout", LIMITS, DatabaseLost),
        ("select fail('53200')", LIMITS, DatabaseUnavailable),
        ("select fail('57P01')", LIMITS, DatabaseLost),
    ],
    ids=["too-large", "transaction", "copy", "no-room", "shutdown"],
)
def test_anything_else_ends_the_session(opener, sql, limits, error):
    kept = KeptSession(opener)
    with pytest.raises(error):
        run(kept, sql, limits=limits)
    assert not opener.opened[0].is_open
    assert run(kept, "select 'bob'").values == (["bob"],)


def test_discard_closes_the_session_and_is_idempotent(opener):
    kept = KeptSession(opener)
    run(kept, "select 1")
    kept.discard()
    kept.discard()
    assert not opener.opened[0].is_open


def test_where_no_session_can_be_had_none_is_kept(opener):
    kept = KeptSession(opener)
    run(kept, "select 1")
    opener.refusing = True
    with pytest.raises(DatabaseUnavailable):
        kept.session(a_task(id=OTHER_TASK), ADDRESS)
    opener.refusing = False
    assert run(kept, "select 1", task=a_task(id=OTHER_TASK)).row_count == 1


def test_a_write_whose_types_cannot_be_named_is_undone(database: Database, monkeypatch):
    database.run("create type mood as enum ('sad')")
    database.run("create table entries (a mood)")
    opener = Opener(database)
    session = KeptSession(opener).session(a_task(), ADDRESS)
    transaction = session.begin(LIMITS, command_id=CommandId(NAME), read_only=False)

    def broken(*arguments):
        raise StatementFailed("database.timeout", "no", sqlstate="57014")

    monkeypatch.setattr(opener.opened[0], "fetch_constant", broken)
    with pytest.raises(DatabaseLost):
        transaction.run("insert into entries values ('sad') returning a", [], LIMITS, read_only=False)
    assert not opener.opened[0].is_open
    assert database.run("select * from entries") == []


def test_a_role_that_has_as_many_sessions_as_it_may_is_told_to_wait(shop: Database, certificate):
    task = a_task()
    role = role_name(task.id)
    shop.run(f"create role {role} login connection limit 1")
    front = Front(certificate, shop)
    try:
        with front.serving():
            open_as_task = task_connections(lambda *_: Secret("token"))
            first = open_as_task(task, front.address())
            with pytest.raises(BudgetExceeded) as refused:
                open_as_task(task, front.address())
            first.close()
    finally:
        shop.run(f"drop role {role}")
    assert (refused.value.code, refused.value.retry_after_s) == ("task.parallel", 5)


def test_a_server_that_is_full_is_not_taken_for_a_role_that_is(certificate):
    full = message(b"E", b"SFATAL\0VFATAL\0C53300\0Msorry, too many clients already\0RInitProcess\0\0")
    with Front(certificate, canned=full).serving() as front, pytest.raises(DatabaseUnavailable):
        task_connections(lambda *_: Secret("token"))(a_task(), front.address())
