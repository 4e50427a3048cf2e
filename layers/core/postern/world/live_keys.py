"""Primary keys of tables as the live database has them: what decides a row, which no view can say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from postern.world.live import TableKey
from postern.world.names import quote_literal

# A deferrable key may be broken inside a transaction, so PostgreSQL rests no query on it. One of a table that others
# inherit from says nothing of their rows, which a view shows too.
_LIVE_KEYS = """
SELECT n.nspname::text, c.relname::text, a.attname::text
FROM (VALUES {wanted}) AS wanted (nspname, relname)
JOIN pg_namespace n ON n.nspname = wanted.nspname::text
JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.relname::text
JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype = 'p' AND NOT k.condeferrable
    AND (c.relkind = 'p' OR NOT EXISTS (SELECT FROM pg_inherits h WHERE h.inhparent = c.oid))
CROSS JOIN LATERAL unnest(k.conkey) WITH ORDINALITY AS part (attnum, place)
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = part.attnum
ORDER BY n.nspname, c.relname, part.place
"""


def live_keys_sql(tables: Iterable[TableKey]) -> str:
    """A query whose rows `parse_live_keys` reads; run it with `search_path` set to `pg_catalog`."""
    wanted = ", ".join(f"({quote_literal(schema)}, {quote_literal(name)})" for schema, name in tables)
    return _LIVE_KEYS.format(wanted=wanted)


# Heirs are partitions and, of the older kind of inheritance, children.
_LIVE_KINDS = """
SELECT n.nspname::text, c.relname::text, c.relkind::text,
    EXISTS (SELECT FROM pg_inherits h WHERE h.inhparent = c.oid)::text
FROM (VALUES {wanted}) AS wanted (nspname, relname)
JOIN pg_namespace n ON n.nspname = wanted.nspname::text
JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.relname::text
"""


def live_kinds_sql(tables: Iterable[TableKey]) -> str:
    """A query for schema, name, relkind, and whether others inherit from it (`true`), of each table."""
    wanted = ", ".join(f"({quote_literal(schema)}, {quote_literal(name)})" for schema, name in tables)
    return _LIVE_KINDS.format(wanted=wanted)


def parse_live_keys(rows: Iterable[Sequence[str]]) -> Mapping[TableKey, tuple[str, ...]]:
    """The columns of each table's primary key, in the key's order; a table without one is left out."""
    keys: dict[TableKey, list[str]] = defaultdict(list)
    for schema, table, column in rows:
        keys[schema, table].append(column)
    return {table: tuple(columns) for table, columns in keys.items()}
