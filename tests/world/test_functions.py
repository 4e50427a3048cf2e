"""The catalog's own functions in a world: who may call them, and which are refused."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pg8000.exceptions import DatabaseError

from postern.errors import RefusedByPolicy
from postern.types import MaskKind
from postern.world.functions import function_key
from postern_local.postgres import PostgresServer
from tests.support.servers import fresh_database
from tests.support.world import PreparedDatabase, granted, masked, prepared

SCHEMA = """
CREATE TABLE people (id integer, email text);
INSERT INTO people VALUES (1, 'raw@example.com');
CREATE SCHEMA billing;
CREATE SCHEMA "a.b";
CREATE FUNCTION billing.tax(numeric) RETURNS numeric LANGUAGE sql IMMUTABLE RETURN $1 * 0.2;
CREATE FUNCTION billing.tax(numeric, numeric) RETURNS numeric LANGUAGE sql IMMUTABLE RETURN $1 * $2;
CREATE FUNCTION who() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT max(email) FROM people); END $$;
CREATE FUNCTION headcount() RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    RETURN (SELECT count(*) FROM public.people);
CREATE FUNCTION hijackable() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN RETURN 1; END $$;
CREATE FUNCTION mixed(integer) RETURNS integer LANGUAGE sql RETURN $1;
CREATE FUNCTION mixed(text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN RETURN $1; END $$;
CREATE FUNCTION later() RETURNS integer LANGUAGE sql RETURN 1;
CREATE PROCEDURE doing() LANGUAGE sql AS '';
CREATE FUNCTION "a.b"."we ird$postern$"("q""uoted" text) RETURNS text LANGUAGE sql RETURN $1;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA billing, public, "a.b" FROM PUBLIC;
"""
PEOPLE = granted("people", {"id": None, "email": masked(MaskKind.REDACT)})
LISTED = [("billing", "tax"), ("public", "who"), ("public", "headcount"), ("public", "hijackable"),
          ("public", "mixed"), ("a.b", "we ird$postern$")]  # fmt: skip


@pytest.fixture(scope="module", params=["postgres", "postgres16"], ids=["18", "16"])
def ready(request: pytest.FixtureRequest) -> Iterator[PreparedDatabase]:
    server: PostgresServer = request.getfixturevalue(request.param)
    with (
        fresh_database(server) as database,
        prepared(database, SCHEMA, [("public", "people")], functions=LISTED) as done,
    ):
        yield done


CALLS = {
    "one overload": ("billing.tax", "SELECT billing.tax(10)", "2.0"),
    "another": ("billing.tax", "SELECT billing.tax(10, 0.5)", "5.0"),
    "with the task's names": ("who", "SELECT public.who()", "[redacted]"),
    "with its owner's rights": ("headcount", "SELECT public.headcount()", "1"),
}


@pytest.mark.parametrize(("listed", "sql", "answer"), CALLS.values(), ids=CALLS)
def test_a_listed_function_can_be_called(ready: PreparedDatabase, listed: str, sql: str, answer: str) -> None:
    task_id, _ = ready.build(PEOPLE, functions=(listed,))
    with ready.session(task_id) as session:
        assert [[str(value) for value in row] for row in session.run(sql)] == [[answer]]
    assert ready.worlds().tear_down(task_id, ready.address).is_clean


def test_no_other_function_can_be_called(ready: PreparedDatabase) -> None:
    task_id, _ = ready.build(PEOPLE, functions=("headcount",))
    with ready.session(task_id) as session:
        for sql in ("SELECT billing.tax(10)", "SELECT public.who()", "SELECT public.later()"):
            with pytest.raises(DatabaseError) as refused:
                session.run(sql)
            assert refused.value.args[0]["C"] == "42501", sql


def test_strange_names_are_quoted(ready: PreparedDatabase) -> None:
    """A catalog takes no name with a dot; the database may have one all the same."""
    assert ready.database.run(
        "SELECT has_function_privilege('postern_owner', oid, 'EXECUTE WITH GRANT OPTION') FROM pg_proc"
        " WHERE proname = 'we ird$postern$'"
    ) == [[True]]


REFUSED = {
    "missing": ("gone", "expected a function of the live database, found none"),
    "missing schema": ("nowhere.gone", "expected a function of the live database, found none"),
    "open to a forged path": ("hijackable", "public.hijackable() has SECURITY DEFINER and no search_path of its own"),
    "one of its overloads": ("mixed", "public.mixed(text) has SECURITY DEFINER"),
    "not prepared": ("later", "public.later(): expected postern_owner to have EXECUTE on it"),
    "a procedure": ("doing", "expected a function, got a procedure"),
}


@pytest.mark.parametrize(("listed", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_may_not_be_called_is_refused_with_its_reason(ready: PreparedDatabase, listed: str, reason: str) -> None:
    with pytest.raises(RefusedByPolicy) as refused:
        ready.build(PEOPLE, functions=(listed,))
    (refusal,) = refused.value.refusals
    assert (refused.value.code, refusal.what) == ("policy.refused", f"function {listed}")
    assert reason in refusal.reason


def test_a_bare_name_is_of_the_default_schema() -> None:
    assert (function_key("tax", "public"), function_key("billing.tax", "public")) == (
        ("public", "tax"),
        ("billing", "tax"),
    )
