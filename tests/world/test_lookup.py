"""The lookup function on real servers: it gives what the views show, to one role, and quotes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pg8000.core
import pg8000.native
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pg8000.exceptions import DatabaseError

from postern.errors import RefusedByPolicy
from postern.masking import expressions
from postern.types import MaskKind
from postern.world.lookup import LOOKUP_ROLE, LOOKUP_TOKEN_SQL, TOKEN_KINDS
from postern.world.names import role_name
from postern_local.postgres import PostgresServer
from postern_local.rds_membership import Membership
from tests.support.servers import fresh_database
from tests.support.world import PreparedDatabase, granted, masked, prepared

TOKEN = masked(MaskKind.TOKEN)
# A column of each kind, and values of it as somebody would type them.
VALUES = {
    "text": ("text", ["alice@example.com", "", " x ", "é\U0001f600", "'\\x41", "NULL", "a" * 5000]),
    "varchar": ("varchar(40)", ["Alice", "Alice "]),
    "bpchar": ("char(8)", ["abc", "abc     ", ""]),
    "name": ("name", ["x"]),
    "uuid": ("uuid", ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "{A0EEBC999C0B4EF8BB6D6BB9BD380A11}"]),
    "bool": ("boolean", ["true", "f", "yes", "0"]),
    "inet": ("inet", ["10.0.0.1", "10.0.0.1/24", "::1", "::FFFF"]),
    "cidr": ("cidr", ["10.0.0.0/8"]),
    "bytea": ("bytea", ["\\x00ff", "abc", "\\xAB"]),
    "int2": ("smallint", ["-32768", " 7 ", "007"]),
    "int4": ("integer", ["0", "-0", "2147483647"]),
    "int8": ("bigint", ["9223372036854775807"]),
    "numeric": ("numeric(30, 4)", ["1", "1.00", "1e3", "-0.5", "NaN"]),
    "date": ("date", ["1980-05-06", "05/06/1980", "May 6 1980", "infinity", "4714-11-24 BC"]),
    "timestamp": ("timestamp(3)", ["1980-05-06 07:08:09.123", "-infinity"]),
    "timestamptz": ("timestamptz", ["1980-05-06 07:08:09+02", "1980-05-06 07:08:09", "infinity"]),
    "enum": ("mood", ["sad", "it's", ""]),
}
SCHEMA = (
    "CREATE TYPE mood AS ENUM ('sad', 'it''s', ''); CREATE DOMAIN address AS text CHECK (VALUE LIKE '%@%');"
    f"CREATE TABLE kinds (row serial, {', '.join(f'a_{kind} {declared}' for kind, (declared, _) in VALUES.items())},"
    " a_domain address)"
)
COLUMNS = {"row": None, **{f"a_{kind}": TOKEN for kind in VALUES}, "a_domain": TOKEN}


@dataclass(frozen=True)
class Desk:
    """A task's view of the tokens, and the role that looks values up."""

    shop: PreparedDatabase
    role: str
    lookup: pg8000.core.CoreConnection
    admin: pg8000.native.Connection

    def token(self, kind: str | None, value: str | None, *, role: str | None = None) -> str | None:
        rows = self.lookup.execute_unnamed(LOOKUP_TOKEN_SQL, vals=(role or self.role, kind, value), oids=(0, 0, 0)).rows
        return rows[0][0]  # type: ignore[no-any-return]

    def shown(self, column: str, value: str) -> object:
        """What the task's view shows for the value in that column."""
        self.admin.run("BEGIN")
        try:
            insert = f"INSERT INTO kinds ({column}) VALUES (CAST(:value AS text)::{self._type(column)})"
            self.admin.run(insert, value=value)
            ((token,),) = self.admin.run(f"SELECT {column} FROM {self.role}.kinds ORDER BY row DESC LIMIT 1")
            return token
        finally:
            self.admin.run("ROLLBACK")

    def _type(self, column: str) -> str:
        return "address" if column == "a_domain" else VALUES[column.removeprefix("a_")][0]


@pytest.fixture(scope="module", params=["postgres", "postgres16"], ids=["18", "16"])
def desk(request: pytest.FixtureRequest) -> Iterator[Desk]:
    server: PostgresServer = request.getfixturevalue(request.param)
    with fresh_database(server) as database, prepared(database, SCHEMA, [("public", "kinds")]) as shop:
        task_id, views = shop.build(granted("kinds", COLUMNS))
        assert {column.token_of for column in views[0].columns} == {None, *VALUES}
        lookup, admin = shop.connect_core(user=LOOKUP_ROLE), database.connect()
        yield Desk(shop, role_name(task_id), lookup, admin)
        lookup.close()
        admin.close()


@pytest.mark.parametrize("kind", VALUES)
def test_a_looked_up_value_gives_the_token_that_the_view_shows(desk: Desk, kind: str) -> None:
    for value in VALUES[kind][1]:
        token = desk.token(kind, value)
        assert token is not None and token.startswith("tok_")
        assert token == desk.shown(f"a_{kind}", value), value


def test_a_domain_is_looked_up_as_what_it_stands_on(desk: Desk) -> None:
    assert desk.token("text", "a@b") == desk.shown("a_domain", "a@b")


@given(value=st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",))))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_gives_the_token_that_the_view_shows(desk: Desk, value: str) -> None:
    assert desk.token("text", value) == desk.shown("a_text", value)


@given(value=st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**20), max_value=10**20))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_number_gives_the_token_that_the_view_shows(desk: Desk, value: object) -> None:
    assert desk.token("numeric", str(value)) == desk.shown("a_numeric", str(value))


def test_every_kind_that_has_tokens_can_be_looked_up() -> None:
    assert set(TOKEN_KINDS) == set(expressions._TOKEN_TEXT) == set(VALUES)


def test_two_tasks_have_two_tokens(desk: Desk) -> None:
    other, _ = desk.shop.build(granted("kinds", COLUMNS))
    assert desk.token("text", "x", role=role_name(other)) != desk.token("text", "x")


def test_null_has_no_token(desk: Desk) -> None:
    assert desk.token("text", None) is None


NOT_OF_THE_KIND = {
    "int4": ["raw-value", "1.5", "99999999999", ""],
    "int2": ["40000"],
    "uuid": ["raw-value"],
    "bool": ["maybe"],
    "date": ["raw-value", "2026-02-30", "10000000-01-01"],
    "timestamptz": ["raw-value 99"],
    "numeric": ["raw", "1e200000"],
    "inet": ["999.1.1.1"],
    "bytea": ["\\xzz"],
}


@pytest.mark.parametrize("kind", NOT_OF_THE_KIND)
def test_a_value_that_is_not_of_the_kind_is_refused_and_not_quoted(desk: Desk, kind: str) -> None:
    logged = desk.shop.database.server.log.stat().st_size
    for value in NOT_OF_THE_KIND[kind]:
        with pytest.raises(DatabaseError) as refused:
            desk.token(kind, value)
        fields = refused.value.args[0]
        assert fields["C"].startswith("22"), value
        assert value == "" or value not in str(fields)
    written = desk.shop.database.server.log.read_bytes()[logged:].decode()
    assert "expected a value of the column's kind" in written
    assert "raw" not in written


@pytest.mark.parametrize(
    ("role", "kind", "sqlstate"),
    [
        ("task_" + "0" * 32, "text", "42704"),
        ("postgres", "text", "42704"),
        (None, "float8", "0A000"),
        (None, "", "0A000"),
    ],
    ids=["no such task", "no task at all", "a kind without tokens", "no kind"],
)  # fmt: skip
def test_what_has_no_token_is_refused(desk: Desk, role: str | None, kind: str, sqlstate: str) -> None:
    with pytest.raises(DatabaseError) as refused:
        desk.token(kind, "x", role=role)
    assert refused.value.args[0]["C"] == sqlstate


LOOKUP_CANNOT = [
    "SELECT * FROM postern.task_key",
    "SELECT * FROM postern.taken",
    "SELECT * FROM public.kinds",
    "SELECT * FROM {role}.kinds",
    "SET ROLE postern_owner",
    "SET ROLE {role}",
    "CREATE TEMP TABLE t (i integer)",
    "CREATE TABLE t (i integer)",
    "CREATE FUNCTION public.sha256(bytea) RETURNS bytea LANGUAGE sql RETURN $1",
    "ALTER FUNCTION postern.lookup_token(name, text, text) RESET ALL",
    "ALTER ROLE postern_lookup CREATEROLE",
]


@pytest.mark.parametrize("sql", LOOKUP_CANNOT)
def test_the_lookup_role_can_do_nothing_else(desk: Desk, sql: str) -> None:
    desk.lookup.execute_simple("BEGIN READ WRITE")
    try:
        with pytest.raises(DatabaseError) as refused:
            desk.lookup.execute_simple(sql.format(role=desk.role))
        assert refused.value.args[0]["C"] == "42501"
    finally:
        desk.lookup.execute_simple("ROLLBACK")


def test_a_search_path_of_the_callers_changes_nothing(desk: Desk) -> None:
    before = desk.token("text", "x")
    desk.lookup.execute_simple("SET search_path = public; SET datestyle = 'SQL, DMY'; SET timezone = 'Asia/Tokyo'")
    try:
        assert desk.token("text", "x") == before
        assert desk.token("date", "05/06/1980") == desk.shown("a_date", "1980-05-06")
        moment = "1980-05-06 07:08:09"
        assert desk.token("timestamptz", moment) == desk.shown("a_timestamptz", f"{moment}+00")
    finally:
        desk.lookup.execute_simple("RESET ALL")


def test_a_grant_with_lookups_needs_the_function_of_this_version(desk: Desk) -> None:
    desk.shop.build(granted("kinds", {"a_text": TOKEN}), lookups=("class.token",))
    desk.shop.database.run(
        "CREATE OR REPLACE FUNCTION postern.lookup_token(role name, kind text, value text) RETURNS text"
        " LANGUAGE sql SECURITY DEFINER RETURN 'tok_' || value"
    )
    try:
        with pytest.raises(RefusedByPolicy, match="an operator must run db bootstrap"):
            desk.shop.build(granted("kinds", {"a_text": TOKEN}), lookups=("class.token",))
    finally:
        desk.shop.prepare_again()


def test_the_lookup_role_may_log_in_by_token(desk: Desk) -> None:
    membership = Membership(desk.shop.database.server.socket)
    try:
        assert membership.is_iam_login(LOOKUP_ROLE)
    finally:
        membership.close()


def test_no_task_may_call_it(desk: Desk) -> None:
    task_id, _ = desk.shop.build(granted("kinds", {"row": None}))
    own = f"SELECT postern.lookup_token('{role_name(task_id)}', 'text', 'x')"
    with desk.shop.session(task_id) as session, pytest.raises(DatabaseError) as refused:
        session.run(own)
    assert refused.value.args[0]["C"] == "42501"
    ((execute, usage),) = desk.shop.database.run(
        f"SELECT has_function_privilege('{role_name(task_id)}', 'postern.lookup_token(name, text, text)', 'EXECUTE'),"
        f" has_schema_privilege('{role_name(task_id)}', 'postern', 'USAGE')"
    )
    assert (execute, usage) == (False, False)
