"""What a statement writes is checked for its action, wherever in the statement it stands."""

from __future__ import annotations

import pytest

from postern.guard.check import check
from postern.guard.verdict import Allowed, Refused, StatementKind
from postern.types import Action
from tests.support.guard import WRITE, shop_scope

READER = shop_scope()
WRITER = shop_scope(actions=WRITE)

STATEMENTS = {
    "insert": ("INSERT INTO orders (id) VALUES (1)", StatementKind.INSERT),
    "insert default": ("INSERT INTO orders DEFAULT VALUES", StatementKind.INSERT),
    "insert select": ("INSERT INTO orders (id) SELECT id FROM customers RETURNING id", StatementKind.INSERT),
    "insert overriding": ("INSERT INTO orders (id) OVERRIDING SYSTEM VALUE VALUES (DEFAULT)", StatementKind.INSERT),
    "update": ("UPDATE orders SET total = total + 1, note = NULL WHERE id = $1", StatementKind.UPDATE),
    "update row": ("UPDATE orders AS o SET (total, note) = (SELECT 1, 'x') FROM customers c", StatementKind.UPDATE),
    "delete": ("DELETE FROM orders o USING customers c WHERE c.id = o.customer_id RETURNING o.*", StatementKind.DELETE),
    "returning old": (
        "UPDATE orders SET total = 1 RETURNING WITH (OLD AS o, NEW AS n) o.total, n.total",
        StatementKind.UPDATE,
    ),
    "insert in with": ("WITH x AS (INSERT INTO orders (id) VALUES (1) RETURNING id) TABLE x", StatementKind.SELECT),
    "update in with": ("WITH x AS (UPDATE orders SET id = 1 RETURNING id) TABLE x", StatementKind.SELECT),
    "delete in with": ("WITH x AS (DELETE FROM orders RETURNING id) SELECT count(*) FROM x", StatementKind.SELECT),
}


@pytest.mark.parametrize(("sql", "_kind"), STATEMENTS.values(), ids=STATEMENTS)
def test_refuses_write_that_was_not_granted(sql: str, _kind: StatementKind) -> None:
    verdict = check(sql, READER)

    assert isinstance(verdict, Refused)
    assert verdict.code == "guard.action"
    assert "public.orders" in verdict.reason or "orders" in verdict.reason


@pytest.mark.parametrize(("sql", "kind"), STATEMENTS.values(), ids=STATEMENTS)
def test_allows_granted_write_and_says_that_it_writes(sql: str, kind: StatementKind) -> None:
    verdict = check(sql, WRITER)

    assert isinstance(verdict, Allowed), verdict
    assert verdict.writes
    assert verdict.kind is kind


@pytest.mark.parametrize("action", [Action.INSERT, Action.UPDATE, Action.DELETE])
def test_refuses_one_action_where_only_others_were_granted(action: Action) -> None:
    sql = {
        Action.INSERT: "INSERT INTO orders (id) VALUES (1)",
        Action.UPDATE: "UPDATE orders SET id = 1",
        Action.DELETE: "DELETE FROM orders",
    }[action]

    verdict = check(sql, shop_scope(actions=WRITE - {action}))

    assert isinstance(verdict, Refused)
    assert verdict.code == "guard.action"


def test_refuses_reading_where_only_writing_was_granted() -> None:
    verdict = check("SELECT * FROM orders", shop_scope(actions=frozenset({Action.INSERT})))

    assert isinstance(verdict, Refused)
    assert verdict.code == "guard.action"


CLOSED = {
    "conflict update": "INSERT INTO orders (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET total = 0",
    "conflict on constraint": "INSERT INTO orders (id) VALUES (1) ON CONFLICT ON CONSTRAINT orders_pkey DO NOTHING",
    "conflict over an expression": "INSERT INTO orders (id) VALUES (1) ON CONFLICT (lower(status)) DO NOTHING",
    "conflict update in with": (
        "WITH x AS (INSERT INTO orders (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET id = 2 RETURNING 1) TABLE x"
    ),
    "current of": "UPDATE orders SET id = 1 WHERE CURRENT OF c",
    "delete current of": "DELETE FROM orders WHERE CURRENT OF c",
    "merge": "MERGE INTO orders o USING customers c ON c.id = o.id WHEN MATCHED THEN DELETE",
    "merge in with": "WITH x AS (MERGE INTO orders USING customers ON true WHEN MATCHED THEN DELETE) SELECT 1",
}


@pytest.mark.parametrize("sql", CLOSED.values(), ids=CLOSED)
def test_refuses_kinds_of_write_that_are_closed_to_everyone(sql: str) -> None:
    verdict = check(sql, WRITER)

    assert isinstance(verdict, Refused)
    assert verdict.code == "guard.kind"


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO orders (id, hidden) VALUES (1, 2)",
        "UPDATE orders SET hidden = 1",
        "UPDATE orders SET (id, hidden) = (1, 2)",
        "WITH x AS (UPDATE orders SET hidden = 1 RETURNING 1) TABLE x",
        "UPDATE public.orders SET hidden = 1",
    ],
)
def test_refuses_writing_a_column_that_the_task_does_not_see(sql: str) -> None:
    verdict = check(sql, WRITER)

    assert isinstance(verdict, Refused)
    assert verdict.code == "guard.column"
