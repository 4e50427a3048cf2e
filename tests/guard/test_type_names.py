"""What PostgreSQL would read as the name or number of an object, because of what stands beside it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from postern.guard.check import check
from postern.guard.verdict import Allowed, Refused
from tests.support.guard import chinook_scope

SCOPE = replace(chinook_scope(), task_schema="task_0123")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT CASE WHEN g > 0 THEN g ELSE pg_typeof(1) END FROM generate_series(16384, 20000) g",
        "SELECT ARRAY[pg_typeof(1), 'task_9999.customer']",
        "SELECT pg_typeof(1) UNION ALL SELECT 'hr.salary'",
        "(SELECT pg_typeof(1)) UNION (SELECT 'hr.salary')",
        "VALUES (pg_typeof(1)), ('hr.salary')",
        "SELECT coalesce(NULL, pg_typeof(1), '1259')",
        "SELECT greatest(pg_typeof(1), '1259')",
        "SELECT nullif('hr.salary', pg_typeof(1))",
        "SELECT lag(pg_typeof(1), 1, 'hr.salary') OVER () FROM genre",
        "SELECT array_append(ARRAY[pg_typeof(1)], 'hr.salary')",
        "SELECT array_agg(pg_typeof(1)) || '{1259}'",
        "SELECT pg_typeof(1) IN ('hr.salary', pg_typeof(1))",
        "SELECT pg_typeof(1) = 'hr.salary'",
        "SELECT pg_typeof(1) = $1",
        "SELECT pg_typeof(1) = ANY ('{hr.salary}')",
        "SELECT pg_typeof(1) < 'hr.salary'",
        "SELECT 'hr.salary' BETWEEN pg_typeof(1) AND pg_typeof(2)",
        "WITH RECURSIVE t(x) AS (SELECT pg_typeof(1) UNION ALL SELECT 'hr.salary' FROM t) TABLE t",
        "SELECT x FROM (SELECT pg_typeof(1) AS x) t WHERE x = 'hr.salary'",
        "SELECT t FROM pg_typeof(1) AS t WHERE t = 'hr.salary'",
        "SELECT pg_typeof(track)::oid FROM track",
        "SELECT (1).pg_typeof",
        "SELECT track.pg_typeof FROM track",
        "SELECT pg_typeof(1)::text::oid, pg_typeof(1)::regclass",
        "SELECT ROW(pg_typeof(1)) = ROW('hr.salary')",
        "INSERT INTO genre (name) SELECT CASE WHEN true THEN 'hr.salary' ELSE pg_typeof(1) END",
    ],
)
def test_nothing_is_made_like_a_type(sql: str) -> None:
    assert isinstance(check(sql, SCOPE), Refused)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT pg_typeof(1), pg_typeof(now()) AS t FROM track",
        "SELECT pg_catalog.pg_typeof(total), count(*) FROM invoice GROUP BY pg_typeof(total) ORDER BY pg_typeof(total)",
        "SELECT x.t FROM (SELECT pg_typeof(1)::text AS t) x WHERE x.t = 'anything'",
        "SELECT CAST(pg_typeof(1) AS varchar(20)) UNION SELECT 'x'",
        "SELECT pg_typeof(1) = 'integer', 'character varying' <> pg_typeof(name) FROM genre",
        "SELECT pg_typeof(1) IN ('integer', 'bigint', 'text[]')",
        "SELECT pg_typeof(1) = pg_typeof(2)",
        "SELECT format('%s', pg_typeof(1)), concat(pg_typeof(1), 'x'), jsonb_build_object('t', pg_typeof(1))",
        "EXPLAIN SELECT pg_typeof(name) FROM genre",
    ],
)
def test_a_types_name_is_told(sql: str) -> None:
    assert isinstance(check(sql, SCOPE), Allowed)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT CASE WHEN g > 0 THEN g ELSE 'english'::regconfig END FROM generate_series(10000, 20000) g",
        "SELECT ARRAY['english'::regconfig, 'hr.cfg']",
        "SELECT 'x' || 'english'::regconfig",
        "SELECT 'simple'::regdictionary",
        "SELECT to_tsvector('hr.cfg', 'x')",
        "SELECT to_tsvector('task_9999.x', 'x')",
        "SELECT to_tsvector('\"English\"', 'x')",
        "SELECT to_tsvector($1, 'x')",
        "SELECT to_tsquery(13000::oid, 'x')",
        "SELECT to_tsquery(13000, 'x')",
        "SELECT plainto_tsquery(name, 'x') FROM genre",
        "SELECT ts_lexize('hr.d', 'x')",
        "SELECT ts_headline('hr.cfg', 'a', 'b')",
        "SELECT ts_headline('hr.cfg', 'a', 'b'::tsquery, 'StartSel=<')",
        "SELECT ts_headline(13000::oid, 'a', 'b'::tsquery)",
        "SELECT jsonb_to_tsvector('hr.cfg', '{}', '[\"all\"]')",
        "SELECT to_tsvector('{english}'::regconfig[], 'x')",
        "SELECT to_tsvector(('english')::text::regconfig, 'x')",
    ],
)
def test_a_configuration_is_named_by_a_plain_constant_where_text_is_searched(sql: str) -> None:
    assert isinstance(check(sql, SCOPE), Refused)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT to_tsvector(name), to_tsvector('english', name), to_tsvector('pg_catalog.simple', name) FROM genre",
        "SELECT to_tsvector('english'::regconfig, name) @@ to_tsquery('english'::regconfig, 'a & b') FROM genre",
        "SELECT to_tsvector('any text at all, (really)'), to_tsquery($1), websearch_to_tsquery('english', $1)",
        "SELECT ts_headline(name, plainto_tsquery('rock'), 'StartSel=<') FROM genre",
        "SELECT ts_headline('A text, of course.', to_tsquery('text'), 'MaxWords=3')",
        "SELECT ts_headline('A text, of course.', 'text'::tsquery, 'MaxWords=3')",
        "SELECT ts_headline('english', name, q) FROM genre, to_tsquery('english', 'rock') AS q",
        "SELECT ts_headline('english', 'A text', to_tsquery('text'), 'MaxWords=3'), ts_lexize('english_stem', 'stars')",
        "SELECT jsonb_to_tsvector('{\"a\": 1}', '\"all\"'), json_to_tsvector('english', '{}', '[\"string\"]')",
    ],
)
def test_texts_are_searched(sql: str) -> None:
    assert isinstance(check(sql, SCOPE), Allowed)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM generate_series(1, 100000000 ^ 99)",
        "SELECT repeat('x', 99999999 ^ 50)",
        "SELECT lpad('x', 0.001 ^ -99 * 10 ^ 99)",
    ],
)
def test_a_power_past_all_numbers_is_a_size_too_large(sql: str) -> None:
    verdict = check(sql, SCOPE)

    assert isinstance(verdict, Refused)
    assert verdict.code == "guard.growth"
