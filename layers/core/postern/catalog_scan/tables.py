"""A database's tables and columns as a catalog needs to know them: two questions and their answers.

Both are run with `search_path` set to `pg_catalog`, and need no right but to connect.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from postern.masking.column_types import ColumnType
from postern.world.live import TableKey
from postern.world.names import quote_literal

Row = Sequence[str | None]
ColumnKey = tuple[str, str, str]  # schema, table, column

# Neither ours nor PostgreSQL's; a partition is reached through its parent, and an extension's tables are its own.
_RELATIONS = """
SELECT n.nspname::text, c.relname::text, c.relkind::text, (coalesce(pg_relation_size(c.oid), 0) / 8192)::text,
    (has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'))::text
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
    AND n.nspname !~ '^pg_' AND n.nspname !~ '^task_[0-9a-f]{{32}}$'
    AND n.nspname NOT IN ('information_schema', 'postern') AND {schemas}
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                    AND d.deptype = 'e')
ORDER BY n.nspname, c.relname
"""

# As in `world.live`: a domain is followed down to what it stands on, and types with an oid from 16384 on are no
# part of the server. Here no role of ours need exist yet.
_COLUMNS = """
WITH RECURSIVE attribute AS (
    SELECT n.nspname, c.relname, c.oid AS relid, a.attnum, a.attname, a.atttypid, a.atttypmod
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
        AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'postern') AND {schemas}
), step AS (
    SELECT relid, attnum, atttypid AS typid, atttypmod AS typmod FROM attribute
    UNION ALL
    SELECT step.relid, step.attnum, t.typbasetype, CASE WHEN step.typmod < 0 THEN t.typtypmod ELSE step.typmod END
    FROM step JOIN pg_type t ON t.oid = step.typid WHERE t.typtype = 'd'
)
SELECT a.nspname::text, a.relname::text, a.attname::text,
    format_type(a.atttypid, a.atttypmod), format_type(u.typid, u.typmod),
    CASE
        WHEN t.typtype = 'e' THEN 'enum' WHEN t.typcategory = 'A' THEN 'array'
        WHEN t.oid >= 16384 THEN 'other' ELSE t.typname::text
    END,
    (t.oid >= 16384 AND t.typtype <> 'e' AND e.typtype IS DISTINCT FROM 'e')::text,
    EXISTS (SELECT FROM pg_constraint k
            WHERE k.conrelid = a.relid AND k.contype = 'p' AND a.attnum = ANY (k.conkey))::text,
    (SELECT json_build_array(fn.nspname, fc.relname, fa.attname)::text
     FROM pg_constraint k
     CROSS JOIN LATERAL unnest(k.conkey, k.confkey) AS pair (own, other)
     JOIN pg_class fc ON fc.oid = k.confrelid JOIN pg_namespace fn ON fn.oid = fc.relnamespace
     JOIN pg_attribute fa ON fa.attrelid = k.confrelid AND fa.attnum = pair.other
     WHERE k.conrelid = a.relid AND k.contype = 'f' AND pair.own = a.attnum
     ORDER BY k.oid LIMIT 1)
FROM attribute a
JOIN step u ON u.relid = a.relid AND u.attnum = a.attnum
JOIN pg_type t ON t.oid = u.typid
LEFT JOIN pg_type e ON e.oid = t.typelem AND t.typcategory = 'A'
WHERE t.typtype <> 'd'
ORDER BY a.nspname, a.relname, a.attnum
"""


@dataclass(frozen=True, slots=True)
class ScannedColumn:
    """A column; `references` is what a foreign key of it points to."""

    name: str
    type: ColumnType
    is_primary: bool = False
    references: ColumnKey | None = None


@dataclass(frozen=True, slots=True)
class ScannedTable:
    """A table, view or the like."""

    schema: str
    name: str
    relkind: str  # as in pg_class
    pages: int  # of 8 KiB, of its own storage
    is_readable: bool  # by whoever asked
    columns: tuple[ScannedColumn, ...] = field(default=())

    @property
    def key(self) -> TableKey:
        return self.schema, self.name


def relations_sql(schemas: Iterable[str] = ()) -> str:
    """A query for every table of the given schemas, all of the application's own without any."""
    return _RELATIONS.format(schemas=_within(schemas))


def columns_sql(schemas: Iterable[str] = ()) -> str:
    """A query for every column of those tables."""
    return _COLUMNS.format(schemas=_within(schemas))


def _within(schemas: Iterable[str]) -> str:
    wanted = ", ".join(quote_literal(schema) for schema in schemas)
    return f"n.nspname IN ({wanted})" if wanted else "true"


def parse_tables(relations: Iterable[Row], columns: Iterable[Row]) -> list[ScannedTable]:
    """The tables with their columns, in the order in which they were given."""
    by_table: dict[TableKey, list[ScannedColumn]] = {}
    for schema, table, name, declared, underlying, base, is_foreign, is_primary, references in columns:
        column_type = ColumnType(str(declared), str(underlying), str(base), is_foreign=is_foreign == "true")
        target = None if references is None else json.loads(references)
        by_table.setdefault((str(schema), str(table)), []).append(
            ScannedColumn(str(name), column_type, is_primary == "true", None if target is None else tuple(target))
        )
    return [
        ScannedTable(
            str(schema), str(name), str(kind), int(str(pages)), readable == "true",
            tuple(by_table.get((str(schema), str(name)), ())),
        )
        for schema, name, kind, pages, readable in relations
    ]  # fmt: skip
