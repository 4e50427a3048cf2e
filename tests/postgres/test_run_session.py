"""Sessions of run-once statements on a server: what they are, what they end as, and what no statement gets out of."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from postern.edges.run_session import PostgresRunSession
from postern.errors import DatabaseLost, OutcomeUnknown, StatementFailed, TooLarge
from postern.reconcile.statements import Protocol, Ran, parse_own
from postern.run_ports import Lock, RunBounds
from postern.types import CommandId
from postern_local.postgres import PostgresServer
from tests.support.servers import Database, fresh_database
from tests.support.session import open_plain

OWNER, ROLE = "run_owner", "task_" + "a" * 32
BOUNDS = RunBounds(OWNER, "app", lock_timeout_ms=300, statement_timeout_ms=5_000)
NAME = CommandId("0199a0b0-c0d0-7000-8000-00000000000a")


@pytest.fixture(scope="module")
def prepared(postgres: PostgresServer) -> Iterator[Database]:
    with fresh_database(postgres) as database:
        for statement in (
            f"CREATE ROLE {OWNER} NOLOGIN",
            f"CREATE ROLE {ROLE} LOGIN NOINHERIT",
            f"GRANT {OWNER} TO {ROLE} WITH INHERIT FALSE, SET TRUE",
            f"CREATE SCHEMA app AUTHORIZATION {OWNER}",
            "CREATE TABLE app.orders (id int PRIMARY KEY, note text)",
            "INSERT INTO app.orders SELECT n, 'note ' || n FROM generate_series(1, 5) n",
            "CREATE TABLE app.lines (id int REFERENCES app.orders DEFERRABLE INITIALLY DEFERRED)",
            "CREATE SEQUENCE app.numbers",
            f"ALTER TABLE app.orders OWNER TO {OWNER}",
            f"ALTER TABLE app.lines OWNER TO {OWNER}",
            f"ALTER SEQUENCE app.numbers OWNER TO {OWNER}",
            f"REVOKE TEMP, CREATE ON DATABASE {database.name} FROM PUBLIC",
        ):
            database.run(statement)
        yield database
    connection = postgres.connect()
    for role in (ROLE, OWNER):
        connection.run(f"DROP ROLE {role}")
    connection.close()


@pytest.fixture
def session(prepared: Database) -> Iterator[PostgresRunSession]:
    opened = PostgresRunSession(open_plain(prepared, user=ROLE))
    try:
        yield opened
    finally:
        opened.rollback()
        opened.close()


def run(session: PostgresRunSession, *statements: str, timeout_ms: int = 5_000) -> list[int | None]:
    session.begin(BOUNDS, command_id=NAME)
    return [session.run(sql, command_id=NAME, timeout_ms=timeout_ms) for sql in statements]


def exists(database: Database, name: str) -> bool:
    return database.run(f"SELECT to_regclass('app.{name}') IS NOT NULL") == [[True]]


def test_it_is_the_owner_in_the_owners_schema_and_named_after_the_command(prepared, session):
    shows = "INSERT INTO app.orders SELECT 100, concat_ws(',', current_user, session_user, current_setting('{}'))"
    run(session, shows.format("search_path"))
    session.run("UPDATE app.orders SET note = note || ',' || current_setting('application_name') WHERE id = 100",
                command_id=NAME, timeout_ms=5_000)  # fmt: skip
    session.mark(timeout_ms=5_000)
    session.commit()
    [[note]] = prepared.run("DELETE FROM app.orders WHERE id = 100 RETURNING note")
    assert note == f"{OWNER},{ROLE},app, pg_temp,{NAME}"


def test_counts_what_was_written_and_throws_rows_away(session):
    counts = run(
        session,
        "UPDATE orders SET note = 'x' WHERE id < 4",
        "SELECT * FROM orders",
        "CREATE TABLE more AS SELECT * FROM orders",
        "ALTER TABLE orders ADD extra int",
        "INSERT INTO orders SELECT 7, 'y' RETURNING id",
    )
    assert counts == [3, 5, 5, None, 1]


def test_a_flood_of_rows_is_not_taken(prepared, session):
    with pytest.raises(TooLarge):
        run(session, "CREATE TABLE flood (a int)", "SELECT repeat('x', 1000000) FROM generate_series(1, 80)")
    assert not exists(prepared, "flood")


def test_a_statement_runs_to_its_end_whatever_it_returns(prepared, session):
    run(session, "SELECT nextval('numbers') FROM generate_series(1, 2500)")
    session.rollback()
    assert prepared.run("SELECT last_value FROM app.numbers") == [[2500]]  # which no rollback takes back


def test_commits_what_it_marked(prepared, session):
    run(session, "INSERT INTO orders VALUES (50)", "DELETE FROM orders WHERE id = 50")
    mark = session.mark(timeout_ms=5_000)
    session.commit()
    assert mark.rows_written == 2
    assert prepared.run("SELECT system_identifier::text FROM pg_control_system()") == [[mark.system_identifier]]
    assert prepared.run(f"SELECT pg_xact_status('{mark.xid}'::xid8)") == [["committed"]]


def test_a_deferred_constraint_is_checked_before_the_fence(session):
    run(session, "INSERT INTO lines VALUES (999)")
    with pytest.raises(StatementFailed) as raised:
        session.mark(timeout_ms=5_000)
    assert raised.value.sqlstate == "23503"


def test_an_error_tells_no_value(session):
    with pytest.raises(StatementFailed) as raised:
        run(session, "INSERT INTO orders SELECT 1, 'secret alice'")
    assert (raised.value.sqlstate, "alice" in raised.value.detail) == ("23505", False)


def test_settings_of_one_transaction_are_gone_in_the_next(session):
    run(session, "SET search_path TO pg_catalog", "SET lock_timeout TO '59s'", "SET work_mem TO '123MB'")
    session.mark(timeout_ms=5_000)
    session.commit()
    session.begin(BOUNDS, command_id=NAME)
    shown = " || ' ' || ".join(f"current_setting('{name}')" for name in ("lock_timeout", "search_path", "work_mem"))
    checks = f"CREATE TABLE app.s AS SELECT {shown} AS s"
    session.run(checks, command_id=NAME, timeout_ms=5_000)
    with pytest.raises(StatementFailed) as raised:
        session.run("SELECT 1 / (s <> '300ms app, pg_temp 4MB')::int FROM s", command_id=NAME, timeout_ms=5_000)
    assert raised.value.sqlstate == "22012"  # it is as it was


def test_settings_of_one_transaction_are_gone_for_a_statement_alone(prepared, session):
    run(session, "SET work_mem TO '123MB'")
    session.mark(timeout_ms=5_000)
    session.commit()
    session.run_alone("INSERT INTO orders SELECT 200, current_setting('work_mem')", BOUNDS, command_id=NAME)
    assert prepared.run("DELETE FROM app.orders WHERE id = 200 RETURNING note") == [["4MB"]]


def test_bounds_that_are_set_again_leave_the_search_path_to_the_statements(prepared, session):
    run(session, "CREATE TABLE twice (a int)", "SET search_path TO elsewhere")
    with pytest.raises(StatementFailed) as raised:
        session.run("SELECT a FROM twice", command_id=NAME, timeout_ms=5_000, bounds=BOUNDS)
    assert raised.value.sqlstate == "42P01"  # as it will be when they run for good


def test_bounds_that_are_set_again_hold_against_what_a_statement_set(session):
    run(session, "SET statement_timeout TO '800s'")
    tight = RunBounds(OWNER, "app", lock_timeout_ms=300, statement_timeout_ms=50)
    with pytest.raises(StatementFailed) as raised:
        session.run("SELECT pg_sleep(30)", command_id=NAME, timeout_ms=20_000, bounds=tight)
    assert raised.value.sqlstate == "57014"


def test_a_statement_past_its_time_is_given_up_and_undone(prepared, session):
    with pytest.raises(StatementFailed, match="longer than"):
        run(session, "CREATE TABLE late (a int)", "SET statement_timeout TO 0", "SELECT pg_sleep(30)", timeout_ms=100)
    assert not exists(prepared, "late")


def test_waits_for_a_lock_no_longer_than_it_may(prepared, session):
    holder = prepared.connect()
    try:
        holder.run("BEGIN")
        holder.run("LOCK TABLE app.orders IN ACCESS SHARE MODE")
        with pytest.raises(StatementFailed) as raised:
            run(session, "ALTER TABLE orders ADD waits int")
        assert raised.value.sqlstate == "55P03"
    finally:
        holder.close()


def test_shows_the_locks_it_took(session):
    run(session, "ALTER TABLE orders ADD seen int", "SELECT 1 FROM lines")
    assert session.locks() == (Lock("app.lines", "AccessShareLock"), Lock("app.orders", "AccessExclusiveLock"))


@pytest.mark.parametrize(
    "sql", ["COMMIT", "ROLLBACK", "COMMIT AND CHAIN", "ROLLBACK AND CHAIN", "PREPARE TRANSACTION 'x'"]
)
def test_a_statement_that_ends_the_transaction_ends_the_session(prepared, session, sql):
    with pytest.raises((OutcomeUnknown, StatementFailed, DatabaseLost)) as raised:
        run(session, "CREATE TABLE IF NOT EXISTS ended (a int)", sql)
    if not isinstance(raised.value, StatementFailed):
        with pytest.raises(DatabaseLost):
            session.commit()
    prepared.run("DROP TABLE IF EXISTS app.ended")


def test_two_statements_in_one_are_refused_by_the_server(session):
    with pytest.raises(StatementFailed) as raised:
        run(session, "SELECT 1; SELECT 2")
    assert raised.value.sqlstate == "42601"


def test_a_procedure_cannot_commit_inside_it(prepared, session):
    with pytest.raises(StatementFailed) as raised:
        run(
            session,
            "CREATE PROCEDURE commits() LANGUAGE plpgsql AS 'BEGIN COMMIT; END'",
            "CALL commits()",
        )
    assert raised.value.sqlstate == "2D000"
    session.rollback()
    assert prepared.run("SELECT count(*) FROM pg_proc WHERE proname = 'commits'") == [[0]]


@pytest.mark.parametrize("escape", ["RESET ROLE", "SET ROLE NONE", "SET SESSION AUTHORIZATION DEFAULT"])
def test_a_function_that_puts_the_role_back_changes_nothing_for_the_next(prepared, session, escape):
    run(
        session,
        f"CREATE FUNCTION escapes() RETURNS int LANGUAGE plpgsql AS $$ BEGIN {escape}; RETURN 1; END $$",
        "SELECT escapes()",
        "CREATE TABLE after_escape (a int)",
    )
    session.mark(timeout_ms=5_000)
    session.commit()
    owner = prepared.run("SELECT relowner::regrole::text FROM pg_class WHERE relname = 'after_escape'")
    assert owner == [[OWNER]]
    prepared.run("DROP TABLE app.after_escape")
    prepared.run("DROP FUNCTION app.escapes")


@pytest.mark.parametrize(
    "sql",
    [
        pytest.param("SET ROLE postgres", id="superuser"),
        pytest.param("CREATE TABLE public.mine (a int)", id="another-schema"),
        pytest.param("CREATE TABLE pg_catalog.mine (a int)", id="pg_catalog"),
        pytest.param("CREATE TEMP TABLE mine (a int)", id="temp"),
        pytest.param("CREATE SCHEMA mine", id="schema"),
        pytest.param("COPY app.orders TO PROGRAM 'true'", id="program"),
        pytest.param("CREATE EXTENSION plpython3u", id="extension"),
        pytest.param("ALTER SYSTEM SET work_mem = '1GB'", id="system"),
        pytest.param("SET session_replication_role = replica", id="triggers-off"),
        pytest.param("ALTER TABLE app.orders DISABLE TRIGGER ALL", id="system-triggers-off"),
        pytest.param("ALTER FUNCTION pg_catalog.now() OWNER TO CURRENT_USER", id="server-function"),
    ],
)
def test_the_database_refuses_what_an_owner_of_tables_may_not_though_no_guard_stood_before(session, sql):
    with pytest.raises(StatementFailed) as raised:
        run(session, sql)
    assert raised.value.sqlstate in {"42501", "0A000", "58P01", "25001"}


def test_a_copy_to_the_client_ends_the_session(session):
    with pytest.raises(DatabaseLost):
        run(session, "COPY app.orders TO STDOUT")


def terminate(database: Database) -> None:
    database.run(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = '{ROLE}'")


def test_a_session_that_is_ended_while_it_runs_is_lost(prepared, session):
    killer = threading.Timer(0.2, terminate, [prepared])
    killer.start()
    with pytest.raises(DatabaseLost):
        run(session, "CREATE TABLE gone (a int)", "SELECT pg_sleep(20)", timeout_ms=25_000)
    killer.join()
    assert not exists(prepared, "gone")


def test_a_session_that_is_ended_before_commit_is_not_committed(prepared, session):
    run(session, "CREATE TABLE gone (a int)")
    session.mark(timeout_ms=5_000)
    terminate(prepared)
    with pytest.raises((OutcomeUnknown, DatabaseLost)):
        session.commit()
    assert not exists(prepared, "gone")


def test_one_alone_runs_outside_of_any_transaction(prepared, session):
    assert session.run_alone("CREATE INDEX CONCURRENTLY alone ON orders (note)", BOUNDS, command_id=NAME) is None
    assert prepared.run("SELECT relowner::regrole::text FROM pg_class WHERE relname = 'alone'") == [[OWNER]]
    session.run_alone("DROP INDEX CONCURRENTLY alone", BOUNDS, command_id=NAME)
    with pytest.raises(StatementFailed) as raised:
        run(session, "CREATE INDEX CONCURRENTLY alone ON orders (note)")
    assert raised.value.sqlstate == "25001"


def test_one_alone_that_fails_says_so_and_one_that_is_cut_off_is_unknown(prepared, session):
    with pytest.raises(StatementFailed) as raised:
        session.run_alone("VACUUM nowhere", BOUNDS, command_id=NAME)
    assert raised.value.sqlstate == "42P01"
    killer = threading.Timer(0.2, terminate, [prepared])
    killer.start()
    with pytest.raises(OutcomeUnknown):
        session.run_alone("SELECT pg_sleep(20)", BOUNDS, command_id=NAME)
    killer.join()


def test_a_transaction_begun_by_one_alone_is_no_way_out(session):
    with pytest.raises(OutcomeUnknown):
        session.run_alone("BEGIN", BOUNDS, command_id=NAME)


def test_whatever_the_session_says_by_itself_is_known_to_reconcile_as_its_own(prepared, session, monkeypatch):
    sent: list[str] = []
    from postern.edges.postgres import protocol

    plain = protocol.extended_query

    def noted(sql, *arguments, **named):
        sent.append(sql.decode())
        return plain(sql, *arguments, **named)

    monkeypatch.setattr(protocol, "extended_query", noted)
    run(session, "SELECT 1")
    session.locks()
    session.mark(timeout_ms=5_000)
    session.commit()
    session.run_alone("SELECT 1", BOUNDS, command_id=NAME)
    own = [sql for sql in sent if sql != "SELECT 1"]
    assert len(own) > 15
    assert [sql for sql in own if parse_own(Ran(Protocol.EXTENDED, sql)) is None] == []
