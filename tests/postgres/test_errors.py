"""Errors of a real server over a table of secrets: what is delivered says what is wrong and never holds a value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import pytest

from postern.edges.postgres.statements import Answer
from postern.edges.postgres.wire import AgentConnection
from postern.errors import PosternError
from postern.ports import Limits, Result
from tests.support.servers import Database, fresh_database
from tests.support.session import begin, open_plain, read, rows, run

SECRETS = ("zq7alice", "zq8bob", "7700123", "88.125", "1999-12-24")
_SCHEMA = """
create type mood as enum ('sad', 'happy');
create domain short as text check (length(value) < 3);
create table people (
    id int primary key, name text, email text unique, card bigint, score numeric, born date, doc jsonb,
    check (score < 1000), check (name <> 'forbidden')
);
insert into people values
    (7700123, 'zq7alice', 'zq7alice@zq8bob.example', 4111111111111111, 88.125, '1999-12-24',
     '{"zq7alice": ["zq8bob"]}'),
    (7700124, 'zq8bob', 'zq8bob@zq7alice.example', 4222222222222, 99.5, '2001-01-01', '{"a": 1}');
create table children (parent int references people, born date not null);
create table slots (during daterange, exclude using gist (during with &&));
insert into slots values ('[1999-12-24,2000-01-01)');
create view adults as select * from people where id > 7700123 with cascaded check option;
create function betray(text) returns int language plpgsql as $$
begin raise exception 'the value is %', $1 using detail = $1, hint = $1, errcode = 'P0001'; end $$;
create function disguise(text, text) returns int language plpgsql as $$
begin raise exception '%', $1 using errcode = $2, detail = $1, hint = $1, column = $1, table = $1; end $$;
create function smuggle(text) returns int language plpgsql as $$ begin raise exception 'x' using errcode = $1; end $$;
create function imitate(text, text) returns int language plpgsql as $$
begin
    raise exception using message = $1, errcode = $2, detail = $1, hint = $1, column = $1, constraint = $1,
        datatype = $1, table = $1, schema = $1;
end $$;
create function warn(text) returns int language plpgsql as $$
begin
    perform set_config('client_min_messages', 'debug5', true);
    raise notice '%', $1; raise warning '%', $1; raise log '%', $1; raise info '%', $1;
    perform 1 / 0;
    return 1;
end $$;
create function shout(text) returns int language plpgsql as $$
begin perform pg_notify('postern', $1); return 1 / 0; end $$;
create table guarded (id int);
create function refuse() returns trigger language plpgsql as $$
declare secret text := (select string_agg(name || email || card, ' ') from people);
begin
    raise exception using message = secret, errcode = '23502', detail = secret, hint = secret, column = secret,
        constraint = secret, datatype = secret, table = secret, schema = secret;
end $$;
create trigger guard before insert on guarded for each row execute function refuse();
create function nested(text) returns int language plpgsql as $$
begin execute 'select ' || $1 || ' from people'; return 1; end $$;
"""

# The statement, the SQLSTATE, and what its reader must be told.
READS = [
    ("select name::int from people", "22P02", "invalid input syntax for type integer"),
    ("select name::numeric from people", "22P02", "invalid input syntax for type numeric"),
    ("select name::float8 from people", "22P02", "invalid input syntax for type double precision"),
    ("select name::date from people", "22007", "invalid input syntax for type date"),
    ("select name::timestamptz from people", "22007", "invalid input syntax for type timestamp with time zone"),
    ("select name::interval from people", "22007", "invalid input syntax for type interval"),
    ("select name::time from people", "22007", "invalid input syntax for type time"),
    ("select name::uuid from people", "22P02", "invalid input syntax for type uuid"),
    ("select name::boolean from people", "22P02", "invalid input syntax for type boolean"),
    ("select name::json from people", "22P02", "invalid input syntax for type json"),
    ("select name::jsonb from people", "22P02", "invalid input syntax for type json"),
    ("select name::inet from people", "22P02", "invalid input syntax for type inet"),
    ("select name::macaddr from people", "22P02", "invalid input syntax for type macaddr"),
    ("select name::point from people", "22P02", "invalid input syntax for type point"),
    ("select name::money from people", "22P02", "invalid input syntax for type money"),
    ("select name::bit(8) from people", "22P02", "invalid text representation"),
    ("select name::mood from people", "22P02", "invalid input value for enum mood"),
    ("select name::int[] from people", "22P02", "malformed array literal"),
    ("select name::int4range from people", "22P02", "malformed range literal"),
    ("select name::people from people", "22P02", "malformed record literal"),
    ("select name::short from people", "23514", "check violation"),
    ("select name::regclass from people", "42P01", "undefined table"),
    ("select name::regproc from people", "42883", "undefined function"),
    ("select name::regtype from people", "42704", "undefined object"),
    ("select name::regrole from people", "42704", "undefined object"),
    ("select email::regclass from people", "3F000", "invalid schema name"),
    ("select name::tsquery from (select name || ' &' as name from people) x", "42601", "syntax error"),
    ("select name::xml from (select '<' || name as name from people) x", None, ""),
    ("select name::jsonpath from people", None, ""),
    ("select name::bytea from (select '\\x' || name as name from people) x", "22023", "invalid parameter value"),
    ("select decode(name, 'base64') from people", "22023", "invalid parameter value"),
    ("select decode('00', name) from people", "22023", "invalid parameter value"),
    ("select card::int from people", "22003", "integer out of range"),
    ("select card::smallint from people", "22003", "smallint out of range"),
    ("select (card::text || '0000000000')::bigint from people", "22003", "value is out of range for type bigint"),
    ("select exp(score * 1000) from people", "22003", "numeric value out of range"),
    ("select 10::float8 ^ id from people", "22003", "numeric value out of range"),
    ("select score::numeric(3,2) from people", "22003", "numeric field overflow"),
    ("select 1 / (id - 7700123) from people", "22012", "division by zero"),
    ("select sqrt(-score) from people", "2201F", "square root of a negative number"),
    ("select ln(score - score) from people", "2201E", "logarithm of zero"),
    ("select to_date(name, 'YYYY-MM-DD') from people", "22007", "invalid datetime format"),
    ("select to_timestamp(name, 'HH24') from people", "22007", "invalid datetime format"),
    ("select (id || '-13-45')::date from people", "22008", "date/time field value out of range"),
    ("select make_date(id, 13, 1) from people", "22008", "datetime field overflow"),
    ("select born + 2147483647 from people", "22008", "date out of range"),
    ("select to_number(name, name) from people", None, ""),
    ("select name ~ ('(' || name) from people", "2201B", "invalid regular expression"),
    ("select name like (left(name, 3) || '\\') from people", "22025", "invalid escape sequence"),
    ("select regexp_replace(name, 'a', 'b', name) from people", "22023", "invalid parameter value"),
    ("select substring(name from 1 for -id) from people", "22011", "negative substring length"),
    ("select date_trunc(name, born) from people", "22023", "unit not recognized for type timestamp"),
    ("select born::timestamptz at time zone repeat(name, 60) from people", "22023", "invalid parameter value"),
    ("select date_part(name, born) from people", "22023", "invalid parameter value"),
    ("select jsonb_path_query(doc, ('$.' || name || '.x')::jsonpath) from people where false or true", None, ""),
    ("select jsonb_object_agg(null, name) from people", "22023", "invalid parameter value"),
    ("select jsonb_object(array[name]) from people", "2202E", "array"),
    ("select (select name from people)", "21000", "more than one row returned by a subquery"),
    ("select jsonb_set(doc, array[null], '1') from people", None, ""),
    (
        "select convert_from(convert_to(name, 'UTF8') || '\\xff', 'UTF8') from people",
        "22021",
        "character not in repertoire",
    ),
    ("select chr(0) || name from people", "54000", "program limit exceeded"),
    ("select set_config(name, name, true) from people", "42704", "undefined object"),
    ("select set_config('work_mem', name, true) from people", "22023", "invalid parameter value"),
    ("select current_setting(name) from people", "42704", "undefined object"),
    ("select to_regclass(name || '.a.b.c') from people", None, ""),
    ("select betray(name) from people", "P0001", "raise exception"),
    ("select disguise(name, '42703') from people", "42703", "undefined column"),
    ("select disguise('column ' || name || ' does not exist', '42703') from people", "42703", "undefined column"),
    ("select disguise('invalid input syntax for type ' || name, '22P02') from people", "22P02", ""),
    ("select disguise('syntax error at or near ' || name, '42601') from people", "42601", "syntax error"),
    ("select disguise(name, '57014') from people", "57014", "stopped"),
    ("select disguise(name, '53100') from people", None, "room"),
    ("select disguise(name, '57P01') from people", None, "session"),
    (
        "select imitate('cannot execute ' || translate(upper(name), '78', 'AB') || ' in a read-only transaction',"
        " '25006') from people",
        "25006",
        "read only sql transaction",
    ),
    (
        "select imitate('value too long for type character varying(' || id || ')', '22001') from people",
        "22001",
        "string data right truncation",
    ),
    (
        "select imitate('could not determine data type of parameter $' || left(id::text, 5), '42P18') from people",
        "42P18",
        "indeterminate datatype",
    ),
    (
        "select imitate('invalid input value for enum ' || name || ': \"x\"', '22P02') from people",
        "22P02",
        "invalid text representation",
    ),
    ("select imitate('unit \"' || name || '\" not recognized for type text', '22023') from people", "22023", ""),
    ("select imitate('null value in column \"' || name || '\"', '23502') from people /* zq7ali */", "23502", ""),
    ("select warn(name) from people", "22012", "division by zero"),
    ("select shout(name) from people", "22012", "division by zero"),
    ("select set_config('TimeZone', 'zqalice7', true), name::int from people", None, ""),
    ("select set_config('application_name', name, true), name::int from people", "22P02", "type integer"),
    ("select smuggle('ZQ7AL') from people", "XX000", "internal error"),
    ("select nested(name) from people", "42703", "undefined column"),
    ("select nested('''' || name || '''::int') from people", "22P02", "invalid input syntax for type integer"),
    ("select query_to_xml('select ' || name, true, true, '') from people", "42703", "undefined column"),
    ("select lo_get(id) from people", "42704", "undefined object"),
    ("select pg_read_file(name) from people", "58P01", "undefined file"),
]

WRITES = [
    ("insert into people (id) values (7700123)", "23505", "unique violation"),
    ("insert into people (id, email) select 1, email from people limit 1", "23505", "unique violation"),
    ("insert into children select 1, born from people", "23503", "foreign key violation"),
    ("insert into children (parent) select id from people", "23502", "not null violation"),
    ("insert into children (parent, born) select id, null from people", "23502", 'column "born" takes no null'),
    ("update people set score = score * 100", "23514", "check violation"),
    ("update people set name = 'forbidden' where id = 7700123", "23514", "check violation"),
    ("insert into slots values ('[1999-12-24,1999-12-25)')", "23P01", "exclusion violation"),
    ("insert into guarded values (1)", "23502", "not null violation"),
    ("update adults set id = 1", "44000", "with check option violation"),
    ("delete from people where name::int = 1", "22P02", "invalid input syntax for type integer"),
    ("insert into children (parent, born) select id, name::date from people", "22007", "type date"),
]


@pytest.fixture(scope="module", params=["postgres", "postgres16"])
def secrets(request):
    with fresh_database(request.getfixturevalue(request.param)) as database:
        database.run(_SCHEMA)
        yield database


def said(error: PosternError) -> str:
    """Everything of an error that could be delivered or recorded."""
    return " ".join(str(value) for value in (error, *error.args, *vars(error).values()))


def holds_no_secret(text: str) -> bool:
    lowered = text.lower()
    return not any(secret in lowered for secret in (*SECRETS, "zq7", "zq8", "77001", "4111", "4222"))


def failures(
    database: Database, statements: Iterable[str], ask: Callable[[AgentConnection, str], Answer | Result]
) -> Iterator[PosternError | Answer | Result]:
    """The error of each statement, or its answer where it has none: each in a session as good as new."""
    connection = open_plain(database)
    try:
        for sql in statements:
            try:
                yield ask(connection, sql)
            except PosternError as error:
                yield error
            connection.rollback()
            if connection.is_open:
                connection.discard_all()
            else:
                connection = open_plain(database)
    finally:
        connection.close()


def test_an_error_of_a_read_holds_no_value(secrets: Database):
    limits = Limits(100, 5_000_000, 1_000_000, 5_000, 500)
    failed = failures(
        secrets, [sql for sql, _, _ in READS], lambda connection, sql: read(connection, sql, limits=limits)
    )
    wrong = []
    for (sql, sqlstate, told), error in zip(READS, failed, strict=True):
        if not isinstance(error, PosternError):
            wrong += [(sql, sqlstate, rows(error))] if sqlstate is not None else []
        elif not (holds_no_secret(said(error)) and told in error.detail and sqlstate in (None, state_of(error))):
            wrong.append((sql, (sqlstate, told), said(error)))
    assert wrong == []


def state_of(error: PosternError | Answer | Result) -> object:
    return getattr(error, "sqlstate", None)


def test_an_error_of_a_write_holds_no_value(secrets: Database):
    failed = failures(secrets, [sql for sql, _, _ in WRITES], lambda connection, sql: run(begin(connection), sql))
    wrong = []
    for (sql, sqlstate, told), error in zip(WRITES, failed, strict=True):
        if not isinstance(error, PosternError):
            wrong.append((sql, sqlstate, rows(error)))
        elif not (holds_no_secret(said(error)) and told in error.detail and sqlstate == state_of(error)):
            wrong.append((sql, (sqlstate, told), said(error)))
    assert wrong == []


def test_an_error_of_the_statements_own_making_says_what_and_where(secrets: Database):
    cases = [
        ("select emial from people", "42703", 8, 'column "emial" does not exist'),
        ("select p.emial from people p", "42703", 8, 'Perhaps you meant to reference the column "p.email"'),
        ("select 'ü', emial from people", "42703", 13, "emial"),
        ("select * from persons", "42P01", 15, 'relation "persons" does not exist'),
        ("selec 1", "42601", 1, 'syntax error at or near "selec"'),
        ("select 1 +", "42601", 11, "syntax error at end of input"),
        ("select lowr(name) from people", "42883", 8, "function lowr(text) does not exist"),
        ("select name + 1 from people", "42883", 13, "operator does not exist: text + integer"),
        ("select name, count(*) from people", "42803", 8, "must appear in the GROUP BY clause"),
        ("select id from people, children where born is null", "42702", 39, "ambiguous"),
        ("select id from people union select name from people", "42804", 36, "UNION types integer and text"),
        ("select sum(count(*)) from people", "42803", 12, "aggregate function calls cannot be nested"),
        ("select row_number() from people", "42809", 8, "window function row_number requires an OVER clause"),
        ("select p.* from people", "42P01", 8, 'missing FROM-clause entry for table "p"'),
        ("select 1 order by 5", "42P10", 19, "ORDER BY position 5 is not in select list"),
        ("select name::nosuchtype from people", "42704", 14, 'type "nosuchtype" does not exist'),
        ("select 'x'::int", "22P02", 8, "invalid input syntax for type integer"),
        ("select 1; select 2", "42601", None, "cannot insert multiple commands"),
    ]
    wrong = []
    for case, error in zip(cases, failures(secrets, [case[0] for case in cases], read), strict=True):
        got = (state_of(error), getattr(error, "position", None), getattr(error, "detail", "an answer"))
        wrong += [(case, got)] if got[:2] != case[1:3] or case[3] not in got[2] else []
    assert wrong == []
