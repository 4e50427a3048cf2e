"""Each weakness is planted, found, mended by the SQL that its finding prints, and found no more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

import pytest
from pg8000.core import CoreConnection
from pg8000.exceptions import DatabaseError, InterfaceError

from postern.world.doctor.checks import checks
from postern.world.doctor.findings import Severity
from tests.support.doctor import SUBJECT, found, mend, prepare
from tests.support.servers import Database, fresh_database

TASK = f"task_{'0' * 31}1"


@dataclass(frozen=True)
class Weakness:
    """What makes a database weak, the check that must find it, how it must name it, and how bad it is."""

    plant: str
    check: str
    names: str
    severity: Severity


HIGH, MEDIUM, LOW, INFO = Severity
ANNA = "CREATE ROLE anna LOGIN"

WEAKNESSES = {
    "table for PUBLIC": Weakness("GRANT SELECT ON plain TO PUBLIC", "public.relation", '"public"."plain"', HIGH),
    "table for writing": Weakness("GRANT TRUNCATE ON plain TO PUBLIC", "public.relation", "TRUNCATE", HIGH),
    "table with every right": Weakness("GRANT ALL ON plain TO PUBLIC", "public.relation", "INSERT", HIGH),
    "table of an odd name": Weakness(
        'CREATE TABLE "a""; DROP TABLE plain; --\n" (); GRANT SELECT ON "a""; DROP TABLE plain; --\n" TO PUBLIC',
        "public.relation",
        '"a""; DROP TABLE plain; --\n"',
        HIGH,
    ),
    "column": Weakness(
        'ALTER TABLE plain ADD "Se cret" text; GRANT SELECT ("Se cret"), UPDATE (id) ON plain TO PUBLIC',
        "public.relation",
        '"public"."plain" (columns "Se cret", "id")',
        HIGH,
    ),
    "table and column": Weakness(
        "GRANT SELECT ON plain TO PUBLIC; GRANT SELECT (secret) ON plain TO PUBLIC",
        "public.relation",
        '"public"."plain"',
        HIGH,
    ),
    "table in a closed schema": Weakness(
        "CREATE SCHEMA shut; CREATE TABLE shut.t (); GRANT SELECT ON shut.t TO PUBLIC",
        "public.relation",
        '"shut"."t"',
        LOW,
    ),
    "table, granted by a grantee": Weakness(
        f"{ANNA}; GRANT SELECT ON plain TO anna WITH GRANT OPTION; SET ROLE anna;"
        " GRANT SELECT ON plain TO PUBLIC; RESET ROLE; GRANT INSERT ON plain TO PUBLIC",
        "public.relation",
        "INSERT, SELECT",
        HIGH,
    ),
    "partitioned table": Weakness(
        "CREATE TABLE parts (id int) PARTITION BY LIST (id); GRANT SELECT ON parts TO PUBLIC",
        "public.relation",
        '"parts"',
        HIGH,
    ),
    "view of an ordinary role": Weakness(
        f"{ANNA}; CREATE VIEW v AS SELECT 1 AS one; ALTER VIEW v OWNER TO anna; GRANT SELECT ON v TO PUBLIC",
        "public.relation",
        '"public"."v"',
        HIGH,
    ),
    "superuser's view": Weakness(
        "CREATE VIEW v AS SELECT * FROM plain; GRANT SELECT ON v TO PUBLIC",
        "public.superuser_view",
        '"public"."v"',
        HIGH,
    ),
    "superuser's materialized view": Weakness(
        "CREATE MATERIALIZED VIEW v AS SELECT * FROM plain; GRANT SELECT ON v TO PUBLIC",
        "public.superuser_view",
        '"public"."v"',
        HIGH,
    ),
    "sequence": Weakness("GRANT USAGE ON plain_id_seq TO PUBLIC", "public.sequence", '"plain_id_seq"', MEDIUM),
    "sequence for reading": Weakness("GRANT SELECT ON plain_id_seq TO PUBLIC", "public.sequence", "SELECT", MEDIUM),
    "CREATE on public": Weakness("GRANT CREATE ON SCHEMA public TO PUBLIC", "public.schema_create", '"public"', HIGH),
    "USAGE on a schema": Weakness(
        "CREATE SCHEMA other; GRANT USAGE ON SCHEMA other TO PUBLIC", "public.schema_usage", '"other"', LOW
    ),
    "security definer": Weakness(
        "CREATE FUNCTION peek(int, OUT a text) LANGUAGE sql SECURITY DEFINER AS 'SELECT secret FROM plain'",
        "public.security_definer",
        '"public"."peek"(integer',
        HIGH,
    ),
    "security definer procedure": Weakness(
        "CREATE PROCEDURE \"P\"(IN a int, INOUT b text) LANGUAGE sql SECURITY DEFINER AS 'SELECT secret FROM plain'",
        "public.security_definer",
        '"public"."P"(',
        HIGH,
    ),
    "security definer trigger function": Weakness(
        "CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN RETURN NEW; END'",
        "public.security_definer",
        '"stamp"()',
        LOW,
    ),
    "function in C": Weakness(
        "CREATE FUNCTION c_abs(int) RETURNS int LANGUAGE internal AS 'int4abs';"
        " UPDATE pg_proc SET prolang = (SELECT oid FROM pg_language WHERE lanname = 'c') WHERE proname = 'c_abs'",
        "public.untrusted_function",
        '"c_abs"(integer)',
        HIGH,
    ),
    "catalog of passwords": Weakness(
        "GRANT SELECT ON pg_authid TO PUBLIC", "public.catalog", '"pg_catalog"."pg_authid"', HIGH
    ),
    "catalog column": Weakness(
        "GRANT SELECT (rolpassword) ON pg_authid TO PUBLIC", "public.catalog", 'SELECT ("rolpassword")', HIGH
    ),
    "function that reads files": Weakness(
        "GRANT EXECUTE ON FUNCTION pg_read_file(text) TO PUBLIC", "public.catalog", '"pg_read_file"(text)', HIGH
    ),
    "TEMP": Weakness(
        "DO $$ BEGIN EXECUTE format('GRANT TEMP ON DATABASE %I TO PUBLIC', current_database()); END $$",
        "public.temp",
        "TEMPORARY on database",
        MEDIUM,
    ),
    "CREATE on the database": Weakness(
        "DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO PUBLIC', current_database()); END $$",
        "public.create",
        "CREATE on database",
        HIGH,
    ),
    "parameter": Weakness(
        "GRANT SET ON PARAMETER log_statement TO PUBLIC", "public.parameter", 'SET on parameter "log_statement"', HIGH
    ),
    "parameter of an extension": Weakness(
        "GRANT ALTER SYSTEM ON PARAMETER my.thing TO PUBLIC", "public.parameter", '"my"."thing"', HIGH
    ),
    "large object": Weakness(
        "SELECT lo_create(4711); GRANT SELECT, UPDATE ON LARGE OBJECT 4711 TO PUBLIC",
        "public.large_object",
        "LARGE OBJECT 4711",
        HIGH,
    ),
    "default privileges": Weakness(
        "ALTER DEFAULT PRIVILEGES GRANT SELECT, INSERT ON TABLES TO PUBLIC",
        "public.default_privileges",
        "INSERT, SELECT on new tables",
        MEDIUM,
    ),
    "default privileges in a schema": Weakness(
        f"{ANNA}; ALTER DEFAULT PRIVILEGES FOR ROLE anna IN SCHEMA public GRANT USAGE ON SEQUENCES TO PUBLIC",
        "public.default_privileges",
        "USAGE on new sequences",
        MEDIUM,
    ),
    "default privileges on schemas": Weakness(
        "ALTER DEFAULT PRIVILEGES GRANT USAGE ON SCHEMAS TO PUBLIC",
        "public.default_privileges",
        "USAGE on new schemas",
        MEDIUM,
    ),
    "search_path": Weakness(
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = public', current_database()); END $$",
        "settings.search_path",
        "search_path",
        INFO,
    ),
    "foreign server": Weakness(
        "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w;"
        " GRANT USAGE ON FOREIGN SERVER s TO PUBLIC",
        "public.foreign_server",
        'foreign server "s"',
        HIGH,
    ),
    "user mapping": Weakness(
        "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w;"
        " CREATE USER MAPPING FOR PUBLIC SERVER s",
        "public.user_mapping",
        'server "s"',
        MEDIUM,
    ),
    "event trigger": Weakness(
        "CREATE FUNCTION e() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';"
        f" {ANNA}; ALTER FUNCTION e() OWNER TO anna;"
        " CREATE EVENT TRIGGER watch ON ddl_command_end EXECUTE FUNCTION e()",
        "event_trigger",
        'event trigger "watch"',
        MEDIUM,
    ),
    "superuser's event trigger": Weakness(
        "CREATE FUNCTION e() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';"
        " CREATE EVENT TRIGGER watch ON ddl_command_end EXECUTE FUNCTION e()",
        "event_trigger",
        'event trigger "watch"',
        INFO,
    ),
    "provision without CREATEROLE": Weakness(
        "ALTER ROLE postern_provision NOCREATEROLE", "role.missing", '"postern_provision" lacks CREATEROLE', HIGH
    ),
    "owner that logs in": Weakness(
        "ALTER ROLE postern_owner LOGIN BYPASSRLS", "role.attributes", '"postern_owner" has BYPASSRLS, LOGIN', HIGH
    ),
    "provision as superuser": Weakness("ALTER ROLE postern_provision SUPERUSER", "role.attributes", "SUPERUSER", HIGH),
    "owner in a group": Weakness(
        "GRANT pg_read_all_data TO postern_owner", "role.membership", '"pg_read_all_data"', HIGH
    ),
    "lookup in a group": Weakness("GRANT pg_monitor TO postern_lookup", "role.membership", '"pg_monitor"', HIGH),
    "reaper in a group": Weakness("GRANT pg_monitor TO postern_reap", "role.membership", '"pg_monitor"', HIGH),
    "provision inherits the owner": Weakness(
        "GRANT postern_owner TO postern_provision WITH INHERIT TRUE", "role.membership", "with INHERIT", HIGH
    ),
    "somebody acts as the owner": Weakness(
        f"{ANNA}; GRANT postern_owner TO anna", "role.membership", '"anna" is a member of "postern_owner"', HIGH
    ),
    "somebody acts as a task": Weakness(
        f"{ANNA}; CREATE ROLE {TASK} LOGIN NOINHERIT; CREATE SCHEMA {TASK}; GRANT {TASK} TO anna",
        "role.membership",
        f'"anna" is a member of "{TASK}" with INHERIT, SET',
        HIGH,
    ),
    "lookup acts as a task": Weakness(
        f"CREATE ROLE {TASK} LOGIN NOINHERIT; CREATE SCHEMA {TASK}; GRANT {TASK} TO postern_lookup",
        "role.membership",
        f'"postern_lookup" is a member of "{TASK}"',
        HIGH,
    ),
    "rds_iam in a group": Weakness("GRANT pg_monitor TO rds_iam", "role.iam_membership", '"pg_monitor"', MEDIUM),
    "provision out of rds_iam": Weakness(
        "REVOKE rds_iam FROM postern_provision", "role.missing_membership", '"rds_iam"', HIGH
    ),
    "provision that cannot end sessions": Weakness(
        "REVOKE pg_signal_backend FROM postern_provision", "role.missing_membership", '"pg_signal_backend"', HIGH
    ),
    "reaper that sees no other's sessions": Weakness(
        "REVOKE pg_read_all_stats FROM postern_reap", "role.missing_membership", '"pg_read_all_stats"', HIGH
    ),
    "keys for somebody": Weakness(
        f"{ANNA}; GRANT SELECT (k) ON postern.task_key TO anna", "role.keys", '"postern"."task_key"', HIGH
    ),
    "lookups for somebody": Weakness(
        f"{ANNA}; GRANT EXECUTE ON FUNCTION postern.lookup_token TO anna", "role.keys", '"lookup_token"', HIGH
    ),
    "table without rights": Weakness(
        "REVOKE ALL ON orders FROM postern_owner", "table.right", '"public"."orders"', MEDIUM
    ),
    "schema without rights": Weakness(
        "REVOKE USAGE ON SCHEMA public FROM postern_owner, PUBLIC", "table.right", '"public"."orders"', MEDIUM
    ),
    "table of the owner's": Weakness(
        "ALTER TABLE orders OWNER TO postern_owner", "table.owner", '"public"."orders"', HIGH
    ),
    "row security": Weakness(
        "ALTER TABLE orders ENABLE ROW LEVEL SECURITY", "table.row_security", '"public"."orders"', MEDIUM
    ),
    "role without a schema": Weakness(f"CREATE ROLE {TASK} LOGIN", "world.role", TASK, MEDIUM),
    "schema without a role": Weakness(
        f"CREATE SCHEMA {TASK}; CREATE VIEW {TASK}.v AS SELECT 1", "world.schema", TASK, LOW
    ),
    "key without a role": Weakness(
        f"INSERT INTO postern.task_key VALUES ('{TASK}', sha256(''))", "world.key", TASK, LOW
    ),
    "old world": Weakness(
        f"CREATE ROLE {TASK} LOGIN; CREATE SCHEMA {TASK}; GRANT USAGE ON SCHEMA {TASK} TO {TASK};"
        f" INSERT INTO postern.task_key VALUES ('{TASK}', sha256(''), now() - interval '9 hours')",
        "world.old",
        TASK,
        HIGH,
    ),
    "role without a mark": Weakness(
        f"CREATE ROLE {TASK} LOGIN NOINHERIT; CREATE SCHEMA {TASK}; COMMENT ON ROLE {TASK} IS 'somebody''s words'",
        "world.mark",
        TASK,
        LOW,
    ),
    "task in a group": Weakness(
        f"CREATE ROLE {TASK} LOGIN NOINHERIT; CREATE SCHEMA {TASK}; GRANT pg_monitor TO {TASK}",
        "role.membership",
        '"pg_monitor"',
        HIGH,
    ),
    "task with an attribute": Weakness(
        f"CREATE ROLE {TASK} LOGIN NOINHERIT BYPASSRLS; CREATE SCHEMA {TASK}", "role.attributes", TASK, HIGH
    ),
    "task with a table": Weakness(
        f"CREATE ROLE {TASK} LOGIN NOINHERIT; CREATE SCHEMA {TASK}; GRANT SELECT ON plain TO {TASK}",
        "world.grant",
        'table "public"."plain"',
        HIGH,
    ),
    "lookup with a table": Weakness(
        "GRANT SELECT ON plain TO postern_lookup", "world.grant", 'for "postern_lookup"', HIGH
    ),
    "reaper with a table": Weakness("GRANT SELECT ON plain TO postern_reap", "world.grant", 'for "postern_reap"', HIGH),
    "task that may create": Weakness(
        f"CREATE ROLE {TASK} LOGIN NOINHERIT; CREATE SCHEMA {TASK}; GRANT CREATE ON SCHEMA public TO {TASK}",
        "world.grant",
        'schema "public"',
        HIGH,
    ),
}


# What is set for a database holds from the next session on, so these are committed.
SETTINGS = {
    "large object rights": ("lo_compat_privileges = on", "server.large_objects", HIGH),
    "logged parameters": ("log_statement = 'all'", "server.logged_parameters", MEDIUM),
    "parameters logged when slow": ("log_min_duration_statement = 100", "server.logged_parameters", MEDIUM),
    "parameters logged by chance": ("log_min_duration_sample = 100", "server.logged_parameters", MEDIUM),
    "parameters logged with errors": ("log_parameter_max_length_on_error = 64", "server.logged_parameters", MEDIUM),
    "MD5": ("password_encryption = md5", "server.password_encryption", LOW),
}


@pytest.fixture(scope="module", params=["postgres", "postgres16"], ids=["18", "16"])
def prepared(request: pytest.FixtureRequest) -> Iterator[Database]:
    with fresh_database(request.getfixturevalue(request.param)) as database:
        prepare(database)
        yield database


@contextmanager
def rolled_back(database: Database) -> Iterator[CoreConnection]:
    """A superuser's transaction: whatever is planted and mended in it, the database and its roles stay as they were."""
    with closing(database.connect()) as connection:
        connection.execute_simple("BEGIN")
        yield connection


@pytest.mark.parametrize("weakness", WEAKNESSES.values(), ids=WEAKNESSES.keys())
def test_a_weakness_is_found_and_what_its_finding_prints_mends_it(prepared: Database, weakness: Weakness) -> None:
    with rolled_back(prepared) as connection:
        assert found(connection, weakness.check) == []
        connection.execute_simple(weakness.plant)
        findings = found(connection, weakness.check)
        assert [one.severity for one in findings if weakness.names in one.what] == [weakness.severity], findings
        mend(connection, findings)
        assert found(connection, weakness.check) == []


@pytest.mark.parametrize(("setting", "check", "severity"), SETTINGS.values(), ids=SETTINGS.keys())
def test_a_setting_is_found_and_what_its_finding_prints_mends_it(
    prepared: Database, setting: str, check: str, severity: Severity
) -> None:
    prepared.run(f"ALTER DATABASE {prepared.name} SET {setting}")
    try:
        with rolled_back(prepared) as connection:
            findings = found(connection, check)
        assert [finding.severity for finding in findings] == [severity]
        with closing(prepared.connect()) as connection:
            mend(connection, findings)
        with rolled_back(prepared) as connection:
            assert found(connection, check) == []
    finally:
        prepared.run(f"ALTER DATABASE {prepared.name} RESET ALL")


def test_a_session_that_outlived_its_role_is_found_and_ended(prepared: Database) -> None:
    prepared.run("CREATE ROLE gone LOGIN")
    gone = prepared.connect(user="gone")
    prepared.run("DROP ROLE gone")
    with closing(prepared.connect()) as connection:
        (finding,) = found(connection, "world.session")
        assert finding.severity is Severity.MEDIUM
        mend(connection, [finding])
        assert found(connection, "world.session") == []
    with pytest.raises((DatabaseError, InterfaceError)):
        gone.run("SELECT 1")


def test_a_missing_role_is_found_and_bootstrap_mends_it(prepared: Database) -> None:
    with rolled_back(prepared) as connection:
        # Renamed, since a role of the whole server cannot be dropped while other databases lean on it.
        connection.execute_simple("ALTER ROLE postern_lookup RENAME TO postern_elsewhere")
        (finding,) = found(connection, "role.missing")
        assert 'role "postern_lookup" does not exist' in finding.what
        mend(connection, [finding])
        assert found(connection, "role.missing") == []


def test_every_check_that_a_database_can_fail_is_planted_here() -> None:
    planted = {weakness.check for weakness in WEAKNESSES.values()} | {check for _, check, _ in SETTINGS.values()}
    elsewhere = {"world.session", "extension", "table.type", "public.connect"}  # the last ones: beside this table
    elsewhere |= {"owner.stronger", "owner.membership", "owner.tables"}  # in test_doctor_owner
    told = {"postgresql.open", "server.version", "server.tls", "server.force_ssl", "server.temp_file_limit"}
    told |= {"server.statement_log", "server.log_connections"}
    assert planted | elsewhere | told == {check.name for check in checks(SUBJECT)}
