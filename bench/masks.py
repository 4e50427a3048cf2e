"""What masks cost in the database: the same statement over a task's views and over the tables under them, in turns."""

from __future__ import annotations

import statistics

from rich.console import Console

from bench.samples import interleaved, middle, print_table
from postern.types import TaskId
from postern.world.names import role_name
from postern_local.postgres import PostgresServer

REPEATS = 30
# Each gives few rows, so that computing them is what is measured and not their delivery.
STATEMENTS = {
    "point lookup by an open key": "SELECT total, customer_id FROM orders WHERE id = 4711",
    "point lookup by an open key, joined": "SELECT o.total, c.email FROM orders o JOIN customers c"
    " ON c.id = o.customer_id WHERE o.id = 4711",
    "scan of open columns": "SELECT count(*), sum(total) FROM orders WHERE status = 'paid'",
    "scan of masked text": "SELECT max(full_name), max(email), max(phone) FROM customers",
    "scan of a masked date": "SELECT max(birth_date) FROM customers",
    "join on an open key": "SELECT count(*), sum(l.quantity) FROM orders o JOIN order_lines l ON l.order_id = o.id",
    "join on a tokenised key": "SELECT count(*) FROM customers c JOIN orders o ON o.customer_id = c.id",
    "group by an open column": "SELECT count(*) FROM (SELECT region, count(*) FROM customers GROUP BY region) AS g",
    "group by a token": "SELECT count(*) FROM (SELECT customer_id, sum(total) FROM orders GROUP BY customer_id) AS g",
}


def report(console: Console, postgres: PostgresServer, task_id: str) -> None:
    """Prints a row a statement; the task's world must stand in the database `shop`."""
    masked = postgres.connect("shop", user=role_name(TaskId(task_id)))
    raw = postgres.connect("shop")
    try:
        rows = []
        for name, sql in STATEMENTS.items():
            views, tables = masked.prepare(sql), raw.prepare(sql)
            over_views, over_tables = interleaved(REPEATS, views.run, tables.run)
            ratios = [a / b for a, b in zip(over_views, over_tables, strict=True)]
            medians = (f"{statistics.median(times):.2f}" for times in (over_tables, over_views))
            rows.append((name, *medians, middle(ratios)))
    finally:
        masked.close()
        raw.close()
    print_table(console, "masks, ms in the database", ("tables", "views", "views / tables"), rows)
