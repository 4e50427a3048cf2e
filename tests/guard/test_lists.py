"""The lists of functions and types against the catalogs of real servers."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from postern.guard import types
from postern.guard.calls import CLOSED_FUNCTIONS, CLOSED_TYPES, OPEN_FUNCTIONS
from postern.guard.functions import CALLED, OPEN_VOLATILE, PARTS
from postern_local.postgres import PostgresServer
from tests.support.servers import fresh_database

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "generate_guard_lists.py"


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_guard_lists", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_files_are_what_the_script_writes_today(
    generator: ModuleType, postgres: PostgresServer, postgres16: PostgresServer
) -> None:
    catalogs = [generator.read_catalog(server.dsn()) for server in (postgres16, postgres)]

    for path, text in generator.render(catalogs).items():
        assert path.read_text() == text, f"{path.name}: run scripts/generate_guard_lists.py and review the difference"


def _names(server: PostgresServer, sql: str) -> set[str]:
    with fresh_database(server) as database:
        return {str(row[0]) for row in database.run(sql)}


def test_every_listed_function_exists_on_some_server(postgres: PostgresServer, postgres16: PostgresServer) -> None:
    sql = "SELECT proname FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace"
    existing = _names(postgres, sql) | _names(postgres16, sql)

    assert existing >= CALLED | PARTS
    assert CLOSED_FUNCTIONS.keys() | CALLED | PARTS == existing


def test_no_allowed_function_is_volatile_but_the_named_few(
    postgres: PostgresServer, postgres16: PostgresServer
) -> None:
    sql = "SELECT proname FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND provolatile = 'v'"
    volatile = _names(postgres, sql) | _names(postgres16, sql)

    assert volatile & OPEN_FUNCTIONS == OPEN_VOLATILE


def test_operators_are_not_volatile_and_stand_before_listed_functions(server: PostgresServer) -> None:
    """An operator is a call: those of PostgreSQL's own are open because these are the functions behind them."""
    behind = _names(
        server,
        "SELECT proname FROM pg_operator JOIN pg_proc ON pg_proc.oid = oprcode "
        "WHERE oprnamespace = 'pg_catalog'::regnamespace AND provolatile = 'v'",
    )
    taking_closed = _names(
        server,
        f"SELECT DISTINCT proname FROM pg_operator JOIN pg_proc ON pg_proc.oid = oprcode "
        f"WHERE oprnamespace = 'pg_catalog'::regnamespace AND proname <> ALL (ARRAY[{_literals(OPEN_FUNCTIONS)}]) "
        f"AND NOT EXISTS (SELECT FROM pg_type WHERE pg_type.oid = ANY (proargtypes) "
        f"AND typname IN ({_literals(_closed_operand_types())}))",
    )

    assert behind == set()
    assert taking_closed == set()


def _closed_operand_types() -> set[str]:
    closed = set(CLOSED_TYPES) - {name for name in CLOSED_TYPES if name.startswith("any")}
    return closed | {f"_{name}" for name in closed} | {"oid"}


def _literals(names: frozenset[str] | set[str]) -> str:
    return ", ".join(f"'{name}'" for name in sorted(names))


@pytest.fixture(params=["postgres16", "postgres"])
def server(request: pytest.FixtureRequest) -> PostgresServer:
    started: PostgresServer = request.getfixturevalue(request.param)
    return started


def test_no_allowed_function_runs_sql_or_is_written_in_a_language_of_its_own(server: PostgresServer) -> None:
    """SQL-language built-ins inline to other built-ins; PL code would be somebody else's."""
    sql = (
        "SELECT proname FROM pg_proc JOIN pg_language ON pg_language.oid = prolang "
        "WHERE pronamespace = 'pg_catalog'::regnamespace AND lanname NOT IN ('internal', 'sql')"
    )

    assert _names(server, sql) & OPEN_FUNCTIONS <= {"ts_lexize"}


def test_every_type_of_the_server_is_open_or_closed(server: PostgresServer) -> None:
    sql = (
        "SELECT typname FROM pg_type AS t WHERE typnamespace = 'pg_catalog'::regnamespace "
        "AND typtype <> 'c' AND NOT EXISTS (SELECT FROM pg_type AS e WHERE e.typarray = t.oid)"
    )

    assert _names(server, sql) <= types.OPEN | CLOSED_TYPES.keys()


def test_json_each_and_its_kin_are_the_only_open_functions_with_columns(server: PostgresServer) -> None:
    """`(f(x)).name` selects a column of what f returns: the names must not be closed ones."""
    sql = (
        f"SELECT DISTINCT unnest(proargnames) FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace "
        f"AND proargmodes && ARRAY['o', 't']::\"char\"[] AND proname = ANY (ARRAY[{_literals(OPEN_FUNCTIONS)}])"
    )

    assert not (_names(server, sql) - {"from_json", ""}) & CLOSED_FUNCTIONS.keys()
