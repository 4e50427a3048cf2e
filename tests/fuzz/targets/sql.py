"""What agents send as SQL: whatever it is, a verdict comes back, and a refusal says what is wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from postern.guard import verdict
from postern.guard.check import check
from postern.run_once.check import check_statements
from postern.run_once.verdict import Refused as RefusedOnce
from postern.statement_text.normalise import normalise
from tests.fuzz.mutation import mutated_text
from tests.fuzz.target import Target, Wrong
from tests.guard.test_hostile import HIDDEN, PLACES
from tests.support.guard import masked_scope, named_statements, shop_scope

_SHOP = shop_scope()
_MASKED = replace(masked_scope(), task_schema=f"task_{'0' * 32}")
_ORDINARY = [sql for file in ("shop.sql", "general.sql", "analytics.sql") for sql in named_statements(file).values()]
_HOSTILE = [place.format(name) for place in PLACES.values() for name in list(HIDDEN.values())[:6]]
_WRITES = [
    "INSERT INTO orders (id, note) VALUES (1, 'x') RETURNING id",
    "UPDATE customers SET region = 'eu' WHERE id = $1",
    "DELETE FROM orders WHERE id IN (SELECT id FROM customers)",
    "MERGE INTO orders USING customers ON true WHEN MATCHED THEN DELETE",
]
_STATEMENTS = [
    "ALTER TABLE orders ADD COLUMN note text DEFAULT 'x' NOT NULL",
    "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$BEGIN EXECUTE 'x' || $1; RETURN 1; END$$",
    "DO $$ DECLARE n int := 0; BEGIN FOR n IN SELECT 1 LOOP PERFORM pg_sleep(n); END LOOP; END $$",
    "CREATE INDEX CONCURRENTLY i ON orders (id) WHERE note IS NULL",
    "UPDATE orders SET note = NULL",
]
_SQL = (
    *(
        "SELECT",
        "FROM",
        "WITH RECURSIVE",
        "UNION ALL",
        "LATERAL (",
        "TABLESAMPLE",
        "GROUPING SETS",
        "OVER (",
        "$1",
        "$0",
    ),
    *(
        "$99999999999",
        "::",
        "pg_catalog.",
        "--",
        "/*",
        "*/",
        ";",
        "$$",
        "$a$",
        "E'\\",
        "U&'\\0061'",
        "UESCAPE '!'",
        "B'2'",
    ),
    *("X'g'", '""', "'", "1e400", "0x", "ROW(", "ARRAY[", "CASE WHEN", "INTO", "SET", "COPY", "EXPLAIN", "(((((((((("),
    *("public.secret", "pg_authid", "current_setting(", "OPERATOR(pg_catalog.+)", "JSON_TABLE(", "XMLTABLE(", "ctid"),
)
_TEXTS = mutated_text([*_ORDINARY, *_HOSTILE, *_WRITES], tokens=_SQL)


def _told(refused: verdict.Refused | RefusedOnce) -> None:
    if not refused.code.startswith(("guard.", "sql.", "run_once.")) or not refused.reason.strip():
        raise Wrong(f"refusal: expected a code and a reason, got {refused.code!r}")


def _check(sql: str) -> None:
    for scope, lookups in ((_SHOP, {}), (_MASKED, {1: "pii.email"})):
        found = check(sql, scope, lookups)
        if isinstance(found, verdict.Refused):
            _told(found)
            if found.position is not None and not 1 <= found.position <= len(sql) + 1:
                raise Wrong(f"position: expected one in the text, got {found.position} of {len(sql)}")


def _normalise(sql: str) -> None:
    found = normalise(sql)
    if found is not None and "kanari" in found.text and '"' not in sql:
        raise Wrong("normal form: expected no literal in it, got one")


def _run_once(texts: list[Any]) -> None:
    found = check_statements(texts, server_major=18)
    if isinstance(found, RefusedOnce):
        _told(found)


TARGETS = (
    Target("sql guard", _TEXTS, _check),
    Target("sql normal form", _TEXTS, _normalise),
    Target("sql run once", st.lists(mutated_text([*_STATEMENTS, *_WRITES], tokens=_SQL), max_size=3), _run_once),
)
