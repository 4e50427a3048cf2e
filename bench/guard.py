"""What the guard takes of a statement's time: parsing, deciding, and rewriting where a name has to be mapped."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from rich.console import Console

from bench.samples import percentile, print_table, timed
from postern.guard.check import check
from postern.guard.scope import Relation, Scope
from postern.guard.verdict import Allowed
from postern.types import Action, GrantedColumn, Mask, MaskKind

REPEATS = 300
STATEMENTS = {
    "point lookup": "SELECT id, status, total FROM orders WHERE id = $1",
    "schema-qualified, rewritten": "SELECT o.id FROM public.orders AS o WHERE o.status = 'paid' LIMIT 10",
    "join of four, grouped": "SELECT p.category, date_trunc('month', o.ordered_at), sum(l.quantity * l.unit_price)"
    " FROM orders o JOIN order_lines l ON l.order_id = o.id JOIN products p ON p.id = l.product_id"
    " JOIN customers c ON c.id = o.customer_id WHERE o.status <> 'cancelled' GROUP BY 1, 2 ORDER BY 1, 2",
    "windows and CTEs": "WITH m AS (SELECT customer_id, date_trunc('month', ordered_at) AS month, sum(total) AS t"
    " FROM orders GROUP BY 1, 2), r AS (SELECT m.*, lag(t) OVER w AS before, rank() OVER (PARTITION BY month"
    " ORDER BY t DESC) AS place FROM m WINDOW w AS (PARTITION BY customer_id ORDER BY month))"
    " SELECT * FROM r WHERE place <= 10 AND t > coalesce(before, 0)",
    "recursive": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100) SELECT sum(i) FROM n",
    "JSON and arrays": "SELECT shipping->>'city', count(*), array_agg(DISTINCT tag) FROM orders, unnest(tags) AS tag"
    " WHERE shipping @> '{\"express\": true}' GROUP BY 1",
    "IN list of 1,000": f"SELECT count(*) FROM orders WHERE id IN ({', '.join(map(str, range(1000)))})",
    "20 kB of CASE": "SELECT CASE " + " ".join(f"WHEN id = {i} THEN 'n{i}'" for i in range(800)) + " END FROM orders",
    "refused: a table out of scope": "SELECT * FROM staff",
    "refused: a function": "SELECT pg_read_file('x')",
    "refused: no SQL": "SELEC 1",
}


def report(console: Console, scope: Sequence[Mapping[str, Any]], server_major: int) -> None:
    """Prints a row a statement; `scope` is the task's, as the API tells it."""
    relations = Scope("public", tuple(map(_relation, scope)), frozenset(), server_major)
    rows = []
    everything: list[float] = []
    for name, sql in STATEMENTS.items():
        allowed = isinstance(check(sql, relations), Allowed)
        if allowed == name.startswith("refused"):
            raise SystemExit(f"bench: {name}: expected the guard to decide otherwise")
        times = [timed(partial(check, sql, relations)) for _ in range(REPEATS)]
        everything += times
        rows.append((name, f"{len(sql):,}", f"{statistics.median(times):.2f}", f"{percentile(times, 0.99):.2f}"))
    rows.append(("all of them", "", f"{statistics.median(everything):.2f}", f"{percentile(everything, 0.99):.2f}"))
    print_table(console, "guard, ms a statement", ("characters", "median", "p99"), rows)


def _relation(table: Mapping[str, Any]) -> Relation:
    schema, _, name = str(table["table"]).rpartition(".")
    columns = tuple(
        GrantedColumn(
            column["name"], column["class"], None if column["mask"] is None else Mask(MaskKind(column["mask"]))
        )
        for column in table["columns"]
    )
    return Relation(schema or "public", name, name, columns, frozenset(map(Action, table["actions"])))
