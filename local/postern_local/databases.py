"""The databases of a stack: one for each catalog, loaded with the user's SQL, prepared for Postern."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from postern.policy.catalog import Catalog
from postern.types import DatabaseName
from postern.world.bootstrap import bootstrap_script
from postern.world.functions import function_key
from postern.world.names import quote_ident, quote_literal, quote_qualified
from postern_local.failure import StackFailure
from postern_local.postgres import PostgresServer, run_sql_file


def assign_loads(loads: Sequence[str], databases: Sequence[DatabaseName]) -> dict[DatabaseName, list[Path]]:
    """Which files go into which database, in the order given: `FILE`, or `NAME=FILE` where there are several.

    Raises `StackFailure` for a file that is not there and a database that has no catalog.
    """
    assigned: dict[DatabaseName, list[Path]] = {name: [] for name in databases}
    for load in loads:
        name, path = _split(load, databases)
        if not path.is_file():
            raise StackFailure(f"--load {load}: expected a file of SQL, got none")
        assigned[name].append(path)
    return assigned


def _split(load: str, databases: Sequence[DatabaseName]) -> tuple[DatabaseName, Path]:
    name, equals, path = load.partition("=")
    if equals and name in databases:
        return DatabaseName(name), Path(path)
    if len(databases) == 1 and (not equals or Path(load).is_file()):
        return databases[0], Path(load)
    names = ", ".join(databases)
    raise StackFailure(f"--load {load}: expected NAME=FILE with one of the policy's databases ({names})")


def create_databases(
    server: PostgresServer, catalogs: Mapping[DatabaseName, Catalog], loads: Mapping[DatabaseName, Sequence[Path]]
) -> None:
    """Makes, loads and prepares each database. Raises `StackFailure` that names the file and line at fault."""
    for name, catalog in catalogs.items():
        server.create_database(name)
        for path in loads[name]:
            run_sql_file(server, name, path)
        _prepare(server, name, catalog)


def _prepare(server: PostgresServer, name: DatabaseName, catalog: Catalog) -> None:
    tables = [(table.schema, table.name) for table in catalog.tables]
    missing = _missing(server, name, tables)
    if missing:
        raise StackFailure(
            f"database {name}: expected the tables of its catalog, got none of the name {', '.join(missing)}: "
            "give the SQL that makes them with --load"
        )
    if catalog.owner_role is not None:
        _give_to(server, name, catalog.owner_role, catalog.schema_default, tables)
    functions = [function_key(function, catalog.schema_default) for function in catalog.functions]
    script = server.log.parent / f"bootstrap-{name}.sql"
    script.write_text(bootstrap_script(tables, rds=True, functions=functions, owner_role=catalog.owner_role))
    run_sql_file(server, name, script)


def _give_to(
    server: PostgresServer, name: DatabaseName, owner: str, schema: str, tables: Sequence[tuple[str, str]]
) -> None:
    """Makes the catalog's tables those of its `owner_role`, which the user's SQL may have made already."""
    role = quote_ident(owner)
    connection = server.connect(name)
    try:
        if not connection.run(f"SELECT 1 FROM pg_roles WHERE rolname = {quote_literal(owner)}"):
            connection.run(f"CREATE ROLE {role} NOLOGIN")
        connection.run(f"GRANT USAGE, CREATE ON SCHEMA {quote_ident(schema)} TO {role}")
        for table in tables:
            connection.run(f"ALTER TABLE {quote_qualified(*table)} OWNER TO {role}")
    finally:
        connection.close()


def _missing(server: PostgresServer, name: DatabaseName, tables: Sequence[tuple[str, str]]) -> list[str]:
    wanted = ", ".join(quote_literal(f"{quote_ident(schema)}.{quote_ident(table)}") for schema, table in tables)
    connection = server.connect(name)
    try:
        rows = connection.run(f"SELECT t FROM unnest(ARRAY[{wanted}]) AS t WHERE to_regclass(t) IS NULL ORDER BY t")
    finally:
        connection.close()
    return [str(row[0]) for row in rows or []]
