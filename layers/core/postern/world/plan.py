"""What makes a task's world, as SQL: its role, its schema, one view a granted table, and its token key.

The role may log in, is a member of the IAM role, has USAGE on its schema and on its views what was granted: SELECT,
and of the writes what `write_proofs` proved, with the sequences that an INSERT takes numbers from; and it may call the
catalog's own functions. Nothing else, and nothing by way of another role. Views belong to `postern_owner`, so the
tables under them are read and written with that role's rights, while the functions in them are checked as the caller's.

A view that shows every row needs no `security_barrier`: an agent's function in a predicate is handed the view's
columns, which are masks already, and there is no row it must not see. Where rows are hidden, by a filter
or by a view underneath, the barrier keeps such a function from running before they are filtered out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from postern.errors import Refusal, RefusedByPolicy
from postern.masking.expressions import mask_expression
from postern.types import Action, Grant, GrantedColumn, GrantedTable, MaskKind, TaskId, ViewColumn
from postern.world.functions import LiveFunctions, plan_functions
from postern.world.live import LiveTable, TableKey
from postern.world.live_writes import LiveWrites
from postern.world.names import (
    IAM_ROLE,
    OWNER_ROLE,
    POSTERN_SCHEMA,
    quote_ident,
    quote_literal,
    quote_qualified,
    role_name,
    schema_name,
)
from postern.world.row_filters import bind_row_filter
from postern.world.statement_log import log_statements_of
from postern.world.write_proofs import WriteRights, prove_writes

# A bound that the role cannot lift, unlike its settings: each execution environment keeps one session.
CONNECTION_LIMIT = 10

# What a session of the role starts with. The broker sets tighter ones for each statement; none of these is a wall,
# for a session may change its settings. `pg_temp` is named last because PostgreSQL searches it first otherwise.
_SETTINGS = {
    "default_transaction_read_only": "on",
    "statement_timeout": "30s",
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "30s",
    "idle_session_timeout": "60s",
    "work_mem": "16MB",
}
# What it cannot lift, set where the database lets postern_provision do so.
_TEMP_FILES = "1GB"
_RELKINDS = {"r": "table", "p": "partitioned table", "f": "foreign table", "m": "materialized view", "v": "view"}


@dataclass(frozen=True, slots=True)
class PlannedView:
    """A view, the statement that makes it, and the columns it must have once it stands."""

    schema: str
    name: str
    view: str
    sql: str
    columns: tuple[ViewColumn, ...]
    is_read: bool  # the task may SELECT from it
    writes: WriteRights


@dataclass(frozen=True, slots=True)
class WorldPlan:
    """The statements of a world, in order; all of them belong into one transaction, after `insert_key_sql`.

    They are run with `search_path` set to `pg_catalog, pg_temp`.
    """

    task_id: TaskId
    make_role: tuple[str, ...]  # as postern_provision
    views: tuple[PlannedView, ...]  # as postern_owner
    grants: tuple[str, ...]  # as postern_owner
    admit: str  # as postern_provision; last, for it locks the IAM role, and other worlds' builds wait until COMMIT


def plan_world(
    task_id: TaskId,
    grant: Grant,
    live: Mapping[TableKey, LiveTable],
    *,
    live_writes: LiveWrites | None = None,
    live_functions: LiveFunctions | None = None,
) -> WorldPlan:
    """The world of a grant over the tables as they stand; what is not given is not there.

    Raises RefusedByPolicy (`policy.refused`) that names every table, column and function that is missing, cannot be
    read, or cannot carry its mask, and every write that is not proved; with `policy.writes` where it is writes alone.
    """
    role = role_name(task_id)
    views: list[PlannedView] = []
    rights, unproved = prove_writes(grant, live_writes or {})
    calls, uncallable = plan_functions(grant, live_functions or {}, role)
    refusals: list[Refusal] = _repeated_views(grant)
    for table in grant.tables:
        key = (table.schema, table.name)
        try:
            views.append(_plan_view(task_id, table, live.get(key), rights.get(key, WriteRights())))
        except RefusedByPolicy as refused:
            refusals += refused.refusals
    refusals += [*uncallable, *unproved]
    if refusals:
        named = "; ".join(f"{refusal.what}: {refusal.reason}" for refusal in refusals)
        code = "policy.writes" if {refusal.code for refusal in refusals} == {"policy.writes"} else "policy.refused"
        raise RefusedByPolicy(code, named, refusals=tuple(refusals))
    return WorldPlan(task_id, _role_statements(role), tuple(views), (*_grants(role, views), *calls), _admit(role))


def insert_key_sql(task_id: TaskId) -> str:
    """Puts the task's token key in its place, given 32 random bytes as `$1`; as `postern_owner`, before all else.

    The row is also what keeps builds and teardowns of one task apart: its key is unique, and waited for.
    """
    # Mixed with randomness of the server's own: a statement log may hold parameters, and then holds `$1` only.
    return (
        f"INSERT INTO {POSTERN_SCHEMA}.task_key (role, k) VALUES ({quote_literal(role_name(task_id))},"
        " sha256($1 || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())))"
    )


def _repeated_views(grant: Grant) -> list[Refusal]:
    counts = Counter(table.view for table in grant.tables)
    return [
        Refusal(table.qualified, "policy.refused", f"the view name {table.view} is taken by another table of the task")
        for table in grant.tables
        if counts[table.view] > 1
    ]


def _role_statements(role: str) -> tuple[str, ...]:
    name = quote_ident(role)
    return (
        f"CREATE ROLE {name} LOGIN NOINHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"
        f" CONNECTION LIMIT {CONNECTION_LIMIT}",
        f"ALTER ROLE {name} SET search_path TO {name}, pg_catalog, pg_temp",
        *(f"ALTER ROLE {name} SET {setting} TO {quote_literal(value)}" for setting, value in _SETTINGS.items()),
        "DO $postern$ BEGIN IF has_parameter_privilege('temp_file_limit', 'SET') THEN"
        f" ALTER ROLE {name} SET temp_file_limit TO '{_TEMP_FILES}'; END IF; END $postern$",
        log_statements_of(role),
        f"CREATE SCHEMA {name} AUTHORIZATION {OWNER_ROLE}",
    )


def _admit(role: str) -> str:
    # Membership alone admits the login; the role needs none of that role's rights.
    return f"GRANT {quote_ident(IAM_ROLE)} TO {quote_ident(role)} WITH ADMIN FALSE, INHERIT FALSE, SET FALSE"


def _grants(role: str, views: list[PlannedView]) -> tuple[str, ...]:
    name = quote_ident(role)
    sequences = {sequence for view in views for sequence in view.writes.sequences}
    return (
        # New schemas are closed to PUBLIC, unless somebody changed the default privileges.
        f"REVOKE ALL ON SCHEMA {name} FROM PUBLIC",
        f"GRANT USAGE ON SCHEMA {name} TO {name}",
        *(f"GRANT {what} ON {quote_qualified(role, view.view)} TO {name}" for view in views for what in _rights(view)),
        *(f"GRANT USAGE ON SEQUENCE {sequence} TO {name}" for sequence in sorted(sequences)),
    )


def _rights(view: PlannedView) -> list[str]:
    rights = {
        "SELECT": view.is_read,
        f"INSERT ({_names(view.writes.insert)})": view.writes.insert,
        f"UPDATE ({_names(view.writes.update)})": view.writes.update,
        "DELETE": view.writes.delete,
    }
    return [right for right, is_granted in rights.items() if is_granted]


def _names(columns: Iterable[str]) -> str:
    return ", ".join(quote_ident(column) for column in columns)


def _plan_view(task_id: TaskId, table: GrantedTable, live: LiveTable | None, writes: WriteRights) -> PlannedView:
    checked = _checked_table(table, live)
    key = f"(SELECT k FROM {POSTERN_SCHEMA}.task_key WHERE role = {quote_literal(role_name(task_id))})"
    shown: list[tuple[str, ViewColumn]] = []
    refusals: list[Refusal] = []
    for column in table.columns:
        try:
            shown.append(_shown_column(table, column, checked, key))
        except RefusedByPolicy as refused:
            refusals.append(Refusal(f"{table.qualified}.{column.name}", "policy.refused", refused.detail))
    if refusals:
        raise RefusedByPolicy("policy.refused", table.qualified, refusals=tuple(refusals))
    names = _names(column.name for _, column in shown)
    sql = (
        f"CREATE VIEW {quote_qualified(schema_name(task_id), table.view)}{f' ({names})' if names else ''}"
        f"{_options(table, checked)} AS SELECT {', '.join(expression for expression, _ in shown)}"
        f" FROM {quote_qualified(table.schema, table.name)}{_where(table)}"
    )
    columns = tuple(
        replace(column, is_insertable=column.name in writes.insert, is_updatable=column.name in writes.update)
        for _, column in shown
    )
    return PlannedView(
        table.schema, table.name, table.view, sql, columns, is_read=Action.SELECT in table.actions, writes=writes
    )


def _checked_table(table: GrantedTable, live: LiveTable | None) -> LiveTable:
    """The live table, when a view may stand on it."""
    if live is None:
        raise _refused(table, "expected a table of the live database, found none")
    if live.relkind not in _RELKINDS:
        raise _refused(table, f"expected a {', '.join(_RELKINDS.values())}, got relkind {live.relkind}")
    if _is_reserved(live.schema):
        raise _refused(table, "expected a schema of the application's own, got a reserved one")
    if live.is_owned:
        raise _refused(table, "expected another owner than postern_owner, which row security would not bind")
    if live.hides_rows:
        raise _refused(table, "row security is on: expected a policy for postern_owner that an operator reviewed")
    if not live.is_readable:
        raise _refused(table, "expected postern_owner to have SELECT on it and USAGE on its schema; run db bootstrap")
    return live


def _is_reserved(schema: str) -> bool:
    return schema.startswith(("pg_", "task_")) or schema in {"information_schema", POSTERN_SCHEMA}


def _shown_column(table: GrantedTable, column: GrantedColumn, live: LiveTable, key: str) -> tuple[str, ViewColumn]:
    """The view's expression for a column, and the column as the view will have it."""
    column_type = live.columns.get(column.name)
    if column_type is None:
        raise RefusedByPolicy("policy.refused", "expected a column of the live table, found none")
    if column_type.is_foreign:
        raise RefusedByPolicy(
            "policy.refused", f"expected a type whose operators are PostgreSQL's own, got {column_type.name}"
        )
    if column.type not in (None, column_type.name):
        raise RefusedByPolicy(
            "policy.refused", f"expected the type that the catalog declares, {column.type}, got {column_type.name}"
        )
    expression = quote_qualified(table.name, column.name)
    if column.mask is None:
        is_enum = column_type.base == "enum" and column_type.name == column_type.underlying  # and no domain on one
        own_type = column_type.name if is_enum else None
        return expression, ViewColumn(column.name, column_type.name, column.class_name, None, own_type=own_type)
    masked = mask_expression(column.mask, expression, column_type, key)
    token_of = column_type.base if column.mask.kind is MaskKind.TOKEN else None
    return masked.sql, ViewColumn(column.name, masked.type, column.class_name, column.mask.kind, token_of=token_of)


def _options(table: GrantedTable, live: LiveTable) -> str:
    options = []
    if table.row_filter is not None or live.relkind == "v":
        options.append("security_barrier = true")
    # PostgreSQL takes the check option only where a view can be written through at all.
    is_writable = live.relkind in {"r", "p", "f"} and any(column.mask is None for column in table.columns)
    if table.row_filter is not None and is_writable:
        options.append("check_option = cascaded")
    return f" WITH ({', '.join(options)})" if options else ""


def _where(table: GrantedTable) -> str:
    if table.row_filter is None:
        return ""
    try:
        return f" WHERE {bind_row_filter(table.row_filter)}"
    except RefusedByPolicy as refused:
        raise _refused(table, refused.detail) from refused


def _refused(table: GrantedTable, reason: str) -> RefusedByPolicy:
    refusal = Refusal(table.qualified, "policy.refused", reason)
    return RefusedByPolicy("policy.refused", f"{table.qualified}: {reason}", refusals=(refusal,))
