"""Preparing a database and its reverse on real servers, as a superuser and as a master user like that of RDS."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pg8000.exceptions import DatabaseError

from postern.errors import RefusedByPolicy
from postern.types import Action, DatabaseAddress, DatabaseName
from postern.world.bootstrap import bootstrap_script, plan_bootstrap, plan_remove, remove_script
from postern.world.names import quote_literal, quote_qualified
from postern_local.postgres import PostgresServer, run_sql_file
from tests.support.servers import Database, fresh_database
from tests.support.world import PreparedDatabase, granted, run_all
from tests.world.conftest import CATALOGUED, SHOP

SQL = Path(__file__).parents[2] / "infra" / "sql"
MASTER = "rds_master"
FUNCTIONS = (("public", "doubled"),)
TABLES = (*CATALOGUED, ("public", "numbered"))
NUMBERED = """
CREATE SEQUENCE extra;
CREATE DOMAIN ticket AS integer DEFAULT nextval('extra');
CREATE TABLE numbered (id serial, always integer GENERATED ALWAYS AS IDENTITY, extra ticket);
CREATE TABLE uncatalogued (id serial);
CREATE FUNCTION doubled(integer) RETURNS integer LANGUAGE sql RETURN $1 * 2;
CREATE FUNCTION doubled(text) RETURNS text LANGUAGE sql RETURN $1 || $1;
REVOKE EXECUTE ON FUNCTION doubled(text) FROM PUBLIC;
"""

# Everything that bootstrap may touch: roles, their settings, memberships, and rights on the database, on schemas,
# tables, sequences and functions.
STATE = """
SELECT 'role', rolname::text, concat(rolcanlogin, rolinherit, rolcreaterole, rolsuper, rolbypassrls, rolconnlimit)
    FROM pg_roles
UNION ALL SELECT 'setting', setrole::regrole::text, setconfig::text FROM pg_db_role_setting
UNION ALL SELECT 'member', roleid::regrole::text || ' of ' || member::regrole::text,
    concat(admin_option, inherit_option, set_option, grantor::regrole) FROM pg_auth_members
UNION ALL SELECT 'schema', nspname::text, concat(nspowner::regrole, nspacl) FROM pg_namespace WHERE nspname !~ '^pg_'
UNION ALL SELECT 'database', '', coalesce(datacl, acldefault('d', datdba))::text
    FROM pg_database WHERE datname = current_database()
UNION ALL SELECT 'relation', oid::regclass::text,
    coalesce(relacl, acldefault((CASE relkind WHEN 'S' THEN 's' ELSE 'r' END)::"char", relowner))::text
    FROM pg_class WHERE relkind IN ('r', 'v', 'S') AND relnamespace NOT IN ('pg_catalog'::regnamespace,
                                                                            'information_schema'::regnamespace)
UNION ALL SELECT 'function', oid::regprocedure::text, coalesce(proacl, acldefault('f', proowner))::text
    FROM pg_proc WHERE pronamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
ORDER BY 1, 2, 3
"""


@dataclass(frozen=True)
class Site:
    """A shop that nobody has prepared yet, and the user who will."""

    database: Database
    user: str

    def prepare(self) -> None:
        run_all(self.database, plan_bootstrap(TABLES, rds=True, functions=FUNCTIONS), user=self.user)

    def remove(self) -> None:
        run_all(self.database, plan_remove(), user=self.user)

    def state(self) -> list[list[object]]:
        return self.database.run(STATE)


@pytest.fixture(params=["postgres", MASTER])
def site(server: PostgresServer, request: pytest.FixtureRequest) -> Iterator[Site]:
    with fresh_database(server) as database:
        if request.param == MASTER:
            database.run(f"""
                CREATE ROLE {MASTER} LOGIN CREATEROLE CREATEDB;
                GRANT rds_iam, pg_signal_backend, pg_read_all_stats TO {MASTER} WITH ADMIN OPTION;
                ALTER DATABASE {database.name} OWNER TO {MASTER}""")
        connection = database.connect(user=request.param)
        connection.execute_simple(SHOP)
        connection.execute_simple(NUMBERED)
        connection.close()
        try:
            yield Site(database, request.param)
        finally:
            run_all(database, plan_remove())
            if request.param == MASTER:
                database.run(f"DROP OWNED BY {MASTER} CASCADE; ALTER DATABASE {database.name} OWNER TO postgres")
                database.run(f"REVOKE rds_iam, pg_signal_backend, pg_read_all_stats FROM {MASTER}; DROP ROLE {MASTER}")


def test_worlds_can_be_built_and_ended(site: Site) -> None:
    site.prepare()
    address = DatabaseAddress(DatabaseName("shop"), "localhost", 5432, site.database.name, "db", "eu-west-1", "none")
    ready = PreparedDatabase(site.database, address)
    task_id, _ = ready.build(granted("customers", {"id": None}), granted("orders", {"total": None}))
    with ready.session(task_id) as session:
        assert session.run("SELECT count(*) FROM customers, orders") == [[9]]
    assert ready.worlds().tear_down(task_id, address).is_clean


def test_preparing_again_changes_nothing(site: Site) -> None:
    site.prepare()
    once = site.state()
    site.prepare()
    assert site.state() == once


def test_the_reverse_leaves_what_was_there_before(site: Site) -> None:
    site.database.run("GRANT CREATE ON SCHEMA public TO PUBLIC")
    before = site.state()
    site.prepare()
    assert site.state() != before
    site.remove()
    assert site.state() == before
    site.remove()
    assert site.state() == before


def test_the_reverse_gives_back_only_what_was_taken(site: Site) -> None:
    site.database.run(f"REVOKE TEMP ON DATABASE {site.database.name} FROM PUBLIC")
    site.prepare()
    site.remove()
    assert site.database.run(
        "SELECT has_database_privilege('public', current_database(), 'TEMP'),"
        " has_schema_privilege('public', 'public', 'CREATE')"
    ) == [[False, False]]


def test_the_roles_have_what_the_design_gives_them_and_no_more(site: Site) -> None:
    site.prepare()
    assert site.database.run(
        "SELECT rolname::text, rolcanlogin, rolinherit, rolcreaterole, rolcreatedb, rolsuper, rolbypassrls,"
        " rolreplication FROM pg_roles WHERE rolname ~ '^postern_' ORDER BY 1"
    ) == [
        ["postern_lookup", True, False, False, False, False, False, False],
        ["postern_owner", False, False, False, False, False, False, False],
        ["postern_provision", True, False, True, False, False, False, False],
        ["postern_reap", True, False, False, False, False, False, False],
    ]
    assert site.database.run(
        "SELECT roleid::regrole::text, admin_option, inherit_option, set_option FROM pg_auth_members"
        " WHERE member = 'postern_provision'::regrole ORDER BY 1"
    ) == [
        ["pg_signal_backend", False, True, False],
        ["postern_owner", False, False, True],
        ["rds_iam", True, False, False],
    ]
    assert site.database.run(
        "SELECT roleid::regrole::text, admin_option, inherit_option, set_option FROM pg_auth_members"
        " WHERE member = 'postern_lookup'::regrole"
    ) == [["rds_iam", False, False, False]]
    assert site.database.run(
        "SELECT roleid::regrole::text, admin_option, inherit_option, set_option FROM pg_auth_members"
        " WHERE member = 'postern_reap'::regrole ORDER BY 1"
    ) == [["pg_read_all_stats", False, True, False], ["rds_iam", False, False, False]]
    assert site.database.run(
        "SELECT member::regrole::text FROM pg_auth_members"
        " WHERE roleid = 'postern_owner'::regrole AND (inherit_option OR set_option)"
    ) == [["postern_provision"]]
    owned = "SELECT oid::regclass::text FROM pg_class WHERE relowner = 'postern_owner'::regrole AND relkind = 'r'"
    assert sorted(site.database.run(owned)) == [["postern.taken"], ["postern.task_key"]]
    readable = "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    nothing: list[list[object]] = []
    catalogued: list[list[object]] = [["customers"], ["numbered"], ["orders"]]
    without = ("postern_provision", "postern_lookup", "postern_reap")
    for role, tables in (("postern_owner", catalogued), *((role, nothing) for role in without)):
        rights = "'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER'"
        assert site.database.run(f"{readable} AND has_table_privilege('{role}', oid, {rights}) ORDER BY 1") == tables


PROVISION_CANNOT = [
    "SELECT * FROM customers",
    "SET LOCAL ROLE postern_owner; DELETE FROM customers",
    "SET LOCAL ROLE postern_owner; UPDATE customers SET region = 'x'",
    "SELECT * FROM postern.task_key",
    "SET ROLE rds_iam",
    "CREATE ROLE stronger SUPERUSER",
    "CREATE ROLE stronger BYPASSRLS",
    "CREATE ROLE stronger CREATEDB",
    "CREATE ROLE stronger; GRANT pg_read_all_data TO stronger",
    "CREATE ROLE stronger; GRANT pg_signal_backend TO stronger",
    "GRANT postern_owner TO postern_provision WITH INHERIT TRUE",
    "CREATE ROLE stronger; GRANT postern_owner TO stronger",
    "ALTER ROLE postern_owner LOGIN",
    "ALTER ROLE postgres PASSWORD 'x'",
    "CREATE TEMP TABLE t (i int)",
    "COPY (SELECT 1) TO PROGRAM 'true'",
]


def test_the_provisioner_of_a_database_prepared_for_reading_cannot(shop: PreparedDatabase) -> None:
    """Where tasks may write it could act as `postern_owner`, and so write the catalogued tables, and only those."""
    run_all(shop.database, plan_bootstrap(CATALOGUED, rds=False, writes=False))
    connection = shop.database.connect(user="postern_provision")
    answers = {}
    for sql in PROVISION_CANNOT:
        connection.run("BEGIN")
        try:
            connection.execute_simple(sql)
            answers[sql] = "allowed"
        except DatabaseError as refused:
            answers[sql] = refused.args[0]["C"]
        connection.run("ROLLBACK")
    connection.close()
    assert answers == dict.fromkeys(PROVISION_CANNOT, "42501")


def test_worlds_that_stand_refuse_the_reverse(shop: PreparedDatabase) -> None:
    task_id, _ = shop.build(granted("customers", {"id": None}))
    with pytest.raises(DatabaseError, match="expected every task to have ended"):
        run_all(shop.database, plan_remove())
    assert shop.remains(task_id) == (1, 1, 1)


def test_the_roles_stay_while_another_database_needs_them(shop18: PreparedDatabase) -> None:
    with fresh_database(shop18.database.server) as second:
        run_all(second, plan_bootstrap((), rds=True))
        run_all(second, plan_remove())
        task_id, _ = shop18.build(granted("customers", {"id": None}))
        assert shop18.remains(task_id) == (1, 1, 1)


@pytest.mark.parametrize(
    ("spoil", "reason", "mend"),
    [
        ("ALTER ROLE postern_owner BYPASSRLS", "expected plain roles", "ALTER ROLE postern_owner NOBYPASSRLS"),
        ("ALTER ROLE postern_provision SUPERUSER", "expected plain roles", "ALTER ROLE postern_provision NOSUPERUSER"),
        ("ALTER SCHEMA postern OWNER TO postgres", "another owner", "ALTER SCHEMA postern OWNER TO postern_owner"),
        ("CREATE SCHEMA open; GRANT CREATE ON SCHEMA open TO PUBLIC", "still has CREATE on schema open", "SELECT 1"),
    ],
    ids=["bypasses row security", "superuser", "foreign schema", "open schema"],
)  # fmt: skip
def test_refuses_what_would_make_the_wall_hollow(shop18: PreparedDatabase, spoil: str, reason: str, mend: str) -> None:
    shop18.database.run(spoil)
    try:
        with pytest.raises(DatabaseError, match=reason):
            run_all(shop18.database, plan_bootstrap((), rds=True))
    finally:
        shop18.database.run(mend)


def test_a_catalogued_table_that_is_not_there_prepares_nothing(postgres: PostgresServer) -> None:
    with fresh_database(postgres) as database:
        with pytest.raises(DatabaseError, match="does not exist"):
            run_all(database, plan_bootstrap([("public", "gone")], rds=True))
        assert database.run("SELECT FROM pg_namespace WHERE nspname = 'postern'") == []


def test_names_are_quoted() -> None:
    assert plan_bootstrap([('a"b', "c d")], rds=True)[-4:-2] == (
        'GRANT USAGE ON SCHEMA "a""b" TO postern_owner',
        'GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE "a""b"."c d" TO postern_owner',
    )
    assert plan_bootstrap([('a"b', "c d")], rds=True, writes=False)[-4:-1] == (
        'GRANT USAGE ON SCHEMA "a""b" TO postern_owner',
        'GRANT SELECT ON TABLE "a""b"."c d" TO postern_owner',
        'REVOKE INSERT, UPDATE, DELETE ON TABLE "a""b"."c d" FROM postern_owner',
    )


@pytest.mark.parametrize(
    "name", ["plain", "it's", "a$postern$b", "$postern_$", "back\\slash", "$$; DROP TABLE customers"]
)
def test_a_function_of_any_name_is_granted(shop18: PreparedDatabase, name: str) -> None:
    database = shop18.database
    database.run(f"CREATE FUNCTION {quote_qualified('public', name)}() RETURNS integer LANGUAGE sql RETURN 1")
    run_all(database, plan_bootstrap((), rds=True, functions=[("public", name)]))
    rights = "SELECT has_function_privilege('postern_owner', oid, 'EXECUTE WITH GRANT OPTION') FROM pg_proc"
    assert database.run(f"{rights} WHERE proname = {quote_literal(name)}") == [[True]]


def test_a_listed_function_that_is_not_there_prepares_nothing(shop18: PreparedDatabase) -> None:
    with pytest.raises(DatabaseError, match="expected the function gone, got none"):
        run_all(shop18.database, plan_bootstrap((), rds=True, functions=[("public", "gone")]))


def test_the_sequences_of_defaults_can_be_passed_on(site: Site) -> None:
    site.prepare()
    held = (
        "SELECT relname::text FROM pg_class"
        " WHERE CASE relkind WHEN 'S' THEN has_sequence_privilege('postern_owner', oid, '{}') END"
    )
    for privilege, sequences in (
        ("USAGE WITH GRANT OPTION", [["extra"], ["numbered_id_seq"]]),
        ("SELECT", []),
        ("UPDATE", []),
    ):
        assert sorted(site.database.run(held.format(privilege))) == sequences


def test_preparing_for_reading_takes_the_rights_to_write_back(shop18: PreparedDatabase) -> None:
    held = "SELECT has_table_privilege('postern_owner', 'customers', {}) FROM (VALUES ('SELECT'), ('DELETE')) AS p (p)"
    assert shop18.database.run(held.format("p")) == [[True], [True]]
    run_all(shop18.database, plan_bootstrap(CATALOGUED, rds=False, writes=False))
    assert shop18.database.run(held.format("p")) == [[True], [False]]
    with pytest.raises(RefusedByPolicy, match="expected postern_owner to have DELETE on the table; run db bootstrap"):
        shop18.build(granted("customers", {"id": None}, actions=(Action.DELETE,)))


@pytest.mark.parametrize(
    ("name", "script"), [("bootstrap.sql", bootstrap_script((), rds=True)), ("remove.sql", remove_script())]
)
def test_the_file_for_review_is_what_runs(name: str, script: str) -> None:
    assert (SQL / name).read_text() == script, f"write world/bootstrap.py's script to infra/sql/{name} again"


def test_the_files_run_as_they_are(shop: PreparedDatabase) -> None:
    before = shop.database.run(STATE)
    run_sql_file(shop.database.server, shop.database.name, SQL / "bootstrap.sql")
    assert shop.database.run(STATE) == before
    run_sql_file(shop.database.server, shop.database.name, SQL / "remove.sql")
    assert shop.database.run("SELECT FROM pg_roles WHERE rolname ~ '^postern_'") == []
    run_all(shop.database, plan_bootstrap(CATALOGUED, rds=True))
