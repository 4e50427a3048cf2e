"""A function in FROM stands for one value: a name after its alias calls a function, or casts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from postern.guard.check import check
from postern.guard.lists import LISTS
from postern.guard.verdict import Allowed, Refused
from tests.support.guard import chinook_scope

SCOPE = replace(chinook_scope(), task_schema="task_0123")

# Each calls `{}` on what the function gave.
PLACES = (
    "SELECT g.{} FROM unnest(ARRAY['x']) AS g",
    "SELECT g.{} FROM generate_series(1, 3) g",
    'SELECT "g"."{}" FROM generate_series(1, 3) AS "g"',
    "SELECT (g.{}).word FROM unnest(ARRAY['SELECT 1']) AS g",
    "SELECT g.{} FROM CAST('x' AS text) g",
    "SELECT u.{} FROM current_user u",
    "SELECT current_user.{} FROM current_user",
    "SELECT upper.{} FROM upper('x')",
    "SELECT coalesce.{} FROM coalesce('x', 'y')",
    "SELECT g.{} FROM unnest(ARRAY['x']) AS g(other)",
    "SELECT 1 FROM track t, LATERAL unnest(ARRAY[t.name]) u WHERE u.{} IS NOT NULL",
    "SELECT (SELECT g.{}) FROM unnest(ARRAY['x']) g",
    "WITH g AS (SELECT 1 AS {}) SELECT (SELECT g.{} FROM unnest(ARRAY['x']) g) FROM g",
    "SELECT t.name FROM track t ORDER BY (SELECT g.{} FROM unnest(ARRAY['x']) g)",
    "SELECT track.{} FROM upper('x') AS track",
    "SELECT g.{} FROM ROWS FROM (unnest(ARRAY['x'])) AS g",
)
NAMES = (
    "ts_stat",
    "current_setting",
    "nextval",
    "lo_creat",
    "lo_unlink",
    "to_regclass",
    "regclass",
    "regrole",
    "regnamespace",
    "regtype",
    "regconfig",
    "obj_description",
    "txid_status",
    "setseed",
    "row_security_active",
    "pg_typeof",
    "pg_sleep",
    "xml",
)


@pytest.mark.parametrize("place", PLACES)
def test_a_closed_name_after_a_functions_alias_is_refused(place: str) -> None:
    allowed = [name for name in NAMES if not isinstance(check(place.replace("{}", name), SCOPE), Refused)]

    assert allowed == []


@pytest.mark.parametrize("major", LISTS)
def test_no_closed_name_of_any_server_is_let_through(major: int) -> None:
    lists, scope = LISTS[major], replace(SCOPE, server_major=major)
    closed = {*lists.closed_functions, *lists.closed_types}

    allowed = [name for name in closed if not isinstance(check(f'SELECT g."{name}" FROM unnest($1) g', scope), Refused)]

    assert allowed == []


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT g.n FROM generate_series(1, 3) AS g(n)",
        "SELECT g.g FROM generate_series(1, 3) AS g",
        "SELECT e.key, e.value FROM jsonb_each('{\"a\": 1}') AS e",
        "SELECT value.value FROM jsonb_array_elements('[1]') AS value",
        "SELECT w.ordinality, w.w FROM unnest(ARRAY['a']) WITH ORDINALITY AS w",
        "SELECT t.system, t.internal FROM unnest(ARRAY[1], ARRAY[2]) AS t(system, internal)",
        "SELECT r.regtype FROM json_to_record('{}') AS r(regtype text, b int)",
        "WITH s AS (SELECT name AS system FROM track) SELECT s.system, g.n FROM s, generate_series(1, 2) AS g(n)",
        "SELECT g.upper FROM unnest(ARRAY['x']) AS g",
    ],
)
def test_columns_and_open_functions_stay_open(sql: str) -> None:
    assert isinstance(check(sql, SCOPE), Allowed)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT ctid FROM track",
        "SELECT t.xmin FROM track t",
        "SELECT (track).tableoid FROM track",
        "SELECT * FROM track WHERE ctid > '(0,0)'",
        "SELECT 1 FROM track GROUP BY tableoid",
        "DELETE FROM track WHERE cmax IS NULL",
    ],
)
def test_the_servers_own_columns_are_refused(sql: str) -> None:
    verdict = check(sql, SCOPE)

    assert isinstance(verdict, Refused)
    assert verdict.code in {"guard.column", "guard.action"}


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT xmin FROM (SELECT min(track_id) AS xmin, max(track_id) AS xmax FROM track) AS bounds",
        "SELECT b.xmax FROM (VALUES (1, 2)) AS b(xmin, xmax)",
        "WITH b(xmin) AS (SELECT 1) SELECT b.xmin FROM b",
        "SELECT r.cmin FROM json_to_record('{}') AS r(cmin int, b int)",
    ],
)
def test_a_column_may_be_called_like_one_of_them(sql: str) -> None:
    assert isinstance(check(sql, SCOPE), Allowed)
