"""What grows by a constant is bounded where the statement is read; ordinary sizes pass."""

from __future__ import annotations

import pytest

from postern.guard.check import check
from postern.guard.verdict import Allowed, Refused
from tests.support.guard import shop_scope

SHOP = shop_scope()

TOO_LARGE = {
    "repeat": "repeat('x', 1000000000)",
    "repeat of a long text": "repeat('0123456789', 1000001)",
    "repeat in scientific notation": "repeat('x', 1e9::int)",
    "repeat by a text": "repeat('x', '1000000000')",
    "repeat by a product": "repeat('x', 100000 * 10000)",
    "repeat by a power": "repeat('x', (10 ^ 9)::int)",
    "repeat by a shift": "repeat('x', 1 << 30)",
    "repeat of a repeat": "repeat(repeat('x', 10000), 10000)",
    "repeat of a padded text": "repeat(lpad('x', 10000), 10000)",
    "repeat of a concatenation": "repeat('aaaaa' || 'bbbbb', 2000000)",
    "repeat of a column": "repeat(note, 100000000)",
    "qualified": "pg_catalog.repeat('x', 1000000000)",
    "quoted": "\"repeat\"('x', 1000000000)",
    "inside another call": "length(repeat('x', 1000000000))",
    "lpad": "lpad('x', 1000000000, 'y')",
    "rpad": "rpad(note, 1000000000)",
    "array": "array_fill(0, ARRAY[1000000000])",
    "array of several dimensions": "array_fill(0, ARRAY[10000, 10000, 10000])",
    "format": "format('%1000000000s', note)",
    "format by position": "format('%1$-1000000000s', note)",
    "format by argument": "format('%*s', 1000000000, note)",
    "series": "generate_series(1, 1000000000)",
    "series of one too many": "generate_series(0, 10000000)",
    "series from below": "generate_series(-1000000000, 0)",
    "series downwards": "generate_series(1000000000, 1, -1)",
    "series by small steps": "generate_series(0, 100, 0.000001)",
}


@pytest.mark.parametrize("call", TOO_LARGE.values(), ids=TOO_LARGE)
def test_refuses_what_is_huge_by_its_constants(call: str) -> None:
    verdict = check(f"SELECT {call} FROM orders", SHOP)

    assert isinstance(verdict, Refused), verdict
    assert verdict.code == "guard.growth"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM generate_series(1, 100000000)",
        "SELECT * FROM ROWS FROM (generate_series(1, 100000000), unnest(ARRAY[1])) AS t",
        "SELECT 1 FROM orders o, LATERAL generate_series(1, 100000000) g",
        "WITH n AS (SELECT * FROM generate_series(1, 100000000)) SELECT count(*) FROM n",
        "SELECT 1 WHERE EXISTS (SELECT FROM generate_series(1, 100000000))",
    ],
)
def test_refuses_it_wherever_it_stands(sql: str) -> None:
    verdict = check(sql, SHOP)

    assert isinstance(verdict, Refused)
    assert verdict.code == "guard.growth"


ORDINARY = {
    "rule": "repeat('-', 80)",
    "bar of a chart": "repeat('#', (total / 100)::int)",
    "a parameter": "repeat('x', $1)",
    "padding": "lpad(id::text, 10, '0') || rpad(note, 40)",
    "from nought to a million": "generate_series(0, 1000000)",
    "ten million": "generate_series(1, 10000000)",
    "years": "generate_series(1990, 2030)",
    "days": "generate_series('2020-01-01'::date, '2026-12-31', '1 day')",
    "hours": "generate_series(now() - interval '1 year', now(), interval '1 hour')",
    "downwards": "generate_series(10, 1, -1)",
    "large steps": "generate_series(0, 1000000000, 100000)",
    "no steps": "generate_series(1, 10, 0)",
    "empty": "generate_series(1000000000, 1)",
    "columns": "generate_series(1, id)",
    "array": "array_fill(0, ARRAY[7, 24])",
    "array of a column": "array_fill(NULL::int, ARRAY[id])",
    "format": "format('%s of %-10s|%5s', id, status, 12345678)",
    "few arguments": "repeat(note)",
    "named arguments": "make_interval(days => 400000000)",
    "numbers elsewhere": "round(1000000000.5, 2)",
    "not a number": "repeat('x', 'NaN')",
    "divided by nothing": "repeat('x', 1 / 0)",
}


@pytest.mark.parametrize("call", ORDINARY.values(), ids=ORDINARY)
def test_allows_ordinary_sizes(call: str) -> None:
    verdict = check(f"SELECT {call} FROM orders", SHOP)

    assert isinstance(verdict, Allowed), verdict


def test_says_how_large_it_would_be() -> None:
    verdict = check("SELECT generate_series(1, 50000000)", SHOP)

    assert isinstance(verdict, Refused)
    assert verdict.reason == (
        "generate_series: expected at most 10000000 rows, got 50000000; ask for less, or aggregate rows instead"
    )
    assert verdict.position == 8


@pytest.mark.parametrize("sign", ["+", "||", "*"])
def test_long_arithmetic_is_not_followed_for_ever(sign: str) -> None:
    chain = f" {sign} ".join(["1"] * 200)

    assert isinstance(check(f"SELECT repeat('x', {chain}), repeat({chain}, 3)", SHOP), Allowed)


def test_arithmetic_is_followed_to_a_bounded_depth() -> None:
    assert isinstance(check(f"SELECT repeat('x', 99999999{' + 1' * 5})", SHOP), Refused)
    assert isinstance(check(f"SELECT repeat('x', 99999999{' + 1' * 50})", SHOP), Allowed)
