"""The functions that a run may call, against what servers have."""

from __future__ import annotations

import pytest

from postern.guard.lists import LISTS
from postern.run_once.check import check_statements
from postern.run_once.verdict import Accepted
from tests.support.servers import Database

# Their arguments or their effects are bounded by a rule of their own.
RULED = {"set_config"}
# Volatile functions of PostgreSQL's own that a run may call, reviewed one by one.
VOLATILE = {
    *("currval", "lastval", "nextval", "setval"),
    *("array_sample", "array_shuffle", "clock_timestamp", "gen_random_uuid", "random", "random_normal", "timeofday"),
    *("pg_advisory_xact_lock", "pg_advisory_xact_lock_shared", "pg_try_advisory_xact_lock"),
    *("uuidv4", "uuidv7"),
}


@pytest.mark.parametrize("major", [16, 18])
def test_every_function_of_the_server_is_on_a_list(major: int, request: pytest.FixtureRequest) -> None:
    # A name on no list would count as the application's own, and be called.
    database: Database = request.getfixturevalue("database" if major == 18 else "database16")
    rows = database.run("SELECT DISTINCT proname::text FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace")
    names = {str(name) for (name,) in rows}
    lists = LISTS[major]
    unlisted = {name for name in names if name not in lists.functions and name not in lists.closed_functions}
    assert not {name for name in unlisted if calls(name, major)}


@pytest.mark.parametrize("major", [16, 18])
def test_what_may_be_called_has_no_effects_but_those_reviewed(major: int, request: pytest.FixtureRequest) -> None:
    database: Database = request.getfixturevalue("database" if major == 18 else "database16")
    rows = database.run(
        "SELECT DISTINCT proname::text FROM pg_proc WHERE provolatile = 'v' AND prokind <> 'a'"
        " AND pronamespace = 'pg_catalog'::regnamespace"
    )
    assert {name for (name,) in rows if calls(str(name), major)} - VOLATILE == set()


def calls(name: str, major: int) -> bool:
    quoted = '"' + name + '"'
    verdict = check_statements([f"SELECT {quoted}('x')"], server_major=major)
    qualified = check_statements([f"SELECT pg_catalog.{quoted}('x')"], server_major=major)
    assert type(verdict) is type(qualified), name
    return isinstance(verdict, Accepted)
