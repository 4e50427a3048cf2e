"""Migrations as their tools write them: what the check says of each, and that what it lets through runs."""

from __future__ import annotations

import pytest
from pg8000.exceptions import DatabaseError

from postern.run_once.check import check_statements
from postern.run_once.verdict import Accepted, Checked, Refused, Verdict
from postern.server_majors import SUPPORTED_MAJORS
from tests.support.run_once import MIGRATIONS, cases_of, owner_of, session_of
from tests.support.servers import Database

FILES = sorted(path.name for path in MIGRATIONS.glob("*.sql"))
IN_BLOCK = "25001"


def code_of(verdict: Verdict) -> str | None:
    return verdict.code if isinstance(verdict, Refused) else None


def checked(sql: str, server_major: int = 18) -> Checked:
    verdict = check_statements([sql], server_major=server_major)
    assert isinstance(verdict, Accepted), verdict
    return verdict.statements[0]


@pytest.mark.parametrize("file", FILES)
def test_a_migration_is_judged_as_expected(file: str) -> None:
    wrong = {
        (case.name, major): verdict
        for case in cases_of(file)
        for major in SUPPORTED_MAJORS
        if code_of(verdict := check_statements([case.sql], server_major=major)) != case.refused
    }
    assert not wrong


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("major", [16, 18])
def test_what_passes_runs_as_the_owner_role_in_a_transaction_where_the_verdict_says_so(
    file: str, major: int, request: pytest.FixtureRequest
) -> None:
    database: Database = request.getfixturevalue("database" if major == 18 else "database16")
    with owner_of(database) as role, session_of(database, role) as session:
        for case in cases_of(file):
            if case.refused or not case.runs:
                continue
            statement = checked(case.sql, major)
            session.run("BEGIN")
            try:
                session.run(case.sql)
                answer = None
            except DatabaseError as error:
                answer = error.args[0]["C"], error.args[0]["M"]
            session.run("COMMIT" if answer is None else "ROLLBACK")
            if statement.in_transaction:
                assert answer is None, (case.name, answer)
            else:
                assert answer is not None, case.name
                assert answer[0] == IN_BLOCK, (case.name, answer)
                session.run(case.sql)
