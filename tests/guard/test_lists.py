"""The lists of functions and types against the catalogs of real servers."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pg8000.native
import pytest

from postern.guard.functions import OPEN_VOLATILE
from postern.guard.lists import LISTS, Lists
from postern_local.postgres import PostgresServer

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "generate_guard_lists.py"


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_guard_lists", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def dsns(postgres: PostgresServer, postgres16: PostgresServer) -> dict[int, str]:
    """Superusers' addresses. The wheel has no PostgreSQL 17: where one runs, POSTERN_POSTGRES17 is its DSN."""
    outside = {17: dsn} if (dsn := os.environ.get("POSTERN_POSTGRES17")) else {}
    return {16: postgres16.dsn(), 18: postgres.dsn(), **outside}


def test_lists_are_what_the_script_makes_of_the_servers(generator: ModuleType, dsns: dict[int, str]) -> None:
    catalogs = [generator.read_catalog(dsns[major]) for major in sorted(dsns)]
    open_types, closed_types = generator.sort_types(catalogs)
    functions = generator.sort_functions(catalogs, open_types)

    for catalog in catalogs:
        lists = LISTS[catalog.major]
        named = {overload.name for overload in catalog.overloads}
        assert lists.called == functions.called & named
        assert lists.functions == (functions.called | functions.parts | (open_types - closed_names(functions))) & (
            named | catalog.types.keys()
        )
        assert lists.closed_functions.keys() == closed_names(functions) & named
        assert lists.closed_on_rows == functions.closed_on_rows & named
        assert lists.types == open_types & catalog.types.keys()
        assert lists.closed_types.keys() == set().union(*closed_types.values()) & catalog.types.keys()
    if len(catalogs) == len(LISTS):
        stale = [path.name for path, text in generator.render(catalogs).items() if path.read_text() != text]
        assert stale == [], "run scripts/generate_guard_lists.py and review the difference"


def closed_names(functions: object) -> set[str]:
    return set().union(*functions.closed.values())


class Server:
    """One server's catalog, and the lists of its version."""

    def __init__(self, connection: pg8000.native.Connection, lists: Lists) -> None:
        self.connection = connection
        self.lists = lists

    def names(self, sql: str) -> set[str]:
        return {str(row[0]) for row in self.connection.run(sql)}


@pytest.fixture(scope="module", params=[16, 18])
def server(request: pytest.FixtureRequest, postgres: PostgresServer, postgres16: PostgresServer) -> Iterator[Server]:
    connection = {16: postgres16, 18: postgres}[request.param].connect()
    yield Server(connection, LISTS[request.param])
    connection.close()


def test_every_function_of_the_server_is_open_or_closed(server: Server) -> None:
    named = server.names("SELECT proname FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace")

    assert named <= server.lists.functions | server.lists.closed_functions.keys()
    assert server.lists.called | server.lists.closed_functions.keys() <= named


def test_no_allowed_function_is_volatile_but_the_named_few(server: Server) -> None:
    volatile = server.names(
        "SELECT proname FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND provolatile = 'v'"
    )

    assert volatile & server.lists.functions == set(" ".join(OPEN_VOLATILE.values()).split()) & volatile


def test_operators_are_not_volatile_and_stand_before_listed_functions(server: Server) -> None:
    """An operator is a call: those of PostgreSQL's own are open because these are the functions behind them."""
    behind = server.names(
        "SELECT proname FROM pg_operator JOIN pg_proc ON pg_proc.oid = oprcode "
        "WHERE oprnamespace = 'pg_catalog'::regnamespace AND provolatile = 'v'",
    )
    taking_closed = server.names(
        f"SELECT DISTINCT proname FROM pg_operator JOIN pg_proc ON pg_proc.oid = oprcode "
        f"WHERE oprnamespace = 'pg_catalog'::regnamespace "
        f"AND proname <> ALL (ARRAY[{_literals(server.lists.functions)}]) "
        f"AND NOT EXISTS (SELECT FROM pg_type WHERE pg_type.oid = ANY (proargtypes) "
        f"AND typname IN ({_literals(_closed_operand_types(server.lists))}))",
    )

    assert behind == set()
    assert taking_closed == set()


def test_casts_run_listed_functions_only(server: Server) -> None:
    """A cast between open types is a call too, of a function or of both types' input and output."""
    opened = _literals(server.lists.types - {"record", "unknown"})
    behind = server.names(
        f"SELECT DISTINCT proname FROM pg_cast JOIN pg_proc ON pg_proc.oid = castfunc "
        f"JOIN pg_type AS s ON s.oid = castsource JOIN pg_type AS t ON t.oid = casttarget "
        f"WHERE s.typname IN ({opened}) AND t.typname IN ({opened}) AND 'oid' NOT IN (s.typname, t.typname) "
    )

    assert behind <= server.lists.functions


def _closed_operand_types(lists: Lists) -> set[str]:
    closed = {name for name in lists.closed_types if not name.startswith("any")}
    return closed | {f"_{name}" for name in closed} | {"oid"}


def _literals(names: frozenset[str] | set[str]) -> str:
    return ", ".join(f"'{name}'" for name in sorted(names))


def test_no_allowed_function_runs_sql_or_is_written_in_a_language_of_its_own(server: Server) -> None:
    """SQL-language built-ins inline to other built-ins; PL code would be somebody else's."""
    foreign = server.names(
        "SELECT proname FROM pg_proc JOIN pg_language ON pg_language.oid = prolang "
        "WHERE pronamespace = 'pg_catalog'::regnamespace AND lanname NOT IN ('internal', 'sql')"
    )

    assert foreign & server.lists.functions <= {"ts_lexize"}


def test_every_type_of_the_server_is_open_or_closed(server: Server) -> None:
    named = server.names(
        "SELECT typname FROM pg_type AS t WHERE typnamespace = 'pg_catalog'::regnamespace "
        "AND typtype <> 'c' AND NOT EXISTS (SELECT FROM pg_type AS e WHERE e.typarray = t.oid)"
    )

    assert named == server.lists.types | server.lists.closed_types.keys()


def test_json_each_and_its_kin_are_the_only_open_functions_with_columns(server: Server) -> None:
    """`(f(x)).name` selects a column of what f returns: the names must not be closed ones."""
    columns = server.names(
        f"SELECT DISTINCT unnest(proargnames) FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace "
        f"AND proargmodes && ARRAY['o', 't']::\"char\"[] "
        f"AND proname = ANY (ARRAY[{_literals(server.lists.functions)}])"
    )

    assert not (columns - {"from_json", ""}) & server.lists.closed_functions.keys()


# What a function may do that no statement of a task may, and how the server's catalog tells of it: by a condition on
# pg_proc. A function that a later version adds falls under one of them, and must not be on the list.
CATEGORIES = {
    "reads or writes files": (
        "proname ~ '^(pg_read|pg_ls_|pg_stat_file|pg_file|lo_import|lo_export|pg_current_logfile)'"
    ),
    "runs text as SQL": "proname ~ '(query|cursor|table|schema|database)_to_xml|^ts_(stat|rewrite)$'",
    "changes or reads settings": "proname ~ '^(set_config|current_setting|setseed|pg_reload_conf|pg_show_all_)'",
    "sleeps": "proname ~ 'sleep'",
    "locks": "proname ~ 'advisory|_lock'",
    "writes large objects": "proname ~ '^(lo_|loread|lowrite)' OR 'pg_largeobject'::regtype = ANY (proargtypes)",
    "signals backends": "proname ~ '_backend$|^pg_(cancel|terminate|promote|rotate|log_backend)'",
    "tells of other sessions": (
        "proname ~ '^pg_stat_get_(activity|backend)|^pg_(blocking|safe_snapshot|notification|listening)'"
    ),
    "reads statistics": "proname ~ '^pg_(stat|.*stats|.*_size$|relation_filepath)' AND proname <> 'pg_column_size'",
    "reads catalogs": (
        "proname ~ '^pg_(get_|describe|identify|.*_is_visible|options|index)|_description$|^to_reg|^format_type'"
    ),
    "tells privileges": "proname ~ '^has_|_privilege|^pg_has_role|^acl|row_security'",
    "moves or reads sequences": "proname ~ 'nextval|currval|lastval|setval|pg_sequence'",
    "tells transactions": "proname ~ '^txid_|xact|snapshot|^pg_(.*)wal'",
    "replicates or backs up": "proname ~ 'replication|^pg_(backup|create_restore|logical|switch|promote)'",
    "upgrades": "proname ~ '^binary_upgrade'",
    "is a trigger's": "prorettype IN ('trigger'::regtype, 'event_trigger'::regtype)",
    "names objects by number": (
        "EXISTS (SELECT FROM unnest(proargtypes::oid[] || prorettype) AS t (oid) WHERE t.oid::regtype::text ~ '^reg' "
        "AND t.oid::regtype::text NOT IN ('regconfig', 'regdictionary')) AND proname <> 'pg_typeof'"
    ),
    "belongs to the server's inside": (
        "EXISTS (SELECT FROM unnest(proargtypes::oid[]) AS t (oid) "
        "WHERE t.oid::regtype::text IN ('internal', 'cstring'))"
    ),
    "is withheld from PUBLIC": "proacl IS NOT NULL",
    # PostgreSQL's own mark of what writes, changes a session or cannot run beside others.
    "is unsafe in parallel": "proparallel = 'u' AND proname <> 'current_schema'",
    "runs with its owner's rights": "prosecdef",
    "is a procedure": "prokind = 'p'",
    "is not yet of PostgreSQL's own": "oid >= 16384",
}
MAY_BE_EMPTY = {"runs with its owner's rights", "is a procedure", "is not yet of PostgreSQL's own", "upgrades"}
RESTRICTED = {"age", "random", "random_normal"}  # they depend on the session: its transaction's time, its seed


@pytest.mark.parametrize("category", CATEGORIES)
def test_no_function_of_a_closed_category_is_allowed(server: Server, category: str) -> None:
    found = server.names(
        f"SELECT proname FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND ({CATEGORIES[category]})"
    )

    assert found or category in MAY_BE_EMPTY, "the condition finds nothing any more"
    assert found & server.lists.functions == set()


def test_only_reviewed_functions_depend_on_the_session(server: Server) -> None:
    found = server.names(
        "SELECT proname FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace AND proparallel = 'r'"
    )

    assert found & server.lists.functions <= RESTRICTED
