"""What extensions open, and what catalogs and worlds refuse of them, on servers that have the contrib modules."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from pg8000.core import CoreConnection

from postern.errors import RefusedByPolicy
from postern.world.doctor.checks import examine
from postern.world.doctor.extension_risks import EXTENSION_RISKS
from postern.world.doctor.findings import Severity, Subject
from postern_local.postgres import PostgresServer
from tests.support.contrib import contrib_server
from tests.support.doctor import ask, examined, found, mend, prepare
from tests.support.servers import Database, fresh_database
from tests.support.world import granted, prepared

# What of the table a server with contrib has, and how bad each is as it is installed.
INSTALLED = {
    "amcheck": Severity.INFO,  # closed to PUBLIC by its own script
    "dblink": Severity.HIGH,
    "file_fdw": Severity.MEDIUM,
    "lo": Severity.LOW,
    "pageinspect": Severity.HIGH,
    "pg_prewarm": Severity.LOW,
    "pg_stat_statements": Severity.LOW,
    "pg_walinspect": Severity.INFO,
    "pgrowlocks": Severity.LOW,
    "pgstattuple": Severity.INFO,
    "postgres_fdw": Severity.MEDIUM,
    "tablefunc": Severity.MEDIUM,
    "xml2": Severity.MEDIUM,
}
FOREIGN = {"citext": "citext", "ltree": "ltree", "hstore": "hstore", "cube": "cube", "intarray": "query_int"}


@pytest.fixture(scope="module", params=[18, 16], ids=["18", "16"])
def contrib(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with contrib_server(tmp_path_factory.mktemp(f"contrib{request.param}"), request.param) as server:
        yield server


@pytest.fixture(scope="module")
def bare(contrib: PostgresServer) -> Iterator[Database]:
    with fresh_database(contrib) as database:
        prepare(database)
        yield database


@contextmanager
def rolled_back(database: Database) -> Iterator[CoreConnection]:
    with closing(database.connect()) as connection:
        connection.execute_simple("BEGIN")
        yield connection


def test_a_prepared_database_of_a_server_with_contrib_is_clean(bare: Database) -> None:
    assert examined(bare).at_least(Severity.LOW) == ()


@pytest.mark.parametrize(("name", "severity"), INSTALLED.items(), ids=INSTALLED.keys())
def test_a_risky_extension_is_named_and_what_is_printed_closes_it(
    bare: Database, name: str, severity: Severity
) -> None:
    with rolled_back(bare) as connection:
        connection.execute_simple(f"CREATE EXTENSION {name}")
        (finding,) = found(connection, "extension")
        assert f'extension "{name}"' in finding.what
        assert finding.severity is severity, finding
        assert EXTENSION_RISKS[name][1] in finding.why
        mend(connection, [finding] if finding.mend else [])
        (after,) = found(connection, "extension")
        assert (after.severity, after.mend) == (Severity.INFO, ())
        assert examine(lambda sql: ask(connection, sql), Subject()).at_least(Severity.LOW) == ()


def test_what_an_extension_itself_grants_is_told_and_what_is_added_to_it_is_a_finding(bare: Database) -> None:
    with rolled_back(bare) as connection:
        connection.execute_simple("CREATE EXTENSION pg_stat_statements")
        assert {one.severity for one in found(connection, "public.superuser_view")} == {Severity.INFO}
        connection.execute_simple("GRANT UPDATE ON pg_stat_statements TO PUBLIC")
        assert Severity.HIGH in {one.severity for one in found(connection, "public.superuser_view")}


def test_an_ordinary_extension_is_not_named(bare: Database) -> None:
    with rolled_back(bare) as connection:
        for name in ("pg_trgm", "btree_gist", "pgcrypto", "unaccent", "citext", "hstore"):
            connection.execute_simple(f"CREATE EXTENSION {name}")
        assert examine(lambda sql: ask(connection, sql), Subject()).at_least(Severity.LOW) == ()


def test_a_foreign_wrapper_that_public_may_use_is_part_of_what_is_closed(bare: Database) -> None:
    with rolled_back(bare) as connection:
        connection.execute_simple("CREATE EXTENSION file_fdw; GRANT USAGE ON FOREIGN DATA WRAPPER file_fdw TO PUBLIC")
        (finding,) = found(connection, "extension")
        assert any("FOREIGN DATA WRAPPER" in statement for statement in finding.mend)
        mend(connection, [finding])
        assert found(connection, "extension")[0].severity is Severity.INFO


@pytest.mark.parametrize(("extension", "type_name"), FOREIGN.items(), ids=FOREIGN.keys())
def test_a_catalogued_column_of_an_extensions_type_is_named(bare: Database, extension: str, type_name: str) -> None:
    with rolled_back(bare) as connection:
        connection.execute_simple(f"CREATE EXTENSION {extension}; ALTER TABLE orders ADD odd {type_name}")
        rows = lambda sql: ask(connection, sql)  # noqa: E731 - shorter than what it would be as a function
        (finding,) = examine(rows, Subject({("public", "orders"): ("id", "odd")})).at_least(Severity.LOW)
        assert finding.check == "table.type"
        assert '"public"."orders"."odd"' in finding.what
        assert type_name in finding.what
        # Beside the catalog, it is nobody's business.
        assert examine(rows, Subject({("public", "orders"): ("id",)})).at_least(Severity.LOW) == ()


@pytest.mark.parametrize("mail_type", ["citext", "citext[]"])
def test_a_world_refuses_a_column_of_an_extensions_type(contrib: PostgresServer, mail_type: str) -> None:
    with (
        fresh_database(contrib) as database,
        prepared(
            database,
            f"CREATE EXTENSION citext; CREATE TABLE people (id int, email {mail_type})",
            [("public", "people")],
        ) as ready,
        pytest.raises(RefusedByPolicy, match="operators are PostgreSQL's own"),
    ):
        ready.build(granted("people", {"id": None, "email": None}))
