"""The provisioner's hands in a PostgreSQL database: builds a world in one transaction, ends one step by step."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pg8000.exceptions import DatabaseError, InterfaceError

from postern.edges.postgres.own_sql import run_own
from postern.edges.standing_roles import read_standing
from postern.edges.world_teardown import shut_world, tear_down_world
from postern.errors import Conflict, DatabaseUnavailable, PosternError, Refusal, RefusedByPolicy
from postern.ports import StandingRole, TeardownProof, World
from postern.types import DatabaseAddress, Grant, TaskId, View
from postern.world.functions import LiveFunctions, granted_functions, live_functions_sql, parse_live_functions
from postern.world.live import LiveTable, TableKey, live_tables_sql, parse_live_tables
from postern.world.live_keys import live_keys_sql, live_kinds_sql, parse_live_keys
from postern.world.live_writes import LiveWrites, parse_live_writes
from postern.world.live_writes_sql import live_writes_sql
from postern.world.lookup import lookup_stands_sql
from postern.world.names import OWNER_ROLE, quote_literal, role_name, schema_name
from postern.world.plan import PlannedView, WorldPlan, insert_key_sql, plan_world
from postern.world.role_marks import RoleMark, mark_role_sql
from postern.world.run_role import owner_weaknesses_sql, plan_run_role
from postern.world.wall import describe_weaknesses, unwritable_sql, weaknesses_sql
from postern.world.write_proofs import written_tables

if TYPE_CHECKING:
    from pg8000.core import CoreConnection

_BYTEA = 17
# A lock that an application holds must not make it queue behind us: give up, and let the caller come again.
_SETTINGS = (
    "SET search_path TO pg_catalog, pg_temp",
    "SET lock_timeout TO '2s'",
    "SET statement_timeout TO '10s'",
    "SET idle_in_transaction_session_timeout TO '10s'",
    # What is wanted of the catalogs comes as a list that the planner takes for one row: without this a thousand tables
    # are looked for one by one in a list of a thousand.
    "SET enable_nestloop TO off",
)
_STANDS = {"23505", "42710", "42P06"}  # the key is there, the role is, the schema is
_NOT_PERMITTED = "42501"
_MENDED_BY_HAND = {
    _NOT_PERMITTED: "a right is missing; an operator must run db bootstrap",
    # dependent_objects_still_exist: access has ended, yet DROP OWNED reaches neither other databases nor others' grants
    "2BP01": "the role, which cannot log in any more, holds something in another database or by an administrator's"
    " grant; an operator must run DROP OWNED BY it there",
}


class PostgresWorlds:
    """Implements `ports.WorldDatabase`. `connect` opens a session as `postern_provision` to the address.

    `deployment` is the `deployment_id` that goes into the mark of each role.
    """

    def __init__(
        self,
        connect: Callable[[DatabaseAddress], CoreConnection],
        deployment: str,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connect = connect
        self._deployment = deployment
        self._monotonic_s = monotonic_s

    def build(
        self,
        task_id: TaskId,
        grant: Grant,
        address: DatabaseAddress,
        *,
        key: bytes,
        still_wanted: Callable[[], None] = lambda: None,
    ) -> World:
        with self._session(f"build of {role_name(task_id)}", address) as connection:
            run_own(connection, "BEGIN")
            _insert_key(connection, task_id, key)
            # From here on a teardown's claim waits for us. One that was through before shows in the task's state.
            still_wanted()
            live = _read_live(connection, grant)
            plan = plan_world(task_id, grant, live.tables, live_writes=live.writes, live_functions=live.functions)
            _make_role(connection, plan.task_id, plan.make_role)
            run_own(connection, mark_role_sql(task_id, RoleMark(self._deployment, address.name)))
            _make_views(connection, plan)
            # The views now lock the tables' definitions: what was planned on is what stands, or nothing is built.
            if _read_live(connection, grant) != live:
                raise DatabaseUnavailable("database.unavailable", "a granted table changed meanwhile; try again")
            _check_wall(connection, plan)
            if grant.lookups:
                _check_lookup(connection)
            world = World(_read_views(connection, plan), _read_server_major(connection))
            run_own(connection, plan.admit)
            run_own(connection, "COMMIT")
            return world

    def build_run_role(
        self,
        task_id: TaskId,
        owner_role: str,
        address: DatabaseAddress,
        *,
        key: bytes,
        still_wanted: Callable[[], None] = lambda: None,
        dry_run_of: TaskId | None = None,
    ) -> World:
        with self._session(f"build of {role_name(task_id)}", address) as connection:
            run_own(connection, "BEGIN")
            _insert_key(connection, task_id, key)
            still_wanted()
            plan = plan_run_role(task_id, owner_role)
            _check_owner(connection, owner_role)
            _make_role(connection, task_id, plan.make_role)
            run_own(connection, mark_role_sql(task_id, RoleMark(self._deployment, address.name, dry_run_of)))
            for statement in plan.admit:
                run_own(connection, statement)
            world = World((), _read_server_major(connection))
            run_own(connection, "COMMIT")
            return world

    def tear_down(
        self, task_id: TaskId, address: DatabaseAddress, still_goes: Callable[[], None] = lambda: None
    ) -> TeardownProof:
        with self._session(f"teardown of {role_name(task_id)}", address) as connection:
            return tear_down_world(connection, task_id, still_goes, self._monotonic_s)

    def shut(self, task_id: TaskId, address: DatabaseAddress, still_goes: Callable[[], None] = lambda: None) -> None:
        with self._session(f"teardown of {role_name(task_id)}", address) as connection:
            shut_world(connection, task_id, still_goes, self._monotonic_s)

    def roles(self, address: DatabaseAddress) -> Sequence[StandingRole]:
        with self._session("look at the roles of tasks", address) as connection:
            return read_standing(connection, address.name, self._deployment)

    @contextmanager
    def _session(self, what: str, address: DatabaseAddress) -> Iterator[CoreConnection]:
        """A session that is closed whatever happens, which rolls back what was not committed."""
        try:
            connection = self._connect(address)
            try:
                for setting in _SETTINGS:
                    run_own(connection, setting)
                yield connection
            finally:
                # What was committed stands and what was not is undone, whether or not the goodbye arrives.
                with suppress(InterfaceError, OSError):
                    connection.close()
        except (DatabaseError, InterfaceError, OSError) as error:
            raise _away(what, error) from error


def _insert_key(connection: CoreConnection, task_id: TaskId, key: bytes) -> None:
    run_own(connection, f"SET LOCAL ROLE {OWNER_ROLE}")
    with _standing_is_a_conflict(task_id):
        connection.execute_unnamed(insert_key_sql(task_id), vals=(key,), oids=(_BYTEA,))
    run_own(connection, "RESET ROLE")


def _make_role(connection: CoreConnection, task_id: TaskId, statements: Sequence[str]) -> None:
    with _standing_is_a_conflict(task_id):
        for statement in statements:
            run_own(connection, statement)


def _check_owner(connection: CoreConnection, owner_role: str) -> None:
    reasons = [row[0] for row in run_own(connection, owner_weaknesses_sql(owner_role))]
    if reasons:
        raise RefusedByPolicy(
            "policy.refused",
            f"owner_role: expected a plain owner of the tables, but {owner_role} {', '.join(reasons)};"
            " an operator must run db doctor",
        )


@contextmanager
def _standing_is_a_conflict(task_id: TaskId) -> Iterator[None]:
    try:
        yield
    except DatabaseError as error:
        if _sqlstate(error) in _STANDS:
            raise Conflict("task.state", f"world of {role_name(task_id)}: expected none, got one") from error
        raise


def _make_views(connection: CoreConnection, plan: WorldPlan) -> None:
    run_own(connection, f"SET LOCAL ROLE {OWNER_ROLE}")
    for view in plan.views:
        try:
            run_own(connection, view.sql)
        except DatabaseError as error:
            refusal = _unfit_view(view, error)
            if refusal is None:
                raise
            raise refusal from error
    for grant in plan.grants:
        run_own(connection, grant)
    run_own(connection, "RESET ROLE")


def _unfit_view(view: PlannedView, error: DatabaseError) -> RefusedByPolicy | None:
    """The refusal where the catalog is at fault, for data or syntax (classes 22, 42): trying again mends neither."""
    sqlstate = _sqlstate(error)
    if sqlstate == _NOT_PERMITTED or sqlstate[:2] not in {"22", "42"}:
        return None
    return RefusedByPolicy(
        "policy.refused",
        f"{view.schema}.{view.name}: expected its masks and row filter to stand on the table, the database refused"
        f" them with SQLSTATE {sqlstate}; an operator must mend the catalog",
    )


def _check_wall(connection: CoreConnection, plan: WorldPlan) -> None:
    _check_writable(connection, plan)
    (row,) = run_own(connection, weaknesses_sql(plan.task_id))
    weaknesses = describe_weaknesses(row)
    if weaknesses is not None:
        raise RefusedByPolicy(
            "policy.refused",
            f"database: expected nothing to be open to every role, got {weaknesses}; an operator must run db doctor",
        )


@dataclass(frozen=True, slots=True)
class _Live:
    """What a world is planned on, as it stands."""

    tables: Mapping[TableKey, LiveTable]
    writes: LiveWrites
    functions: LiveFunctions


def _check_writable(connection: CoreConnection, plan: WorldPlan) -> None:
    written = {view.view: view.writes for view in plan.views if view.writes.events}
    if not written:
        return
    unwritable = [row[0] for row in run_own(connection, unwritable_sql(plan.task_id, written))]
    refusals = tuple(
        Refusal(f"{view.schema}.{view.name}", "policy.writes", "its view is not one that PostgreSQL can write through")
        for view in plan.views
        if view.view in unwritable
    )
    if refusals:
        named = "; ".join(f"{refusal.what}: {refusal.reason}" for refusal in refusals)
        raise RefusedByPolicy("policy.writes", named, refusals=refusals)


def _check_lookup(connection: CoreConnection) -> None:
    ((stands,),) = run_own(connection, lookup_stands_sql())
    if stands != "true":
        raise RefusedByPolicy(
            "policy.refused",
            "lookup: expected this version's function in the database; an operator must run db bootstrap",
        )


def _read_live(connection: CoreConnection, grant: Grant) -> _Live:
    tables = [(table.schema, table.name) for table in grant.tables]
    written, functions = written_tables(grant), granted_functions(grant)
    return _Live(
        tables=parse_live_tables(run_own(connection, live_tables_sql(tables))) if tables else {},
        writes=parse_live_writes(run_own(connection, live_writes_sql(written))) if written else {},
        functions=parse_live_functions(run_own(connection, live_functions_sql(functions))) if functions else {},
    )


def _read_views(connection: CoreConnection, plan: WorldPlan) -> tuple[View, ...]:
    """The views as they stand. Raises DatabaseUnavailable where one is not as planned: nothing is built then."""
    rows = run_own(
        connection,
        "SELECT c.relname::text, c.oid::text, a.attname::text, format_type(a.atttypid, a.atttypmod)"
        " FROM pg_class c LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0"
        f" WHERE c.relnamespace = {quote_literal(schema_name(plan.task_id))}::regnamespace ORDER BY c.oid, a.attnum",
    )
    oids = {row[0]: int(row[1]) for row in rows}
    found: dict[str, list[tuple[str | None, str | None]]] = {
        view: [(row[2], row[3]) for row in rows if row[0] == view] for view in oids
    }
    planned: dict[str, list[tuple[str | None, str | None]]] = {
        view.view: [(column.name, column.type) for column in view.columns] or [(None, None)] for view in plan.views
    }
    if found != planned:
        raise DatabaseUnavailable(
            "database.unavailable", f"views of {role_name(plan.task_id)}: expected those planned, got others"
        )
    keys = _read_keys(connection, plan)
    kinds = _read_kinds(connection, plan)
    return tuple(
        View(
            schema=view.schema,
            name=view.name,
            view=view.view,
            columns=view.columns,
            oid=oids[view.view],
            key=keys[view.schema, view.name],
            relkind=kinds[view.schema, view.name][0],
            has_heirs=kinds[view.schema, view.name][1],
        )
        for view in plan.views
    )


def _read_kinds(connection: CoreConnection, plan: WorldPlan) -> Mapping[TableKey, tuple[str, bool]]:
    """Of what each view stands over, its relkind and whether others inherit from it."""
    tables = [(view.schema, view.name) for view in plan.views]
    rows = run_own(connection, live_kinds_sql(tables)) if tables else []
    return {(row[0], row[1]): (row[2], row[3] == "true") for row in rows}


def _read_keys(connection: CoreConnection, plan: WorldPlan) -> Mapping[TableKey, tuple[str, ...]]:
    """Of each view the columns of its table's primary key; none where it hides one of them."""
    tables = [(view.schema, view.name) for view in plan.views]
    found = parse_live_keys(run_own(connection, live_keys_sql(tables))) if tables else {}
    shown = {(view.schema, view.name): {column.name for column in view.columns} for view in plan.views}
    return {table: key if shown[table].issuperset(key) else () for table in tables for key in [found.get(table, ())]}


def _read_server_major(connection: CoreConnection) -> int:
    ((version_num,),) = run_own(connection, "SELECT current_setting('server_version_num')")
    return int(version_num) // 10_000


def _sqlstate(error: DatabaseError) -> str:
    fields = error.args[0] if error.args else None
    return str(fields.get("C", "")) if isinstance(fields, dict) else ""


def _away(what: str, error: Exception) -> PosternError:
    # The message of the database may quote a value; its SQLSTATE cannot.
    sqlstate = _sqlstate(error) if isinstance(error, DatabaseError) else ""
    mended_by_hand = _MENDED_BY_HAND.get(sqlstate)
    if mended_by_hand is not None:
        reason = f"{mended_by_hand} (SQLSTATE {sqlstate})"
    else:
        reason = f"SQLSTATE {sqlstate}; try again" if sqlstate else "the session could not be had or broke; try again"
    return DatabaseUnavailable("database.unavailable", f"{what}: {reason}")
