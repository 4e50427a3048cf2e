"""`catalog/<database>.yaml`: what the data of one database is.

    database: shop
    schema_default: public
    classes:
      pii.email: {mask: email}
    tables:
      public.customers:                    # or `customers`: a table of schema_default
        columns: {id: open, email: pii.email}
        rows: "region = :region"           # optional; :region is a principal's attribute
    functions: []                          # own functions an agent may call; none unless listed
    detectors: {phone: true, iban: false}  # optional; what the second net looks for, where it is not the default
    owner_role: shop_owner                 # optional; as which run-once statements run: without it there are none

What a table may say stands in `catalog_tables`, what a class may in `masks`.
A table or column that is not here does not exist for an agent. Unknown fields are refused, so a catalog
written for a later version never loses a bound by being read by this one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from postern.masking.detector_patterns import DEFAULT_DETECTORS, DetectorKind
from postern.policy.catalog_tables import CatalogTable, parse_each_once, parse_tables
from postern.policy.masks import parse_mask
from postern.policy.names import (
    TableName,
    check_class_name,
    check_database_name,
    check_identifier,
    check_schema_name,
    parse_table_name,
)
from postern.types import DatabaseName, Mask
from postern.yaml_lines import Node, load_lines

_FIELDS = ("database", "schema_default", "classes", "tables", "functions", "detectors", "owner_role")
# Roles of PostgreSQL's, of Amazon RDS's and of ours: none of them owns an application's tables.
_RESERVED_ROLE = re.compile(
    r"(pg|rds|postern)_.*|task_[0-9a-f]{32}|rdsadmin|rdsrepladmin|postgres|public|none", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Catalog:
    """What of one database an agent could ever see, and what hides its values."""

    database: DatabaseName
    schema_default: str
    classes: Mapping[str, Mask]
    tables: Mapping[TableName, CatalogTable]
    functions: tuple[str, ...]
    detectors: tuple[str, ...] | None = (
        None  # kinds that are on, in `DetectorKind`'s order; None: as the product has it
    )
    owner_role: str | None = None  # as which run-once statements run; None: there are none

    def find(self, name: str) -> TableName | None:
        """The table that an agent's `orders` or `public.orders` means, spelled exactly; None where there is none."""
        table = parse_table_name(name, schema_default=self.schema_default)
        return table if table in self.tables else None


def parse_catalog(text: bytes, *, file: str) -> Catalog:
    """The catalog in the file. Raises `PolicyFileError` naming file and line."""
    root = load_lines(text, file)
    root.only(_FIELDS)
    schema_default = root.required("schema_default")
    classes = root.optional("classes")
    masks = {} if classes is None else _classes(classes)
    schema = check_schema_name(schema_default.text(), schema_default)
    return Catalog(
        database=_database(root.required("database"), file),
        schema_default=schema,
        classes=masks,
        tables=parse_tables(root.required("tables"), masks, schema),
        functions=parse_each_once(root.optional("functions"), "function", _function),
        detectors=_detectors(root),
        owner_role=_owner_role(root),
    )


def _database(node: Node, file: str) -> DatabaseName:
    name = check_database_name(node.text(), node)
    if PurePosixPath(file).name != f"{name}.yaml":
        raise node.wrong(f"expected the file to be named {name}.yaml after its database, got {file}")
    return DatabaseName(name)


def _classes(node: Node) -> dict[str, Mask]:
    return {check_class_name(name, entry): parse_mask(entry) for name, entry in node.mapping().items()}


def _detectors(root: Node) -> tuple[str, ...] | None:
    """The kinds that are on: those of the product, less what is switched off and with what is switched on."""
    node = root.optional("detectors")
    if node is None:
        return None
    switched = {kind: entry.boolean() for kind, entry in node.only(DetectorKind).items()}
    return tuple(kind.value for kind in DetectorKind if switched.get(kind, kind in DEFAULT_DETECTORS))


def _owner_role(root: Node) -> str | None:
    node = root.optional("owner_role")
    if node is None:
        return None
    name = check_identifier(node.text(), "owner_role", node)
    if _RESERVED_ROLE.fullmatch(name):
        raise node.wrong(f"owner_role: expected the role that owns the application's tables, got {name!r}")
    return name


def _function(node: Node) -> str:
    name = node.text()
    parts = name.split(".")
    if len(parts) > 2:
        raise node.wrong(f"expected `function` or `schema.function`, names without a dot inside, got {name!r}")
    if len(parts) == 2:
        check_schema_name(parts[0], node)
    check_identifier(parts[-1], "function", node)
    return name
