"""Functions: PostgreSQL's own by allow-list, the catalog's by name, and nothing else by any way of calling."""

from __future__ import annotations

import pytest

from postern.guard.check import check
from postern.guard.lists import LISTS
from postern.guard.scope import Scope
from postern.guard.verdict import Allowed, Refused, Verdict
from postern.server_majors import SUPPORTED_MAJORS
from tests.support.guard import relation, shop_scope

SHOP = shop_scope()
TYPE_IN_FROM = 'SELECT * FROM "pg_typeof"(1) AS t'  # a column that others could be made like


@pytest.mark.parametrize("major", SUPPORTED_MAJORS)
def test_allows_every_listed_function_of_the_servers_version(major: int) -> None:
    scope = shop_scope(major=major)
    refused = [
        call
        for name in sorted(LISTS[major].called)
        for call in (f'SELECT "{name}"(1)', f'SELECT pg_catalog."{name}"(1)', f'SELECT * FROM "{name}"(1) AS t')
        if not isinstance(check(call, scope), Allowed) and call != TYPE_IN_FROM
    ]

    assert refused == []


def test_refuses_a_function_of_a_later_version_and_says_since_when_it_is_there() -> None:
    verdict = check("SELECT array_sort(ARRAY[2, 1])", shop_scope(major=17))

    assert isinstance(verdict, Refused)
    assert verdict.code == "guard.function"
    assert "this server is PostgreSQL 17, and the first to have it is 18" in verdict.reason


@pytest.mark.parametrize("major", [0, 15, 19])
def test_refuses_everything_on_a_version_without_lists(major: int) -> None:
    verdict = check("SELECT 1", shop_scope(major=major))

    assert isinstance(verdict, Refused)
    assert verdict.code == "guard.server"


CALLS = {
    "call": "SELECT {}(1)",
    "qualified": "SELECT pg_catalog.{}(1)",
    "in from": "SELECT * FROM {}(1)",
    "over": "SELECT {}(1) OVER ()",
    "selection": "SELECT ('x').{}",
    "selection of a column": "SELECT (note).{} FROM orders",
}


@pytest.mark.parametrize("major", SUPPORTED_MAJORS)
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_refuses_every_closed_function_in_every_form(call: str, major: int) -> None:
    scope = shop_scope(major=major)
    let_through = [
        name
        for name in LISTS[major].closed_functions
        if not isinstance(verdict := check(call.format(f'"{name}"'), scope), Refused)
        or verdict.code != "guard.function"
    ]

    assert let_through == []


@pytest.mark.parametrize("name", sorted(LISTS[18].closed_on_rows))
def test_refuses_closed_function_called_on_a_row(name: str) -> None:
    for sql in (f"SELECT o.{name} FROM orders o", f"SELECT public.orders.{name} FROM public.orders"):
        verdict = check(sql, SHOP)
        assert isinstance(verdict, Refused), sql
        assert verdict.code == "guard.function"


HOSTILE = {
    # reads files
    "read file": "SELECT pg_read_file('/etc/passwd')",
    "read binary file": "SELECT encode(pg_read_binary_file('/etc/passwd'), 'hex')",
    "list directory": "SELECT pg_ls_dir('.')",
    "list wal": "SELECT * FROM pg_ls_waldir()",
    "stat file": "SELECT (pg_stat_file('base')).size",
    "import": "SELECT lo_import('/etc/passwd')",
    "export": "SELECT lo_export(1, '/tmp/x')",
    "from bytea": "SELECT lo_from_bytea(0, 'x')",
    "get large object": "SELECT lo_get(1)",
    "load read": "SELECT loread(lo_open(1, 262144), 10)",
    # runs text
    "query to xml": "SELECT query_to_xml('SELECT * FROM secret', true, true, '')",
    "table to xml": "SELECT table_to_xml('secret', true, true, '')",
    "cursor to xml": "SELECT cursor_to_xml('c', 1, true, true, '')",
    "database to xml": "SELECT database_to_xml(true, true, '')",
    "schema to xml": "SELECT schema_to_xml('public', true, true, '')",
    "query to xml schema": "SELECT query_to_xmlschema('SELECT 1', true, true, '')",
    "text search statistics": "SELECT * FROM ts_stat('SELECT note::tsvector FROM secret')",
    "text search rewrite": "SELECT ts_rewrite('a'::tsquery, 'SELECT a, b FROM secret')",
    "dblink": "SELECT * FROM dblink('dbname=x', 'SELECT 1') AS t(a int)",
    "dblink exec": "SELECT dblink_exec('DROP TABLE x')",
    "xpath": "SELECT xpath('/a', '<a/>')",
    "xmlelement": "SELECT xmlelement(name a, 'x')",
    "xmlforest": "SELECT xmlforest(1 AS a)",
    "xmlparse": "SELECT xmlparse(document '<a/>')",
    "xmlserialize": "SELECT xmlserialize(content note AS text) FROM orders",
    "xmlagg": "SELECT xmlagg(x) FROM orders x",
    "xmltable": "SELECT * FROM XMLTABLE('/a' PASSING '<a/>' COLUMNS b text)",
    "xmlexists": "SELECT xmlexists('//a' PASSING '<a/>')",
    "is document": "SELECT note IS DOCUMENT FROM orders",
    # settings
    "set config": "SELECT set_config('search_path', 'public', false)",
    "current setting": "SELECT current_setting('data_directory')",
    "set config in where": "SELECT 1 WHERE set_config('role', 'postgres', true) IS NOT NULL",
    "show all settings": "SELECT * FROM pg_show_all_settings()",
    "reload": "SELECT pg_reload_conf()",
    "setseed": "SELECT setseed(0.5)",
    "schemas": "SELECT current_schemas(true)",
    # sleeps, locks, signals
    "sleep": "SELECT pg_sleep(10)",
    "sleep for": "SELECT pg_sleep_for('1 hour')",
    "sleep until": "SELECT pg_sleep_until('tomorrow')",
    "sleep in a typmod": "SELECT '1'::numeric(pg_sleep(1))",
    "sleep in a limit": "SELECT 1 LIMIT (pg_sleep(1) IS NULL)::int",
    "sleep in a default": "SELECT JSON_VALUE('1', '$' DEFAULT pg_sleep(1) ON EMPTY)",
    "sleep in a filter": "SELECT count(*) FILTER (WHERE pg_sleep(1) IS NULL)",
    "sleep in values": "VALUES (pg_sleep(1))",
    "sleep in rows from": "SELECT * FROM ROWS FROM (generate_series(1, 2), pg_sleep(1))",
    "sleep by another spelling": 'SELECT "pg_sleep"(1), U&"pg\\005fsleep"(1), PG_SLEEP(1)',
    "advisory lock": "SELECT pg_advisory_lock(1)",
    "advisory try": "SELECT pg_try_advisory_xact_lock(1, 2)",
    "terminate": "SELECT pg_terminate_backend(1)",
    "cancel": "SELECT pg_cancel_backend(pg_backend_pid())",
    "notify": "SELECT pg_notify('c', 'x')",
    "promote": "SELECT pg_promote()",
    "switch wal": "SELECT pg_switch_wal()",
    "replication slot": "SELECT pg_create_physical_replication_slot('s')",
    "logical message": "SELECT pg_logical_emit_message(true, 'a', 'b')",
    # sequences
    "nextval": "SELECT nextval('s')",
    "setval": "SELECT setval('s', 1)",
    "currval": "SELECT currval('s')",
    "lastval": "SELECT lastval()",
    # catalogs, privileges, sizes, statistics
    "view definition": "SELECT pg_get_viewdef(1)",
    "function definition": "SELECT pg_get_functiondef(1)",
    "table visible": "SELECT pg_table_is_visible(1)",
    "relation size": "SELECT pg_relation_size('secret')",
    "total size": "SELECT pg_total_relation_size('secret')",
    "database size": "SELECT pg_database_size('shop')",
    "file path": "SELECT pg_relation_filepath('secret')",
    "has privilege": "SELECT has_table_privilege('secret', 'select')",
    "has column privilege": "SELECT has_column_privilege('secret', 'id', 'select')",
    "has role": "SELECT pg_has_role('postgres', 'member')",
    "row security": "SELECT row_security_active('secret')",
    "to regclass": "SELECT to_regclass('secret')",
    "to regproc": "SELECT to_regproc('f')",
    "to regrole": "SELECT to_regrole('postgres')",
    "to regtypemod": "SELECT to_regtypemod('numeric(1)')",
    "format type": "SELECT format_type(23, 1)",
    "description": "SELECT obj_description(1, 'pg_class')",
    "column description": "SELECT col_description(1, 1)",
    "valid input": "SELECT pg_input_is_valid('secret', 'regclass')",
    "input error": "SELECT (pg_input_error_info('secret', 'regclass')).message",
    "activity": "SELECT * FROM pg_stat_get_activity(NULL)",
    "backend pid": "SELECT pg_backend_pid()",
    "statistics of a table": "SELECT pg_stat_get_live_tuples(1)",
    "lock status": "SELECT * FROM pg_lock_status()",
    "transaction id": "SELECT txid_current(), pg_current_xact_id()",
    "snapshot": "SELECT pg_export_snapshot()",
    "addresses": "SELECT inet_server_addr(), inet_client_addr()",
    "control data": "SELECT * FROM pg_control_system()",
    "current query": "SELECT current_query()",
    "system user": "SELECT SYSTEM_USER",
    "postmaster start": "SELECT pg_postmaster_start_time()",
    "configuration": "SELECT get_current_ts_config()",
    "partition hash": "SELECT satisfies_hash_partition(1, 1, 0, NULL)",
    # ways to call
    "unknown": "SELECT no_such_function(1)",
    "own schema": "SELECT public.lower('x')",
    "schema of the task": "SELECT task_1.f()",
    "information schema": "SELECT information_schema._pg_expandarray('{1}'::int[])",
    "three parts": "SELECT shop.pg_catalog.lower('x')",
    "cast function": "SELECT regclass('secret')",
    "input function": "SELECT regclassin('secret')",
    "output function": "SELECT record_out(o) FROM orders o",
    "cast by attribute": "SELECT ('secret'::text).regclass",
    "cast of a literal by attribute": "SELECT ('secret').regclass",
    "call by attribute": "SELECT ('/etc/passwd').pg_read_file",
    "call by attribute twice": "SELECT ((('x').lower).pg_read_file)",
    "call by attribute after a subscript": "SELECT (ARRAY['x'])[1].pg_ls_dir",
    "call by attribute of a subquery": "SELECT ((SELECT 'secret')).pg_get_viewdef",
    "call by attribute beside an alias": "SELECT (s.x).pg_ls_dir FROM (SELECT 'f' AS x, 1 AS pg_ls_dir) s",
    "vendor's function by attribute": "SELECT ('x').aurora_stat_get_db_commit_latency",
    "vendor's function of a row": "SELECT o.aurora_version FROM orders o",
    "in a group": "SELECT count(*) FROM orders GROUP BY pg_sleep(1)",
    "in an order": "SELECT id FROM orders ORDER BY pg_sleep(1)",
    "in a window": "SELECT rank() OVER (ORDER BY pg_sleep(1)) FROM orders",
    "in a case": "SELECT CASE WHEN pg_sleep(1) IS NULL THEN 1 END",
    "in a join": "SELECT 1 FROM orders JOIN customers ON pg_sleep(1) IS NULL",
    "in an array": "SELECT ARRAY[pg_sleep(1)]",
    "in a row": "SELECT ROW(pg_sleep(1))",
}  # fmt: skip


@pytest.mark.parametrize("sql", HOSTILE.values(), ids=HOSTILE)
def test_refuses_hostile_call(sql: str) -> None:
    verdict = check(sql, SHOP)

    assert isinstance(verdict, Refused), verdict
    assert verdict.code == "guard.function"


@pytest.mark.parametrize("major", SUPPORTED_MAJORS)
def test_lists_do_not_overlap(major: int) -> None:
    lists = LISTS[major]

    assert not lists.functions & lists.closed_functions.keys()
    assert not lists.types & lists.closed_types.keys()
    assert lists.functions > lists.called
    assert lists.closed_functions.keys() > lists.closed_on_rows


def test_allows_the_catalogs_own_functions_by_qualified_name() -> None:
    scope = shop_scope(functions=frozenset({"public.tax", "sales.net"}))

    verdict = check("SELECT public.tax(total), sales.net(total) FROM orders", scope)

    assert isinstance(verdict, Allowed)
    assert not verdict.rewritten


def test_qualifies_an_own_function_of_the_default_schema() -> None:
    verdict = check("SELECT tax(total) FROM orders", shop_scope(functions=frozenset({"tax"})))

    assert isinstance(verdict, Allowed)
    assert verdict.sql == 'SELECT "public".tax(total) FROM orders'


@pytest.mark.parametrize(
    "call", ["sales.tax(1)", "net(1)", "public.net(1)", "pg_catalog.tax(1)", "shop.public.tax(1)", "pg_sleep(1)"]
)
def test_refuses_own_function_under_another_name(call: str) -> None:
    scope = shop_scope(functions=frozenset({"tax", "sales.net", "pg_sleep"}))

    verdict = check(f"SELECT {call}", scope)

    assert isinstance(verdict, Refused)
    assert verdict.code == "guard.function"


def test_gives_the_reason_of_the_group() -> None:
    verdict = check("SELECT pg_sleep(1)", SHOP)

    assert isinstance(verdict, Refused)
    assert verdict.reason == "function pg_sleep: not on the allow-list, because it sleeps; compute it another way"
    assert verdict.position == 8


def test_a_column_in_scope_may_be_named_like_a_closed_function() -> None:
    scope = Scope("public", (relation("public", "sizes", "pg_column_compression"),), frozenset(), 18)

    verdict = check("SELECT s.pg_column_compression FROM sizes s", scope)

    assert isinstance(verdict, Allowed)


OPEN_BY_ARGUMENTS = [
    "ts_rewrite('a & b'::tsquery, 'a'::tsquery, 'c'::tsquery)",
    "pg_catalog.ts_rewrite(note::tsquery, $1, $2)",
    *(
        f"pg_input_is_valid(note, '{name}')"
        for name in (
            *("integer", "int4", "numeric(7,4)", "numeric(7, 4)", "timestamp with time zone", "int[]", "jsonb"),
            *("double precision", "time(3)", "interval year to month", "varchar(10)", "pg_lsn", "bit varying(3)"),
        )
    ),
    "pg_input_is_valid('a' || note, 'date')",
    "(pg_input_error_info(note, 'date')).message",
]


@pytest.mark.parametrize("call", OPEN_BY_ARGUMENTS)
def test_allows_calls_that_only_look_at_their_arguments(call: str) -> None:
    assert isinstance(check(f"SELECT {call} FROM orders", SHOP), Allowed)


CLOSED_BY_ARGUMENTS = [
    "ts_rewrite('a'::tsquery, 'TABLE secret')",
    "ts_rewrite('a'::tsquery, VARIADIC ARRAY['TABLE secret'])",
    "ts_rewrite('a'::tsquery, 'a', VARIADIC ARRAY['b'])",
    "ts_rewrite(query => 'a'::tsquery, target => 'a', substitute => 'c')",
    "ts_rewrite('a'::tsquery, 'a', 'b', 'c')",
    "ts_rewrite()",
    "public.ts_rewrite('a', 'b', 'c')",
    "pg_input_is_valid('secret', 'regclass')",
    "pg_input_is_valid('secret', 'pg_catalog.regclass')",
    "pg_input_is_valid('secret', 'regclass[]')",
    "pg_input_is_valid('secret', '_regclass')",
    "pg_input_is_valid('secret', 'REGCLASS')",
    "pg_input_is_valid('secret', '\"regclass\"')",
    "pg_input_is_valid('secret', 'U&\"reg\\0063lass\"')",
    "pg_input_is_valid('secret', ' regclass')",
    "pg_input_is_valid('secret', '/**/regclass')",
    "pg_input_is_valid('a=r/b', 'aclitem')",
    "pg_input_is_valid('<a/>', 'xml')",
    "pg_input_is_valid('x', 'public.orders')",
    "pg_input_is_valid('x', 'orders')",
    "pg_input_is_valid('x', 'orders.id%TYPE')",
    "pg_input_is_valid('x', 'setof int')",
    "pg_input_is_valid('x', 'int) FROM orders, (SELECT 1')",
    "pg_input_is_valid('x', 'int, 1')",
    "pg_input_is_valid('x', 'int x')",
    "pg_input_is_valid('x', 'int collate x')",
    "pg_input_is_valid('x', 'numeric(id)')",
    "pg_input_is_valid('x', 'nowhere')",
    "pg_input_is_valid('x', '')",
    "pg_input_is_valid('x', 'int' || '4')",
    "pg_input_is_valid('x', 'regclass'::text)",
    "pg_input_is_valid('x', 'int'::text)",
    "pg_input_is_valid('x', note)",
    "pg_input_is_valid('x', $1)",
    "pg_input_is_valid('x', 1)",
    "pg_input_is_valid('x', (SELECT 'int'))",
    "pg_input_is_valid('int')",
    "pg_input_is_valid('x', 'int', 'regclass')",
    "pg_input_is_valid(VARIADIC ARRAY['secret', 'regclass'])",
    "pg_input_is_valid('secret', VARIADIC 'int')",
    "pg_input_is_valid(type => 'int', value => 'secret')",
    "pg_input_is_valid('secret', type => 'int')",
    "(pg_input_error_info('secret', 'regclass')).message",
    "('x'::text).pg_input_is_valid",
    "(orders).ts_rewrite",
    "public.pg_input_is_valid('x', 'int')",
]


def test_refuses_them_with_any_other_arguments() -> None:
    let_through = [
        sql
        for call in CLOSED_BY_ARGUMENTS
        for sql in (f"SELECT {call} FROM orders", f"SELECT 1 FROM orders WHERE {call} IS NULL")
        if not isinstance(verdict := _check(sql), Refused) or verdict.code != "guard.function"
    ]

    assert let_through == []


def _check(sql: str) -> Verdict:
    try:
        return check(sql, SHOP)
    except Exception as error:
        error.add_note(sql)
        raise


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT querytree('foo & ! bar'::tsquery)",
        "SELECT '0/16B3748'::pg_lsn - '0/16B3700'::pg_lsn, pg_lsn(100), pg_lsn '0/0' + 16",
        "SELECT max(l), min(l) FROM unnest(ARRAY['0/1', '0/2']::pg_lsn[]) AS l WHERE l > '0/0'",
    ],
)
def test_allows_what_only_computes(sql: str) -> None:
    assert isinstance(check(sql, SHOP), Allowed)


@pytest.mark.parametrize("call", ["pg_current_wal_lsn()", "pg_walfile_name('0/0'::pg_lsn)", "pg_last_wal_replay_lsn()"])
def test_a_place_in_the_log_opens_no_function_of_the_log(call: str) -> None:
    assert isinstance(check(f"SELECT {call}", SHOP), Refused)
