"""What doctor and bootstrap say of the role as which run-once statements run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from postern.world.bootstrap import bootstrap_script, plan_bootstrap, plan_remove, remove_script
from postern.world.doctor.checks import checks
from postern.world.doctor.findings import Subject
from postern_local.postgres import PostgresServer
from tests.support.doctor import ask
from tests.support.servers import Database, fresh_database
from tests.support.world import run_all

OWNER = "books_owner"
TABLES = {("public", "customers"): ("id",), ("public", "orders"): ("id",)}
SUBJECT = Subject(TABLES, OWNER, "public")
GRANT = f'GRANT "{OWNER}" TO postern_provision WITH ADMIN TRUE, INHERIT FALSE, SET FALSE'


@pytest.fixture(scope="module")
def shop(postgres: PostgresServer) -> Iterator[Database]:
    with fresh_database(postgres) as database:
        database.run("CREATE TABLE customers (id int)")
        database.run("CREATE TABLE orders (id int)")
        database.run(f"CREATE ROLE {OWNER} NOLOGIN")
        database.run(f"ALTER TABLE customers OWNER TO {OWNER}")
        run_all(database, plan_bootstrap(TABLES, rds=False, owner_role=OWNER))
        yield database
        run_all(database, plan_remove(owner_role=OWNER))
        database.run(f"DROP OWNED BY {OWNER}")
        database.run(f"DROP ROLE {OWNER}")


def found(database: Database, name: str, *changes: str, subject: Subject = SUBJECT) -> list[str]:
    """What the check finds after the changes, which are undone again."""
    (check,) = [one for one in checks(subject) if one.name == name]
    sql = check.sql(subject)
    if sql is None:
        return []
    connection = database.connect()
    try:
        for statement in ("BEGIN", *changes):
            connection.run(statement)
        return [finding.what for finding in check.read(check, ask(connection, sql))]
    finally:
        connection.close()


def test_a_bootstrapped_owner_that_owns_its_tables_is_clean(shop):
    mend = ("ALTER TABLE orders OWNER TO books_owner", "GRANT CREATE ON SCHEMA public TO books_owner")
    for name in ("owner.stronger", "owner.membership", "owner.tables", "role.membership"):
        assert found(shop, name, *mend) == [], name


def test_names_tables_it_does_not_own_and_where_it_cannot_make_any(shop):
    assert found(shop, "owner.tables") == [
        f'"{OWNER}" cannot make anything in schema "public"',
        f'"{OWNER}" does not own "public"."orders"',
    ]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (f"ALTER ROLE {OWNER} SUPERUSER", "is superuser"),
        (f"ALTER ROLE {OWNER} BYPASSRLS CREATEROLE", "is past row security and CREATEROLE"),
        (f"GRANT pg_write_all_data TO {OWNER}", "is in pg_write_all_data"),
        (f"GRANT postern_owner TO {OWNER}", "is in postern_owner"),
    ],
)
def test_names_what_makes_it_stronger_than_an_owner(shop, change, says):
    assert found(shop, "owner.stronger", change) == [f'owner_role "{OWNER}" {says}']


def test_statistics_make_it_no_stronger(shop):
    assert found(shop, "owner.stronger", f"GRANT pg_monitor TO {OWNER}") == []


def test_names_an_owner_that_is_not_there(shop):
    subject = Subject(TABLES, "nobody", "public")
    assert found(shop, "owner.stronger", subject=subject) == ['owner_role "nobody" does not exist']


def test_names_a_missing_right_of_the_provisioner_and_one_too_many(shop):
    assert len(found(shop, "owner.membership", f"REVOKE {OWNER} FROM postern_provision")) == 1
    wide = f"GRANT {OWNER} TO postern_provision WITH SET TRUE"
    assert len(found(shop, "role.membership", wide)) == 1
    assert len(found(shop, "role.membership", subject=Subject(TABLES))) == 1  # where no catalog asks for it


def test_a_runs_role_is_no_leftover_and_may_become_the_owner_alone(shop):
    role = "task_" + "b" * 32
    made = (f"CREATE ROLE {role} LOGIN NOINHERIT", f"GRANT {OWNER} TO {role} WITH INHERIT FALSE, SET TRUE")
    assert found(shop, "world.role", *made) == []
    assert found(shop, "role.membership", *made) == []
    other = (f"CREATE ROLE {role} LOGIN NOINHERIT", f"GRANT postern_owner TO {role} WITH INHERIT FALSE, SET TRUE")
    assert len(found(shop, "role.membership", *other)) == 1


def test_without_an_owner_nothing_is_granted_and_nothing_asked(shop):
    assert GRANT in bootstrap_script(TABLES, rds=True, owner_role=OWNER)
    assert GRANT not in bootstrap_script(TABLES, rds=True)
    assert OWNER in remove_script(owner_role=OWNER)
    for name in ("owner.stronger", "owner.membership", "owner.tables"):
        assert found(shop, name, subject=Subject(TABLES)) == []


def test_the_reverse_takes_the_grant_back(shop):
    held = (
        "SELECT count(*) FROM pg_auth_members"
        " WHERE roleid = 'books_owner'::regrole AND member = 'postern_provision'::regrole"
    )
    connection = shop.connect()
    try:
        connection.run("BEGIN")
        assert connection.run(held) == [[1]]
        connection.run(plan_remove(owner_role=OWNER)[1])
        assert connection.run(held) == [[0]]
    finally:
        connection.close()
