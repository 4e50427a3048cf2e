"""Whether the database around a new world lets its role do more than the world grants.

A grant to PUBLIC reaches every task's role. So a world is not handed over before the server has said that the role can
read no relation outside of its schema, and can create nothing. What an extension brings is left to `db doctor`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from postern.types import TaskId
from postern.world.names import quote_literal, role_name, schema_name
from postern.world.write_proofs import WriteRights

# OFFSET 0 keeps the planner from asking for rights on every relation first: a new session reads each one's entries in
# the catalogs for it, those of all other tasks' views among them.
_WEAKNESSES = """
SELECT
    (SELECT count(*) FROM (
         SELECT c.oid FROM pg_class c
         WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
             AND c.relnamespace IN (
                 SELECT n.oid FROM pg_namespace n
                 WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', {schema})
                     AND has_schema_privilege({role}, n.oid, 'USAGE'))
         OFFSET 0) AS entered
     WHERE (has_table_privilege({role}, entered.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
            OR has_any_column_privilege({role}, entered.oid, 'SELECT, INSERT, UPDATE, REFERENCES'))
         AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = entered.oid
                         AND d.deptype = 'e'))::text,
    (SELECT count(*) FROM pg_namespace n WHERE has_schema_privilege({role}, n.oid, 'CREATE'))::text,
    (has_database_privilege({role}, current_database(), 'CREATE'))::int::text,
    (has_database_privilege({role}, current_database(), 'TEMP'))::int::text
"""
_MEANINGS = (
    "relations outside of the task that every role may read or change",
    "schemas in which every role may create objects",
    "the right of every role to create schemas",
    "the right of every role to create temporary tables",
)


def weaknesses_sql(task_id: TaskId) -> str:
    """A query of one row that `describe_weaknesses` reads."""
    return _WEAKNESSES.format(role=quote_literal(role_name(task_id)), schema=quote_literal(schema_name(task_id)))


def describe_weaknesses(row: Sequence[str]) -> str | None:
    """What an operator has to close, or None where the wall holds.

    It counts and names nothing: the agent reads it, and must not learn which other tables there are.
    """
    found = [f"{meaning} ({count})" for meaning, count in zip(_MEANINGS, row, strict=True) if count != "0"]
    return ", ".join(found) or None


def unwritable_sql(task_id: TaskId, written: Mapping[str, WriteRights]) -> str:
    """A query for the views, by name, through which PostgreSQL cannot write what the task was granted on them."""
    wanted = ", ".join(f"({quote_literal(view)}, {rights.events})" for view, rights in written.items())
    return (
        f"SELECT c.relname::text FROM (VALUES {wanted}) AS wanted (view, events)"
        f" JOIN pg_class c ON c.relnamespace = {quote_literal(schema_name(task_id))}::regnamespace"
        " AND c.relname = wanted.view::text"
        " WHERE pg_relation_is_updatable(c.oid, false) & wanted.events <> wanted.events"
    )
