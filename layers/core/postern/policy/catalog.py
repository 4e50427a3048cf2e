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

A table or column that is not here does not exist for an agent. Unknown fields are refused, so a catalog
written for a later version never loses a bound by being read by this one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from postern.policy.masks import parse_mask
from postern.policy.names import (
    OPEN,
    TableName,
    check_class_name,
    check_column_name,
    check_database_name,
    check_identifier,
    check_schema_name,
    parse_table_name,
)
from postern.policy.row_filter import CatalogFilter, parse_row_filter
from postern.types import DatabaseName, Mask
from postern.yaml_lines import Node, load_lines

_FIELDS = ("database", "schema_default", "classes", "tables", "functions")


@dataclass(frozen=True, slots=True)
class CatalogTable:
    """One table: each column's class, None where it is declared open, in the file's order."""

    columns: Mapping[str, str | None]
    rows: CatalogFilter | None


@dataclass(frozen=True, slots=True)
class Catalog:
    """What of one database an agent could ever see, and what hides its values."""

    database: DatabaseName
    schema_default: str
    classes: Mapping[str, Mask]
    tables: Mapping[TableName, CatalogTable]
    functions: tuple[str, ...]

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
        tables=_tables(root.required("tables"), masks, schema),
        functions=_functions(root),
    )


def _database(node: Node, file: str) -> DatabaseName:
    name = check_database_name(node.text(), node)
    if PurePosixPath(file).name != f"{name}.yaml":
        raise node.wrong(f"expected the file to be named {name}.yaml after its database, got {file}")
    return DatabaseName(name)


def _classes(node: Node) -> dict[str, Mask]:
    return {check_class_name(name, entry): parse_mask(entry) for name, entry in node.mapping().items()}


def _tables(node: Node, classes: Mapping[str, Mask], schema_default: str) -> dict[TableName, CatalogTable]:
    tables: dict[TableName, CatalogTable] = {}
    lines: dict[TableName, int] = {}
    for name, entry in node.mapping().items():
        table = _table_name(name, entry, schema_default)
        if table in tables:
            raise entry.wrong(f"expected each table once, got {table} again; first on line {lines[table]}")
        tables[table] = _table(entry, classes)
        lines[table] = entry.line
    if not tables:
        raise node.wrong("expected at least one table, got none")
    return tables


def _table_name(name: str, node: Node, schema_default: str) -> TableName:
    table = parse_table_name(name, schema_default=schema_default)
    if table is None:
        raise node.wrong(f"expected `table` or `schema.table`, names without a dot inside, got {name!r}")
    check_schema_name(table.schema, node)
    check_identifier(table.name, "table", node)
    return table


def _table(node: Node, classes: Mapping[str, Mask]) -> CatalogTable:
    node.only(["columns", "rows"])
    columns = node.required("columns")
    rows = node.optional("rows")
    parsed = {check_column_name(name, entry): _class(entry, classes) for name, entry in columns.mapping().items()}
    if not parsed:
        raise columns.wrong("expected at least one column, got none")
    return CatalogTable(columns=parsed, rows=None if rows is None else parse_row_filter(rows))


def _class(node: Node, classes: Mapping[str, Mask]) -> str | None:
    name = node.text()
    if name == OPEN:
        return None
    if name not in classes:
        known = ", ".join([OPEN, *sorted(classes)])
        raise node.wrong(f"expected `open` or a class of this catalog ({known}), got {name!r}")
    return name


def _functions(root: Node) -> tuple[str, ...]:
    node = root.optional("functions")
    names: list[str] = []
    for entry in () if node is None else node.sequence():
        name = _function(entry)
        if name in names:
            raise entry.wrong(f"expected each function once, got {name!r} again")
        names.append(name)
    return tuple(names)


def _function(node: Node) -> str:
    name = node.text()
    parts = name.split(".")
    if len(parts) > 2:
        raise node.wrong(f"expected `function` or `schema.function`, names without a dot inside, got {name!r}")
    if len(parts) == 2:
        check_schema_name(parts[0], node)
    check_identifier(parts[-1], "function", node)
    return name
