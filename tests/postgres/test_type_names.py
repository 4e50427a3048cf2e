"""The table of built-in names against the catalogs of real servers, and names of types that are not built in."""

from __future__ import annotations

import pytest

from postern.edges.postgres.task_session import UNNAMED_TYPE, TaskSession
from postern.edges.postgres.wire import AgentConnection
from postern.ports import Limits
from postern.type_names import BUILT_IN
from postern.types import CommandId
from tests.support.servers import Database
from tests.support.session import LIMITS, NAME

# Types that no result of an agent's has: the catalog's own rows, handlers, and placeholders in function signatures.
_NEVER_RETURNED = r"^_?pg_(ddl|node|depend|attribute|proc|class|type)|handler|trigger$|^any|internal"


@pytest.mark.parametrize("server", ["database", "database16"])
def test_built_in_names_are_those_of_the_catalog(server, request):
    database: Database = request.getfixturevalue(server)
    found = database.run(
        "select oid::int, format_type(oid, null)::text from pg_type where oid < 10000"
        f" and typtype in ('b', 'p', 'r', 'm') and typname !~ '{_NEVER_RETURNED}'"
    )
    names = {row[0]: row[1] for row in found}
    assert names.items() <= BUILT_IN.items()
    if server == "database":
        assert names.keys() == BUILT_IN.keys()


def run(session: TaskSession, sql: str, limits: Limits = LIMITS):
    return session.run(sql, [], limits, command_id=CommandId(NAME))


def test_types_that_are_not_built_in_are_named_by_the_database(connection: AgentConnection):
    session = TaskSession(connection)
    result = run(session, "select 'sad'::mood, array['happy'::mood], n, 1, 'x' from numbers n")
    assert [column.type for column in result.columns] == ["mood", "mood[]", "numbers", "integer", "text"]
    assert result.values[0] == ["sad", "sad"]


def test_the_delimiter_of_an_array_is_told_by_the_database(connection: AgentConnection):
    sql = "select array['a'::colon], array['sad'::mood], array[array['a'::colons]], array[1]"
    result = run(TaskSession(connection), sql)
    assert [(column.type, column.delimiter) for column in result.columns] == [
        ("colon[]", ":"),
        ("mood[]", ","),
        ("colons[]", ":"),
        ("integer[]", ","),
    ]


def test_a_name_is_asked_for_once(connection: AgentConnection, monkeypatch):
    asked = []
    original = AgentConnection.fetch_constant

    def counted(*arguments):
        asked.append(arguments)
        return original(*arguments)

    monkeypatch.setattr(AgentConnection, "fetch_constant", counted)
    session = TaskSession(connection)
    for _ in range(2):
        assert run(session, "select 'sad'::mood").columns[0].type == "mood"
    run(session, "select 1")
    assert len(asked) == 1


def test_a_cut_answer_has_a_type_without_a_name(connection: AgentConnection):
    limits = Limits(10_000, 1_000, 1_000, 5_000, 1_000)
    result = run(TaskSession(connection), "select 'sad'::mood from generate_series(1, 9000)", limits)
    assert (result.columns[0].type, result.truncated) == (UNNAMED_TYPE, True)
