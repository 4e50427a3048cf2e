"""The statements whose own cost is measured, each with the result that stands in for the database's."""

from __future__ import annotations

from dataclasses import dataclass

from bench.own_cost_site import FIRST_OID
from postern.packed_cells import packed
from postern.ports import Result, ResultColumn

_CUSTOMERS, _ORDERS = FIRST_OID, FIRST_OID + 2  # the demo's catalog, in its order
_INT, _BIGINT, _TEXT, _NUMERIC, _DATE, _TIMESTAMPTZ, _JSONB, _TEXTS = 23, 20, 25, 1700, 1082, 1184, 3802, 1009


@dataclass(frozen=True, slots=True)
class Shape:
    """One statement, its parameters and its result."""

    name: str
    sql: str
    params: tuple[object, ...]
    result: Result


def _result(columns: tuple[ResultColumn, ...], rows: list[tuple[str | None, ...]]) -> Result:
    values = tuple(packed(column) for column in zip(*rows, strict=True))  # as a server's answer is kept
    size = sum(len(cell or "") + 4 for row in rows for cell in row)
    return Result(columns, values, len(rows), affected=None, truncated=False, received_bytes=size)


def _order(number: int) -> tuple[str | None, ...]:
    return (
        str(number),
        f"tok_{number * 2654435761 % 2**64:016x}",
        "2026-11-20 10:11:12.345678+00",
        ("paid", "sent", "late")[number % 3],
        f"{number * 7 % 900}.95",
        '{"city": "Bremen", "express": true}',
        "{gift,priority}",
    )


SHAPES = (
    Shape(
        "point lookup",
        "SELECT id, status, total FROM orders WHERE id = $1",
        (4711,),
        _result(
            (
                ResultColumn("id", _BIGINT, "bigint", _ORDERS, 1),
                ResultColumn("status", _TEXT, "text", _ORDERS, 4),
                ResultColumn("total", _NUMERIC, "numeric", _ORDERS, 5),
            ),
            [("4711", "paid", "120.50")],
        ),
    ),
    Shape(
        "masked row",
        "SELECT id, full_name, email, phone, birth_date FROM customers WHERE region = $1"
        " ORDER BY created_at DESC LIMIT 1",
        ("EU",),
        _result(
            (
                ResultColumn("id", _TEXT, "text", _CUSTOMERS, 1),
                ResultColumn("full_name", _TEXT, "text", _CUSTOMERS, 2),
                ResultColumn("email", _TEXT, "text", _CUSTOMERS, 3),
                ResultColumn("phone", _TEXT, "text", _CUSTOMERS, 4),
                ResultColumn("birth_date", _DATE, "date", _CUSTOMERS, 5),
            ),
            [("tok_00c0ffee00c0ffee", "[redacted]", "a***@e***.com", "***17", "1984-01-01")],
        ),
    ),
    Shape(
        "join, grouped",
        "SELECT p.category, count(*), sum(l.quantity * l.unit_price) AS turnover FROM order_lines l"
        " JOIN products p ON p.id = l.product_id JOIN orders o ON o.id = l.order_id"
        " WHERE o.status <> 'cancelled' AND o.ordered_at >= date_trunc('month', now()) - interval '3 months'"
        " GROUP BY p.category ORDER BY turnover DESC",
        (),
        _result(
            (
                ResultColumn("category", _TEXT, "text", FIRST_OID + 1, 3),
                ResultColumn("count", _BIGINT, "bigint", 0, 0),
                ResultColumn("turnover", _NUMERIC, "numeric", 0, 0),
            ),
            [(f"category {n}", str(n * 311), f"{n * 10_007}.25") for n in range(1, 9)],
        ),
    ),
    Shape(
        "100 rows of 7",
        "SELECT * FROM orders ORDER BY id LIMIT 100",
        (),
        _result(
            (
                ResultColumn("id", _BIGINT, "bigint", _ORDERS, 1),
                ResultColumn("customer_id", _TEXT, "text", _ORDERS, 2),
                ResultColumn("ordered_at", _TIMESTAMPTZ, "timestamp with time zone", _ORDERS, 3),
                ResultColumn("status", _TEXT, "text", _ORDERS, 4),
                ResultColumn("total", _NUMERIC, "numeric", _ORDERS, 5),
                ResultColumn("shipping", _JSONB, "jsonb", _ORDERS, 6),
                ResultColumn("tags", _TEXTS, "text[]", _ORDERS, 7),
            ),
            [_order(number) for number in range(1, 101)],
        ),
    ),
)
