"""The `tables` of a catalog: columns with their classes, the row filter, and what a write may set off.

public.orders:                              # or `orders`: a table of schema_default
  columns:
    id: open
    email: pii.email
    note: {class: text.free, type: text}    # declared: a mask that cannot stand on it is refused here
  rows: "region = :region"                  # optional; :region is a principal's attribute
  triggers: [stamp_order]                   # reviewed: a write may fire these and no others
  cascades: [order_lines]                   # tables that a foreign key's action may reach
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from postern.masking.column_types import ColumnType, parse_column_type
from postern.masking.expressions import mask_misfit
from postern.policy.names import (
    OPEN,
    TableName,
    check_column_name,
    check_identifier,
    check_schema_name,
    parse_table_name,
)
from postern.policy.row_filter import CatalogFilter, parse_row_filter
from postern.types import Mask
from postern.yaml_lines import Node

_T = TypeVar("_T")

_FIELDS = ("columns", "rows", "triggers", "cascades")


@dataclass(frozen=True, slots=True)
class CatalogTable:
    """One table: each column's class, None where it is declared open, in the file's order."""

    columns: Mapping[str, str | None]
    rows: CatalogFilter | None
    types: Mapping[str, str] = field(default_factory=dict)  # of the columns that declare one
    triggers: tuple[str, ...] = ()
    cascades: tuple[TableName, ...] = ()  # a table need not be in the catalog: naming it opens nothing to an agent


def parse_tables(node: Node, classes: Mapping[str, Mask], schema_default: str) -> dict[TableName, CatalogTable]:
    """The tables in the file's order. Raises `PolicyFileError` naming file and line."""
    tables: dict[TableName, CatalogTable] = {}
    lines: dict[TableName, int] = {}
    for name, entry in node.mapping().items():
        table = _table_name(name, entry, schema_default)
        if table in tables:
            raise entry.wrong(f"expected each table once, got {table} again; first on line {lines[table]}")
        tables[table] = _table(entry, classes, schema_default)
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


def _table(node: Node, classes: Mapping[str, Mask], schema_default: str) -> CatalogTable:
    node.only(_FIELDS)
    columns = node.required("columns")
    rows = node.optional("rows")
    parsed = {check_column_name(name, entry): _column(entry, classes) for name, entry in columns.mapping().items()}
    if not parsed:
        raise columns.wrong("expected at least one column, got none")
    return CatalogTable(
        columns={name: class_name for name, (class_name, _) in parsed.items()},
        rows=None if rows is None else parse_row_filter(rows),
        types={name: declared for name, (_, declared) in parsed.items() if declared is not None},
        triggers=parse_each_once(node.optional("triggers"), "trigger", _trigger),
        cascades=parse_each_once(
            node.optional("cascades"), "table", lambda entry: _table_name(entry.text(), entry, schema_default)
        ),
    )


def _column(node: Node, classes: Mapping[str, Mask]) -> tuple[str | None, str | None]:
    """A column's class and declared type."""
    if not isinstance(node.value, dict):
        return _class(node, classes), None
    node.only(["class", "type"])
    class_name = _class(node.required("class"), classes)
    declared = node.optional("type")
    if declared is None:
        return class_name, None
    column_type = _declared_type(declared)
    if class_name is not None and (misfit := mask_misfit(classes[class_name], column_type)) is not None:
        raise node.wrong(f"class {class_name}: {misfit}")
    return class_name, column_type.name


def _declared_type(node: Node) -> ColumnType:
    column_type = parse_column_type(node.text())
    if column_type is None:
        raise node.wrong(
            "expected a built-in type as PostgreSQL prints it (`integer`, `character varying(60)`,"
            " `timestamp with time zone`, `text[]`; for a domain, an enum or another type of your own leave it out),"
            f" got {node.text()!r}"
        )
    return column_type


def _trigger(node: Node) -> str:
    return check_identifier(node.text(), "trigger", node)


def _class(node: Node, classes: Mapping[str, Mask]) -> str | None:
    name = node.text()
    if name == OPEN:
        return None
    if name not in classes:
        known = ", ".join([OPEN, *sorted(classes)])
        raise node.wrong(f"expected `open` or a class of this catalog ({known}), got {name!r}")
    return name


def parse_each_once(node: Node | None, what: str, parse: Callable[[Node], _T]) -> tuple[_T, ...]:
    """The list's entries in order, none where there is no list. Raises `PolicyFileError` where one is there twice."""
    parsed: list[_T] = []
    for entry in () if node is None else node.sequence():
        value = parse(entry)
        if value in parsed:
            raise entry.wrong(f"expected each {what} once, got {str(value)!r} again")
        parsed.append(value)
    return tuple(parsed)
