"""A database's address: what is understood, what is refused, and that a password is never said."""

from __future__ import annotations

import pytest

from postern_cli.dsn import parse_address
from postern_cli.stop import Exit, Stop

SECRET = "hunter2%40pass"


def test_a_whole_url_is_read() -> None:
    address = parse_address(
        f"postgresql://ann:{SECRET}@db.example.org:6432/shop?sslmode=verify-full&sslrootcert=/etc/ca.pem", {}
    )
    assert (address.host, address.port, address.user, address.dbname) == ("db.example.org", 6432, "ann", "shop")
    assert address.password is not None
    assert address.password.reveal() == "hunter2@pass"
    assert (address.has_tls, address.ca) == (True, "/etc/ca.pem")
    assert "hunter2" not in repr(address)


def test_the_url_of_a_socket_is_read() -> None:
    address = parse_address("postgresql:///shop?host=%2Ftmp%2FUpper&port=5433&user=postgres", {})
    assert (address.host, address.port, address.has_tls) == ("/tmp/Upper", 5433, False)


def test_variables_fill_in_what_the_url_leaves_out_and_no_more() -> None:
    environment = {"PGHOST": "elsewhere", "PGUSER": "bob", "PGPASSWORD": "p", "PGDATABASE": "other", "PGPORT": "1"}
    address = parse_address("postgresql://db.example.org/shop", environment)
    assert (address.host, address.user, address.dbname, address.port) == ("db.example.org", "bob", "shop", 1)


def test_variables_are_enough() -> None:
    address = parse_address(None, {"PGHOST": "127.0.0.1", "PGUSER": "bob", "PGDATABASE": "shop", "PGPORT": ""})
    assert (address.host, address.port, address.password, address.has_tls) == ("127.0.0.1", 5432, None, False)


@pytest.mark.parametrize(
    ("host", "sslmode", "has_tls"),
    [
        ("db.example.org", None, True),
        ("db.example.org", "verify-full", True),
        ("10.0.0.1", None, True),
        ("127.0.0.1", None, False),
        ("127.0.0.1", "verify-full", True),
        ("localhost", "disable", False),
        ("::1", None, False),
        ("/var/run/postgresql", None, False),
        ("/var/run/postgresql", "disable", False),
    ],
)
def test_tls_is_verified_wherever_somebody_else_may_be_on_the_line(host, sslmode, has_tls) -> None:
    environment = {"PGHOST": host, "PGUSER": "u", "PGDATABASE": "d", **({"PGSSLMODE": sslmode} if sslmode else {})}
    assert parse_address(None, environment).has_tls is has_tls


@pytest.mark.parametrize(
    ("host", "sslmode"),
    [
        *(("db.example.org", mode) for mode in ("disable", "allow", "prefer", "require", "verify-ca", "VERIFY-FULL")),
        ("127.0.0.1", "require"),
        ("/tmp", "verify-full"),
        ("localhost.example.org", "disable"),
        ("127.0.0.1.example.org", "disable"),
    ],
)
def test_tls_that_verifies_nothing_is_refused(host, sslmode) -> None:
    with pytest.raises(Stop, match="sslmode"):
        parse_address(None, {"PGHOST": host, "PGUSER": "u", "PGDATABASE": "d", "PGSSLMODE": sslmode})


WRONG = {
    "another scheme": "mysql://u@h/d",
    "no scheme": "u@h/d",
    "keywords": "host=h dbname=d password=hunter2",
    "one slash": "postgresql:/h/d?user=u",
    "port that is none": "postgresql://u@h:5432x/d",
    "port too high": "postgresql://u@h:70000/d",
    "port of zero": "postgresql://u@h:0/d",
    "port in the query": "postgresql://u@h/d?port=+1",
    "other digits": "postgresql://u@h/d?port=%D9%A1",
    "two hosts": "postgresql://u:hunter2@h1,h2/d",
    "two slashes in the path": "postgresql://u:hunter2@h/d/e",
    "unknown parameter": "postgresql://u:hunter2@h/d?options=-c%20x",
    "parameter without a value": "postgresql://u:hunter2@h/d?sslmode",
    "parameter twice": "postgresql://u:hunter2@h/d?sslmode=verify-full&sslmode=disable",
    "user twice": "postgresql://u:hunter2@h/d?user=v",
    "fragment": "postgresql://u:hunter2@h/d#f",
    "bare percent": "postgresql://u:hunter2%@h/d",
    "space": "postgresql://u:hunter2@h/d ",
    "newline": "postgresql://u:hunter2@h/d\n",
    "NUL": "postgresql://u:hunter2@h/d%00e",
    "other bytes": "postgresql://u:hunter2%ff@h/d",
    "no host": "postgresql:///d?user=u",
    "no user": "postgresql://h/d",
    "no database": "postgresql://u:hunter2@h",
    "percent in the host": "postgresql://u:hunter2@%2Ftmp/d",
    "ampersand of a password": "postgresql://u@h/d?password=hunter2&hunter2=x",
}


@pytest.mark.parametrize("dsn", WRONG.values(), ids=WRONG.keys())
def test_what_is_not_understood_is_refused_without_being_repeated(dsn: str) -> None:
    with pytest.raises(Stop) as stopped:
        parse_address(dsn, {})
    assert stopped.value.code is Exit.USAGE
    assert "hunter2" not in stopped.value.line
    assert "expected" in stopped.value.line


@pytest.mark.parametrize("name", ["PGSERVICE", "PGHOSTADDR"])
def test_a_variable_that_would_lead_elsewhere_is_refused_and_not_passed_over(name: str) -> None:
    with pytest.raises(Stop, match=name):
        parse_address("postgresql://u@h/d", {name: "x"})
