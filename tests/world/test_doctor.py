"""The doctor as a whole: what is clean, what it names, what it cannot see, and that its page is of its checks."""

from __future__ import annotations

import os
import runpy
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from postern.errors import StatementFailed
from postern.types import Action, MaskKind
from postern.world.bootstrap import plan_bootstrap, plan_remove
from postern.world.doctor.checks import checks, examine
from postern.world.doctor.findings import Severity, Subject
from postern.world.doctor.settings import FORCED_TLS, TEMP_FILES, TLS, VERSION
from tests.e2e.conftest import CHINOOK
from tests.support.doctor import SUBJECT, examined, prepare
from tests.support.servers import Database, fresh_database
from tests.support.world import granted, masked, prepared, run_all

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module", params=["postgres", "postgres16"], ids=["18", "16"])
def fresh(request: pytest.FixtureRequest) -> Iterator[Database]:
    with fresh_database(request.getfixturevalue(request.param)) as database:
        prepare(database)
        yield database


def test_a_freshly_prepared_database_is_clean(fresh: Database) -> None:
    examination = examined(fresh)
    assert examination.at_least(Severity.LOW) == ()
    assert examination.blind == ()


def test_a_database_that_nobody_prepared_gives_temp_to_all(database: Database) -> None:
    assert "public.temp" in {finding.check for finding in examined(database, Subject()).at_least(Severity.LOW)}


def test_chinook_with_three_holes_names_all_three(fresh: Database) -> None:
    if not CHINOOK.is_file():
        assert not os.environ.get("CI"), f"{CHINOOK}: the sample database is missing"
        pytest.skip(f"the sample database is missing: expected it at {CHINOOK}")
    tables = {("public", "customer"): ("email",), ("public", "invoice"): ("total",)}
    with fresh_database(fresh.server) as chinook:
        chinook.load(CHINOOK)
        run_all(chinook, plan_bootstrap(tables, rds=False))
        assert examined(chinook, Subject(tables)).at_least(Severity.LOW) == ()
        chinook.run(
            f"GRANT SELECT ON customer TO PUBLIC; GRANT TEMP ON DATABASE {chinook.name} TO PUBLIC;"
            " CREATE FUNCTION peek() RETURNS SETOF text LANGUAGE sql SECURITY DEFINER AS 'SELECT email FROM customer'"
        )
        assert [
            (one.severity, one.check, one.what) for one in examined(chinook, Subject(tables)).at_least(Severity.LOW)
        ] == [
            (Severity.HIGH, "public.relation", 'SELECT on "public"."customer"'),
            (Severity.HIGH, "public.security_definer", '"public"."peek"()'),
            (Severity.MEDIUM, "public.temp", f'TEMPORARY on database "{chinook.name}"'),
        ]
        run_all(chinook, plan_remove())


def test_a_user_without_rights_sees_what_the_catalogs_tell_and_is_told_what_it_cannot(fresh: Database) -> None:
    fresh.run("CREATE ROLE looker LOGIN; GRANT SELECT ON plain TO PUBLIC")
    try:
        examination = examined(fresh, user="looker")
        assert [finding.check for finding in examination.at_least(Severity.LOW)] == ["public.relation"]
        assert [one.check for one in examination.blind] == ["world.key", "world.old"]
        assert all("42501" in one.reason for one in examination.blind)
    finally:
        fresh.run("REVOKE SELECT ON plain FROM PUBLIC; DROP ROLE looker")


def test_a_user_who_may_see_which_tasks_have_keys_sees_enough(fresh: Database) -> None:
    fresh.run(
        "CREATE ROLE looker LOGIN; GRANT USAGE ON SCHEMA postern TO looker;"
        "GRANT SELECT (role, created_at) ON postern.task_key TO looker"
    )
    try:
        examination = examined(fresh, user="looker")
        assert (examination.at_least(Severity.LOW), examination.blind) == ((), ())
    finally:
        fresh.run("DROP OWNED BY looker; DROP ROLE looker")


def test_no_value_of_a_table_is_asked_for(fresh: Database) -> None:
    examination = examined(fresh)
    assert "alice" not in repr(examination)


def test_every_statement_that_a_check_asks_is_one_that_reads(fresh: Database) -> None:
    with closing(fresh.connect()) as connection:
        subject = replace(SUBJECT, owner_role="postgres")  # some checks ask where there is one alone
        for check in checks(subject):
            connection.execute_simple("BEGIN READ ONLY; SET LOCAL search_path TO pg_catalog, pg_temp")
            sql = check.sql(subject)
            assert sql is not None
            columns = connection.execute_simple(sql).columns or []
            # Everything comes as text: no decoder of the driver's can fail or lie.
            assert {column["type_oid"] for column in columns} <= {25, 19}, check.name
            connection.execute_simple("ROLLBACK")


def test_a_question_that_is_refused_blinds_its_check_alone() -> None:
    def ask(sql: str) -> list[list[str | None]]:
        if "pg_event_trigger" in sql:
            raise StatementFailed("sql.failed", "no", sqlstate="42501")
        return []

    examination = examine(ask, Subject())
    assert [one.check for one in examination.blind] == ["event_trigger"]
    assert examination.findings == ()


def settings_row(**settings: str | None) -> list[list[str | None]]:
    values: dict[str, str | None] = {
        "server_version_num": "180004",
        "lo_compat_privileges": "off",
        "temp_file_limit": "1048576",
        "log_statement": "none",
        "log_min_duration_statement": "-1",
        "log_min_duration_sample": "-1",
        "log_parameter_max_length": "-1",
        "log_parameter_max_length_on_error": "0",
        "ssl": "on",
        "listen_addresses": "*",
        "rds.force_ssl": None,
        "password_encryption": "scram-sha-256",
    }
    return [["shop", *(values | settings).values()]]


@pytest.mark.parametrize(
    ("check", "settings", "is_found"),
    [
        (VERSION, {"server_version_num": "150018"}, True),
        (VERSION, {"server_version_num": "160000"}, False),
        (VERSION, {"server_version_num": "190000"}, True),
        (TLS, {"ssl": "off"}, True),
        (TLS, {"ssl": "off", "listen_addresses": "localhost, ::1"}, False),
        (TLS, {"ssl": "off", "listen_addresses": ""}, False),
        (TLS, {"ssl": "off", "listen_addresses": "127.0.0.1,10.0.0.1"}, True),
        (TLS, {}, False),
        (FORCED_TLS, {"rds.force_ssl": "0"}, True),
        (FORCED_TLS, {"rds.force_ssl": "1"}, False),
        (FORCED_TLS, {}, False),
        (TEMP_FILES, {"temp_file_limit": "-1"}, True),
        (TEMP_FILES, {}, False),
    ],
    ids=lambda value: getattr(value, "name", None) or str(value),
)
def test_a_setting_that_no_database_can_mend_is_told_with_what_to_do(check, settings, is_found) -> None:
    findings = list(check.read(check, settings_row(**settings)))
    assert bool(findings) is is_found
    assert all(finding.advice and not finding.mend for finding in findings)


def test_no_finding_is_worse_than_its_check_says(fresh: Database) -> None:
    worst = {check.name: check.severity for check in checks(SUBJECT)}
    for finding in examined(fresh).findings:
        assert worst[finding.check].is_at_least(finding.severity)


def test_the_page_is_of_the_checks_as_they_are() -> None:
    page = runpy.run_path(str(ROOT / "scripts" / "generate_doctor_doc.py"))["page"]()
    assert (ROOT / "docs" / "doctor.md").read_text() == page, "run scripts/generate_doctor_doc.py"
    assert all(f"| `{check.name}` | {check.severity} |" in page for check in checks(Subject()))


def test_a_world_that_stands_is_no_weakness(fresh: Database) -> None:
    with fresh_database(fresh.server) as database:
        schema = "CREATE TABLE people (id serial PRIMARY KEY, email text); CREATE TABLE other (id int)"
        with prepared(database, schema, [("public", "people")]) as ready:
            columns = {"id": None, "email": masked(MaskKind.TOKEN)}
            task_id, _ = ready.build(granted("people", columns, actions=(Action.SELECT, Action.INSERT)))
            with ready.session(task_id):
                assert examined(database, Subject({("public", "people"): ("id",)})).at_least(Severity.LOW) == ()
