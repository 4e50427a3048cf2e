"""Building a world on real servers: what then stands, and that nothing stands where it failed."""

from __future__ import annotations

from dataclasses import replace

import pg8000.core
import pytest
from pg8000.exceptions import DatabaseError

from postern.errors import Conflict, DatabaseUnavailable, PosternError, RefusedByPolicy
from postern.types import Action, MaskKind, RowFilter, ViewColumn
from postern.world.names import role_name
from tests.support.connections import Tampered, at_once, end_session
from tests.support.world import KEY, PreparedDatabase, grant_of, granted, masked, new_task_id

CUSTOMERS = granted(
    "customers", {"id": None, "email": masked(MaskKind.EMAIL), "full_name": masked(MaskKind.TOKEN), "region": None}
)
ORDERS = granted("orders", {"id": None, "total": None, "email": masked(MaskKind.TOKEN)})


def test_a_world_answers_with_its_views_as_the_database_describes_them(shop: PreparedDatabase) -> None:
    shop.database.run('CREATE SCHEMA "Ware house"; CREATE TABLE "Ware house"."Bins" ("Id" bigint, "a""b" char(3)[])')
    shop.database.run('GRANT USAGE ON SCHEMA "Ware house" TO postern_owner')
    shop.database.run('GRANT SELECT ON "Ware house"."Bins" TO postern_owner')
    bins = granted("Bins", {"Id": None, 'a"b': None}, schema="Ware house")
    task_id, views = shop.build(CUSTOMERS, bins)
    assert [(view.qualified, view.view) for view in views] == [
        ("public.customers", "customers"),
        ("Ware house.Bins", "Ware house.Bins"),
    ]
    assert views[0].columns == (
        ViewColumn("id", "integer", None, None),
        ViewColumn("email", "text", "class.email", MaskKind.EMAIL),
        ViewColumn("full_name", "text", "class.token", MaskKind.TOKEN, token_of="varchar"),
        ViewColumn("region", "text", None, None),
    )
    assert [column.type for column in views[1].columns] == ["bigint", "character(3)[]"]
    role = role_name(task_id)
    described = shop.database.run(f"SELECT oid FROM pg_class WHERE relnamespace = '{role}'::regnamespace ORDER BY oid")
    assert [[view.oid] for view in views] == described


def test_the_role_has_no_power_and_one_membership_that_gives_nothing(shop: PreparedDatabase) -> None:
    task_id, _ = shop.build(CUSTOMERS)
    role = role_name(task_id)
    assert shop.database.run(
        "SELECT rolcanlogin, rolinherit, rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls,"
        f" rolconnlimit, rolpassword FROM pg_authid WHERE rolname = '{role}'"
    ) == [[True, False, False, False, False, False, False, 10, None]]
    assert shop.database.run(
        "SELECT roleid::regrole::text, admin_option, inherit_option, set_option FROM pg_auth_members"
        f" WHERE member = '{role}'::regrole"
    ) == [["rds_iam", False, False, False]]
    assert shop.database.run(
        "SELECT member::regrole::text, admin_option, inherit_option, set_option FROM pg_auth_members"
        f" WHERE roleid = '{role}'::regrole"
    ) == [["postern_provision", True, False, False]]


def test_what_the_iam_role_may_the_tasks_role_may_not(shop: PreparedDatabase) -> None:
    shop.database.run("GRANT pg_read_all_data TO rds_iam")
    try:
        task_id, _ = shop.build(CUSTOMERS)
        with shop.session(task_id) as session, pytest.raises(DatabaseError, match="permission denied for table"):
            session.run("SELECT * FROM public.salaries")
    finally:
        shop.database.run("REVOKE pg_read_all_data FROM rds_iam")


def test_the_views_and_the_schema_belong_to_the_owner_role(shop: PreparedDatabase) -> None:
    role = role_name(shop.build(CUSTOMERS)[0])
    assert shop.database.run(
        f"SELECT relowner::regrole::text, nspowner::regrole::text FROM pg_class c"
        f" JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = '{role}'"
    ) == [["postern_owner", "postern_owner"]]


def test_a_grant_without_tables_is_a_world_without_views(shop: PreparedDatabase) -> None:
    task_id, views = shop.build()
    assert views == ()
    with shop.session(task_id) as session:
        assert session.run("SELECT 1") == [[1]]


def test_the_key_is_not_what_was_sent(shop: PreparedDatabase) -> None:
    """A statement log may hold what was sent."""
    role = role_name(shop.build(ORDERS)[0])
    ((key,),) = shop.database.run(f"SELECT k FROM postern.task_key WHERE role = '{role}'")
    assert isinstance(key, bytes)
    assert len(key) == 32
    assert key != KEY


def test_building_what_stands_is_a_conflict_and_leaves_it_whole(shop: PreparedDatabase) -> None:
    task_id, _ = shop.build(CUSTOMERS)
    with pytest.raises(Conflict) as refused:
        shop.build(ORDERS, task_id=task_id)
    assert refused.value.code == "task.state"
    assert shop.remains(task_id) == (1, 1, 1)
    with shop.session(task_id) as session:
        assert session.run("SELECT count(*) FROM customers") == [[3]]


@pytest.mark.parametrize("left", ["role", "schema"])
def test_building_on_half_a_world_is_a_conflict(shop: PreparedDatabase, left: str) -> None:
    task_id = new_task_id()
    shop.built.append(task_id)
    role = role_name(task_id)
    if left == "role":
        shop.database.run(f"SET ROLE postern_provision; CREATE ROLE {role}")
    else:
        shop.database.run(f"CREATE SCHEMA {role} AUTHORIZATION postern_owner")
    with pytest.raises(Conflict):
        shop.build(CUSTOMERS, task_id=task_id)


@pytest.mark.parametrize(
    ("spoil", "raised", "reason"),
    [
        ("DROP TABLE customers CASCADE", RefusedByPolicy, "found none"),
        ("ALTER TABLE customers DROP COLUMN email", RefusedByPolicy, "found none"),
        ("ALTER TABLE customers ALTER email TYPE int USING 1", RefusedByPolicy, "mask email"),
        ("REVOKE SELECT ON customers FROM postern_owner", RefusedByPolicy, "to have SELECT on it"),
        ("REVOKE USAGE ON SCHEMA public FROM postern_owner, PUBLIC", RefusedByPolicy, "to have SELECT on it"),
        ("ALTER TABLE customers ENABLE ROW LEVEL SECURITY", RefusedByPolicy, "row security is on"),
        ("ALTER TABLE customers OWNER TO postern_owner", RefusedByPolicy, "expected another owner"),
        ("GRANT SELECT ON salaries TO PUBLIC", RefusedByPolicy, "every role may read or change (1)"),
        ("GRANT SELECT (amount) ON salaries TO PUBLIC", RefusedByPolicy, "every role may read or change (1)"),
        ("GRANT DELETE ON customers TO PUBLIC", RefusedByPolicy, "every role may read or change (1)"),
        ("GRANT CREATE ON SCHEMA public TO PUBLIC", RefusedByPolicy, "may create objects (1)"),
        ("DROP TABLE postern.task_key", DatabaseUnavailable, "SQLSTATE 42P01"),
        ("REVOKE postern_owner FROM postern_provision", DatabaseUnavailable, "SQLSTATE 42501"),
        ("REVOKE rds_iam FROM postern_provision", DatabaseUnavailable, "SQLSTATE 42501"),
        ("ALTER ROLE postern_provision NOCREATEROLE", DatabaseUnavailable, "SQLSTATE 42501"),
        ("DROP ROLE postern_owner", DatabaseUnavailable, "SQLSTATE 22023"),
    ],
)
def test_what_is_wrong_in_the_database_builds_nothing(
    shop18: PreparedDatabase, spoil: str, raised: type[PosternError], reason: str
) -> None:
    if spoil == "DROP ROLE postern_owner":
        shop18.database.run("DROP OWNED BY postern_owner CASCADE")
    shop18.database.run(spoil)
    task_id = new_task_id()
    try:
        with pytest.raises(raised) as refused:
            shop18.worlds().build(task_id, grant_of(CUSTOMERS), shop18.address, key=KEY)
        assert reason in refused.value.detail
        assert "salaries" not in refused.value.detail
        roles = shop18.database.run(f"SELECT FROM pg_roles WHERE rolname = '{role_name(task_id)}'")
        schemas = shop18.database.run(f"SELECT FROM pg_namespace WHERE nspname = '{role_name(task_id)}'")
        assert (roles, schemas) == ([], [])
    finally:
        shop18.prepare_again()


def test_row_security_is_no_bar_where_a_policy_names_the_owner_role(shop: PreparedDatabase) -> None:
    shop.database.run("ALTER TABLE customers ENABLE ROW LEVEL SECURITY")
    shop.database.run("CREATE POLICY reviewed ON customers FOR SELECT TO postern_owner USING (region = 'EU')")
    task_id, _ = shop.build(CUSTOMERS)
    with shop.session(task_id) as session:
        assert session.run("SELECT id FROM customers ORDER BY id") == [[1], [3]]


@pytest.mark.parametrize(
    ("expression", "sqlstate"),
    [
        ("nowhere = 1", "42703"),
        ("id", "42804"),
        ("id = 'x'", "22P02"),
        ("id = current_setting('a.b', true, 1)", "42883"),
    ],
)
def test_a_row_filter_that_does_not_fit_the_table_is_refused(
    shop18: PreparedDatabase, expression: str, sqlstate: str
) -> None:
    task_id = new_task_id()
    filtered = granted("customers", {"id": None}, row_filter=RowFilter(expression, {}))
    with pytest.raises(RefusedByPolicy, match=f"public.customers.*SQLSTATE {sqlstate}"):
        shop18.build(filtered, task_id=task_id)
    assert shop18.remains(task_id) == (0, 0, 0)


def test_a_table_locked_by_the_application_is_not_waited_for_long(shop18: PreparedDatabase) -> None:
    migration = shop18.database.connect()
    task_id = new_task_id()
    try:
        migration.run("BEGIN")
        migration.run("ALTER TABLE customers ADD COLUMN added int")
        with pytest.raises(DatabaseUnavailable, match="SQLSTATE 55P03"):
            shop18.build(CUSTOMERS, task_id=task_id)
    finally:
        migration.close()
    assert shop18.remains(task_id) == (0, 0, 0)


def test_a_session_that_breaks_before_any_statement_leaves_nothing(shop18: PreparedDatabase) -> None:
    counted = Tampered(shop18.connect_core())
    task_id = new_task_id()
    shop18.built.append(task_id)
    shop18.worlds(lambda _connection: counted).build(task_id, grant_of(CUSTOMERS, ORDERS), shop18.address, key=KEY)
    assert counted.count > 20
    admin = shop18.database.connect()
    for broken in range(1, counted.count + 1):
        task_id = new_task_id()

        def break_off(connection: pg8000.core.CoreConnection, at: int = broken) -> Tampered:
            return Tampered(connection, {at: lambda: end_session(admin, connection)})

        with pytest.raises(DatabaseUnavailable):
            shop18.worlds(break_off).build(task_id, grant_of(CUSTOMERS, ORDERS), shop18.address, key=KEY)
        assert shop18.remains(task_id) == (0, 0, 0), broken
    admin.close()


class _AltersBeforeTheView(Tampered):
    """Changes a table after the tables were read and before a view locks them."""

    def __init__(self, shop: PreparedDatabase, change: str) -> None:
        super().__init__(shop.connect_core())
        self.shop, self.change, self.altered = shop, change, False

    def execute_simple(self, sql: str) -> object:
        if sql.startswith("CREATE VIEW") and not self.altered:
            self.altered = True
            self.shop.database.run(self.change)
        return super().execute_simple(sql)


CHANGES = {
    "a type that its mask was not chosen for": "ALTER TABLE customers ALTER email TYPE bytea USING email::bytea",
    "a trigger that nobody reviewed": "CREATE TRIGGER t BEFORE DELETE ON customers FOR EACH ROW"
    " EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "a key that cascades": "ALTER TABLE salaries ADD id integer REFERENCES customers ON DELETE CASCADE",
    "a function that is gone": "DROP FUNCTION IF EXISTS listed()",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_table_that_changes_while_its_view_is_built_builds_nothing(shop18: PreparedDatabase, change: str) -> None:
    shop18.database.run("CREATE FUNCTION listed() RETURNS integer LANGUAGE sql RETURN 1")
    task_id, connection = new_task_id(), _AltersBeforeTheView(shop18, change)
    grant = grant_of(replace(CUSTOMERS, actions=(Action.SELECT, Action.DELETE)), functions=("listed",))
    with pytest.raises(DatabaseUnavailable, match="changed meanwhile"):
        shop18.worlds(lambda _connection: connection).build(task_id, grant, shop18.address, key=KEY)
    assert connection.altered
    assert shop18.remains(task_id) == (0, 0, 0)


class _MakesOneViewMore(Tampered):
    def execute_simple(self, sql: str) -> object:
        if sql.startswith("GRANT USAGE ON SCHEMA"):
            super().execute_simple(f"CREATE VIEW {sql.split()[-1]}.unplanned AS SELECT * FROM public.customers")
        return super().execute_simple(sql)


def test_a_world_that_is_not_as_planned_is_not_built(shop18: PreparedDatabase) -> None:
    task_id, connection = new_task_id(), _MakesOneViewMore(shop18.connect_core())
    with pytest.raises(DatabaseUnavailable, match="expected those planned, got others"):
        shop18.worlds(lambda _connection: connection).build(task_id, grant_of(CUSTOMERS), shop18.address, key=KEY)
    assert shop18.remains(task_id) == (0, 0, 0)


class _LimitsTheView(Tampered):
    """Makes a view that shows what was planned, and that PostgreSQL does not write through."""

    def execute_simple(self, sql: str) -> object:
        return super().execute_simple(f"{sql} LIMIT 9" if sql.startswith("CREATE VIEW") else sql)


@pytest.mark.parametrize("action", [Action.INSERT, Action.UPDATE, Action.DELETE])
def test_a_view_that_cannot_be_written_through_is_not_granted_for_writing(
    shop18: PreparedDatabase, action: Action
) -> None:
    task_id = new_task_id()
    grant = grant_of(granted("customers", {"id": None, "region": None}, actions=(Action.SELECT, action)))
    worlds = shop18.worlds(lambda connection: _LimitsTheView(connection))
    with pytest.raises(RefusedByPolicy) as refused:
        worlds.build(task_id, grant, shop18.address, key=KEY)
    assert refused.value.code == "policy.writes"
    assert refused.value.refusals[0].reason == "its view is not one that PostgreSQL can write through"
    assert shop18.remains(task_id) == (0, 0, 0)


def test_a_world_says_which_servers_it_is(shop: PreparedDatabase) -> None:
    task_id = new_task_id()
    shop.built.append(task_id)
    world = shop.worlds().build(task_id, grant_of(CUSTOMERS), shop.address, key=KEY)
    assert shop.database.run(f"SELECT {world.server_major} = current_setting('server_version_num')::int / 10000") == [
        [True]
    ]


def test_of_two_builds_of_one_task_one_wins(shop: PreparedDatabase) -> None:
    task_id = new_task_id()
    shop.built.append(task_id)
    results = at_once(*[lambda: shop.worlds().build(task_id, grant_of(CUSTOMERS), shop.address, key=KEY)] * 2)
    assert sorted(type(result).__name__ for result in results) == ["Conflict", "World"]
    assert shop.remains(task_id) == (1, 1, 1)


def test_builds_of_several_tasks_do_not_disturb_each_other(shop: PreparedDatabase) -> None:
    def build() -> object:
        return shop.build(CUSTOMERS, ORDERS)[0]

    results = at_once(*[build] * 4)
    assert len({str(result) for result in results}) == 4
    for result in results:
        assert isinstance(result, str), result
