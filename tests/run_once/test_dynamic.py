"""SQL that a PL/pgSQL body puts together: what it can become when somebody else chooses the names and the values."""

from __future__ import annotations

import pytest

from postern.run_once.check import check_statements
from postern.run_once.verdict import Accepted, Refused
from postern.server_majors import SUPPORTED_MAJORS

FUNCTION = "CREATE FUNCTION f(a text, n int) RETURNS void LANGUAGE plpgsql AS $outer${}$outer$"
LONG = "v" * 63

# Every one of these gives a right away, or reaches a closed function, when it is called with the right arguments.
HOSTILE = {
    "a name in quotes": "BEGIN EXECUTE format('SELECT ''%I''', a); END",
    "a name in a comment": "BEGIN EXECUTE format('SELECT 1 -- %I', a); END",
    "a name in a block comment": "BEGIN EXECUTE 'SELECT 1 /* ' || quote_ident(a) || ' */'; END",
    "a name in dollar quotes": "BEGIN EXECUTE format('SELECT $q$%I$q$', a); END",
    "a value in double quotes": "BEGIN EXECUTE format('SELECT 1 AS \"%L\"', a); END",
    "a value in dollar quotes": "BEGIN EXECUTE format('SELECT $q$%L$q$', a); END",
    "a value glued to a text": "BEGIN EXECUTE format('SELECT ''x''%L', a); END",
    "a value as an escaped text": "BEGIN EXECUTE format('SELECT e%L', a); END",
    "a relation in quotes": "BEGIN EXECUTE 'SELECT ''' || a::regclass || ''''; END",
    "a function by name": "BEGIN EXECUTE format('SELECT %I(10)', a); END",
    "a function by a part of its name": "BEGIN EXECUTE format('SELECT db%I(10)', a); END",
    "a function by its schema": "BEGIN EXECUTE format('SELECT %I.f(10)', a); END",
    "a body": "BEGIN EXECUTE format('CREATE FUNCTION g() RETURNS int LANGUAGE plpgsql AS %L', a); END",
    "a body in SQL": "BEGIN EXECUTE format('CREATE FUNCTION g() RETURNS int LANGUAGE sql AS %L', a); END",
    "a number after a minus": r"BEGIN EXECUTE 'SELECT 1 -' || n::int || E', ''\n; GRANT a TO b; --'''; END",
    "a number in a tag": "BEGIN EXECUTE 'SELECT $a' || n::int || '$ x $a5$; GRANT a TO b; -- $a271828$'; END",
    "nothing before a star": "BEGIN EXECUTE format('SELECT 4 /%s* 2, ''*/; GRANT a TO b; --''', n::int); END",
    "nothing in a function's name": "BEGIN EXECUTE format('SELECT lo%s_import(1)', n::int); END",
    "nothing in a word": "BEGIN EXECUTE format('ALTER TABLE t DISABLE TRIGGER al%sl', a::regclass); END",
    "nothing between minus signs": "BEGIN EXECUTE concat('SELECT 1 -', quote_ident(a), '-1'); END",
    "nothing with a quote": "BEGIN EXECUTE concat('SELECT ', quote_ident(a) || ', ''', '; GRANT a TO b; --'''); END",
    "nothing for want of an assignment": (
        "DECLARE v text; BEGIN IF n = 1 THEN v := ', '''; END IF;"
        " EXECUTE concat('SELECT 1', v, '; GRANT a TO b; --'''); END"
    ),
    "nothing in a format": (
        "DECLARE v text; BEGIN IF n = 1 THEN v := ', '''; END IF;"
        " EXECUTE format('SELECT 1%s; GRANT a TO b; --''', v); END"
    ),
    "a text cut by a cast": "BEGIN EXECUTE 'SELECT 1 --'::varchar(9) || '; GRANT a TO b'; END",
    "a text cut by another cast": "BEGIN EXECUTE CAST('SELECT 1 --' AS char(9)) || '; GRANT a TO b'; END",
    "a text without its last blank": r"BEGIN EXECUTE 'SELECT 1 - '::bpchar || E'-1, ''\n; GRANT a TO b; --'''; END",
    "a text cut by a domain": "BEGIN EXECUTE 'SELECT 1 --'::app.text || '; GRANT a TO b'; END",
    "a text written anew": "BEGIN EXECUTE concat('SELECT 1 --', '{a}'::text[]); END",
    "a text cut by its variable": "DECLARE v name := 'SELECT 1 --'; BEGIN EXECUTE v || '; GRANT a TO b'; END",
    "a text cut by its variable's length": "DECLARE v varchar(9) := 'SELECT 1 --'; BEGIN EXECUTE v || '; x'; END",
    "a text cut by its variable's domain": "DECLARE v app.text := 'SELECT 1 --'; BEGIN EXECUTE v || '; x'; END",
    "a text cut by an assignment": "DECLARE v name; BEGIN v := 'SELECT 1 --'; EXECUTE v || '; GRANT a TO b'; END",
    "a block named insert": "<<insert>> DECLARE v text := 'SELECT 1'; BEGIN insert.v := 'GRANT a TO b'; EXECUTE v; END",
    "a block named select": "<<\"select\">> DECLARE v text := 'SELECT 1'; BEGIN \"select\".v := 'x'; EXECUTE v; END",
    "a type of the table insert": (
        "DECLARE v text := 'SELECT 1'; BEGIN DECLARE v insert.c%TYPE := 'GRANT a TO b'; BEGIN EXECUTE v; END; END"
    ),
    "a type named update": (
        "DECLARE v text := 'SELECT 1'; BEGIN DECLARE v \"update\" := 'GRANT a TO b'; BEGIN EXECUTE v; END; END"
    ),
    "a variable named set": (
        "DECLARE \"set\" text := 'SELECT 1'; BEGIN DECLARE set text := 'GRANT a TO b'; BEGIN EXECUTE \"set\"; END; END"
    ),
    "into a parameter first": "DECLARE v text := 'SELECT 1'; BEGIN SELECT 1, 'GRANT a TO b' INTO $2, v; EXECUTE v; END",
    "a loop over a parameter first": (
        "DECLARE v text := 'SELECT 1'; BEGIN FOR $2, v IN SELECT 1, 'GRANT a TO b' LOOP EXECUTE v; END LOOP; END"
    ),
    "a longer name": f"DECLARE {LONG} text := 'SELECT 1'; BEGIN {LONG}2 := 'GRANT a TO b'; EXECUTE {LONG}; END",
    "grant of a role named loop": "BEGIN GRANT loop TO a; END",
    "grant of a role in quotes": 'BEGIN GRANT "end" TO a; END',
    "copy into a table named nothing": "BEGIN COPY nothing FROM PROGRAM 'id'; END",
    "copy into a table in quotes": "BEGIN COPY \"then\" FROM '/etc/passwd'; END",
    "a sequence of postern as a relation": "BEGIN PERFORM nextval('postern.x'::regclass); END",
    "a setting's name that is cut": "BEGIN PERFORM set_config('role.x'::varchar(4), 'none', true); END",
}

ORDINARY = {
    "a statement around another": "BEGIN EXECUTE format('%s WHERE a = %L', format('DELETE FROM %I', a), a); END",
    "a partition by number": "BEGIN EXECUTE 'CREATE TABLE part_' || n::int || ' (a int)'; END",
    "an interval": "BEGIN EXECUTE 'DELETE FROM t WHERE at < now() - interval ''' || n::int || ' days'''; END",
    "a limit": "BEGIN EXECUTE 'DELETE FROM t WHERE a IN (SELECT a FROM t LIMIT ' || n::int || ')'; END",
    "a relation": "BEGIN EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY;', a::regclass); END",
    "a trigger": ("BEGIN EXECUTE format('CREATE TRIGGER %I_audit AFTER INSERT ON %I EXECUTE FUNCTION x()', a, a); END"),
    "a column of a schema's table": "BEGIN EXECUTE format('ALTER TABLE %I.%I ADD COLUMN %I int', a, a, a); END",
    "a sequence": "BEGIN EXECUTE format('SELECT setval(%L::regclass, (SELECT max(%I) FROM %I))', a, a, a); END",
    "a comment": "BEGIN EXECUTE format('COMMENT ON TABLE %I IS %L', a, 'part of ' || quote_ident(a)); END",
    "an index": "BEGIN EXECUTE format('CREATE INDEX %I ON %I (a)', 'by_' || a, a); END",
    "a variable of another type beside": "DECLARE i int := 0; q varchar := 'ANALYZE t'; BEGIN EXECUTE q; END",
    "nothing to do in a merge": "BEGIN MERGE INTO t USING u ON true WHEN MATCHED THEN DO NOTHING; END",
    "nothing to do on a conflict": "BEGIN INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING; END",
    "a loop over a variable": "DECLARE i int; BEGIN FOR i IN 1 .. 3 LOOP NULL; END LOOP; END",
    "a setting": "BEGIN PERFORM set_config('app.tenant', a, true); END",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_refuses_text_that_can_become_another_statement(name: str) -> None:
    for major in SUPPORTED_MAJORS:
        assert isinstance(check_statements([FUNCTION.format(HOSTILE[name])], server_major=major), Refused)


@pytest.mark.parametrize("name", ORDINARY)
def test_takes_what_functions_of_applications_put_together(name: str) -> None:
    verdict = check_statements([FUNCTION.format(ORDINARY[name])], server_major=18)
    assert isinstance(verdict, Accepted), verdict


@pytest.mark.parametrize(
    "sql",
    [
        "ALTER FUNCTION app.f(text, text) RENAME TO format",
        "ALTER ROUTINE f(text) RENAME TO quote_ident",
        "ALTER FUNCTION f(text) RENAME TO pg_sleep",
        "ALTER FUNCTION other.concat(text, text) SET SCHEMA app",
        "ALTER PROCEDURE other.quote_literal(text) SET SCHEMA app",
    ],
)
def test_no_function_of_the_application_takes_the_name_of_one_that_is_read(sql: str) -> None:
    assert isinstance(check_statements([sql], server_major=18), Refused)


@pytest.mark.parametrize("name", ["timezone = 'UTC'", "LOCAL TIME ZONE 'UTC'"])
def test_a_run_may_say_the_time_zone_that_it_is_in(name: str) -> None:
    assert isinstance(check_statements([f"SET {name}"], server_major=18), Accepted)


def test_a_function_has_a_time_zone_of_its_own() -> None:
    sql = "CREATE FUNCTION f() RETURNS text LANGUAGE sql SET timezone = 'Europe/Berlin' AS 'SELECT now()::text'"
    assert isinstance(check_statements([sql], server_major=18), Accepted)


def test_other_functions_are_renamed_and_moved() -> None:
    texts = ["ALTER FUNCTION f(text) RENAME TO g", "ALTER FUNCTION app.g(text) SET SCHEMA other"]
    assert isinstance(check_statements(texts, server_major=18), Accepted)
