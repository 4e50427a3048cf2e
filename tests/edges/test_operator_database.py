"""An operator's session: it reads only, verifies TLS before it says a password, and repeats no word of the server's."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from postern.edges.operator_database import OperatorAddress, open_session
from postern.errors import DatabaseUnavailable, StatementFailed
from postern.types import Secret
from postern_cli.dsn import parse_address
from tests.support.servers import Database
from tests.support.session import Front, message
from tests.support.tls import self_signed

PASSWORD = "hunter2"


def address(front: Front, *, ca: Path | None = None, host: str = "127.0.0.1") -> OperatorAddress:
    dbname = front.database.name if front.database is not None else "none"
    return OperatorAddress(
        host, front.port, "postgres", dbname, Secret(PASSWORD), has_tls=True, ca=str(ca or front.certificate)
    )


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    return self_signed(tmp_path)


def test_rows_come_as_text_over_verified_tls(database: Database, certificate: Path) -> None:
    with Front(certificate, database).serving() as front, open_session(address(front)) as session:
        assert session.rows("SELECT 1::text, NULL, 'ä'::text") == [["1", None, "ä"]]
        assert front.passwords == [PASSWORD.encode() + b"\0"]


@pytest.mark.parametrize("change", ["another authority", "another host", "no TLS", "no file"])
def test_no_password_is_said_to_a_server_that_is_not_verified(certificate: Path, tmp_path: Path, change: str) -> None:
    (tmp_path / "other").mkdir()
    front = Front(certificate, speaks_tls=change != "no TLS")
    ca = {"another authority": self_signed(tmp_path / "other"), "no file": tmp_path / "missing.pem"}.get(change)
    host = "localhost" if change == "another host" else "127.0.0.1"
    with (
        front.serving(),
        pytest.raises(DatabaseUnavailable) as refused,
        open_session(address(front, ca=ca, host=host)),
    ):
        pass
    assert front.passwords == []
    assert b"hunter2" not in b"".join(front.started)
    assert "hunter2" not in str(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize(
    ("sqlstate", "advice"),
    [("28P01", "password is wrong"), ("3D000", "no database"), ("53300", "no connection left"), ("ZZZZZ", "unknown")],
)
def test_a_refused_login_says_why_in_our_words(certificate: Path, sqlstate: str, advice: str) -> None:
    said = message(b"E", f"SFATAL\0VFATAL\0C{sqlstate}\0Mthe secret is hunter2\0\0".encode())
    with (
        Front(certificate, canned=said).serving() as front,
        pytest.raises(DatabaseUnavailable, match=advice) as refused,
        open_session(address(front)),
    ):
        pass
    assert "hunter2" not in str(refused.value)


def test_a_server_that_asks_for_another_kind_of_login_is_refused(certificate: Path) -> None:
    with (
        Front(certificate, authentication=struct.pack("!i", 7)).serving() as front,
        pytest.raises(DatabaseUnavailable, match="could not be started"),
        open_session(address(front)),
    ):
        pass


def test_nobody_there_is_said(tmp_path: Path) -> None:
    with (
        pytest.raises(DatabaseUnavailable, match="did not answer"),
        open_session(OperatorAddress(str(tmp_path), 5432, "u", "d", None, has_tls=False)),
    ):
        pass


@pytest.mark.parametrize(
    ("sql", "sqlstate"),
    [
        ("CREATE TABLE public.t ()", "25006"),
        ("SET TRANSACTION READ WRITE; CREATE TABLE public.t ()", "42601"),
        ("COMMIT; CREATE TABLE public.t ()", "42601"),
        ("SELECT 'canary'::int::text", "22P02"),
        ("SELECT * FROM nowhere", "42P01"),
    ],
)
def test_a_statement_that_writes_or_fails_says_its_sqlstate_and_nothing_of_a_value(
    database: Database, sql: str, sqlstate: str
) -> None:
    with open_session(parse_address(database.dsn, {})) as session:
        with pytest.raises(StatementFailed) as failed:
            session.rows(sql)
        assert failed.value.sqlstate == sqlstate
        assert "canary" not in str(failed.value)
        assert failed.value.__cause__ is None
        assert session.rows("SELECT 'next'::text") == [["next"]]
    assert database.run("SELECT to_regclass('public.t') IS NULL") == [[True]]


def test_an_analysed_statement_is_not_run_and_may_be_analysed_again(database: Database) -> None:
    with open_session(parse_address(database.dsn, {})) as session:
        for _ in range(2):
            session.analyse("SELECT 1 / 0, pg_sleep(60)")
        with pytest.raises(StatementFailed) as failed:
            session.analyse("SELECT nothing FROM pg_class")
        assert failed.value.sqlstate == "42703"
        session.analyse("SELECT relname FROM pg_class")


def test_a_statement_that_takes_too_long_is_stopped(database: Database) -> None:
    with open_session(parse_address(database.dsn, {})) as session:
        with pytest.raises(StatementFailed) as failed:
            session.rows("SELECT pg_sleep(60)::text", timeout_ms=1)
        assert failed.value.sqlstate == "57014"
        assert session.rows("SELECT current_setting('statement_timeout')") == [["20s"]]


def test_a_session_that_breaks_is_said_to_be_gone(database: Database) -> None:
    with open_session(parse_address(database.dsn, {})) as session:
        database.run(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            f" WHERE datname = '{database.name}' AND pid <> pg_backend_pid()"
        )
        with pytest.raises((DatabaseUnavailable, StatementFailed)):
            session.rows("SELECT 1::text")
