"""No relation outside the scope can be named, by any way that a statement can name one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from postern.guard.check import check
from postern.guard.scope import Scope
from postern.guard.verdict import Allowed, Refused, Verdict
from tests.support.guard import WRITE, relation, shop_scope

SHOP = shop_scope()
WRITER = shop_scope(actions=WRITE)

OUTSIDE = [
    "secret",
    "public.secret",
    "hidden.vault",
    "nowhere",
    "nowhere.at_all",
    "pg_class",
    "pg_catalog.pg_class",
    "information_schema.tables",
    "pg_stat_activity",
    "pg_toast.pg_toast_1260",
    "otherdb.public.orders",
    "public.orders.secret",
    '"Orders"',
    '"public.orders"',
    'U&"\\0073ecret"',
]

# Every place of the grammar where a relation can stand; {} is its name.
ROUTES = {
    "from": "SELECT 1 FROM {}",
    "comma": "SELECT 1 FROM orders, {}",
    "alias": "SELECT o.id FROM {} AS o",
    "only": "SELECT 1 FROM ONLY {}",
    "only in parentheses": "SELECT 1 FROM ONLY ({})",
    "star": "SELECT 1 FROM {} *",
    "table command": "TABLE {}",
    "join left side": "SELECT 1 FROM {} x JOIN orders o ON true",
    "join right side": "SELECT 1 FROM orders o LEFT JOIN {} x ON true",
    "cross join": "SELECT 1 FROM orders CROSS JOIN {} x",
    "natural join": "SELECT 1 FROM orders NATURAL FULL JOIN {} x",
    "join condition": "SELECT 1 FROM orders o JOIN customers c ON c.id = (SELECT max(id) FROM {})",
    "nested join": "SELECT 1 FROM (orders o JOIN (customers c CROSS JOIN {} x) ON true)",
    "subquery": "SELECT 1 FROM (SELECT * FROM {}) AS s",
    "lateral": "SELECT 1 FROM orders o, LATERAL (SELECT * FROM {} x WHERE x.id = o.id) s",
    "select list": "SELECT (SELECT count(*) FROM {})",
    "exists": "SELECT EXISTS (SELECT FROM {})",
    "array": "SELECT ARRAY(SELECT id FROM {})",
    "in": "SELECT 1 FROM orders WHERE id IN (SELECT id FROM {})",
    "any": "SELECT 1 FROM orders WHERE id = ANY (SELECT id FROM {})",
    "all": "SELECT 1 FROM orders WHERE (id, id) <> ALL (TABLE {})",
    "where": "SELECT 1 FROM orders WHERE (SELECT true FROM {})",
    "group by": "SELECT 1 FROM orders GROUP BY (SELECT 1 FROM {})",
    "grouping sets": "SELECT 1 FROM orders GROUP BY ROLLUP ((SELECT 1 FROM {}))",
    "having": "SELECT 1 FROM orders HAVING count(*) > (SELECT count(*) FROM {})",
    "order by": "SELECT id FROM orders ORDER BY (SELECT 1 FROM {})",
    "limit": "SELECT id FROM orders LIMIT (SELECT count(*) FROM {})",
    "offset": "SELECT id FROM orders OFFSET (SELECT count(*) FROM {})",
    "fetch": "SELECT id FROM orders FETCH FIRST (SELECT 1 FROM {}) ROWS ONLY",
    "distinct on": "SELECT DISTINCT ON ((SELECT 1 FROM {})) id FROM orders",
    "window": "SELECT sum(id) OVER (PARTITION BY (SELECT 1 FROM {})) FROM orders",
    "named window": "SELECT sum(id) OVER w FROM orders WINDOW w AS (ORDER BY (SELECT 1 FROM {}))",
    "frame": "SELECT sum(id) OVER (ORDER BY id ROWS (SELECT 1 FROM {}) PRECEDING) FROM orders",
    "argument": "SELECT lower((SELECT region FROM {}))",
    "named argument": "SELECT make_interval(days => (SELECT 1 FROM {}))",
    "aggregate order": "SELECT array_agg(id ORDER BY (SELECT 1 FROM {})) FROM orders",
    "aggregate filter": "SELECT count(*) FILTER (WHERE EXISTS (TABLE {})) FROM orders",
    "within group": "SELECT percentile_cont((SELECT 0.5 FROM {})) WITHIN GROUP (ORDER BY id) FROM orders",
    "case": "SELECT CASE WHEN true THEN (SELECT 1 FROM {}) END",
    "case else": "SELECT CASE id WHEN 1 THEN 2 ELSE (SELECT 1 FROM {}) END FROM orders",
    "coalesce": "SELECT coalesce(NULL, (SELECT 1 FROM {}))",
    "greatest": "SELECT greatest(1, (SELECT 1 FROM {}))",
    "nullif": "SELECT nullif(1, (SELECT 1 FROM {}))",
    "row": "SELECT ROW(1, (SELECT 1 FROM {}))",
    "cast": "SELECT (SELECT 1 FROM {})::text",
    "subscript": "SELECT (ARRAY[1])[(SELECT 1 FROM {})]",
    "slice": "SELECT (ARRAY[1])[(SELECT 1 FROM {}):2]",
    "field": "SELECT ((SELECT s FROM {} s)).id",
    "collate": "SELECT (SELECT region FROM {}) COLLATE \"C\"",
    "is null": "SELECT (SELECT 1 FROM {}) IS NULL",
    "is true": "SELECT (SELECT true FROM {}) IS TRUE",
    "between": "SELECT 1 BETWEEN 0 AND (SELECT 1 FROM {})",
    "like escape": "SELECT 'a' LIKE 'b' ESCAPE (SELECT 'x' FROM {})",
    "at time zone": "SELECT now() AT TIME ZONE (SELECT 'UTC' FROM {})",
    "function in from": "SELECT 1 FROM generate_series(1, (SELECT 1 FROM {}))",
    "rows from": "SELECT 1 FROM ROWS FROM (generate_series(1, (SELECT 1 FROM {})), unnest(ARRAY[1]))",
    "values": "VALUES (1, (SELECT 1 FROM {}))",
    "values in from": "SELECT 1 FROM (VALUES ((SELECT 1 FROM {}))) v(x)",
    "union": "SELECT id FROM orders UNION SELECT id FROM {}",
    "union left": "SELECT id FROM {} UNION ALL SELECT id FROM orders",
    "intersect in parentheses": "(SELECT 1) INTERSECT ((SELECT 1) EXCEPT (TABLE {}))",
    "with": "WITH x AS (SELECT * FROM {}) SELECT 1",
    "with materialized": "WITH x AS MATERIALIZED (TABLE {}) SELECT 1",
    "with recursive": "WITH RECURSIVE x(n) AS (SELECT 1 UNION ALL SELECT n FROM x, {}) SELECT 1 FROM x",
    "with in with": "WITH x AS (WITH y AS (TABLE {}) SELECT 1) SELECT 1",
    "with in a subquery": "SELECT (WITH x AS (TABLE {}) SELECT 1)",
    "with in a set operation": "(WITH x AS (TABLE {}) SELECT 1) UNION SELECT 2",
    "json object": "SELECT JSON_OBJECT('a': (SELECT 1 FROM {}))",
    "json array": "SELECT JSON_ARRAY(1, (SELECT 1 FROM {}))",
    "json array of a query": "SELECT JSON_ARRAY(SELECT id FROM {})",
    "json aggregate": "SELECT JSON_ARRAYAGG((SELECT 1 FROM {})) FROM orders",
    "json value default": "SELECT JSON_VALUE('1', '$' DEFAULT (SELECT 1 FROM {}) ON EMPTY)",
    "json passing": "SELECT JSON_EXISTS('1', '$' PASSING (SELECT 1 FROM {}) AS x)",
    "json table": "SELECT 1 FROM JSON_TABLE((SELECT '1'::jsonb FROM {}), '$' COLUMNS (a int PATH '$'))",
    "json table passing": "SELECT 1 FROM JSON_TABLE('1', '$' PASSING (SELECT 1 FROM {}) AS x COLUMNS (a int PATH '$'))",
    "is json": "SELECT (SELECT '1' FROM {}) IS JSON",
    "overlaps": "SELECT (now(), now()) OVERLAPS (now(), (SELECT now() FROM {}))",
}  # fmt: skip


def _verdicts(name: str, scope: Scope) -> dict[str, Verdict]:
    """By place, of the statement that has the name there."""
    return {place: _check(route.format(name), scope) for place, route in ROUTES.items()}


def _check(sql: str, scope: Scope) -> Verdict:
    try:
        return check(sql, scope)
    except Exception as error:
        error.add_note(sql)
        raise


def _is_refused(verdict: Verdict) -> bool:
    return isinstance(verdict, Refused) and verdict.code == "guard.relation"


@pytest.mark.parametrize("name", OUTSIDE)
def test_refuses_relation_outside_the_scope(name: str) -> None:
    let_through = [place for place, verdict in _verdicts(name, SHOP).items() if not _is_refused(verdict)]

    assert let_through == []


def test_allows_the_same_places_for_a_relation_in_scope() -> None:
    refused = {
        place: verdict
        for place, verdict in _verdicts("customers", SHOP).items()
        if not isinstance(verdict, Allowed) or "public.customers" not in verdict.relations
    }

    assert refused == {}


WRITES = {
    "insert": "INSERT INTO {} (id) VALUES (1)",
    "insert with a query of its name": "WITH secret AS (SELECT 1 AS id) INSERT INTO {} SELECT id FROM secret",
    "update": "UPDATE {} SET id = 1",
    "update with a query of its name": "WITH vault AS (SELECT 1), secret AS (SELECT 1) UPDATE {} SET id = 1",
    "delete": "DELETE FROM {}",
    "update from": "UPDATE orders SET id = 1 FROM {} x",
    "delete using": "DELETE FROM orders USING {} x",
    "insert select": "INSERT INTO orders (id) SELECT id FROM {}",
    "insert value": "INSERT INTO orders (id) VALUES ((SELECT id FROM {}))",
    "update value": "UPDATE orders SET id = (SELECT id FROM {})",
    "update values": "UPDATE orders SET (id, customer_id) = (SELECT id, id FROM {})",
    "update condition": "UPDATE orders SET id = 1 WHERE EXISTS (TABLE {})",
    "returning": "DELETE FROM orders RETURNING (SELECT id FROM {})",
    "data modifying with": "WITH x AS (DELETE FROM {} RETURNING 1) SELECT * FROM x",
}


@pytest.mark.parametrize("name", ["secret", "public.secret", "hidden.vault", "pg_class"])
@pytest.mark.parametrize("route", WRITES.values(), ids=WRITES)
def test_refuses_write_that_touches_a_relation_outside_the_scope(route: str, name: str) -> None:
    verdict = check(route.format(name), WRITER)

    assert isinstance(verdict, Refused)
    assert verdict.code == "guard.relation"


SHADOWS = {
    "visible only unqualified": "WITH secret AS (SELECT 1) SELECT * FROM secret, (SELECT * FROM public.secret) x",
    "not visible outside its subquery": "SELECT * FROM (WITH secret AS (SELECT 1) SELECT * FROM secret) x, secret",
    "not visible before its subquery": "SELECT (SELECT 1 FROM secret) FROM (WITH secret AS (SELECT 1) TABLE secret) x",
    "not visible to itself": "WITH secret AS (SELECT * FROM secret) SELECT * FROM secret",
    "not visible to an earlier one": "WITH a AS (SELECT * FROM secret), secret AS (SELECT 1) SELECT * FROM a",
    "inner one does not reach out": "WITH a AS (WITH secret AS (SELECT 1) TABLE secret) SELECT * FROM a, secret",
    "inner one does not reach a sibling": "WITH a AS (WITH secret AS (SELECT 1) SELECT 1), b AS (TABLE secret) TABLE a",
    "other arm of a union": "(WITH secret AS (SELECT 1) SELECT * FROM secret) UNION SELECT id FROM secret",
    "left arm of a union": "SELECT id FROM secret UNION (WITH secret AS (SELECT 1) SELECT * FROM secret)",
    "other case": 'WITH "Secret" AS (SELECT 1) SELECT * FROM secret',
    "column alias is no relation": "WITH a (secret) AS (SELECT 1) SELECT * FROM secret",
    "table alias is no relation": "SELECT * FROM orders secret, secret",
    "join alias is no relation": "SELECT * FROM (orders JOIN customers USING (id)) secret, secret",
    "subquery alias is no relation": "SELECT * FROM (SELECT 1) secret, secret",
    "function alias is no relation": "SELECT * FROM generate_series(1, 2) secret, secret",
    "window name is no relation": "SELECT 1 FROM secret WINDOW secret AS ()",
    "recursive only in its own with": "WITH RECURSIVE a AS (SELECT 1) SELECT (WITH secret AS (TABLE secret) SELECT 1)",
    "in an argument of another": "SELECT * FROM secret WHERE EXISTS (WITH secret AS (SELECT 1) TABLE secret)",
    "in order by": "SELECT 1 FROM secret ORDER BY (WITH secret AS (SELECT 1) SELECT 1)",
    "in a lateral": "SELECT 1 FROM LATERAL (WITH secret AS (SELECT 1) SELECT 1) x, LATERAL (TABLE secret) y",
    "with a schema of the same name": "WITH hidden AS (SELECT 1) SELECT * FROM hidden.vault",
    "with a catalog name": "WITH vault AS (SELECT 1) SELECT * FROM db.hidden.vault",
    "column of a schema outside": "WITH vault AS (SELECT 1 AS id) SELECT hidden.vault.id FROM vault",
    "star of a schema outside": "SELECT hidden.vault.* FROM orders",
    "whole name with database": "SELECT shop.public.orders.id FROM orders",
}


@pytest.mark.parametrize("sql", SHADOWS.values(), ids=SHADOWS)
def test_refuses_name_that_its_with_query_does_not_cover(sql: str) -> None:
    verdict = check(sql, SHOP)

    assert isinstance(verdict, Refused)
    assert verdict.code == "guard.relation"


COVERED = {
    "plain": "WITH secret AS (SELECT 1) SELECT * FROM secret",
    "later one sees earlier": "WITH secret AS (SELECT 1), a AS (TABLE secret) TABLE a",
    "recursive sees itself": "WITH RECURSIVE secret(n) AS (SELECT 1 UNION SELECT n FROM secret) TABLE secret",
    "recursive sees later": "WITH RECURSIVE a AS (TABLE secret), secret AS (SELECT 1) TABLE a",
    "subquery sees outer": "WITH secret AS (SELECT 1) SELECT (SELECT count(*) FROM secret)",
    "inner with sees outer": "WITH secret AS (SELECT 1) SELECT (WITH a AS (TABLE secret) SELECT 1 FROM a)",
    "both arms see it": "WITH secret AS (SELECT 1) SELECT * FROM secret UNION ALL (TABLE secret)",
    "order by sees it": "WITH secret AS (SELECT 1) SELECT 1 ORDER BY (TABLE secret) LIMIT (SELECT 1 FROM secret)",
    "lateral sees it": "WITH secret AS (SELECT 1 AS x) SELECT * FROM orders, LATERAL (SELECT x FROM secret) s",
    "name of a catalog": "WITH pg_class AS (SELECT 1) TABLE pg_class",
    "json array of a query sees it": "WITH secret AS (SELECT 1) SELECT JSON_ARRAY(TABLE secret)",
}


@pytest.mark.parametrize("sql", COVERED.values(), ids=COVERED)
def test_allows_name_that_a_with_query_covers(sql: str) -> None:
    verdict = check(sql, SHOP)

    assert isinstance(verdict, Allowed), verdict


def test_says_the_same_whether_a_relation_exists_or_not() -> None:
    existing, missing = (check(f"SELECT * FROM {name}", SHOP) for name in ("secret", "absent"))

    assert isinstance(existing, Refused) and isinstance(missing, Refused)
    assert existing.reason.replace("secret", "absent") == missing.reason
    assert existing.position == missing.position == 15


def test_points_at_the_name_in_characters() -> None:
    verdict = check("SELECT 'Größe €', 1 FROM secret", SHOP)

    assert isinstance(verdict, Refused)
    assert verdict.position == "SELECT 'Größe €', 1 FROM secret".index("secret") + 1


def test_refuses_a_granted_table_that_shares_a_name_with_a_system_catalog() -> None:
    scope = Scope("public", (relation("public", "pg_class", "id"),), frozenset(), 18)

    for sql in ("SELECT * FROM pg_class", "SELECT * FROM public.pg_class"):
        verdict = check(sql, scope)
        assert isinstance(verdict, Refused)
        assert verdict.code == "guard.relation"


@pytest.mark.parametrize(
    "name",
    [
        *("shop.public.secret", "shop.hidden.vault", "shop.pg_catalog.pg_class", "shop.nowhere.orders"),
        *("otherdb.public.orders", '"Shop".public.orders', "public.public.orders", "orders.public.shop"),
    ],
)
def test_the_databases_own_name_opens_nothing_else(name: str) -> None:
    verdicts = _verdicts(name, replace(SHOP, database="shop"))
    let_through = [place for place, verdict in verdicts.items() if not _is_refused(verdict)]

    assert let_through == []


def test_a_target_may_be_named_with_its_database() -> None:
    verdict = check("DELETE FROM shop.sales.orders WHERE orders.id = 1", replace(WRITER, database="shop"))

    assert isinstance(verdict, Allowed)
    assert verdict.sql == 'DELETE FROM "sales.orders" AS "orders" WHERE orders.id = 1'


def test_a_with_query_does_not_stand_for_a_name_with_its_database() -> None:
    scope = replace(SHOP, database="shop", task_schema="task_1")
    verdict = check("WITH orders AS (SELECT 1) SELECT * FROM shop.public.orders", scope)

    assert isinstance(verdict, Allowed)
    assert verdict.sql == 'WITH orders AS (SELECT 1) SELECT * FROM "task_1"."orders"'


def test_reads_a_relation_of_another_schema_by_its_view() -> None:
    verdict = check('SELECT goal FROM "sales.targets"', SHOP)

    assert isinstance(verdict, Allowed)
    assert verdict.relations == ("sales.targets",)


def test_names_every_relation_once_and_sorted() -> None:
    verdict = check("SELECT 1 FROM orders a, customers, orders b, (TABLE events) e", SHOP)

    assert isinstance(verdict, Allowed)
    assert verdict.relations == ("public.customers", "public.events", "public.orders")


@pytest.mark.parametrize(
    "sql",
    ["SELECT {}", "SELECT {}()", "SELECT 1::{}", "SELECT 1 OPERATOR({}.+) 2", "SELECT 1 COLLATE {}", "SELECT {}.*"],
)
def test_bounds_the_reason_however_long_the_name(sql: str) -> None:
    verdict = check(sql.format(".".join(["a" * 60] * 500)), SHOP)

    assert isinstance(verdict, Refused)
    assert "…" in verdict.reason
    assert len(verdict.reason) < 600
