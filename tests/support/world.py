"""A prepared database, worlds in it, and sessions of their roles: what the tests of the wall stand on."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pg8000.core
import pg8000.native
from pg8000.exceptions import InterfaceError

from postern.edges.world_database import PostgresWorlds
from postern.types import (
    Action,
    DatabaseAddress,
    DatabaseName,
    Grant,
    GrantedColumn,
    GrantedTable,
    Mask,
    MaskKind,
    RowFilter,
    Sha256Hex,
    TaskId,
    View,
)
from postern.world.bootstrap import plan_bootstrap
from postern.world.names import PROVISION_ROLE, role_name, view_name
from tests.support.servers import Database

KEY = bytes(range(32))
DEPLOYMENT = "0123456789abcdef"


def new_task_id() -> TaskId:
    return TaskId(uuid.uuid4().hex)


def masked(kind: MaskKind, **parameters: object) -> Mask:
    return Mask(kind, **parameters)  # type: ignore[arg-type]


def granted(
    table: str,
    columns: dict[str, Mask | None],
    *,
    schema: str = "public",
    row_filter: RowFilter | None = None,
    actions: tuple[Action, ...] = (Action.SELECT,),
    triggers: tuple[str, ...] = (),
    cascades: tuple[str, ...] = (),
) -> GrantedTable:
    """A granted table whose columns are open (None) or masked."""
    return GrantedTable(
        schema=schema,
        name=table,
        view=view_name(schema, table, "public"),
        actions=actions,
        columns=tuple(
            GrantedColumn(name, None if mask is None else f"class.{mask.kind.value}", mask)
            for name, mask in columns.items()
        ),
        row_filter=row_filter,
        triggers=triggers,
        cascades=cascades,
    )


def grant_of(*tables: GrantedTable, functions: tuple[str, ...] = (), lookups: tuple[str, ...] = ()) -> Grant:
    return Grant(DatabaseName("shop"), "public", tables, functions, Sha256Hex("0" * 64), lookups)


@dataclass
class PreparedDatabase:
    """A database after bootstrap. `worlds` builds in it as `postern_provision`, without TLS and tokens."""

    database: Database
    address: DatabaseAddress
    built: list[TaskId] = field(default_factory=list)

    def connect_core(self, *, user: str = PROVISION_ROLE) -> pg8000.core.CoreConnection:
        server = self.database.server
        return pg8000.core.CoreConnection(
            user, database=self.database.name, unix_sock=str(server.socket), timeout=20, ssl_context=False
        )

    def worlds(
        self, wrap: Callable[[Any], Any] = lambda connection: connection, *, deployment: str = DEPLOYMENT
    ) -> PostgresWorlds:
        """The edge under test, of this deployment; `wrap` may put something around its connections."""
        return PostgresWorlds(lambda _address: wrap(self.connect_core()), deployment)

    def prepare_again(self) -> None:
        """Mends what a test broke in roles, which belong to the whole server, and in what bootstrap made."""
        run_all(self.database, plan_bootstrap((), rds=False))

    def build(
        self,
        *tables: GrantedTable,
        task_id: TaskId | None = None,
        functions: tuple[str, ...] = (),
        lookups: tuple[str, ...] = (),
    ) -> tuple[TaskId, tuple[View, ...]]:
        """A new task's id and its views."""
        chosen = new_task_id() if task_id is None else task_id
        self.built.append(chosen)
        grant = grant_of(*tables, functions=functions, lookups=lookups)
        return chosen, self.worlds().build(chosen, grant, self.address, key=KEY).views

    @contextmanager
    def session(self, task_id: TaskId) -> Iterator[pg8000.native.Connection]:
        """A session of the task's role with nothing between it and the server: the guard is off."""
        connection = self.database.connect(user=role_name(task_id))
        try:
            yield connection
        finally:
            with suppress(InterfaceError):  # a teardown may have ended it
                connection.close()

    def remains(self, task_id: TaskId) -> tuple[int, int, int]:
        """How many roles, schemas and keys of the task there are."""
        role = role_name(task_id)
        ((roles, schemas, keys),) = self.database.run(
            f"SELECT (SELECT count(*) FROM pg_roles WHERE rolname = '{role}'),"
            f" (SELECT count(*) FROM pg_namespace WHERE nspname = '{role}'),"
            f" (SELECT count(*) FROM postern.task_key WHERE role = '{role}')"
        )
        return int(str(roles)), int(str(schemas)), int(str(keys))


@contextmanager
def prepared(
    database: Database,
    schema_sql: str,
    tables: Iterable[tuple[str, str]],
    *,
    writes: bool = True,
    functions: Iterable[tuple[str, str]] = (),
    name: str = "shop",
) -> Iterator[PreparedDatabase]:
    """The database with the given tables in it, prepared for them; every world built in it is dropped at the end."""
    if schema_sql:
        database.run(schema_sql)
    run_all(database, plan_bootstrap(tables, rds=False, writes=writes, functions=functions))
    address = DatabaseAddress(DatabaseName(name), "localhost", 5432, database.name, "db-TEST", "eu-west-1", "none")
    ready = PreparedDatabase(database, address)
    try:
        yield ready
    finally:
        for task_id in ready.built:
            ready.worlds().tear_down(task_id, address)


def run_all(database: Database, statements: Iterable[str], *, user: str = "postgres") -> None:
    """Runs statements in one transaction, as a script would."""
    connection = database.connect(user=user)
    try:
        for statement in ("BEGIN", *statements, "COMMIT"):
            connection.execute_simple(statement)
    finally:
        connection.close()
