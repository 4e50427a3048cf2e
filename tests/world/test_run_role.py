"""The role of run-once statements: what it may become, what it may not, and what stays when it goes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from pg8000.exceptions import DatabaseError, InterfaceError

from postern.errors import Conflict, RefusedByPolicy
from postern.types import TaskId
from postern.world.names import role_name
from postern.world.run_role import grant_owner_role, owner_weaknesses_sql
from postern_local.postgres import PostgresServer
from tests.support.servers import fresh_database
from tests.support.world import KEY, PreparedDatabase, new_task_id, prepared, run_all
from tests.world.conftest import CATALOGUED, SHOP

OWNER = "app_owner"


@pytest.fixture(scope="module", params=["postgres", "postgres16"], ids=["18", "16"])
def owned(request: pytest.FixtureRequest) -> Iterator[PreparedDatabase]:
    """The shop, whose tables a role of the application owns; shared, so each test names things of its own."""
    server: PostgresServer = request.getfixturevalue(request.param)
    with fresh_database(server) as database, prepared(database, SHOP, CATALOGUED) as shop:
        database.run(f"CREATE ROLE {OWNER} NOLOGIN")
        for table in ("customers", "orders"):
            database.run(f"ALTER TABLE {table} OWNER TO {OWNER}")
        database.run(f"GRANT CREATE, USAGE ON SCHEMA public TO {OWNER}")
        run_all(database, grant_owner_role(OWNER))
        yield shop
        for task_id in shop.built:
            shop.worlds().tear_down(task_id, shop.address)
        shop.built.clear()
        database.run(f"DROP OWNED BY {OWNER} CASCADE")
        database.run(f"DROP ROLE {OWNER}")


def built(shop: PreparedDatabase) -> TaskId:
    task_id = new_task_id()
    shop.built.append(task_id)
    shop.worlds().build_run_role(task_id, OWNER, shop.address, key=KEY)
    return task_id


@contextmanager
def running(shop: PreparedDatabase, task_id: TaskId):
    with shop.session(task_id) as session:
        session.run(f"SET ROLE {OWNER}")
        session.run("SET search_path TO public, pg_temp")
        yield session


MADE = """
CREATE TABLE parcels (id serial PRIMARY KEY, weight numeric);
CREATE INDEX parcels_by_weight ON parcels (weight);
CREATE TYPE colour AS ENUM ('red');
CREATE VIEW heavy AS SELECT * FROM parcels WHERE weight > 10;
CREATE SCHEMA depot;
ALTER TABLE customers ADD COLUMN nick text;
INSERT INTO parcels (weight) VALUES (1), (2)
"""


def test_what_the_statements_make_is_the_owners_and_stays_when_the_role_goes(owned: PreparedDatabase):
    owned.database.run(f"GRANT CREATE ON DATABASE {owned.database.name} TO {OWNER}")
    task_id = built(owned)
    with running(owned, task_id) as session:
        for statement in MADE.strip().split(";"):
            session.run(statement)
    proof = owned.worlds().tear_down(task_id, owned.address)
    assert proof.is_clean
    kinds = owned.database.run(
        "SELECT c.relname::text, r.rolname::text FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner"
        " WHERE c.relname ~ '^(parcels|heavy)' ORDER BY 1"
    )
    assert kinds == [
        [name, OWNER] for name in ("heavy", "parcels", "parcels_by_weight", "parcels_id_seq", "parcels_pkey")
    ]
    assert owned.database.run("SELECT count(*), sum(weight)::text FROM parcels") == [[2, "3"]]
    assert owned.database.run("SELECT nspowner::regrole::text FROM pg_namespace WHERE nspname = 'depot'") == [[OWNER]]
    assert owned.database.run("SELECT typowner::regrole::text FROM pg_type WHERE typname = 'colour'") == [[OWNER]]


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param("SELECT * FROM public.customers", id="read"),
        pytest.param("CREATE TABLE public.mine (a int)", id="create"),
        pytest.param("CREATE TEMP TABLE mine (a int)", id="temp"),
        pytest.param("CREATE SCHEMA mine", id="schema"),
        pytest.param("SET ROLE postern_owner", id="owner-of-views"),
        pytest.param("SET ROLE postern_provision", id="provisioner"),
        pytest.param("SET ROLE rds_iam", id="iam"),
        pytest.param(f"GRANT {OWNER} TO postern_lookup", id="grant"),
    ],
)
def test_before_it_became_the_owner_it_can_do_nothing(owned: PreparedDatabase, statement: str):
    task_id = built(owned)
    with owned.session(task_id) as session, pytest.raises(DatabaseError) as raised:
        session.run(statement)
    assert raised.value.args[0]["C"] == "42501"


def test_one_session_at_a_time(owned: PreparedDatabase):
    task_id = built(owned)
    with owned.session(task_id), pytest.raises((DatabaseError, InterfaceError)):  # as fast as the server hangs up
        owned.database.connect(user=role_name(task_id))


def test_a_function_that_puts_the_role_back_is_left_with_nothing(owned: PreparedDatabase):
    task_id = built(owned)
    with running(owned, task_id) as session:
        session.run(
            "CREATE FUNCTION escape() RETURNS int LANGUAGE plpgsql AS"
            " 'BEGIN RESET ROLE; CREATE TABLE public.mine (a int); RETURN 1; END'"
        )
        with pytest.raises(DatabaseError) as raised:
            session.run("SELECT escape()")
    assert raised.value.args[0]["C"] == "42501"


def test_a_teardown_ends_what_runs_and_undoes_it(owned: PreparedDatabase):
    task_id = built(owned)
    with running(owned, task_id) as session:
        session.run("BEGIN")
        session.run("CREATE TABLE undone (id int)")
        proof = owned.worlds().tear_down(task_id, owned.address)
    assert (proof.terminated, proof.is_clean) == (1, True)
    assert owned.database.run("SELECT to_regclass('public.undone')::text") == [[None]]


def test_building_what_stands_is_refused(owned: PreparedDatabase):
    task_id = built(owned)
    with pytest.raises(Conflict):
        owned.worlds().build_run_role(task_id, OWNER, owned.address, key=KEY)


@pytest.mark.parametrize(
    ("weaken", "mend", "says"),
    [
        pytest.param("ALTER ROLE {o} SUPERUSER", "ALTER ROLE {o} NOSUPERUSER", "superuser", id="superuser"),
        pytest.param("ALTER ROLE {o} BYPASSRLS", "ALTER ROLE {o} NOBYPASSRLS", "past row security", id="bypassrls"),
        pytest.param("ALTER ROLE {o} CREATEROLE", "ALTER ROLE {o} NOCREATEROLE", "CREATEROLE", id="createrole"),
        pytest.param(
            "GRANT pg_read_all_data TO {o}", "REVOKE pg_read_all_data FROM {o}", "pg_read_all_data", id="reads-all"
        ),
        pytest.param(
            "GRANT pg_execute_server_program TO {o} WITH INHERIT FALSE, SET TRUE",
            "REVOKE pg_execute_server_program FROM {o}",
            "pg_execute_server_program",
            id="may-become-one-that-runs-programs",
        ),
        pytest.param("GRANT postern_owner TO {o}", "REVOKE postern_owner FROM {o}", "postern_owner", id="ours"),
        pytest.param("GRANT postgres TO {o}", "REVOKE postgres FROM {o}", "postgres", id="member-of-a-superuser"),
    ],
)
def test_refuses_an_owner_that_reaches_further_and_builds_nothing(
    owned: PreparedDatabase, weaken: str, mend: str, says: str
):
    owned.database.run(weaken.format(o=OWNER))
    try:
        task_id = new_task_id()
        with pytest.raises(RefusedByPolicy, match=says):
            owned.worlds().build_run_role(task_id, OWNER, owned.address, key=KEY)
        assert owned.remains(task_id) == (0, 0, 0)
        with pytest.raises(DatabaseError, match=says):
            run_all(owned.database, grant_owner_role(OWNER))
    finally:
        owned.database.run(mend.format(o=OWNER))


def test_an_owner_that_is_not_there_is_refused(owned: PreparedDatabase):
    assert owned.database.run(owner_weaknesses_sql("nobody_at_all")) == [["does not exist"]]
    assert owned.database.run(owner_weaknesses_sql(OWNER)) == []


def test_the_provisioner_itself_cannot_act_as_the_owner(owned: PreparedDatabase):
    connection = owned.connect_core()
    try:
        for statement in (f"SET ROLE {OWNER}", "SELECT * FROM customers"):
            with pytest.raises(DatabaseError) as raised:
                connection.execute_simple(statement)
            assert raised.value.args[0]["C"] == "42501"
    finally:
        connection.close()


def test_the_role_is_named_like_every_tasks(owned: PreparedDatabase):
    task_id = built(owned)
    assert owned.database.run(
        "SELECT rolcanlogin, rolinherit, rolconnlimit, rolcreaterole FROM pg_roles"
        f" WHERE rolname = '{role_name(task_id)}'"
    ) == [[True, False, 1, False]]
