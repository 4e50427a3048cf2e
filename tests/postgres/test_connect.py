"""Opening a connection: what it insists on, and that the token is sent to nobody else and said to nobody."""

from __future__ import annotations

import socket
import struct
import threading
import time

import pytest

from postern.edges.postgres.connect import connect, open_connection
from postern.errors import DatabaseUnavailable
from postern.types import Secret
from tests.support.servers import Database
from tests.support.session import GOOD_STATUSES, Front, message, open_plain, open_socket, read, rows, welcome
from tests.support.tls import self_signed

TOKEN = Secret("db.example:5432/?Action=connect&DBUser=task_x&X-Amz-Signature=" + "5ec2e7" * 200)
READY = message(b"Z", b"I")
AUTHENTICATED = message(b"R", struct.pack("!i", 0))


def refused(code: str, text: str) -> bytes:
    return message(b"E", f"SFATAL\0VFATAL\0C{code}\0M{text}\0\0".encode())


def opened(front: Front, **changes):
    address = front.address(**changes)
    return connect(address, "postgres", TOKEN, timeout_s=5, application_name="postern")


def test_a_token_opens_a_session_over_verified_tls(shop: Database, certificate):
    with Front(certificate, shop).serving() as front:
        connection = opened(front)
        assert rows(read(connection, "select 1, current_setting('TimeZone')")) == [("1", "UTC")]
        assert front.passwords == [TOKEN.reveal().encode() + b"\0"]
        connection.close()


def test_small_messages_do_not_wait(shop: Database, certificate):
    with Front(certificate, shop).serving() as front:
        connection = opened(front)
        assert connection._usock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        connection.close()


@pytest.mark.parametrize(
    ("front_changes", "address_changes"),
    [
        ({"speaks_tls": False}, {}),
        ({}, {"host": "localhost"}),
        ({}, {"ca": "another"}),
        ({}, {"ca": "missing.pem"}),
        ({"authentication": struct.pack("!i", 5) + b"salt"}, {}),
        ({"authentication": struct.pack("!i", 10) + b"SCRAM-SHA-256\0\0"}, {}),
        ({"authentication": struct.pack("!i", 7)}, {}),
    ],
    ids=["no-tls", "other-host", "other-authority", "no-authority", "md5", "scram", "gss"],
)
def test_the_token_is_not_sent(certificate, tmp_path, front_changes, address_changes):
    if address_changes.get("ca") == "another":
        (tmp_path / "other").mkdir()
        address_changes = {"ca": self_signed(tmp_path / "other")}
    front = Front(certificate, canned=welcome(GOOD_STATUSES), **front_changes)
    with front.serving(), pytest.raises(DatabaseUnavailable) as failed:
        opened(front, **address_changes)
    assert front.passwords == []
    assert b"5ec2e7" not in b"".join(front.started)
    assert "5ec2e7" not in str(failed.value)


def test_a_token_is_never_sent_without_tls():
    ours, theirs = socket.socketpair()
    ours.settimeout(2)
    theirs.sendall(message(b"R", struct.pack("!i", 3)))
    with pytest.raises(DatabaseUnavailable):
        open_connection(ours, user="u", database="d", application_name="a", token=TOKEN)
    sent = theirs.recv(65_536)
    theirs.close()
    assert b"5ec2e7" not in sent


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("standard_conforming_strings", "off"),
        ("client_encoding", "LATIN1"),
        ("TimeZone", "Europe/Zurich"),
        ("DateStyle", "German, DMY"),
        ("IntervalStyle", "iso_8601"),
        ("integer_datetimes", "off"),
        ("server_encoding", "SQL_ASCII"),
        ("server_version", "15.8"),
        ("server_version", "9.6.24"),
        ("server_version", "19.0"),
        ("server_version", "20devel"),
        ("server_version", "nine"),
        ("server_version", None),
        ("standard_conforming_strings", None),
    ],
)
def test_a_session_that_is_not_as_it_must_be_is_refused(certificate, name, value):
    statuses = {k: v for k, v in (GOOD_STATUSES | {name: value}).items() if v is not None}
    front = Front(certificate, canned=welcome(statuses))
    with front.serving(), pytest.raises(DatabaseUnavailable, match=f"{name}: expected"):
        opened(front)


@pytest.mark.parametrize("version", ["16.14", "18.4 (Debian 18.4-1.pgdg12+1)", "17beta2"])
def test_versions_that_the_guard_knows_are_taken(certificate, version):
    with Front(certificate, canned=welcome(GOOD_STATUSES | {"server_version": version})).serving() as front:
        opened(front).close()


@pytest.mark.parametrize(
    "answer",
    [
        refused("28P01", "PAM authentication failed for user task_x"),
        refused("53300", "sorry, too many clients already"),
        refused("57P03", "the database system is starting up"),
        refused("3D000", "database secret does not exist"),
        b"E\0",
        b"\xff" * 64,
        AUTHENTICATED + message(b"v", b"\0\0\0\0\0\0\0\0"),
        AUTHENTICATED + b"S\0\0\0\3",
        AUTHENTICATED + message(b"S", b"client_encoding\0\xff\xfe\0") + READY,
        message(b"R", struct.pack("!i", 999)),
        message(b"R", b""),
    ],
    ids=[
        "password",
        "full",
        "starting",
        "database",
        "silence",
        "noise",
        "unknown",
        "short",
        "bytes",
        "method",
        "empty",
    ],
)
def test_whatever_a_server_says_instead_is_one_error_without_its_words(certificate, answer):
    with Front(certificate, canned=answer).serving() as front, pytest.raises(DatabaseUnavailable) as failed:
        connect(front.address(), "task_x", TOKEN, timeout_s=1, application_name="a")
    assert failed.value.code == "database.unavailable"
    assert "secret" not in str(failed.value)
    assert "5ec2e7" not in repr(failed.value)


def test_a_refusal_names_its_sqlstate(certificate):
    front = Front(certificate, canned=refused("28P01", "no"))
    with front.serving(), pytest.raises(DatabaseUnavailable, match="28P01"):
        opened(front)


def test_no_listener_is_an_error(certificate):
    with Front(certificate).serving() as front:
        address = front.address()
    with pytest.raises(DatabaseUnavailable):
        connect(address, "u", TOKEN, timeout_s=1, application_name="a")


def test_a_server_that_says_nothing_is_given_up(certificate):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        front = Front(certificate, port=silent.getsockname()[1])
        before = time.monotonic()
        with pytest.raises(DatabaseUnavailable):
            connect(front.address(), "u", TOKEN, timeout_s=0.2, application_name="a")
        assert time.monotonic() - before < 5


def test_a_session_ignores_settings_of_its_role_and_database(database: Database):
    role = f"r_{database.name}"
    database.run(f"create role {role} login")
    try:
        for setting in (
            "timezone to 'Europe/Zurich'",
            "datestyle to 'German'",
            "intervalstyle to 'sql_standard'",
            "bytea_output to 'escape'",
            "extra_float_digits to 0",
            "client_min_messages to debug",
            "standard_conforming_strings to off",
        ):
            database.run(f"alter role {role} set {setting}")
            database.run(f"alter database {database.name} set {setting}")
        connection = open_plain(database, user=role)
        sql = "select timestamptz '2026-01-02 03:04Z', interval '1 day', '\\x00ff'::bytea, 0.1::float8 + 0.2, '\\'"
        for _ in range(2):
            assert rows(read(connection, sql)) == [
                ("2026-01-02 03:04:00+00", "1 day", "\\x00ff", "0.30000000000000004", "\\")
            ]
            connection.discard_all()
        connection.close()
    finally:
        database.run(f"drop role {role}")


def test_the_password_is_forgotten_and_nothing_prints_it(shop: Database, certificate):
    with Front(certificate, shop).serving() as front:
        connection = opened(front)
        assert "5ec2e7" not in repr(vars(connection))
        connection.close()


def test_what_runs_is_cancelled_over_tls_when_its_answer_is_cut(shop: Database, certificate):
    with Front(certificate, shop).serving() as front:
        connection = opened(front)
        (key,) = [connection._backend_key_data]
        threading.Timer(0.2, connection.abandon, kwargs={"cancel": True}).start()
        connection._usock.settimeout(20)
        with pytest.raises(Exception):  # noqa: B017  # closed under its reader: which error it is does not matter
            read(connection, "select pg_sleep(20)")
        assert front.cancelled.wait(10)
        assert front.cancels == [struct.pack("!i", 80877102) + key]


def test_a_cancel_that_nobody_takes_is_no_error(shop: Database, certificate):
    with Front(certificate, shop).serving() as front:
        connection = opened(front)
        front.speaks_tls = False
        connection.abandon(cancel=True)
    assert front.cancels == []


def test_open_connection_closes_its_socket_where_it_fails(shop: Database):
    sock = open_socket(shop)
    with pytest.raises(DatabaseUnavailable):
        open_connection(sock, user="nobody_of_that_name", database=shop.name, application_name="a")
    assert sock.fileno() == -1
