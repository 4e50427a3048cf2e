"""How many rows tables may have, by the planner's statistics: read from the catalogs, without touching a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from postern.world.live import TableKey
from postern.world.names import quote_literal


def row_estimates_sql(tables: Iterable[TableKey]) -> str:
    """A query whose rows `parse_row_estimates` reads. A partitioned table has the sum of its partitions' rows."""
    wanted = ", ".join(f"({quote_literal(schema)}, {quote_literal(name)})" for schema, name in tables)
    return _ESTIMATES.format(wanted=wanted)


# -1 says that a table was never analysed (PostgreSQL 14 on). A partitioned table's own number is that of its last
# ANALYZE, which autovacuum never makes.
_ESTIMATES = """
SELECT n.nspname::pg_catalog.text, c.relname::pg_catalog.text, pg_catalog.round((
    SELECT pg_catalog.sum(part.reltuples) FROM pg_catalog.pg_class AS part
    WHERE part.reltuples >= 0 AND part.oid IN (
        SELECT c.oid WHERE c.relkind <> 'p'
        UNION ALL SELECT leaf.relid FROM pg_catalog.pg_partition_tree(c.oid) AS leaf
        WHERE c.relkind = 'p' AND leaf.isleaf
    )
)::pg_catalog.numeric)::pg_catalog.text
FROM (VALUES {wanted}) AS wanted (nspname, relname)
JOIN pg_catalog.pg_namespace AS n ON n.nspname = wanted.nspname::pg_catalog.text
JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = wanted.relname::pg_catalog.text
WHERE c.relkind IN ('r', 'p', 'm')
"""


def parse_row_estimates(rows: Iterable[Sequence[str | None]]) -> dict[str, int]:
    """Rows by qualified table; a table that was never analysed is left out."""
    return {f"{schema}.{name}": int(count) for schema, name, count in rows if count is not None}
