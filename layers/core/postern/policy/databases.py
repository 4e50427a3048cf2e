"""`databases.yaml`: where each catalogued database is. Supplied per environment.

shop:
  host: shop.cluster-abc.eu-west-1.rds.amazonaws.com
  port: 5432
  dbname: shop
  resource_id: cluster-ABCDEFGHIJKLMNOPQRSTUVWXYZ    # DbiResourceId, or the cluster's resource id
  region: eu-west-1
  ca: /opt/ca/rds.pem                                # PEM bundle that the server's certificate is checked with
  dry_run_database: shop_copy                        # optional: another entry, where run-once statements are tried
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from postern.policy.names import check_database_name, check_identifier
from postern.types import DatabaseAddress, DatabaseName
from postern.yaml_lines import Node, load_lines

_FIELDS = ("host", "port", "dbname", "resource_id", "region", "ca", "dry_run_database")
# The host is signed into IAM tokens as `host:port/?…`; the resource id and region stand in an ARN.
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|[0-9A-Fa-f:]{2,45}")
_RESOURCE_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]{1,2}")


def parse_databases(
    text: bytes, *, file: str, catalogued: Collection[DatabaseName]
) -> Mapping[DatabaseName, DatabaseAddress]:
    """The address of each catalogued database, of those that dry runs of them go to, and of no other.

    Raises `PolicyFileError` naming file and line.
    """
    root = load_lines(text, file)
    nodes = root.mapping()
    addresses = {
        DatabaseName(name): _address(DatabaseName(check_database_name(name, node)), node)
        for name, node in nodes.items()
    }
    tried_in = {address.dry_run_database for address in addresses.values() if address.name in catalogued}
    for name, address in addresses.items():
        if name not in catalogued and name not in tried_in:
            raise nodes[name].wrong(f"expected a database that has a catalog, got {name!r} without catalog/{name}.yaml")
        if address.dry_run_database is not None and address.dry_run_database not in addresses.keys() - {name}:
            detail = f"expected the name of another entry, got {address.dry_run_database!r}"
            raise nodes[name].required("dry_run_database").wrong(detail)
    if missing := sorted(set(catalogued) - addresses.keys()):
        raise root.wrong(f"expected an address for each catalog, got none for {', '.join(missing)}")
    return addresses


def _address(name: DatabaseName, node: Node) -> DatabaseAddress:
    node.only(_FIELDS)
    dbname = node.required("dbname")
    tried_in = node.optional("dry_run_database")
    return DatabaseAddress(
        name=name,
        host=_matching(node.required("host"), _HOST, "a host name or address"),
        port=node.required("port").integer(at_least=1, at_most=65535),
        dbname=check_identifier(dbname.text(), "database", dbname),
        resource_id=_matching(node.required("resource_id"), _RESOURCE_ID, "letters, digits and `-`"),
        region=_matching(node.required("region"), _REGION, "an AWS region such as eu-west-1"),
        ca=node.required("ca").text(),
        dry_run_database=None if tried_in is None else DatabaseName(tried_in.text()),
    )


def _matching(node: Node, pattern: re.Pattern[str], expected: str) -> str:
    text = node.text()
    if not pattern.fullmatch(text):
        raise node.wrong(f"expected {expected}, got {text[:60]!r}")
    return text
