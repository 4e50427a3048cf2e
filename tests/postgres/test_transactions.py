"""Transactions: nothing stands before `commit`, and everything that is not a clean commit is told apart."""

from __future__ import annotations

import dataclasses
import re

import pytest

from postern.edges.postgres.wire import AgentConnection
from postern.errors import DatabaseLost, DatabaseUnavailable, OutcomeUnknown, PosternError, StatementFailed, TooLarge
from postern.types import CommandId
from tests.support.servers import Database, fresh_database
from tests.support.session import LIMITS, begin, open_plain, read, rows, run

OTHER_NAME = CommandId("0199a0b0-c0d0-7000-8000-00000000000b")
_SCHEMA = """
create table entries (a int primary key, b text);
insert into entries values (1, 'one');
create table lines (entry int references entries deferrable initially deferred);
create type mood as enum ('sad', 'happy');
create function at_commit() returns trigger language plpgsql as $$
begin
    if new.b = 'slow' then perform pg_sleep(10); end if;
    raise exception 'secret %', new.b using errcode = new.b;
end $$;
create table judged (b text);
create constraint trigger judge after insert on judged deferrable initially deferred
    for each row execute function at_commit();
"""


@pytest.fixture(scope="module")
def shared(postgres):
    with fresh_database(postgres) as database:
        database.run(_SCHEMA)
        yield database


@pytest.fixture
def ledger(shared: Database):
    """The tables as they were made, whatever the test before has committed."""
    yield shared
    shared.run("truncate judged, lines, entries; insert into entries values (1, 'one')")


@pytest.fixture
def connection(ledger: Database):
    opened = open_plain(ledger)
    yield opened
    opened.close()


def entries(database: Database) -> list[object]:
    return [row[0] for row in database.run("select a from entries order by a")]


def end_sessions(database: Database) -> None:
    database.run(
        "select pg_terminate_backend(pid, 5000) from pg_stat_activity "
        "where datname = current_database() and pid <> pg_backend_pid()"
    )


def test_statements_stand_together_when_they_are_committed_and_not_before(ledger: Database, connection):
    transaction = begin(connection)
    result = run(transaction, "insert into entries select i, $1 from generate_series(2, 4) i", "x")
    assert (result.affected, result.columns, result.row_count) == (3, (), 0)
    seen = run(transaction, "select count(*) from entries", read_only=True)
    assert (rows(seen), seen.columns[0].type) == ([("4",)], "bigint")
    run(transaction, "delete from entries where a = 1")
    assert entries(ledger) == [1]
    transaction.commit()
    assert entries(ledger) == [2, 3, 4]
    assert rows(read(connection, "select count(*) from entries")) == [("3",)]


def test_rows_that_a_write_returns_come_with_its_count(ledger: Database, connection):
    transaction = begin(connection)
    result = run(transaction, "update entries set b = upper(b) returning a, b, 'sad'::mood")
    assert (rows(result), result.affected, result.row_count) == ([("1", "ONE", "sad")], 1, 1)
    assert [column.type for column in result.columns] == ["integer", "text", "mood"]
    transaction.rollback()
    assert ledger.run("select b from entries") == [["one"]]


def test_rolling_back_twice_is_rolling_back(connection: AgentConnection):
    transaction = begin(connection)
    transaction.rollback()
    transaction.rollback()
    assert rows(read(connection, "select 1")) == [("1",)]


@pytest.mark.parametrize(
    "limits",
    [dataclasses.replace(LIMITS, max_rows=3), dataclasses.replace(LIMITS, max_bytes=60, max_cell_bytes=60)],
    ids=["rows", "bytes"],
)
def test_a_write_that_returns_more_than_the_bounds_is_undone_whole(ledger: Database, connection, limits):
    transaction = begin(connection)
    run(transaction, "insert into entries values (99)")
    with pytest.raises(TooLarge) as stopped:
        run(transaction, "insert into entries select i from generate_series(2, 50) i returning a", limits=limits)
    assert stopped.value.code == "answer.too_large"
    with pytest.raises(DatabaseLost):
        transaction.commit()
    assert entries(ledger) == [1]


def test_a_statement_that_fails_undoes_all_of_them_and_the_session_goes_on(ledger: Database, connection):
    transaction = begin(connection)
    run(transaction, "insert into entries values (2)")
    with pytest.raises(StatementFailed) as failed:
        run(transaction, "insert into entries values (3, 'x'), (1, 'secret')")
    assert failed.value.sqlstate == "23505"
    assert "secret" not in failed.value.detail
    assert rows(read(connection, "select a from entries")) == [("1",)]


@pytest.mark.parametrize(
    ("sql", "sqlstate"),
    [
        ("insert into entries values (2)", "25006"),
        ("with written as (insert into entries values (2) returning a) select * from written", "25006"),
        ("select nextval(pg_get_serial_sequence('entries', 'a'))", None),
        ("set transaction read write", "25001"),
    ],
)
def test_a_statement_that_is_to_read_cannot_write_where_others_can(ledger: Database, connection, sql, sqlstate):
    transaction = begin(connection)
    run(transaction, "insert into entries values (7)")
    if sqlstate is None:
        run(transaction, sql, read_only=True)
    else:
        with pytest.raises(StatementFailed) as failed:
            run(transaction, sql, read_only=True)
        assert failed.value.sqlstate == sqlstate
    transaction.rollback()
    assert entries(ledger) == [1]


def test_after_a_statement_that_only_reads_the_next_one_may_write(ledger: Database, connection):
    transaction = begin(connection)
    run(transaction, "select 1", read_only=True)
    run(transaction, "insert into entries values (2)")
    run(transaction, "select a from entries", read_only=True)
    run(transaction, "insert into entries values (3)")
    transaction.commit()
    assert entries(ledger) == [1, 2, 3]


def test_a_transaction_that_is_to_read_refuses_every_write(ledger: Database, connection):
    transaction = begin(connection, read_only=True)
    assert rows(run(transaction, "select a from entries", read_only=True)) == [("1",)]
    with pytest.raises(StatementFailed) as failed:
        run(transaction, "insert into entries values (2)")
    assert failed.value.sqlstate == "25006"


def test_rows_of_a_read_are_truncated_and_the_transaction_goes_on(ledger: Database, connection):
    transaction = begin(connection)
    run(transaction, "insert into entries select generate_series(2, 50)")
    few = dataclasses.replace(LIMITS, max_rows=3)
    result = run(transaction, "select a from entries order by a", limits=few, read_only=True)
    assert (rows(result), result.truncated) == ([("1",), ("2",), ("3",)], True)
    transaction.commit()
    assert len(entries(ledger)) == 50


def test_bytes_of_a_read_past_their_bound_undo_the_transaction(ledger: Database, connection):
    transaction = begin(connection)
    run(transaction, "insert into entries values (2)")
    small = dataclasses.replace(LIMITS, max_bytes=500, max_cell_bytes=500)
    with pytest.raises(TooLarge):
        run(transaction, "select repeat('x', 100) from generate_series(1, 50)", limits=small, read_only=True)
    assert not connection.is_open
    assert entries(ledger) == [1]


def test_each_statement_has_its_own_time_and_name(connection: AgentConnection):
    transaction = begin(connection)
    asked = "select current_setting('statement_timeout'), current_setting('application_name')"
    limits = dataclasses.replace(LIMITS, statement_timeout_ms=1_234)
    first = transaction.run(asked, [], limits, read_only=True, command_id=OTHER_NAME)
    second = run(transaction, asked, read_only=True)
    assert (rows(first), rows(second)) == (
        [("1234ms", OTHER_NAME)],
        [("10s", "0199a0b0-c0d0-7000-8000-00000000000a")],
    )
    with pytest.raises(StatementFailed) as stopped:
        run(transaction, "select pg_sleep(30)", limits=dataclasses.replace(LIMITS, statement_timeout_ms=50))
    assert stopped.value.code == "database.timeout"


def test_a_mark_names_the_transaction_as_the_database_knows_it(ledger: Database, connection):
    transaction = begin(connection)
    run(transaction, "insert into entries values (2)")
    mark = transaction.mark()
    found = ledger.run(
        "select backend_start = '" + mark.backend_start + "'::timestamptz, "
        "(select system_identifier::text from pg_control_system()), pg_xact_status('" + mark.xid + "'::xid8) "
        f"from pg_stat_activity where pid = {mark.backend_pid:d}"
    )
    assert found == [[True, mark.system_identifier, "in progress"]]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", mark.backend_start)
    transaction.commit()
    assert ledger.run(f"select pg_xact_status('{mark.xid}'::xid8)") == [["committed"]]


def test_a_transaction_that_wrote_nothing_yet_has_a_mark_too(ledger: Database, connection):
    transaction = begin(connection)
    mark = transaction.mark()
    transaction.rollback()
    assert ledger.run(f"select pg_xact_status('{mark.xid}'::xid8)") == [["aborted"]]


def test_a_server_that_hides_its_identifier_is_marked_without_it(database: Database):
    database.run("create role plain login; revoke execute on function pg_control_system() from public")
    try:
        connection = open_plain(database, user="plain")
        transaction = begin(connection)
        mark = transaction.mark()
        assert (mark.system_identifier, transaction.commit()) == (None, None)
        connection.close()
    finally:
        database.run("grant execute on function pg_control_system() to public; drop role plain")


@pytest.mark.parametrize(
    ("sql", "sqlstate"),
    [
        ("insert into lines values (77)", "23503"),
        ("insert into judged values ('42703')", "42703"),
        ("insert into judged values ('40001')", "40001"),
    ],
    ids=["foreign-key", "trigger", "serialization"],
)
@pytest.mark.parametrize("marked", [True, False], ids=["at-the-mark", "at-commit"])
def test_what_was_deferred_and_does_not_hold_is_an_error_of_the_statement(
    ledger: Database, connection, sql, sqlstate, marked
):
    transaction = begin(connection)
    run(transaction, sql)
    with pytest.raises(StatementFailed) as failed:
        transaction.mark() if marked else transaction.commit()
    assert failed.value.sqlstate == sqlstate
    assert not {"77", "secret"} & set(re.findall(r"\w+", failed.value.detail))
    assert ledger.run("select * from lines union all select 1 from judged") == []
    assert rows(read(connection, "select 1")) == [("1",)]


@pytest.mark.parametrize("sqlstate", ["53100", "57P01"])
def test_an_error_at_commit_that_is_not_the_statements_says_that_nothing_was_written(
    ledger: Database, connection, sqlstate
):
    transaction = begin(connection)
    run(transaction, "insert into judged values ($1)", sqlstate)
    with pytest.raises((DatabaseUnavailable, DatabaseLost)):
        transaction.commit()
    assert not connection.is_open
    assert ledger.run("select * from judged") == []


def test_a_constraint_that_takes_too_long_to_check_is_stopped(ledger: Database, connection, monkeypatch):
    monkeypatch.setattr("postern.edges.postgres.statements.COMMIT_TIMEOUT_MS", 50)
    transaction = begin(connection)
    run(transaction, "insert into judged values ('slow')")
    with pytest.raises(StatementFailed) as stopped:
        transaction.mark()
    assert stopped.value.code == "database.timeout"
    assert ledger.run("select * from judged") == []


def test_a_session_that_breaks_before_commit_is_lost_and_nothing_stands(ledger: Database, connection):
    transaction = begin(connection)
    with pytest.raises(DatabaseLost):
        run(transaction, "insert into entries select 9 from pg_terminate_backend(pg_backend_pid())")
    with pytest.raises(DatabaseLost):
        transaction.commit()
    transaction.rollback()
    assert entries(ledger) == [1]


def test_a_session_that_breaks_at_commit_is_an_unknown_outcome(ledger: Database, connection):
    transaction = begin(connection)
    run(transaction, "insert into entries values (5)")
    end_sessions(ledger)
    with pytest.raises(OutcomeUnknown):
        transaction.commit()
    assert not connection.is_open
    assert entries(ledger) == [1]


def test_an_answer_to_commit_that_never_comes_is_an_unknown_outcome(ledger: Database, connection, monkeypatch):
    transaction = begin(connection)
    run(transaction, "insert into entries values (5)")
    monkeypatch.setattr(connection._inbox, "_receive", lambda size: b"")
    with pytest.raises(OutcomeUnknown):
        transaction.commit()
    assert not connection.is_open


@pytest.mark.parametrize("sql", ["commit and chain", "rollback and chain", "commit", "rollback"])
@pytest.mark.parametrize("read_only", [True, False], ids=["reading", "writing"])
def test_a_statement_that_ends_its_own_transaction_leaves_an_unknown_outcome(ledger, connection, sql, read_only):
    transaction = begin(connection)
    run(transaction, "insert into entries values (2)")
    with pytest.raises(OutcomeUnknown):
        run(transaction, sql, read_only=read_only)
    assert not connection.is_open


@pytest.mark.parametrize(
    "sql",
    ["savepoint postern", "release savepoint postern", "rollback to savepoint postern", "prepare transaction 'x'"],
)
def test_a_statement_cannot_open_what_keeps_it_from_writing(ledger: Database, connection, sql):
    transaction = begin(connection)
    with pytest.raises(PosternError):
        run(transaction, sql, read_only=True)
    with pytest.raises(PosternError):
        run(transaction, "insert into entries values (2)")
    assert entries(ledger) == [1]


def test_a_statement_after_a_transaction_that_was_left_open_is_never_part_of_it(ledger: Database, connection):
    run(begin(connection), "insert into entries values (8)")
    with pytest.raises(DatabaseLost):
        read(connection, "select 1")
    assert entries(ledger) == [1]


def test_a_transaction_cannot_be_begun_inside_another(ledger: Database, connection):
    run(begin(connection), "insert into entries values (8)")
    with pytest.raises(DatabaseLost):
        begin(connection)
    assert entries(ledger) == [1]


@pytest.mark.parametrize("call", ["run", "mark", "commit"])
def test_nothing_can_be_done_in_a_transaction_that_has_ended(ledger: Database, connection, call):
    transaction = begin(connection)
    transaction.commit()
    with pytest.raises(DatabaseLost):
        run(transaction, "insert into entries values (2)") if call == "run" else getattr(transaction, call)()
    assert entries(ledger) == [1]


def test_a_server_that_takes_no_writes_refuses_the_transaction(ledger: Database, connection, monkeypatch):
    monkeypatch.setattr(
        "postern.edges.postgres.transactions.format_begin",
        lambda *_: format_refused_begin(),
    )
    with pytest.raises(StatementFailed):
        begin(connection)
    assert rows(read(connection, "select 1")) == [("1",)]


def format_refused_begin() -> bytes:
    from postern.edges.postgres.protocol import extended_query

    return extended_query(b"BEGIN READ WRITE ISOLATION LEVEL nothing", (), 0, describe=False)
