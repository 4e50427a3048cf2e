from __future__ import annotations

from dataclasses import replace

import pytest

from postern.errors import RefusedByPolicy
from postern.masking.column_types import ColumnType
from postern.types import Action, GrantedTable, MaskKind, RowFilter, TaskId
from postern.world.live import LiveTable
from postern.world.live_writes import LiveColumn, LiveConstraint, LiveRelation, LiveSequence
from postern.world.plan import plan_world
from tests.support.world import grant_of, granted, masked

TASK = TaskId("0190a6c4" * 4)
TEXT = ColumnType("text", "text", "text")
CUSTOMERS = LiveTable(
    "public",
    "customers",
    "r",
    {
        "id": ColumnType("integer", "integer", "int4"),
        "email": TEXT,
        "tags": ColumnType("citext", "citext", "other", is_foreign=True),
    },
    is_readable=True,
    is_owned=False,
    hides_rows=False,
)
LIVE = {("public", "customers"): CUSTOMERS}
OPEN_ID = {"id": None}


def test_a_world_is_a_role_a_schema_views_and_the_grants_on_them() -> None:
    plan = plan_world(TASK, grant_of(granted("customers", OPEN_ID)), LIVE)
    role = f'"task_{TASK}"'
    assert plan.make_role == (
        f"CREATE ROLE {role} LOGIN NOINHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"
        " CONNECTION LIMIT 10",
        f"ALTER ROLE {role} SET search_path TO {role}, pg_catalog, pg_temp",
        f"ALTER ROLE {role} SET default_transaction_read_only TO 'on'",
        f"ALTER ROLE {role} SET statement_timeout TO '30s'",
        f"ALTER ROLE {role} SET lock_timeout TO '5s'",
        f"ALTER ROLE {role} SET idle_in_transaction_session_timeout TO '30s'",
        f"ALTER ROLE {role} SET idle_session_timeout TO '60s'",
        f"ALTER ROLE {role} SET work_mem TO '16MB'",
        "DO $postern$ BEGIN IF has_parameter_privilege('temp_file_limit', 'SET') THEN"
        f" ALTER ROLE {role} SET temp_file_limit TO '1GB'; END IF; END $postern$",
        "DO $postern$ BEGIN IF has_parameter_privilege('log_statement', 'SET')"
        " AND has_parameter_privilege('log_parameter_max_length', 'SET') THEN"
        f" ALTER ROLE {role} SET log_parameter_max_length TO 0; ALTER ROLE {role} SET log_statement TO 'all';"
        " END IF; END $postern$",
        f"CREATE SCHEMA {role} AUTHORIZATION postern_owner",
    )
    assert [view.sql for view in plan.views] == [
        f'CREATE VIEW {role}."customers" ("id") AS SELECT "customers"."id" FROM "public"."customers"'
    ]
    assert plan.grants == (
        f"REVOKE ALL ON SCHEMA {role} FROM PUBLIC",
        f"GRANT USAGE ON SCHEMA {role} TO {role}",
        f'GRANT SELECT ON {role}."customers" TO {role}',
    )
    assert plan.admit == f'GRANT "rds_iam" TO {role} WITH ADMIN FALSE, INHERIT FALSE, SET FALSE'


FILTER = RowFilter("id > 0", {})
BARRIER = " WITH (security_barrier = true)"
BARRIER_AND_CHECK = " WITH (security_barrier = true, check_option = cascaded)"


@pytest.mark.parametrize(
    ("table", "relkind", "options"),
    [
        (granted("customers", OPEN_ID), "r", ""),
        (granted("customers", OPEN_ID, row_filter=FILTER), "r", BARRIER_AND_CHECK),
        (granted("customers", OPEN_ID, row_filter=FILTER), "p", BARRIER_AND_CHECK),
        (granted("customers", {"email": masked(MaskKind.REDACT)}, row_filter=FILTER), "r", BARRIER),
        (granted("customers", OPEN_ID, row_filter=FILTER), "m", BARRIER),
        (granted("customers", OPEN_ID), "v", BARRIER),
    ],
    ids=["no filter", "filter", "partitioned", "nothing writable", "materialized view", "over a view"],
)  # fmt: skip
def test_a_view_that_hides_rows_is_a_barrier(table, relkind: str, options: str) -> None:  # type: ignore[no-untyped-def]
    live = {("public", "customers"): replace(CUSTOMERS, relkind=relkind)}
    (view,) = plan_world(TASK, grant_of(table), live).views
    assert view.sql.partition(")")[2].partition(" AS SELECT")[0] == options


@pytest.mark.parametrize(
    ("live", "reason"),
    [
        (None, "expected a table of the live database, found none"),
        (replace(CUSTOMERS, relkind="S"), "got relkind S"),
        (replace(CUSTOMERS, is_readable=False), "expected postern_owner to have SELECT on it"),
        (replace(CUSTOMERS, is_owned=True), "expected another owner than postern_owner"),
        (replace(CUSTOMERS, hides_rows=True), "row security is on"),
        (replace(CUSTOMERS, schema="pg_catalog"), "got a reserved one"),
        (replace(CUSTOMERS, schema="information_schema"), "got a reserved one"),
        (replace(CUSTOMERS, schema="postern"), "got a reserved one"),
        (replace(CUSTOMERS, schema=f"task_{TASK}"), "got a reserved one"),
    ],
    ids=[
        "absent",
        "sequence",
        "unreadable",
        "owned",
        "row security",
        "catalog",
        "standard catalog",
        "ours",
        "a task's",
    ],
)
def test_refuses_a_table_that_no_view_may_stand_on(live: LiveTable | None, reason: str) -> None:
    with pytest.raises(RefusedByPolicy) as refused:
        plan_world(
            TASK, grant_of(granted("customers", OPEN_ID)), {} if live is None else {("public", "customers"): live}
        )
    (refusal,) = refused.value.refusals
    assert (refusal.what, refusal.code) == ("public.customers", "policy.refused")
    assert reason in refusal.reason


def test_names_everything_that_is_wrong_at_once() -> None:
    grant = grant_of(
        granted("customers", {"id": masked(MaskKind.EMAIL), "gone": None, "tags": None, "email": None}),
        granted("orders", OPEN_ID),
        granted("customers", {"email": None}, row_filter=RowFilter("id = :id", {})),
    )
    with pytest.raises(RefusedByPolicy) as refused:
        plan_world(TASK, grant, LIVE)
    assert [(refusal.what, refusal.reason.partition(":")[0]) for refusal in refused.value.refusals] == [
        ("public.customers", "the view name customers is taken by another table of the task"),
        ("public.customers", "the view name customers is taken by another table of the task"),
        ("public.customers.id", "mask email"),
        ("public.customers.gone", "expected a column of the live table, found none"),
        ("public.customers.tags", "expected a type whose operators are PostgreSQL's own, got citext"),
        ("public.orders", "expected a table of the live database, found none"),
        ("public.customers", "row filter"),
    ]


def test_refuses_a_type_of_other_operators_even_under_a_mask() -> None:
    with pytest.raises(RefusedByPolicy, match="operators are PostgreSQL's own"):
        plan_world(TASK, grant_of(granted("customers", {"tags": masked(MaskKind.NULL)})), LIVE)


def test_refuses_a_column_that_is_not_of_the_declared_type() -> None:
    table = granted("customers", OPEN_ID)
    for declared, refusals in (("integer", []), ("bigint", ["expected the type that the catalog declares, bigint"])):
        columns = (replace(table.columns[0], type=declared),)
        assert _refusals(replace(table, columns=columns)) == refusals


def _refusals(table: GrantedTable) -> list[str]:
    try:
        plan_world(TASK, grant_of(table), LIVE)
    except RefusedByPolicy as refused:
        assert refused.code == "policy.refused"
        return [refusal.reason.partition(", got")[0] for refusal in refused.refusals]
    return []


SEQUENCE = LiveSequence('"public"."it\'s"', is_grantable=True)
PLAIN = LiveColumn(is_required=False, is_generated=False, is_fresh=False, is_late=False, sequences=())
WRITTEN = LiveRelation(
    schema="public",
    name="customers",
    relkind="r",
    allowed=frozenset(Action),
    children=(),
    partition_key=frozenset(),
    columns={"id": replace(PLAIN, is_fresh=True, sequences=(SEQUENCE,)), "email": PLAIN, "tags": PLAIN},
    triggers=(),
    keys=(),
    constraints=(LiveConstraint("customers_pkey", is_unique=True, is_primary=True, columns=frozenset({"id"})),),
    calls=(),
)
READ, ADD, CHANGE, REMOVE = Action.SELECT, Action.INSERT, Action.UPDATE, Action.DELETE


@pytest.mark.parametrize(
    ("actions", "row_filter", "rights"),
    [
        ((READ,), None, ["SELECT"]),
        ((ADD,), None, ['INSERT ("id", "email")', "a sequence"]),
        ((READ, ADD), None, ["SELECT", 'INSERT ("id", "email")', "a sequence"]),
        ((READ, CHANGE), None, ["SELECT", 'UPDATE ("id", "email")']),
        ((READ, REMOVE), None, ["SELECT", "DELETE"]),
        ((ADD,), FILTER, ['INSERT ("email")', "a sequence"]),
        ((READ, CHANGE), FILTER, ["SELECT", 'UPDATE ("email")']),
    ],
    ids=["read", "blind insert", "insert", "update", "delete", "filtered insert", "filtered update"],
)
def test_a_task_gets_the_rights_of_its_actions_and_no_others(
    actions: tuple[Action, ...], row_filter: RowFilter | None, rights: list[str]
) -> None:
    table = granted("customers", {"id": None, "email": None}, actions=actions, row_filter=row_filter)
    plan = plan_world(TASK, grant_of(table), LIVE, live_writes={1: WRITTEN})
    role = f'"task_{TASK}"'
    named = {
        f"GRANT USAGE ON SEQUENCE {SEQUENCE.name} TO {role}": "a sequence",
        **{f'GRANT {right} ON {role}."customers" TO {role}': right for right in rights},
    }
    assert [named.get(grant, grant) for grant in plan.grants[2:]] == rights


def test_the_views_say_which_columns_can_be_written() -> None:
    table = granted("customers", {"id": None, "email": masked(MaskKind.EMAIL)}, actions=(READ, ADD))
    (view,) = plan_world(TASK, grant_of(table), LIVE, live_writes={1: WRITTEN}).views
    assert [(column.name, column.is_insertable, column.is_updatable) for column in view.columns] == [
        ("id", True, False),
        ("email", False, False),
    ]


@pytest.mark.parametrize("action", [Action.INSERT, Action.UPDATE, Action.DELETE])
def test_refuses_a_write_of_which_nothing_is_known(action: Action) -> None:
    with pytest.raises(RefusedByPolicy) as refused:
        plan_world(TASK, grant_of(granted("customers", OPEN_ID, actions=(Action.SELECT, action))), LIVE)
    assert refused.value.code == "policy.writes"
