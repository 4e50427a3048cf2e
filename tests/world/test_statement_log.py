"""Tasks' statements in the server's log: set for a task's role where whoever bootstraps may pass that on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pg8000.native
import pytest
from pg8000.exceptions import DatabaseError

from postern.types import TaskId
from postern.world.bootstrap import plan_bootstrap
from postern.world.doctor.findings import Subject
from postern.world.names import role_name
from tests.support.doctor import examined
from tests.support.servers import Database
from tests.support.world import PreparedDatabase, granted, run_all
from tests.world.conftest import CATALOGUED

LOGGED = ["log_parameter_max_length=0", "log_statement=all"]
MASTER = "log_master"


def log_settings(shop: PreparedDatabase, task_id: TaskId) -> list[str]:
    """What of the role's own settings is about the log."""
    ((settings,),) = shop.database.run(f"SELECT rolconfig FROM pg_roles WHERE rolname = '{role_name(task_id)}'")
    assert isinstance(settings, list)
    return sorted(one for one in settings if str(one).startswith("log_"))


def found(database: Database, check: str) -> list[tuple[str, tuple[str, ...]]]:
    return [(one.what, one.mend) for one in examined(database, Subject()).findings if one.check == check]


def test_a_tasks_statements_are_logged_without_its_parameters(shop: PreparedDatabase) -> None:
    task_id, _ = shop.build(granted("customers", {"id": None}))
    assert log_settings(shop, task_id) == LOGGED
    with shop.session(task_id) as session:
        assert session.run("SELECT current_setting('log_statement'), current_setting('log_parameter_max_length')") == [
            ["all", "0"]
        ]


TURNING_IT_OFF = (
    "SET log_statement TO 'none'",
    "SET LOCAL log_statement TO 'none'",
    "SET log_parameter_max_length TO -1",
    "SELECT set_config('log_statement', 'none', false)",
    "ALTER ROLE CURRENT_USER SET log_statement TO 'none'",
    "ALTER ROLE CURRENT_USER RESET log_statement",
    "SET log_min_messages TO 'panic'",
)


def sqlstate_of(session: pg8000.native.Connection, statement: str) -> str | None:
    try:
        session.execute_simple(statement)
    except DatabaseError as error:
        return str(error.args[0]["C"])
    return None


def test_a_session_of_the_task_cannot_turn_it_off(shop18: PreparedDatabase) -> None:
    task_id, _ = shop18.build(granted("customers", {"id": None}))
    with shop18.session(task_id) as session:
        session.execute_simple("SET default_transaction_read_only TO off")
        refused = {statement: sqlstate_of(session, statement) for statement in TURNING_IT_OFF}
    assert refused == dict.fromkeys(TURNING_IT_OFF, "42501")


def test_a_task_that_resets_its_own_settings_keeps_these(shop: PreparedDatabase) -> None:
    task_id, _ = shop.build(granted("customers", {"id": None}))
    with shop.session(task_id) as session:
        session.execute_simple("SET default_transaction_read_only TO off")
        session.execute_simple("ALTER ROLE CURRENT_USER RESET ALL")
    assert log_settings(shop, task_id) == LOGGED


def test_a_world_is_built_all_the_same_where_it_cannot_be_had(shop18: PreparedDatabase) -> None:
    shop18.database.run("REVOKE SET ON PARAMETER log_parameter_max_length FROM postern_provision")
    task_id, _ = shop18.build(granted("customers", {"id": None}))
    assert log_settings(shop18, task_id) == [], "without its parameters or not at all"


def test_bootstrap_takes_it_back_when_told_to(shop18: PreparedDatabase) -> None:
    run_all(shop18.database, plan_bootstrap(CATALOGUED, rds=False, statement_log=False))
    task_id, _ = shop18.build(granted("customers", {"id": None}))
    assert log_settings(shop18, task_id) == []
    assert found(shop18.database, "server.statement_log") == [
        (
            "tasks' statements are not in the server's log",
            ("GRANT SET ON PARAMETER log_statement, log_parameter_max_length TO postern_provision",),
        )
    ]


@contextmanager
def master(database: Database) -> Iterator[None]:
    """A user who is no superuser and may do what bootstrap needs, as the master user of a service."""
    database.run(f"""
        CREATE ROLE {MASTER} LOGIN CREATEROLE CREATEDB;
        GRANT rds_iam, pg_signal_backend TO {MASTER} WITH ADMIN OPTION;
        GRANT CREATE ON DATABASE {database.name} TO {MASTER} WITH GRANT OPTION;
        ALTER SCHEMA public OWNER TO {MASTER}; ALTER DATABASE {database.name} OWNER TO {MASTER}""")
    try:
        yield
    finally:
        database.run(f"DROP OWNED BY {MASTER} CASCADE; ALTER DATABASE {database.name} OWNER TO postgres")
        database.run(f"REVOKE rds_iam, pg_signal_backend FROM {MASTER}; DROP ROLE {MASTER}")


@pytest.mark.parametrize("may_pass_on", [True, False])
def test_who_is_no_superuser_passes_on_what_it_holds(database: Database, may_pass_on: bool) -> None:
    with master(database):
        if may_pass_on:
            database.run(
                f"GRANT SET ON PARAMETER log_statement, log_parameter_max_length TO {MASTER} WITH GRANT OPTION"
            )
        statement = [one for one in plan_bootstrap((), rds=True) if "log_statement" in one]
        database.run("CREATE ROLE passed_on")
        try:
            renamed = statement[0].replace("postern_provision", "passed_on")
            run_all(database, [renamed], user=MASTER)
            held = "SELECT has_parameter_privilege('passed_on', 'log_statement', 'SET')"
            assert database.run(held) == [[may_pass_on]]
        finally:
            taken = "REVOKE SET ON PARAMETER log_statement, log_parameter_max_length FROM passed_on"
            run_all(database, [taken] if may_pass_on else [], user=MASTER)
            database.run("DROP ROLE passed_on")


def test_doctor_tells_what_the_log_holds_and_that_logins_are_missing_from_it(shop: PreparedDatabase) -> None:
    assert found(shop.database, "server.statement_log") == [("tasks' statements are in the server's log", ())]
    [(what, mend)] = found(shop.database, "server.log_connections")
    assert what.startswith("log_connections = ")
    assert mend == ()
