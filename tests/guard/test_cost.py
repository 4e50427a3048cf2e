"""What the guard does grows with the statement's length, and no faster: calls are counted, no clock is read."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import replace
from types import FrameType

import pytest

from postern.guard.check import check
from tests.support.guard import masked_scope

_TABLES = masked_scope().relations
SCOPE = replace(
    masked_scope(),
    task_schema="task_0123",
    relations=tuple(replace(table, key=(next(iter(table.by_column)),)) for table in _TABLES),
)
FEW, MANY = 60, 240

# What is repeated, and what stands around it, which may repeat in braces; `#` is the number of the repeat.
SHAPES: dict[str, tuple[str, str, str]] = {
    "columns": ("SELECT ", "t.name", " FROM supplier t"),
    "own columns": ("SELECT ", "t.system", " FROM supplier t"),
    "hidden columns": ("SELECT ", "t.ctid", " FROM supplier t"),
    "fields of functions": ("SELECT ", "g.upper", " FROM unnest(ARRAY['x']) AS g"),
    "functions in FROM": ("SELECT 1 FROM ", "upper('x') g#", ""),
    "their fields": ("SELECT ", "(SELECT g#.upper FROM upper('x') g#)", ""),
    "type names": ("SELECT ", "pg_typeof(1)", ""),
    "type names in text": ("SELECT ", "pg_typeof(1)::text", ""),
    "calls": ("SELECT ", "upper('x')", ""),
    "arithmetic": ("SELECT ", "repeat('x', 1 + 2 * 3)", ""),
    "sum": ("SELECT 1", "+ 1", ""),
    "casts": ("SELECT ", "'x'::text", ""),
    "names": ("SELECT ", "1 AS c#", ""),
    "joins": ("SELECT 1 FROM supplier t", " JOIN supplier t# ON t#.supplier_id = t.supplier_id", ""),
    "comma joins": ("SELECT 1 FROM ", "supplier t#", ""),
    "columns of many": ("SELECT ", "(SELECT t#.name FROM supplier t# LIMIT 1)", ""),
    "lookups": ("SELECT 1 FROM customer WHERE ", "email = 'a#@example.com'", ""),
    "lookups in": ("SELECT 1 FROM customer WHERE email IN (", "'a#@example.com'", ")"),
    "groups": ("SELECT count(*) FROM supplier GROUP BY ", "name", ""),
    "grouped": ("SELECT ", "t.name", " FROM supplier t GROUP BY t.supplier_id"),
    "group queries": ("SELECT ", "(SELECT min(t#.name) FROM supplier t# GROUP BY t#.supplier_id LIMIT 1)", ""),
    "keys grouped by": ("SELECT t0.name FROM ", "supplier t#", " GROUP BY t0.supplier_id"),
    "keys, tables and columns": ("SELECT ", "t#.name", " FROM {supplier t#} GROUP BY {t#.supplier_id}"),
    "keys in sets": ("SELECT ", "t#.name", " FROM {supplier t#} GROUP BY GROUPING SETS (({t#.supplier_id}), (1))"),
    "columns in sets": ("SELECT name FROM supplier GROUP BY GROUPING SETS (", "(supplier_id)", ")"),
    "orders": ("SELECT 1 FROM supplier ORDER BY ", "name", ""),
    "unions": ("SELECT 1", " UNION ALL SELECT 1", ""),
    "WITH": ("WITH ", "w# AS (SELECT name FROM supplier)", " SELECT 1"),
    "WITH in turns": ("WITH w AS (SELECT 1)", ", w# AS (SELECT * FROM w)", " SELECT 1"),
    "windows": ("SELECT ", "rank() OVER (ORDER BY name)", " FROM supplier"),
    "parameters": ("SELECT ", "$1::text", ""),
    "values": ("VALUES ", "(1, 'x')", ""),
    "fields of many functions": ("SELECT g0.upper FROM ", "upper('x') g#", ""),
    "closed fields of functions": ("SELECT ", "g.cost", " FROM unnest(ARRAY['x']) AS g(cost)"),
    "joins USING": ("SELECT 1 FROM supplier t", " JOIN supplier t# USING (supplier_id)", ""),
    "natural joins": ("SELECT name FROM supplier t", " NATURAL JOIN supplier t#", ""),
    "subqueries": ("SELECT 1 FROM ", "(SELECT name, supplier_id FROM supplier) s#", ""),
    "columns of WITH": ("WITH w AS (SELECT ", "1 AS c#", ") SELECT * FROM w"),
    "sets": ("UPDATE customer SET ", "country = 'x#'", " WHERE customer_id = 1"),
    "returns": ("UPDATE customer SET country = 'x' RETURNING ", "country", ""),
    "reads while writing": ("INSERT INTO region (name) SELECT min(country) FROM ", "customer t#", ""),
    "inserts": ("INSERT INTO region (region_id, name) VALUES ", "(#, 'x')", ""),
    "cases": ("SELECT CASE", " WHEN name = 'x' THEN 1", " END FROM supplier"),
    "conditions": ("SELECT 1 FROM supplier WHERE ", "name = 'x'", ""),
    "arrays": ("SELECT ARRAY[", "1", "]"),
    "stars": ("SELECT ", "t.*", " FROM supplier t"),
    "qualified": ("SELECT ", "public.supplier.name", " FROM public.supplier"),
    "relations": ("SELECT ", "(SELECT 1 FROM public.supplier)", ""),
    "two of a name": ("SELECT ", "sales.customer.note", " FROM public.customer, sales.customer"),
    "two of a name inside": ("SELECT ", "(SELECT sales.customer.note FROM public.customer)", " FROM sales.customer"),
    "two of a name deep": (
        "SELECT 1 FROM sales.customer WHERE EXISTS (SELECT ",
        "sales.customer.note",
        " FROM customer)",
    ),
    "filtered": ("SELECT 1 FROM ", "region r#", ""),
    "comments": ("SELECT 1", " /* x */", ""),
    "lines": ("SELECT 1", "\n", ""),
    "non-ASCII": ("SELECT ", "'é'", ""),
}
BETWEEN = {"conditions": " AND ", "lookups": " OR "}
RUN_ON = frozenset(
    {"sum", "joins", "joins USING", "natural joins", "unions", "WITH in turns", "cases", "comments", "lines"}
)


def _statement(shape: str, times: int) -> str:
    before, repeated, after = SHAPES[shape]
    between = "" if shape in RUN_ON else BETWEEN.get(shape, ", ")
    around = re.sub(r"\{(.*?)\}", lambda found: _repeated(found[1], ", ", times), after)
    return before + _repeated(repeated, between, times) + around


def _repeated(text: str, between: str, times: int) -> str:
    return between.join(text.replace("#", str(number)) for number in range(times))


def _calls(function: Callable[[], object]) -> int:
    count = 0

    def counted(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(counted)
    try:
        function()
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize("shape", SHAPES)
def test_calls_grow_with_the_statement(shape: str) -> None:
    few, many = _statement(shape, FEW), _statement(shape, MANY)
    check(few, SCOPE)  # whatever is made once is made here
    grown = _calls(lambda: check(many, SCOPE)) / _calls(lambda: check(few, SCOPE))

    assert grown <= MANY / FEW * 1.1
