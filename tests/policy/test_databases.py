"""Where databases are: each catalogued one and no other, each field checked for what it will be part of."""

from __future__ import annotations

import pytest

from postern.errors import PolicyFileError
from postern.policy.databases import parse_databases
from postern.types import DatabaseAddress, DatabaseName
from tests.support.policy import DATABASES, replaced

SHOP = DatabaseName("shop")


def test_parses_an_address():
    assert parse_databases(DATABASES.encode(), file="databases.yaml", catalogued=[SHOP]) == {
        SHOP: DatabaseAddress(SHOP, "shop.example", 5432, "shop", "cluster-ABC", "eu-west-1", "/opt/ca.pem")
    }


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        pytest.param("shop:\n", "other:\n", 1, "catalog/other.yaml", id="without-catalog"),
        pytest.param("shop:\n", "Shop:\n", 1, "database name", id="name"),
        pytest.param("port: 5432", "port: 0", 3, "from 1 to 65535", id="port-zero"),
        pytest.param("port: 5432", 'port: "5432"', 3, "an integer", id="port-as-text"),
        pytest.param("shop.example", "shop.example/?x", 2, "host name", id="host-with-a-path"),
        pytest.param("shop.example", '"shop.example\\n"', 2, "host name", id="host-with-a-line-break"),
        pytest.param("cluster-ABC", '"*"', 5, "letters", id="resource-id-wildcard"),
        pytest.param("cluster-ABC", '"x/y"', 5, "letters", id="resource-id-with-a-slash"),
        pytest.param("eu-west-1", "Europe", 6, "AWS region", id="region"),
        pytest.param("dbname: shop", 'dbname: ""', 4, "empty", id="empty-dbname"),
        pytest.param("  ca: /opt/ca.pem\n", "", 1, "`ca`", id="no-ca"),
        pytest.param("  ca: /opt/ca.pem\n", "  ca: /opt/ca.pem\n  password: x\n", 8, "unknown field", id="password"),
    ],
)
def test_rejects_a_slip_naming_the_line(old: str, new: str, line: int, says: str):
    with pytest.raises(PolicyFileError) as raised:
        parse_databases(replaced(DATABASES, old, new).encode(), file="databases.yaml", catalogued=[SHOP])
    assert (raised.value.file, raised.value.line) == ("databases.yaml", line)
    assert says in raised.value.detail


def test_rejects_a_catalog_without_an_address():
    with pytest.raises(PolicyFileError, match="none for hr"):
        parse_databases(DATABASES.encode(), file="databases.yaml", catalogued=[SHOP, DatabaseName("hr")])
