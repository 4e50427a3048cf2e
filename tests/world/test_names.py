from __future__ import annotations

from collections.abc import Iterator

import pg8000.native
import pytest

from postern.types import TaskId
from postern.world.names import quote_ident, quote_literal, quote_qualified, role_name, schema_name, view_name
from postern_local.postgres import PostgresServer

HOSTILE = {
    "plain": "orders",
    "upper": "Orders",
    "space": "my orders",
    "quote": "o'rders",
    "double quote": 'a"b""c"',
    "closes and drops": '"; DROP TABLE x; --',
    "literal ends": "'; DROP TABLE x; --",
    "backslash": "a\\b",
    "backslash quote": "\\'; SELECT 1; --",
    "trailing backslash": "ends\\",
    "escape string": "E'\\x41'",
    "dollar quote": "$$a$$ $1",
    "newline": "a\nb\r\tc",
    "comment": "a--b/*c",
    "percent": "100% %s {x}",
    "unicode": "ördérs 注文 😀",
    "unicode escape": "U&'\\0061'",
    "63 bytes": "a" * 63,
    "63 bytes of accents": "é" * 31,
    "control": "\x01\x7f",
}


@pytest.fixture(scope="module", params=["on", "off"], ids=["conforming strings", "old strings"])
def session(postgres: PostgresServer, request: pytest.FixtureRequest) -> Iterator[pg8000.native.Connection]:
    connection = postgres.connect()
    connection.run("SET escape_string_warning = off")
    connection.run(f"SET standard_conforming_strings = {request.param}")
    yield connection
    connection.close()


@pytest.mark.parametrize("value", [*HOSTILE.values(), "", "x" * 1000], ids=[*HOSTILE, "empty", "long"])
def test_a_literal_is_the_value_whatever_it_holds(session: pg8000.native.Connection, value: str) -> None:
    context = session.execute_simple(f"SELECT {quote_literal(value)}, octet_length({quote_literal(value)})::text")
    assert context.rows == [[value, str(len(value.encode()))]]


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_an_identifier_is_the_name_whatever_it_holds(session: pg8000.native.Connection, name: str) -> None:
    context = session.execute_simple(f"SELECT t.{quote_ident(name)} FROM (SELECT 'here') AS t ({quote_ident(name)})")
    assert (context.columns[0]["name"], context.rows) == (name, [["here"]])


def test_a_qualified_name_has_two_parts(session: pg8000.native.Connection) -> None:
    session.execute_simple('CREATE SCHEMA "s.t"')
    try:
        session.execute_simple(f"CREATE TABLE {quote_qualified('s.t', 'a.b')} (x int)")
        assert session.execute_simple("SELECT relname::text FROM pg_class WHERE relname = 'a.b'").rows == [["a.b"]]
    finally:
        session.execute_simple('DROP SCHEMA "s.t" CASCADE')


def test_an_escaped_literal_does_not_join_the_word_before_it() -> None:
    assert quote_literal("a\\b") == " E'a\\\\b'"


@pytest.mark.parametrize("value", ["a\0b", "\0", "\ud800"], ids=["nul", "only nul", "half a surrogate pair"])
def test_rejects_what_no_text_of_postgresql_holds(value: str) -> None:
    with pytest.raises(ValueError, match=r"NUL|surrogate"):
        quote_literal(value)
    with pytest.raises(ValueError, match=r"NUL|surrogate"):
        quote_ident(value)


@pytest.mark.parametrize("name", ["", "a" * 64, "é" * 32], ids=["empty", "64 bytes", "32 characters, 64 bytes"])
def test_rejects_an_identifier_that_would_be_refused_or_cut(name: str) -> None:
    with pytest.raises(ValueError, match="identifier: expected 1 to 63 bytes"):
        quote_ident(name)


def test_role_and_schema_are_named_after_the_task() -> None:
    task_id = TaskId("0190a6c4" * 4)
    assert role_name(task_id) == schema_name(task_id) == "task_" + "0190a6c4" * 4


@pytest.mark.parametrize(
    "task_id",
    ["", "0190a6c4", "0190A6C4" * 4, "0190a6c4" * 4 + "\n", "0190a6c4" * 3 + "0190a6'\"", "٠" * 32],
    ids=["empty", "short", "upper case", "newline", "quotes", "other digits"],
)
def test_rejects_a_task_id_that_is_not_32_hex_digits(task_id: str) -> None:
    with pytest.raises(ValueError, match="task id: expected 32 lower-case hex digits"):
        role_name(TaskId(task_id))


@pytest.mark.parametrize(
    ("schema", "table", "expected"),
    [
        ("public", "orders", "orders"),
        ("sales", "orders", "sales.orders"),
        ("public", "Order Items", "Order Items"),
        ("public", "a" * 63, "a" * 63),
        ("sales", "a" * 57, "sales." + "a" * 57),
    ],
    ids=["default schema", "other schema", "spaces", "63 bytes", "63 bytes together"],
)
def test_a_view_is_named_like_its_table(schema: str, table: str, expected: str) -> None:
    assert view_name(schema, table, "public") == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("sales", "orders"), ("public", "sales.orders")),
        (("a", "b.c"), ("a.b", "c")),
        (("a" * 63, "b" * 63), ("a" * 63, "b" * 62 + "c")),
        (("é" * 31, "x" * 40), ("é" * 31, "y" * 40)),
    ],
    ids=["dot in the table", "dot in the schema", "long", "cut inside a character"],
)
def test_two_tables_never_share_a_view_name(one: tuple[str, str], other: tuple[str, str]) -> None:
    names = {view_name(*one, "public"), view_name(*other, "public")}
    assert len(names) == 2
    assert all(quote_ident(name) for name in names)


def test_a_long_view_name_does_not_change() -> None:
    # The guard computes it anew at each statement of an open task: a new scheme must not rename standing views.
    assert view_name("warehouse", "x" * 63, "public") == "warehouse." + "x" * 42 + "~9b1b10a0a7"
