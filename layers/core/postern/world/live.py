"""Tables as the live database describes them: the one question that is asked, and its answer.

The catalog file says what should be there; what a mask can stand on is decided from what is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from postern.masking.column_types import ColumnType
from postern.world.names import OWNER_ROLE, quote_literal

TableKey = tuple[str, str]  # schema and name: a dot may be part of either


@dataclass(frozen=True, slots=True)
class LiveTable:
    """A relation as it stands. Two that compare equal give the same views."""

    schema: str
    name: str
    relkind: str  # pg_class: r table, p partitioned, f foreign, m materialized view, v view, …
    columns: Mapping[str, ColumnType]  # in the table's own order
    is_readable: bool  # by postern_owner, whole: SELECT on it and USAGE on its schema
    is_owned: bool  # by postern_owner, which row security would then not bind
    hides_rows: bool  # row security is on and no policy of it names postern_owner


def live_tables_sql(tables: Iterable[TableKey]) -> str:
    """A query whose rows `parse_live_tables` reads; run it with `search_path` set to `pg_catalog`.

    One row a column, or one with NULLs for a relation without columns; none for a relation that is not there.
    """
    wanted = ", ".join(f"({quote_literal(schema)}, {quote_literal(name)})" for schema, name in tables)
    return _LIVE_TABLES.format(wanted=wanted, owner=quote_literal(OWNER_ROLE))


# A domain is followed down to what it stands on, with the length limits met on the way. Types with an oid below
# 16384 (FirstNormalObjectId) came with the server, whatever schema someone put theirs into.
_LIVE_TABLES = """
WITH RECURSIVE relation AS (
    SELECT c.oid, n.nspname, c.relname, c.relkind, c.relowner, c.relrowsecurity, n.oid AS nspoid, o.oid AS owner
    FROM (VALUES {wanted}) AS wanted (nspname, relname)
    JOIN pg_namespace n ON n.nspname = wanted.nspname::text
    JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.relname::text
    JOIN pg_roles o ON o.rolname = {owner}
    WHERE c.relkind NOT IN ('i', 'I', 'c', 't', 'S')
), attribute AS (
    SELECT a.attrelid, a.attnum, a.attname, a.atttypid, a.atttypmod
    FROM relation JOIN pg_attribute a ON a.attrelid = relation.oid AND a.attnum > 0 AND NOT a.attisdropped
), step AS (
    SELECT attrelid, attnum, atttypid AS typid, atttypmod AS typmod FROM attribute
    UNION ALL
    SELECT step.attrelid, step.attnum, t.typbasetype, CASE WHEN step.typmod < 0 THEN t.typtypmod ELSE step.typmod END
    FROM step JOIN pg_type t ON t.oid = step.typid WHERE t.typtype = 'd'
)
SELECT r.nspname::text, r.relname::text, r.relkind::text,
    (has_schema_privilege(r.owner, r.nspoid, 'USAGE') AND has_table_privilege(r.owner, r.oid, 'SELECT'))::text,
    (r.relowner = r.owner)::text,
    (r.relrowsecurity AND NOT EXISTS (
        SELECT FROM pg_policy p WHERE p.polrelid = r.oid AND r.owner = ANY (p.polroles)))::text,
    a.attname::text,
    format_type(a.atttypid, a.atttypmod),
    format_type(u.typid, u.typmod),
    CASE
        WHEN t.typtype = 'e' THEN 'enum'
        WHEN t.typcategory = 'A' THEN 'array'
        WHEN t.oid >= 16384 THEN 'other'
        ELSE t.typname::text
    END,
    (t.oid >= 16384 AND t.typtype <> 'e' AND e.typtype IS DISTINCT FROM 'e')::text
FROM relation r
LEFT JOIN attribute a ON a.attrelid = r.oid
LEFT JOIN step u ON u.attrelid = a.attrelid AND u.attnum = a.attnum
LEFT JOIN pg_type t ON t.oid = u.typid
LEFT JOIN pg_type e ON e.oid = t.typelem AND t.typcategory = 'A'
WHERE t.typtype IS DISTINCT FROM 'd'
ORDER BY r.nspname, r.relname, a.attnum
"""


def parse_live_tables(rows: Iterable[Sequence[str | None]]) -> dict[TableKey, LiveTable]:
    """The tables that `live_tables_sql` found."""
    facts: dict[TableKey, tuple[str, bool, bool, bool]] = {}
    columns: dict[TableKey, dict[str, ColumnType]] = {}
    for schema, name, relkind, readable, owned, hides, column, declared, underlying, base, foreign in rows:
        key = (str(schema), str(name))
        facts[key] = (str(relkind), readable == "true", owned == "true", hides == "true")
        types = columns.setdefault(key, {})
        if column is not None:
            types[column] = ColumnType(str(declared), str(underlying), str(base), is_foreign=foreign == "true")
    return {
        key: LiveTable(*key, relkind, columns[key], is_readable=readable, is_owned=owned, hides_rows=hides)
        for key, (relkind, readable, owned, hides) in facts.items()
    }
