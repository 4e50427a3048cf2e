"""Writes: nothing stands before `commit`, and everything that is not a clean commit is told apart."""

from __future__ import annotations

import dataclasses

import pytest

from postern.errors import DatabaseLost, OutcomeUnknown, StatementFailed, TooLarge
from tests.support.servers import Database
from tests.support.session import LIMITS, open_plain, read, rows, write


@pytest.fixture
def ledger(database: Database):
    database.run("create table entries (a int primary key, b text)")
    database.run("insert into entries values (1, 'one')")
    database.run(
        "create table lines (entry int references entries deferrable initially deferred);"
        "create function nothing() returns int language sql as 'select 1'"
    )
    return database


def entries(database: Database) -> list[object]:
    return [row[0] for row in database.run("select a from entries order by a")]


def test_a_write_stands_when_it_is_committed_and_not_before(ledger: Database):
    connection = open_plain(ledger)
    answer = write(connection, "insert into entries select i, $1 from generate_series(2, 4) i", "x")
    assert (answer.affected, answer.columns, answer.row_count) == (3, (), 0)
    assert entries(ledger) == [1]
    connection.commit()
    assert entries(ledger) == [1, 2, 3, 4]
    assert rows(read(connection, "select count(*) from entries")) == [("4",)]
    connection.close()


def test_rows_that_a_write_returns_come_with_its_count(ledger: Database):
    connection = open_plain(ledger)
    answer = write(connection, "update entries set b = upper(b) returning a, b")
    assert (rows(answer), answer.affected, answer.row_count) == ([("1", "ONE")], 1, 1)
    connection.rollback()
    assert ledger.run("select b from entries") == [["one"]]
    connection.close()


@pytest.mark.parametrize(
    "limits",
    [dataclasses.replace(LIMITS, max_rows=3), dataclasses.replace(LIMITS, max_bytes=60, max_cell_bytes=60)],
    ids=["rows", "bytes"],
)
def test_a_write_that_returns_more_than_the_bounds_is_undone(ledger: Database, limits):
    connection = open_plain(ledger)
    with pytest.raises(TooLarge) as stopped:
        write(connection, "insert into entries select i from generate_series(2, 50) i returning a", limits=limits)
    assert stopped.value.code == "answer.too_large"
    assert entries(ledger) == [1]
    connection.close()


def test_a_write_that_fails_is_undone_and_the_session_goes_on(ledger: Database):
    connection = open_plain(ledger)
    with pytest.raises(StatementFailed) as failed:
        write(connection, "insert into entries values (2, 'x'), (1, 'secret')")
    assert failed.value.sqlstate == "23505"
    assert "secret" not in failed.value.detail
    assert rows(read(connection, "select a from entries")) == [("1",)]
    connection.close()


def test_a_commit_that_the_database_refuses_is_an_error_of_the_statement(ledger: Database):
    connection = open_plain(ledger)
    write(connection, "insert into lines values (77)")
    with pytest.raises(StatementFailed) as failed:
        connection.commit()
    assert failed.value.sqlstate == "23503"
    assert "77" not in failed.value.detail
    assert ledger.run("select * from lines") == []
    assert rows(read(connection, "select 1")) == [("1",)]
    connection.close()


def test_a_session_that_breaks_before_commit_is_lost_and_nothing_stands(ledger: Database):
    connection = open_plain(ledger)
    with pytest.raises(DatabaseLost):
        write(connection, "insert into entries select 9 from pg_terminate_backend(pg_backend_pid())")
    assert entries(ledger) == [1]


def test_a_session_that_breaks_at_commit_is_an_unknown_outcome(ledger: Database):
    connection = open_plain(ledger)
    write(connection, "insert into entries values (5)")
    ledger.run("select pg_terminate_backend(pid) from pg_stat_activity where state = 'idle in transaction'")
    with pytest.raises(OutcomeUnknown):
        connection.commit()
    assert not connection.is_open
    assert entries(ledger) == [1]


def test_a_commit_without_an_open_transaction_is_never_taken_for_one(ledger: Database):
    connection = open_plain(ledger)
    write(connection, "insert into entries values (6)")
    connection.rollback()
    with pytest.raises(OutcomeUnknown):
        connection.commit()
    assert entries(ledger) == [1]


@pytest.mark.parametrize("sql", ["commit and chain", "rollback and chain", "commit"])
def test_a_write_that_ends_its_own_transaction_closes_the_connection(ledger: Database, sql):
    connection = open_plain(ledger)
    with pytest.raises(DatabaseLost):
        write(connection, sql)
    assert not connection.is_open


def test_a_statement_after_a_write_that_was_left_open_is_never_part_of_it(ledger: Database):
    connection = open_plain(ledger)
    write(connection, "insert into entries values (8)")
    with pytest.raises(DatabaseLost):
        read(connection, "select 1")
    assert entries(ledger) == [1]
