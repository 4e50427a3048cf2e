"""`databases.yaml`: where each catalogued database is. Supplied per environment.

shop:
  host: shop.cluster-abc.eu-west-1.rds.amazonaws.com
  port: 5432
  dbname: shop
  resource_id: cluster-ABCDEFGHIJKLMNOPQRSTUVWXYZ    # DbiResourceId, or the cluster's resource id
  region: eu-west-1
  ca: /opt/ca/rds.pem                                # PEM bundle that the server's certificate is checked with
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from postern.policy.names import check_database_name, check_identifier
from postern.types import DatabaseAddress, DatabaseName
from postern.yaml_lines import Node, load_lines

_FIELDS = ("host", "port", "dbname", "resource_id", "region", "ca")
# The host is signed into IAM tokens as `host:port/?…`; the resource id and region stand in an ARN.
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|[0-9A-Fa-f:]{2,45}")
_RESOURCE_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]{1,2}")


def parse_databases(
    text: bytes, *, file: str, catalogued: Collection[DatabaseName]
) -> Mapping[DatabaseName, DatabaseAddress]:
    """The address of each catalogued database, and of no other. Raises `PolicyFileError` naming file and line."""
    root = load_lines(text, file)
    addresses: dict[DatabaseName, DatabaseAddress] = {}
    for name, node in root.mapping().items():
        database = DatabaseName(check_database_name(name, node))
        if database not in catalogued:
            raise node.wrong(f"expected a database that has a catalog, got {name!r} without catalog/{name}.yaml")
        addresses[database] = _address(database, node)
    if missing := sorted(set(catalogued) - addresses.keys()):
        raise root.wrong(f"expected an address for each catalog, got none for {', '.join(missing)}")
    return addresses


def _address(name: DatabaseName, node: Node) -> DatabaseAddress:
    node.only(_FIELDS)
    dbname = node.required("dbname")
    return DatabaseAddress(
        name=name,
        host=_matching(node.required("host"), _HOST, "a host name or address"),
        port=node.required("port").integer(at_least=1, at_most=65535),
        dbname=check_identifier(dbname.text(), "database", dbname),
        resource_id=_matching(node.required("resource_id"), _RESOURCE_ID, "letters, digits and `-`"),
        region=_matching(node.required("region"), _REGION, "an AWS region such as eu-west-1"),
        ca=node.required("ca").text(),
    )


def _matching(node: Node, pattern: re.Pattern[str], expected: str) -> str:
    text = node.text()
    if not pattern.fullmatch(text):
        raise node.wrong(f"expected {expected}, got {text[:60]!r}")
    return text
