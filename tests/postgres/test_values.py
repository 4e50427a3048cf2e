"""Values of every kind of type, from a real server's text to the JSON that is delivered."""

from __future__ import annotations

import json

from postern.edges.postgres.task_session import TaskSession
from postern.edges.postgres.wire import AgentConnection
from postern.errors import PosternError
from postern.packed_cells import packed
from postern.row_json import Column, encode_rows
from postern.types import CommandId
from postern.values import Json, to_parameters
from tests.support.session import LIMITS, NAME


def delivered(connection: AgentConnection, sql: str, *params: Json) -> str:
    """The JSON text of the one value of a query."""
    result = TaskSession(connection).run(sql, to_parameters(list(params)), LIMITS, command_id=CommandId(NAME))
    ((column, cells),) = zip(result.columns, result.values, strict=True)
    text = encode_rows(
        [Column(column.type_oid, column.type, packed(cells), column.delimiter)], result.row_count
    ).decode()
    json.loads(text)
    return text[2:-2]


CASES = [
    ("1::smallint", "1"),
    ("(-2147483648)::int", "-2147483648"),
    ("9223372036854775807", "9223372036854775807"),
    ("4294967295::oid", "4294967295"),
    ("0.1::real", "0.1"),
    ("1e-300::float8", "1e-300"),
    ("0.1::float8 + 0.2::float8", "0.30000000000000004"),
    ("-0.0::float8", "-0.0"),
    ("'NaN'::float8", '"NaN"'),
    ("'-Infinity'::real", '"-Infinity"'),
    ("1.50::numeric", '"1.50"'),
    ("12345678901234567890123456789.123456789", '"12345678901234567890123456789.123456789"'),
    ("'NaN'::numeric", '"NaN"'),
    ("true", "true"),
    ("null::bool", "null"),
    ("'a\"b\\c'||chr(10)", '"a\\"b\\\\c\\n"'),
    ("'ünï 漢 🙂'", '"ünï 漢 🙂"'),
    ("''", '""'),
    ("'x'::char(3)", '"x  "'),
    ("'a'::\"char\"", '"a"'),
    ("date '2026-01-02'", '"2026-01-02"'),
    ("date '0044-03-15 BC'", '"0044-03-15 BC"'),
    ("date 'infinity'", '"infinity"'),
    ("timestamp '2026-01-02 03:04:05.123456'", '"2026-01-02T03:04:05.123456"'),
    ("timestamp '0044-03-15 01:02:03 BC'", '"0044-03-15 01:02:03 BC"'),
    ("timestamp '-infinity'", '"-infinity"'),
    ("timestamptz '2026-01-02 03:04:05+05:30'", '"2026-01-01T21:34:05+00:00"'),
    ("timestamptz '0044-03-15 01:02:03Z BC'", '"0044-03-15 01:02:03+00 BC"'),
    ("timestamptz '12026-01-02 03:04:05Z'", '"12026-01-02T03:04:05+00:00"'),
    ("time '24:00'", '"24:00:00"'),
    ("timetz '03:04:05.6-08'", '"03:04:05.6-08:00"'),
    ("timetz '03:04:05+05:30'", '"03:04:05+05:30"'),
    ("interval '1 year 2 mons -3 days 04:05:06.7'", '"1 year 2 mons -3 days +04:05:06.7"'),
    ("'\\x00ff'::bytea", '"\\\\x00ff"'),
    (
        '\'{"b": 1, "a": [1e400, 0.10, 123456789012345678901234567890], "b": 2}\'::json',
        '{"b": 1, "a": [1e400, 0.10, 123456789012345678901234567890], "b": 2}',
    ),
    ('\'{"b":1,"a":0.10}\'::jsonb', '{"a": 0.10, "b": 1}'),
    ("'\"x\"'::json", '"x"'),
    ("'null'::jsonb", "null"),
    ('\'["\\u0000", "\\ud83d\\ude42"]\'::json', '["\\u0000", "\\ud83d\\ude42"]'),
    ("'\"\\ud83d\"'::json", '"\\"\\\\ud83d\\""'),
    ("array[1,null,3]", "[1,null,3]"),
    ("'[0:2]={1,2,3}'::int[]", "[1,2,3]"),
    ("'[0:1][3:4]={{1,2},{3,4}}'::int[]", "[[1,2],[3,4]]"),
    ("array[[[1],[2]],[[3],[4]]]", "[[[1],[2]],[[3],[4]]]"),
    ("'{}'::int[]", "[]"),
    ("array['a b','NULL',null,'','\"','\\','{','}',',','é']", '["a b","NULL",null,"","\\"","\\\\","{","}",",","é"]'),
    ("array[[true],[null::bool]]", "[[true],[null]]"),
    ("array[1.50, 'NaN']::numeric[]", '["1.50","NaN"]'),
    ("array['NaN',0.5]::float8[]", '["NaN",0.5]'),
    ("array[timestamptz '2026-01-02 03:04Z']", '["2026-01-02T03:04:00+00:00"]'),
    ("array[timestamp '2026-01-02 03:04', null]", '["2026-01-02T03:04:00",null]'),
    ('array[\'{"a":[1,"x"]}\']::jsonb[]', '[{"a": [1, "x"]}]'),
    ('array[\'{"a":"q\\""}\'::json]', '[{"a":"q\\""}]'),
    ("array['\\x01']::bytea[]", '["\\\\x01"]'),
    ("array['happy']::mood[]", '["happy"]'),
    ("'{(1,1),(0,0);(3,3),(2,2)}'::box[]", '["(1,1),(0,0)","(3,3),(2,2)"]'),
    ("array[row(1,'a b')]", '["(1,\\"a b\\")"]'),
    ("array[int4range(1,5)]", '["[1,5)"]'),
    ("'sad'::mood", '"sad"'),
    ("row(1,null,'x,y')", '"(1,,\\"x,y\\")"'),
    ("int4range(1,5)", '"[1,5)"'),
    ("'{[1,3),[5,7)}'::int4multirange", '"{[1,3),[5,7)}"'),
    ("'550e8400-e29b-41d4-a716-446655440000'::uuid", '"550e8400-e29b-41d4-a716-446655440000"'),
    ("'192.168.0.1/24'::inet", '"192.168.0.1/24"'),
    ("'10.50'::money", '"$10.50"'),
    ("B'101'", '"101"'),
    ("point(1,2)", '"(1,2)"'),
    ("'a & b'::tsquery", "\"'a' & 'b'\""),
    ("'$.a[*]'::jsonpath", '"$.\\"a\\"[*]"'),
    ("'1 2'::int2vector", '"1 2"'),
    ("null", "null"),
]


def delivered_otherwise(connection: AgentConnection, cases: list[tuple[str, list[Json], str]]) -> list[object]:
    """Of the queries, their parameters and what is expected those that deliver something else, and what."""
    wrong: list[object] = []
    for sql, params, expected in cases:
        try:
            got = delivered(connection, sql, *params)
        except (PosternError, ValueError) as error:
            got = f"error: {error}"
        wrong += [(sql, params, expected, got)] if got != expected else []
    return wrong


def test_a_value_is_delivered_as_documented(connection: AgentConnection):
    assert delivered_otherwise(connection, [(f"select {expression}", [], text) for expression, text in CASES]) == []


PARAMETERS: list[tuple[str, Json, str]] = [
    ("select $1::int", 42, "42"),
    ("select $1::bigint", -9223372036854775808, "-9223372036854775808"),
    ("select $1::numeric", 12345678901234567890123, '"12345678901234567890123"'),
    ("select $1::float8", 1e-7, "1e-7"),
    ("select $1::bool", False, "false"),
    ("select $1::text", None, "null"),
    ("select $1", 'it\'s $1 \\ "x"', '"it\'s $1 \\\\ \\"x\\""'),
    ("select $1::text", "true", '"true"'),
    ("select $1::int[]", [1, None, 3], "[1,null,3]"),
    ("select $1::int[]", [[1, 2], [3, 4]], "[[1,2],[3,4]]"),
    ("select $1::int[]", [], "[]"),
    (
        "select $1::text[]",
        ["a,b", '"', "\\", "{}", "NULL", "", None, " x "],
        '["a,b","\\"","\\\\","{}","NULL","",null," x "]',
    ),
    ("select $1::bool[]", [True, None], "[true,null]"),
    ("select $1::jsonb", {"a": [1, {"b": None}], "é": "\\"}, '{"a": [1, {"b": null}], "é": "\\\\"}'),
    ("select $1::jsonb[]", [{"a": "x,y"}, {"b": '"'}], '[{"a": "x,y"},{"b": "\\""}]'),
    ("select $1::date", "2026-01-02", '"2026-01-02"'),
    ("select $1::int[]", [[[[[[7]]]]]], "[[[[[[7]]]]]]"),
]


def test_a_parameter_comes_back_as_it_went(connection: AgentConnection):
    assert delivered_otherwise(connection, [(sql, [value], text) for sql, value, text in PARAMETERS]) == []
