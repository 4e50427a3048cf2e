"""A catalog beside the live database: what is new, gone or changed, and what no longer stands on what is there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from postern.catalog_scan.tables import ScannedTable
from postern.masking.expressions import mask_misfit
from postern.policy.catalog import Catalog
from postern.policy.catalog_tables import CatalogTable
from postern.policy.names import TableName, parse_table_name
from postern.types import RowFilter
from postern.world.live import TableKey
from postern.world.names import quote_ident, quote_qualified
from postern.world.row_filters import bind_row_filter
from postern.yaml_lines import Node, load_lines


class Change(StrEnum):
    """How the database differs from the catalog."""

    GONE = "gone"  # catalogued and not there
    CHANGED = "changed"  # of another type than declared
    UNFIT = "unfit"  # its mask or row filter cannot stand on what is there
    NEW = "new"  # there and not catalogued: hidden from agents, which may be meant

    @property
    def breaks(self) -> bool:
        """Whether a world cannot be built as the catalog says."""
        return self is not Change.NEW


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference. `line` is the catalog's; None for what it does not speak of."""

    change: Change
    what: str  # names are quoted as SQL identifiers
    why: str
    line: int | None = None


@dataclass(frozen=True, slots=True)
class FilterQuestion:
    """A statement with a table's row filter, to be analysed and not run: an error means that the filter is unfit."""

    what: str
    sql: str
    line: int


def compare(catalog: Catalog, text: bytes, tables: Sequence[ScannedTable]) -> tuple[Difference, ...]:
    """Every difference but those of row filters, in the catalog's order, then what is new."""
    lines = _Lines(catalog, text)
    live = {table.key: table for table in tables}
    catalogued = {(name.schema, name.name): table for name, table in catalog.tables.items()}
    differences: list[Difference] = []
    for key, entry in catalogued.items():
        if key not in live:
            what = quote_qualified(*key)
            differences.append(Difference(Change.GONE, what, "expected a table, found none", lines.table(key)))
        else:
            differences += _columns(catalog, key, entry, live[key], lines)
    for key, table in live.items():
        if key not in catalogued:
            columns = f"a table of {len(table.columns)} columns that the catalog does not speak of"
            differences.append(Difference(Change.NEW, quote_qualified(*key), columns))
    return tuple(sorted(differences, key=lambda one: one.change is Change.NEW))


def _columns(
    catalog: Catalog, key: TableKey, entry: CatalogTable, table: ScannedTable, lines: _Lines
) -> Iterator[Difference]:
    types = {column.name: column.type for column in table.columns}
    for name, class_name in entry.columns.items():
        what, line = f"{quote_qualified(*key)}.{quote_ident(name)}", lines.column(key, name)
        live, declared = types.get(name), entry.types.get(name)
        if live is None:
            yield Difference(Change.GONE, what, "expected a column, found none", line)
            continue
        if live.is_foreign:
            yield Difference(Change.UNFIT, what, f"expected a type of PostgreSQL's own, got {live.name}", line)
        elif declared is not None and declared != live.name:
            yield Difference(Change.CHANGED, what, f"expected the type {declared}, got {live.name}", line)
        mask = None if class_name is None else catalog.classes[class_name]
        if mask is not None and not live.is_foreign and (misfit := mask_misfit(mask, live)) is not None:
            yield Difference(Change.UNFIT, what, misfit, line)
    for name, live in types.items():
        if name not in entry.columns:
            what = f"{quote_qualified(*key)}.{quote_ident(name)}"
            yield Difference(Change.NEW, what, f"a column of type {live.name} that the catalog does not speak of")


def filter_questions(catalog: Catalog, text: bytes, tables: Sequence[ScannedTable]) -> tuple[FilterQuestion, ...]:
    """A question for each row filter of a table that is there."""
    lines = _Lines(catalog, text)
    live = {table.key for table in tables}
    questions = []
    for name, entry in catalog.tables.items():
        key = (name.schema, name.name)
        if entry.rows is None or key not in live:
            continue
        # An attribute's value is not known here. As text that is empty it may fail for a number: NULL fits every type.
        parameters = dict.fromkeys(entry.rows.parameters, _PLACE)
        where = bind_row_filter(RowFilter(entry.rows.expression, parameters)).replace(f"'{_PLACE}'", "NULL")
        questions.append(
            FilterQuestion(
                f"row filter of {quote_qualified(*key)}",
                f"SELECT 1 FROM {quote_qualified(*key)} WHERE {where}",
                lines.rows(key),
            )
        )
    return tuple(questions)


_PLACE = "postern attribute"


class _Lines:
    """Where the catalog file speaks of what. The file has been parsed as a catalog, so its shape is known."""

    def __init__(self, catalog: Catalog, text: bytes) -> None:
        self._nodes: Mapping[TableName | None, Node] = {
            parse_table_name(name, schema_default=catalog.schema_default): node
            for name, node in load_lines(text, "").required("tables").mapping().items()
        }

    def table(self, key: TableKey) -> int:
        return self._nodes[TableName(*key)].line

    def column(self, key: TableKey, name: str) -> int:
        return self._nodes[TableName(*key)].required("columns").required(name).line

    def rows(self, key: TableKey) -> int:
        return self._nodes[TableName(*key)].required("rows").line
