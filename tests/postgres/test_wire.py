"""Agent statements on a real server: byte for byte as sent, within bounds, one at a time, never out of step."""

from __future__ import annotations

import dataclasses
import socket
import struct

import pytest

from postern.edges.postgres.connect import open_connection
from postern.edges.postgres.wire import AgentConnection
from postern.errors import BadRequest, DatabaseLost, StatementFailed, TooLarge
from tests.support.servers import Database
from tests.support.session import GOOD_STATUSES, LIMITS, NAME, message, open_plain, read, rows, welcome


def bounded(**changes: int):
    return dataclasses.replace(LIMITS, **changes)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select 'a:b', $$c:d$$, $tag$e:f;g$tag$", ("a:b", "c:d", "e:f;g")),
        ("select (array[1,2,3])[1:2]", ("{1,2}",)),
        ("select (array[1,2,3,4])[2:(select 3)]", ("{2,3}",)),
        ("select 1 -- :name ; drop table x", ("1",)),
        ("select /* :a /* nested; */ $$ */ 2", ("2",)),
        ("select '{\"a\": 1}'::jsonb ->> 'a', '1'::text::int", ("1", "1")),
        ("select 'it''s', E'\\t:x', '%s %(a)s {0} ?'", ("it's", "\t:x", "%s %(a)s {0} ?")),
        ('select 1 as ":odd; name"', ("1",)),
        ("select '?' || '$1', '{\"a\":1}'::jsonb ? 'a'", ("?$1", "t")),
        ("select 'ünïcödé 漢字 🙂'", ("ünïcödé 漢字 🙂",)),
        ("select 1;", ("1",)),
    ],
)
def test_a_statement_runs_byte_for_byte(connection: AgentConnection, sql, expected):
    assert rows(read(connection, sql)) == [expected]
    assert rows(
        read(connection, "select query from pg_stat_activity where pid = pg_backend_pid() and $1 = ''", "")
    ) == [("select query from pg_stat_activity where pid = pg_backend_pid() and $1 = ''",)]


@pytest.mark.parametrize(
    ("sql", "parameters", "expected"),
    [
        ("select $1::int + 1", ("41",), ("42",)),
        ("select $1::text is null, $2::text", (None, ""), ("t", "")),
        ("select $1 || 'b'", ("a",), ("ab",)),
        ("select $1::int[]", ('{"1",NULL,"3"}',), ("{1,NULL,3}",)),
        ("select ($1::jsonb)->>'a'", ('{"a":"x"}',), ("x",)),
        ("select $2::text, $1::text", ("a'; drop table x; --", "$1"), ("$1", "a'; drop table x; --")),
        ("select length($1::text)", ("x" * 3_000_000,), ("3000000",)),
    ],
    ids=["integer", "null-and-empty", "unknown", "array", "json", "not-substituted", "huge"],
)
def test_parameters_are_values_of_the_type_that_the_statement_asks_for(connection, sql, parameters, expected):
    assert rows(read(connection, sql, *parameters)) == [expected]


def test_a_result_is_described(connection: AgentConnection):
    answer = read(connection, "select b, a, a as b, a + 1 from numbers order by a")
    assert [(column.name, column.type_oid, column.attribute_number) for column in answer.columns] == [
        ("b", 1231, 2),
        ("a", 23, 1),
        ("b", 23, 1),
        ("?column?", 23, 0),
    ]
    assert answer.columns[0].table_oid == answer.columns[1].table_oid != 0 == answer.columns[3].table_oid
    assert answer.values == (["{1.50,NULL}", None], ["1", "2"], ["1", "2"], ["2", "3"])
    assert (answer.row_count, answer.truncated, answer.affected) == (2, False, None)


@pytest.mark.parametrize(
    ("sql", "columns", "row_count"),
    [("select", 0, 1), ("select from generate_series(1, 3)", 0, 3), ("", 0, 0), ("select 1 where false", 1, 0)],
    ids=["no-columns", "rows-of-no-columns", "empty", "no-rows"],
)
def test_results_without_cells_have_their_shape(connection: AgentConnection, sql, columns, row_count):
    answer = read(connection, sql)
    assert (len(answer.columns), len(answer.values), answer.row_count) == (columns, columns, row_count)


def test_many_rows_with_nulls_and_letters_of_every_length_arrive_as_they_are(connection: AgentConnection):
    sql = """select i::text, case when i % 3 = 0 then null else repeat(chr(228 + i % 9000), i % 40) end, ''
             from generate_series(1, 5000) i"""
    answer = read(connection, sql, limits=bounded(max_rows=5_000))
    expected = [(str(i), None if i % 3 == 0 else chr(228 + i % 9000) * (i % 40), "") for i in range(1, 5_001)]
    assert rows(answer) == expected


@pytest.mark.parametrize(
    ("asked", "there", "truncated"), [(10, 10, False), (10, 11, True), (0, 1, True), (1, 0, False)]
)
def test_one_row_more_than_the_bound_is_asked_for_and_not_delivered(connection, asked, there, truncated):
    answer = read(connection, f"select generate_series(1, {there})", limits=bounded(max_rows=asked))
    expected = min(asked, there)
    assert (answer.row_count, len(answer.values[0]), answer.truncated) == (expected, expected, truncated)
    assert rows(read(connection, "select 'next'")) == [("next",)]


def test_a_million_rows_are_not_received(connection: AgentConnection):
    answer = read(connection, "select generate_series(1, 1000000)", limits=bounded(max_rows=1_000))
    assert answer.truncated
    assert answer.values == ([str(i) for i in range(1, 1_001)],)
    assert answer.received_bytes < 20_000
    assert connection.is_open


def test_rows_past_the_byte_bound_are_left_and_the_connection_is_closed(shop: Database):
    cancelled: list[bytes] = []
    connection = open_plain(shop, cancel=cancelled.append)
    answer = read(
        connection,
        "select i, repeat('x', 1000) from generate_series(1, 100000) i",
        limits=bounded(max_rows=100_000, max_bytes=50_000),
    )
    assert answer.truncated
    assert answer.values[0] == [str(i) for i in range(1, answer.row_count + 1)]
    assert 45 <= answer.row_count <= 50
    assert answer.received_bytes <= 50_000
    assert not connection.is_open
    assert [len(key) for key in cancelled] == [8]


@pytest.mark.parametrize(
    ("sql", "limits"),
    [
        ("select repeat(repeat('x', 1000000), 100)", LIMITS),
        ("select repeat(repeat('x', 1000000), 30)::int", LIMITS),
        ("select repeat('x', 2000)", bounded(max_cell_bytes=1_999)),
        ("select 1, repeat('x', 700), repeat('y', 700)", bounded(max_bytes=1_000, max_cell_bytes=900)),
    ],
    ids=["100-megabytes", "an-error-that-quotes-30-megabytes", "cell-of-one-byte-too-many", "row-of-small-cells"],
)
def test_a_huge_value_is_never_received_whole(shop: Database, sql, limits, counted_bytes):
    connection = open_plain(shop)
    with pytest.raises((TooLarge, StatementFailed)) as stopped:
        read(connection, sql, limits=limits)
    assert "xxx" not in stopped.value.detail
    assert not connection.is_open
    assert counted_bytes(connection) < 1_500_000
    assert len(str(stopped.value)) < 500


@pytest.fixture
def counted_bytes(monkeypatch):
    """How many bytes a connection has received since the test began."""
    received: dict[int, int] = {}
    original = AgentConnection._receive

    def counting(self, size):
        chunk = original(self, size)
        received[id(self)] = received.get(id(self), 0) + len(chunk)
        return chunk

    monkeypatch.setattr(AgentConnection, "_receive", counting)
    return lambda connection: received.get(id(connection), 0)


def test_a_cell_of_exactly_the_bound_is_delivered(connection: AgentConnection):
    answer = read(connection, "select repeat('x', 2000), null", limits=bounded(max_cell_bytes=2_000))
    assert rows(answer) == [("x" * 2_000, None)]


def test_a_wide_row_of_many_cells_within_their_bound_is_delivered(connection: AgentConnection):
    cells = ", ".join(f"repeat('{i % 10}', 9000)" for i in range(100))
    answer = read(connection, f"select {cells}", limits=bounded(max_cell_bytes=9_000))
    assert rows(answer) == [tuple(str(i % 10) * 9_000 for i in range(100))]


@pytest.mark.parametrize(
    "sql",
    ["select 1; select 2", "select 1; drop table t", "select 1;;select 2", "begin; select 1"],
)
def test_two_statements_in_one_are_refused_by_the_protocol(connection: AgentConnection, sql):
    with pytest.raises(StatementFailed) as failed:
        read(connection, sql)
    assert failed.value.sqlstate == "42601"
    assert rows(read(connection, "select 1")) == [("1",)]


@pytest.mark.parametrize(
    ("sql", "sqlstate"),
    [
        ("select 1/0", "22012"),
        ("select 1/(500 - i) from generate_series(1, 1000) i", "22012"),
        ("selec 1", "42601"),
        ("select missing from pg_class", "42703"),
        ("select $1::int", "08P01"),
        ("select 'x'::int", "22P02"),
        ("create table t (a int)", "25006"),
        ("select nextval('missing')", "42P01"),
        ("set default_transaction_read_only = off; select 1", "42601"),
        ("select E'\\x00'", "22021"),
        ("select pg_sleep(20)", "57014"),
    ],
)
def test_after_an_error_the_next_answer_is_the_next_statements(connection: AgentConnection, sql, sqlstate):
    with pytest.raises(StatementFailed) as failed:
        read(connection, sql, limits=bounded(statement_timeout_ms=300, max_rows=2_000))
    assert failed.value.sqlstate == sqlstate
    assert connection.is_open
    assert rows(read(connection, "select 'alice'")) == [("alice",)]
    assert rows(read(connection, "select 'bob'")) == [("bob",)]


@pytest.mark.parametrize(
    "sql",
    [
        "commit",
        "rollback",
        "commit and chain",
        "rollback and chain",
        "abort",
        "savepoint a",
        "copy pg_class to stdout",
        "prepare transaction 'x'",
    ],
)
def test_a_statement_that_touches_its_transaction_or_leaves_the_protocol_closes_the_connection(connection, sql):
    with pytest.raises((DatabaseLost, StatementFailed)) as stopped:
        read(connection, sql)
    assert not connection.is_open or stopped.type is StatementFailed


@pytest.mark.parametrize(
    "sql",
    [
        "insert into numbers values (2)",
        "update numbers set a = 3",
        "delete from numbers",
        "with gone as (delete from numbers returning a) select * from gone",
        "create table u (a int)",
        "select nextval('s')",
        "select lo_create(0)",
        "truncate numbers",
    ],
)
def test_a_read_cannot_write(connection: AgentConnection, shop: Database, sql):
    with pytest.raises(StatementFailed) as failed:
        read(connection, sql)
    assert failed.value.sqlstate == "25006"
    assert shop.run("select a from numbers order by a") == [[1], [2]]


@pytest.mark.parametrize("setting", ["transaction_read_only", "default_transaction_read_only"])
def test_a_read_cannot_make_itself_a_write(connection: AgentConnection, setting):
    with pytest.raises(StatementFailed) as failed:
        read(connection, "select set_config($1, 'off', true), nextval('s')", setting)
    assert failed.value.sqlstate in ("25001", "25006")
    with pytest.raises(StatementFailed):
        read(connection, "select nextval('s')")


def test_a_notification_by_a_read_is_never_sent(connection: AgentConnection, shop: Database):
    listener = shop.connect()
    try:
        listener.run("listen x")
        read(connection, "notify x, 'secret'")
        listener.run("select 1")
        assert not listener.notifications
    finally:
        listener.close()


def test_a_statement_runs_under_its_bounds_and_its_name(connection: AgentConnection):
    sql = """select current_setting('statement_timeout'), current_setting('lock_timeout'),
             current_setting('application_name'), current_setting('transaction_read_only')"""
    limits = bounded(statement_timeout_ms=4_321, lock_timeout_ms=321)
    assert rows(read(connection, sql, limits=limits)) == [("4321ms", "321ms", NAME, "on")]


@pytest.mark.parametrize("bound_ms", [0, -5])
def test_no_time_left_is_a_short_time_and_not_no_bound(connection: AgentConnection, bound_ms):
    with pytest.raises(StatementFailed) as failed:
        read(connection, "select pg_sleep(5)", limits=bounded(statement_timeout_ms=bound_ms))
    assert failed.value.code == "database.timeout"


def test_a_statement_past_its_time_is_stopped(connection: AgentConnection):
    with pytest.raises(StatementFailed) as failed:
        read(connection, "select pg_sleep(30)", limits=bounded(statement_timeout_ms=200))
    assert (failed.value.code, failed.value.sqlstate) == ("database.timeout", "57014")
    assert rows(read(connection, "select 1")) == [("1",)]


def test_a_lock_that_is_not_to_be_had_is_an_error_in_time(connection: AgentConnection, shop: Database):
    holder = shop.connect()
    try:
        holder.run("begin")
        holder.run("lock table numbers in access exclusive mode")
        with pytest.raises(StatementFailed) as failed:
            read(connection, "select * from numbers", limits=bounded(lock_timeout_ms=100))
    finally:
        holder.close()
    assert failed.value.sqlstate == "55P03"


def test_a_statement_with_nul_is_refused_before_it_is_sent(connection: AgentConnection):
    with pytest.raises(BadRequest) as refused:
        read(connection, "select 1\0; drop table t")
    assert refused.value.code == "guard.nul"
    assert rows(read(connection, "select 1")) == [("1",)]


def test_half_a_surrogate_pair_is_refused_before_it_is_sent(connection: AgentConnection):
    with pytest.raises(BadRequest):
        read(connection, "select '\ud800'")
    assert rows(read(connection, "select 1")) == [("1",)]


@pytest.mark.parametrize("name", ["x'; drop table t; --", "", "a" * 64, "a\0b"])
def test_a_name_that_is_no_command_id_is_never_sent(connection: AgentConnection, name):
    with pytest.raises(ValueError, match="application_name"):
        connection.read("select 1", [], LIMITS, application_name=name)


def test_notices_are_not_in_the_way(connection: AgentConnection):
    assert rows(read(connection, "select loud() from generate_series(1, 3)")) == [("7",)] * 3
    assert not connection.notices


def test_a_changed_session_setting_closes_the_connection(connection: AgentConnection):
    with pytest.raises(DatabaseLost):
        read(connection, "select set_config('DateStyle', 'German', false), current_date")
    assert not connection.is_open


def test_a_backend_that_is_killed_is_a_lost_session(connection: AgentConnection):
    with pytest.raises(DatabaseLost) as lost:
        read(connection, "select pg_terminate_backend(pg_backend_pid()), pg_sleep(1)")
    assert lost.value.code == "database.lost"
    assert not connection.is_open


def test_a_session_that_ended_meanwhile_is_a_lost_session(connection: AgentConnection, shop: Database):
    shop.run("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'test'")
    with pytest.raises(DatabaseLost):
        read(connection, "select 1")
    assert not connection.is_open
    with pytest.raises(DatabaseLost):
        read(connection, "select 1")


BEGUN = message(b"C", b"BEGIN\0") + message(b"C", b"SET\0") * 3
ONE_COLUMN = message(b"T", struct.pack("!h", 1) + b"a\0" + struct.pack("!IhIhih", 0, 0, 25, -1, -1, 0))
DONE = message(b"C", b"SELECT 1\0") + message(b"Z", b"T")
ROLLED_BACK = message(b"C", b"ROLLBACK\0") + message(b"Z", b"I")


def cell(value: bytes) -> bytes:
    return message(b"D", struct.pack("!hi", 1, len(value)) + value)


@pytest.mark.parametrize(
    ("said", "fine"),
    [
        (BEGUN + ONE_COLUMN + cell(b"x") + DONE + ROLLED_BACK, True),
        (BEGUN + ONE_COLUMN + cell(b"a\0b") + DONE + ROLLED_BACK, False),
        (BEGUN + ONE_COLUMN + cell(b"\xff") + DONE + ROLLED_BACK, False),
        (ONE_COLUMN + cell(b"x") + DONE + ROLLED_BACK, False),
        (BEGUN + ONE_COLUMN + cell(b"x") + message(b"Z", b"T") + ROLLED_BACK, False),
        (BEGUN + ONE_COLUMN + cell(b"x") + message(b"C", b"SELECT 1\0") + message(b"Z", b"I") + ROLLED_BACK, False),
        (BEGUN + ONE_COLUMN + cell(b"x") + DONE + message(b"C", b"ROLLBACK\0") + message(b"Z", b"T"), False),
        (BEGUN + ONE_COLUMN + cell(b"x") + DONE + message(b"E", b"C25P01\0\0") + message(b"Z", b"I"), False),
        (BEGUN + ONE_COLUMN + cell(b"x") + DONE + ROLLED_BACK[:-1], False),
        (BEGUN + message(b"E", b"VERROR\0C22012\0\0") + message(b"Z", b"T") + ROLLED_BACK, False),
        (message(b"E", b"VERROR\0C22012\0\0") + message(b"Z", b"E") + ROLLED_BACK, False),
    ],
    ids=[
        *("in-step", "nul", "not-utf8", "no-begin", "no-end", "no-transaction", "still-in-transaction"),
        *("rollback-fails", "cut", "error-in-good-transaction", "error-before-statement"),
    ],
)
def test_only_an_answer_that_is_in_step_is_an_answer(said, fine):
    ours, theirs = socket.socketpair()
    ours.settimeout(2)
    with theirs:
        theirs.sendall(welcome(GOOD_STATUSES))
        connection = open_connection(ours, user="u", database="d", application_name="a")
        theirs.sendall(said)
        theirs.shutdown(socket.SHUT_WR)
        if fine:
            assert rows(read(connection, "select 1")) == [("x",)]
        else:
            with pytest.raises(DatabaseLost):
                read(connection, "select 1")
        assert connection.is_open is fine
        connection.close()


def test_bytes_that_nobody_asked_for_are_never_an_answer():
    ours, theirs = socket.socketpair()
    ours.settimeout(2)
    with theirs:
        answer = BEGUN + ONE_COLUMN + cell(b"x") + DONE + ROLLED_BACK
        theirs.sendall(welcome(GOOD_STATUSES))
        connection = open_connection(ours, user="u", database="d", application_name="a")
        theirs.sendall(answer + answer.replace(b"x", b"y"))
        assert rows(read(connection, "select 1")) == [("x",)]
        with pytest.raises(DatabaseLost):
            read(connection, "select 1")
        assert not connection.is_open


def test_an_interrupt_in_the_middle_of_an_answer_closes_the_connection(shop: Database, monkeypatch):
    original, calls = AgentConnection._receive, []

    def interrupted(self, size):
        calls.append(size)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return original(self, size)

    monkeypatch.setattr(AgentConnection, "_receive", interrupted)
    connection = open_plain(shop)
    with pytest.raises(KeyboardInterrupt):
        read(connection, "select repeat('x', 100) from generate_series(1, 100000)", limits=bounded(max_rows=100_000))
    assert not connection.is_open


def test_discard_all_puts_the_session_back(connection: AgentConnection):
    read(connection, "select set_config('work_mem', '77MB', false), pg_advisory_lock(5)")
    connection.discard_all()
    assert rows(read(connection, "select current_setting('work_mem')")) != [("77MB",)]
    assert rows(read(connection, "select count(*) from pg_locks where locktype = 'advisory'")) == [("0",)]
    assert rows(read(connection, "select current_setting('TimeZone'), current_setting('bytea_output')")) == [
        ("UTC", "hex")
    ]
