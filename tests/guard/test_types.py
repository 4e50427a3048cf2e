"""Types, operators, collations and parameters."""

from __future__ import annotations

import pytest

from postern.guard.check import check
from postern.guard.lists import LISTS
from postern.guard.verdict import Allowed, Refused
from postern.server_majors import SUPPORTED_MAJORS
from tests.support.guard import shop_scope

SHOP = shop_scope()

CASTS = {
    "cast": "SELECT 'x'::{}",
    "array": "SELECT '{{}}'::{}[]",
    "array by its catalog name": "SELECT '{{}}'::_{}",
    "standard cast": "SELECT CAST($1 AS {})",
    "qualified": "SELECT 'x'::pg_catalog.{}",
    "in a column definition": "SELECT * FROM json_to_record('{{}}') AS t(a {})",
    "in rows from": "SELECT * FROM ROWS FROM (json_to_record('{{}}') AS (a {}))",
    "returned by json value": "SELECT JSON_VALUE('1', '$' RETURNING {})",
    "returned by json object": "SELECT JSON_OBJECT('a': 1 RETURNING {})",
    "returned by json aggregate": "SELECT JSON_ARRAYAGG(id RETURNING {}) FROM orders",
    "column of json table": "SELECT * FROM JSON_TABLE('1', '$' COLUMNS (a {} PATH '$'))",
    "nested column of json table": "SELECT * FROM JSON_TABLE('1', '$' COLUMNS (NESTED '$' COLUMNS (a {} PATH '$')))",
    "cast twice": "SELECT 1::{}::text",
    "in where": "SELECT 1 FROM orders WHERE id = ('secret'::{})::int",
}


OF_A_CONSTANT = {CASTS["cast"], CASTS["qualified"], CASTS["in where"]}
CONFIGURATIONS = {"regconfig", "regdictionary"}


@pytest.mark.parametrize("major", SUPPORTED_MAJORS)
@pytest.mark.parametrize("cast", CASTS.values(), ids=CASTS)
def test_refuses_every_closed_type(cast: str, major: int) -> None:
    scope = shop_scope(major=major)
    let_through = [
        name
        for name in LISTS[major].closed_types.keys() - (CONFIGURATIONS if cast in OF_A_CONSTANT else set())
        if not isinstance(verdict := check(cast.format(f'"{name}"'), scope), Refused) or verdict.code != "guard.type"
    ]

    assert let_through == []


@pytest.mark.parametrize("name", sorted(LISTS[18].closed_types))
def test_refuses_cast_to_a_closed_type_after_a_dot(name: str) -> None:
    verdict = check(f"SELECT ('x').\"{name}\"", SHOP)

    assert isinstance(verdict, Refused)
    assert verdict.code == "guard.function"


@pytest.mark.parametrize("major", SUPPORTED_MAJORS)
def test_allows_every_open_type(major: int) -> None:
    scope = shop_scope(major=major)
    refused = [
        sql
        for name in sorted(LISTS[major].types)
        for sql in (f'SELECT NULL::"{name}"', f'SELECT NULL::pg_catalog."{name}"[]', f'SELECT NULL::"_{name}"')
        if not isinstance(check(sql, scope), Allowed)
    ]

    assert refused == []


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT regclass 'secret'",
        "SELECT pg_catalog.regclass 'secret'",
        "SELECT REGCLASS 'secret'",
        "SELECT 'a'::public.mood",
        "SELECT 'a'::mood",
        "SELECT NULL::secret",
        "SELECT NULL::public.secret",
        "SELECT NULL::hidden.vault",
        "SELECT NULL::pg_class",
        "SELECT NULL::pg_catalog.orders",
        "SELECT NULL::shop.public.orders",
        "SELECT NULL::information_schema.sql_identifier",
        "SELECT NULL::__int4",
        "SELECT CAST(NULL AS SETOF int)",
        "SELECT NULL::orders.id%TYPE",
        "SELECT x COLLATE public.c FROM orders AS o(x)",
        "SELECT '1'::numeric('x'::regclass)",
    ],
)
def test_refuses_name_that_is_no_open_type(sql: str) -> None:
    verdict = check(sql, SHOP)

    assert isinstance(verdict, Refused)
    assert verdict.code == "guard.type"


def test_allows_the_row_type_of_a_relation_in_scope() -> None:
    verdict = check('SELECT NULL::orders, NULL::"sales.targets"[]', SHOP)

    assert isinstance(verdict, Allowed), verdict


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1 OPERATOR(public.+) 2",
        "SELECT OPERATOR(public.-) 2",
        "SELECT 1 OPERATOR(shop.pg_catalog.+) 2",
        "SELECT 1 OPERATOR(public.=) ANY (SELECT 1)",
        "SELECT 1 OPERATOR(public.<) ALL (ARRAY[1])",
        "SELECT (1, 2) OPERATOR(public.=) (3, 4)",
        "SELECT id FROM orders ORDER BY id USING OPERATOR(public.<)",
        "SELECT array_agg(id ORDER BY id USING OPERATOR(public.<)) FROM orders",
    ],
)
def test_refuses_operator_of_another_schema(sql: str) -> None:
    verdict = check(sql, SHOP)

    assert isinstance(verdict, Refused)
    assert verdict.code == "guard.operator"


@pytest.mark.parametrize("sql", ["SELECT 1 OPERATOR(pg_catalog.+) 2", "SELECT 1 OPERATOR(+) 2", "SELECT 1 <-> 2"])
def test_allows_operator_of_postgresql(sql: str) -> None:
    assert isinstance(check(sql, SHOP), Allowed)


@pytest.mark.parametrize("collation", ['"C"', 'pg_catalog."C"', '"de-x-icu"', 'pg_catalog."default"'])
def test_allows_collation_of_postgresql(collation: str) -> None:
    assert isinstance(check(f"SELECT note COLLATE {collation} FROM orders", SHOP), Allowed)


def test_counts_the_highest_parameter() -> None:
    verdict = check("SELECT $3::int, $1 FROM orders WHERE id = $2", SHOP)

    assert isinstance(verdict, Allowed)
    assert verdict.parameters == 3


@pytest.mark.parametrize("parameter", ["$0", "$1001", "$2147483647"])
def test_refuses_parameter_out_of_bounds(parameter: str) -> None:
    verdict = check(f"SELECT {parameter}", SHOP)

    assert isinstance(verdict, Refused)
    assert verdict.code == "guard.node"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT to_tsvector('english'::regconfig, note) FROM orders",
        "SELECT to_tsvector(regconfig 'pg_catalog.simple', note) FROM orders",
        "SELECT ts_lexize(CAST('english_stem' AS pg_catalog.regdictionary), 'stars')",
    ],
)
def test_allows_naming_a_text_search_configuration(sql: str) -> None:
    assert isinstance(check(sql, SHOP), Allowed)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT '16384'::regconfig",
        "SELECT $1::regconfig",
        "SELECT id::regconfig FROM orders",
        "SELECT ('16' || '384')::regdictionary",
        "SELECT '{english}'::regconfig[]",
        "SELECT 'x\"y'::regconfig",
        "SELECT regconfig(16384)",
        "SELECT 'english'::public.regconfig",
        "SELECT 'english'::regtype",
    ],
)
def test_refuses_turning_a_number_into_a_configurations_name(sql: str) -> None:
    assert isinstance(check(sql, SHOP), Refused)
