"""What a sample of a column's values looks like. The values themselves go no further than this module."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from postern.catalog_scan.tables import ScannedColumn, ScannedTable
from postern.masking.detectors import DetectorKind, marker, redact_column
from postern.world.names import quote_ident, quote_qualified

MAX_ROWS = 10_000
_CELL_CHARACTERS = 1000
_SAMPLED_PAGES = 64
# A view may compute for long, and a foreign table is another server's.
_SAMPLED_KINDS = {"r", "p", "m"}
# Where a value that somebody typed may be; card and phone numbers are kept as numbers too.
_SAMPLED_TYPES = {"text", "varchar", "bpchar", "name", "json", "jsonb", "array", "int8", "numeric"}
_FEW = 12  # as many different values as a status or a category has
_ENOUGH = 24


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a column's sample showed: counts, and never a value."""

    cells: int = 0  # that were not NULL
    whole: DetectorKind | None = None  # what most cells are, wholly
    inside: tuple[DetectorKind, ...] = ()  # what was found in some
    is_category: bool = False  # a few values, often repeated


def sampled_columns(table: ScannedTable) -> tuple[ScannedColumn, ...]:
    """The columns whose values are worth a look; none where looking could be slow or is not allowed."""
    if table.relkind not in _SAMPLED_KINDS or not table.is_readable:
        return ()
    return tuple(
        column for column in table.columns if column.type.base in _SAMPLED_TYPES and not column.type.is_foreign
    )


def sample_sql(table: ScannedTable, columns: Iterable[ScannedColumn], rows: int) -> str:
    """A query for at most `rows` rows, which reads a few pages of a large table wherever they lie."""
    cells = ", ".join(f"left(t.{quote_ident(column.name)}::text, {_CELL_CHARACTERS})" for column in columns)
    percent = 100 * _SAMPLED_PAGES / max(table.pages, 1)
    # The same pages each time, so that scanning twice proposes the same.
    sample = f" TABLESAMPLE SYSTEM ({percent:.6f}) REPEATABLE (1)" if percent < 100 else ""
    return f"SELECT {cells} FROM {quote_qualified(table.schema, table.name)} AS t{sample} LIMIT {int(rows)}"


def read_evidence(cells: Sequence[str | None]) -> Evidence:
    """What the cells of one column show."""
    given = [cell for cell in cells if cell]
    if not given:
        return Evidence()
    redacted, found = redact_column(list(given), frozenset(DetectorKind))
    whole = Counter(
        kind for cell in redacted for kind in DetectorKind if cell is not None and cell.strip() == marker(kind)
    )
    most, count = whole.most_common(1)[0] if whole else (None, 0)
    return Evidence(
        cells=len(given),
        whole=most if 2 * count > len(given) else None,
        inside=tuple(kind for kind in DetectorKind if found[kind]),
        is_category=len(given) >= _ENOUGH and len(set(given)) <= _FEW,
    )
