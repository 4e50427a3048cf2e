"""Masked columns are not written, and no mask or token is written in the place of the value it hides."""

from __future__ import annotations

import pytest

from postern.guard.check import check
from postern.guard.verdict import Allowed, Refused
from postern.guard.write_back import objection_to_values
from postern.masking.detectors import DetectorKind, marker
from postern.types import Action
from tests.support.guard import WRITE, masked_scope, shop_scope

SCOPE = masked_scope()
UNMASKED = shop_scope(actions=WRITE)
TOKEN = "tok_0123456789abcdef"

COLUMNS = {
    "insert": "INSERT INTO customer (customer_id, email) VALUES (1, 'a@example.com')",
    "insert without a list": "INSERT INTO customer VALUES (1, 'A', 'B')",
    "insert a query without a list": "INSERT INTO customer SELECT 1, 'A', 'B'",
    "insert default": "INSERT INTO customer (customer_id, email) VALUES (1, DEFAULT)",
    "insert overriding": "INSERT INTO customer (email) OVERRIDING SYSTEM VALUE VALUES ('x')",
    "insert in with": "WITH x AS (INSERT INTO customer (phone) VALUES ('1') RETURNING 1) TABLE x",
    "update": "UPDATE customer SET email = 'a@example.com'",
    "update to default": "UPDATE customer SET email = DEFAULT",
    "update to null": "UPDATE customer SET email = NULL",
    "update of several": "UPDATE customer SET (country, email) = ('DE', 'x')",
    "update of several by a query": "UPDATE customer SET (country, email) = (SELECT 'DE', 'x')",
    "update of a part": "UPDATE customer SET email[1] = 'x'",
    "update of a field": "UPDATE customer SET email.x = 'x'",
    "update in with": "WITH x AS (UPDATE customer SET first_name = 'x' RETURNING 1) TABLE x",
    "quoted": 'UPDATE customer SET "email" = 1',
    "system column": "UPDATE invoice SET ctid = '(0,1)'",
    "hidden column": "UPDATE invoice SET billing_city = 'x'",
    "hidden column in a conflict": "INSERT INTO invoice (total) VALUES (1) ON CONFLICT (billing_city) DO NOTHING",
    "of another schema": "UPDATE sales.customer SET email = 'x'",
}


@pytest.mark.parametrize("sql", COLUMNS.values(), ids=COLUMNS)
def test_refuses_writing_a_masked_or_hidden_column(sql: str) -> None:
    verdict = check(sql, SCOPE)

    assert isinstance(verdict, Refused), verdict
    assert verdict.code == "guard.column"


VALUES = {
    "redacted": "INSERT INTO invoice (billing_country) VALUES ('[redacted]')",
    "token": f"INSERT INTO invoice (billing_country) VALUES ('x'), ('{TOKEN}')",
    "token in a text": f"UPDATE invoice SET billing_country = 'see {TOKEN}.'",
    "e-mail": "UPDATE invoice SET billing_country = 'a***@e***.com'",
    "e-mail in a text": (
        "UPDATE invoice SET billing_country = 'write to a***@e***.com, please, as soon as you can' || 'x'"
    ),
    "partial": "UPDATE invoice SET billing_country = 'Jo***'",
    "partial from the end": "UPDATE invoice SET billing_country = '***1234'",
    "nothing kept": "UPDATE invoice SET billing_country = '***'",
    "detected": "UPDATE invoice SET billing_country = 'call [detected:phone]'",
    "escaped": r"UPDATE invoice SET billing_country = E'\x5bredacted]'",
    "unicode": r"UPDATE invoice SET billing_country = U&'\005bredacted]'",
    "dollar quoted": "UPDATE invoice SET billing_country = $$[redacted]$$",
    "in a function": "UPDATE invoice SET billing_country = upper('[redacted]')",
    "in a case": "UPDATE invoice SET billing_country = CASE WHEN total > 1 THEN '[redacted]' END",
    "in json": """UPDATE invoice SET billing_country = '{"a": "[redacted]"}'""",
    "by way of with": "WITH v AS (SELECT '[redacted]' AS x) INSERT INTO invoice (billing_country) SELECT x FROM v",
    "by way of values": "UPDATE invoice SET billing_country = v.x FROM (VALUES ('[redacted]')) v (x)",
    "in with": "WITH x AS (UPDATE invoice SET billing_country = '[redacted]' RETURNING 1) TABLE x",
    "masked column": "INSERT INTO invoice (billing_country) SELECT email FROM customer",
    "masked column among others": (
        "INSERT INTO invoice (customer_id, billing_country) SELECT customer_id, phone FROM customer"
    ),
    "star": "INSERT INTO invoice SELECT * FROM customer",
    "star of one": "INSERT INTO invoice (customer_id) SELECT c.* FROM customer c, region",
    "table": "INSERT INTO invoice (billing_country) TABLE customer",
    "in an expression": "UPDATE invoice SET billing_country = 'x' || lower(c.email) FROM customer c",
    "length": "UPDATE invoice SET total = length(c.email) FROM customer c",
    "of the target itself": "UPDATE customer SET country = email",
    "subquery": "UPDATE invoice SET billing_country = (SELECT max(phone) FROM customer)",
    "array of a subquery": "UPDATE invoice SET billing_country = ARRAY(SELECT phone FROM customer)::text",
    "several by a query": "UPDATE invoice SET (total, billing_country) = (SELECT 1, c.phone FROM customer c)",
    "several by a row": "UPDATE invoice SET (total, billing_country) = ROW(1, c.phone) FROM customer c",
    "values of a subquery": "INSERT INTO invoice (billing_country) VALUES ((SELECT min(email) FROM customer))",
    "whole row": "INSERT INTO invoice (billing_country) SELECT c::text FROM customer c",
    "whole row as json": "INSERT INTO invoice (billing_country) SELECT to_jsonb(c)->>'email' FROM customer c",
    "row of a subquery as json": (
        "INSERT INTO invoice (billing_country) SELECT j->>'email' FROM (SELECT to_jsonb(c) AS j FROM customer c) q"
    ),
    "field of a row": "INSERT INTO invoice (billing_country) SELECT (c).email FROM customer c",
    "field of a row by functional notation": "INSERT INTO invoice (billing_country) SELECT email(c) FROM customer c",
    "renamed": "INSERT INTO invoice (billing_country) SELECT e FROM (SELECT email AS e FROM customer) s",
    "renamed by alias": "INSERT INTO invoice (billing_country) SELECT d FROM customer AS x (a, b, c, d)",
    "renamed by with": (
        "WITH c (i, e) AS (SELECT customer_id, email FROM customer) INSERT INTO invoice (billing_country) SELECT e "
        "FROM c"
    ),
    "through two queries": (
        "WITH a AS (SELECT email FROM customer), b AS (SELECT email AS x FROM a) "
        "INSERT INTO invoice (billing_country) SELECT x FROM b"
    ),
    "through a recursion": (
        "WITH RECURSIVE r (n, a, b) AS (SELECT 1, country, phone FROM customer UNION ALL SELECT n + 1, b, a FROM r) "
        "INSERT INTO invoice (billing_country) SELECT a FROM r"
    ),
    "through what it removes": (
        "WITH d AS (DELETE FROM customer WHERE country = 'X' RETURNING *) "
        "INSERT INTO invoice (billing_country) SELECT email FROM d"
    ),
    "through old values": (
        "WITH d AS (UPDATE customer SET country = 'X' RETURNING old.email AS e) "
        "INSERT INTO invoice (billing_country) SELECT e FROM d"
    ),
    "through a lateral": (
        "INSERT INTO invoice (billing_country) SELECT x FROM customer c, LATERAL (SELECT c.email AS x) l"
    ),
    "through a function": "INSERT INTO invoice (billing_country) SELECT u FROM customer c, unnest(ARRAY[c.email]) AS u",
    "through a function's column": (
        "INSERT INTO invoice (billing_country) SELECT t.v FROM customer c, unnest(ARRAY[c.email]) AS t (v)"
    ),
    "through json": (
        "INSERT INTO invoice (billing_country) SELECT t.email FROM customer c, "
        "LATERAL jsonb_to_record(to_jsonb(c)) AS t (email text)"
    ),
    "through a json table": (
        "INSERT INTO invoice (billing_country) SELECT t.e FROM customer c, "
        "JSON_TABLE(to_jsonb(c.email), '$' COLUMNS (e text PATH '$')) AS t"
    ),
    "without a name": (
        "INSERT INTO invoice (billing_country) SELECT coalesce FROM (SELECT coalesce(email, '') FROM customer) s"
    ),
    "second of a union": (
        "INSERT INTO invoice (billing_country) SELECT country FROM customer UNION SELECT phone FROM customer"
    ),
    "alias of a join": (
        "INSERT INTO invoice (billing_country) SELECT j.email FROM (customer JOIN employee USING (email)) AS j"
    ),
    "alias of a join that hides one of its sides": (
        "INSERT INTO invoice (billing_country) SELECT x FROM "
        "(SELECT c.* FROM (customer c JOIN employee USING (email)) AS c) AS q (x)"
    ),
    "merged column": "INSERT INTO invoice (billing_country) SELECT email FROM customer JOIN employee USING (email)",
    "aggregate": "INSERT INTO invoice (billing_country) SELECT string_agg(phone, ',') FROM customer",
    "ordered aggregate": (
        "INSERT INTO invoice (billing_country) SELECT mode() WITHIN GROUP (ORDER BY c.email) FROM customer c"
    ),
    "window": "INSERT INTO invoice (billing_country) SELECT lag(email) OVER (ORDER BY customer_id) FROM customer",
    "conditional result": "UPDATE invoice SET billing_country = CASE WHEN true THEN c.email END FROM customer c",
    "nullif": "UPDATE invoice SET billing_country = nullif(c.email, '') FROM customer c",
}  # fmt: skip


@pytest.mark.parametrize("sql", VALUES.values(), ids=VALUES)
def test_refuses_writing_a_mask_back(sql: str) -> None:
    verdict = check(sql, SCOPE)

    assert isinstance(verdict, Refused), verdict
    assert verdict.code in {"guard.write_back", "guard.function"}, verdict


ORDINARY = {
    "where": "UPDATE invoice SET total = 0 FROM customer c WHERE c.email = 'x' AND c.customer_id = invoice.customer_id",
    "where a marker": "UPDATE customer SET country = NULL WHERE first_name = '[redacted]' AND phone LIKE '%***%'",
    "using": f"DELETE FROM invoice USING customer c WHERE c.email = '{TOKEN}' AND c.customer_id = invoice.customer_id",
    "returning": "UPDATE customer SET country = 'DE' RETURNING customer_id, email, phone",
    "join": (
        "INSERT INTO invoice (customer_id) SELECT c.customer_id FROM customer c JOIN employee e ON e.email = "
        "c.email"
    ),
    "group by": "INSERT INTO invoice (total) SELECT count(*) FROM customer GROUP BY email HAVING max(phone) > 'x'",
    "order by": "INSERT INTO invoice (customer_id) SELECT customer_id FROM customer ORDER BY email LIMIT 5",
    "count": "INSERT INTO invoice (total) SELECT count(DISTINCT email) FROM customer",
    "rank": "INSERT INTO invoice (total) SELECT row_number() OVER (PARTITION BY email ORDER BY phone) FROM customer",
    "test for null": "UPDATE invoice SET billing_country = (c.email IS NULL)::text FROM customer c",
    "condition": "UPDATE invoice SET total = CASE WHEN c.phone LIKE '+49%' THEN 1 ELSE 2 END FROM customer c",
    "condition of an aggregate": "INSERT INTO invoice (total) SELECT sum(1) FILTER (WHERE email > 'x') FROM customer",
    "exists": "UPDATE invoice SET total = 1 WHERE EXISTS (SELECT email FROM customer)",
    "in": "UPDATE invoice SET total = 1 WHERE billing_country IN (SELECT phone FROM customer)",
    "open columns of a query": (
        "WITH c AS (SELECT customer_id, email, country FROM customer) "
        "INSERT INTO invoice (customer_id, billing_country) SELECT customer_id, country FROM c"
    ),
    "open column of a star": (
        "WITH d AS (DELETE FROM customer WHERE country = 'X' RETURNING *) "
        "INSERT INTO invoice (customer_id) SELECT customer_id FROM d"
    ),
    "open part of a recursion": (
        "WITH RECURSIVE r (n, a, b) AS (SELECT 1, country, phone FROM customer UNION ALL SELECT n + 1, b, a FROM r) "
        "INSERT INTO invoice (total) SELECT n FROM r"
    ),
    "open field of a row": "INSERT INTO invoice (billing_country) SELECT (c).country FROM customer c",
    "row without masks": "INSERT INTO invoice (billing_country) SELECT i::text FROM invoice i",
    "defaults": "INSERT INTO customer DEFAULT VALUES",
    "insert without a list": "INSERT INTO invoice VALUES (1, 2, now(), 'DE', 3)",
    "query without a list": "INSERT INTO invoice SELECT * FROM invoice",
    "asterisks": "INSERT INTO invoice (billing_country) VALUES ('*** urgent ***'), ('**bold**'), ('****'), ('5 * 3')",
    "like a token": (
        "INSERT INTO invoice (billing_country) VALUES ('tok_short'), ('tok_0123456789ABCDEF'), ('[redacted')"
    ),
    "conflict": "INSERT INTO invoice (total) VALUES (1) ON CONFLICT (invoice_id) WHERE total > 0 DO NOTHING",
    "conflict on a table with masks": (
        "INSERT INTO customer (customer_id) VALUES (1) ON CONFLICT DO NOTHING RETURNING 1"
    ),
    "array element": "UPDATE invoice SET billing_country[1] = 'x' WHERE invoice_id = $1",
}  # fmt: skip


@pytest.mark.parametrize("sql", ORDINARY.values(), ids=ORDINARY)
def test_allows_ordinary_writes_beside_masked_columns(sql: str) -> None:
    verdict = check(sql, SCOPE)

    assert isinstance(verdict, Allowed), verdict
    assert verdict.writes


def test_refuses_on_conflict_where_rows_are_filtered() -> None:
    verdict = check("INSERT INTO region (region_id) VALUES (1) ON CONFLICT DO NOTHING", SCOPE)

    assert isinstance(verdict, Refused)
    assert verdict.code == "guard.kind"
    assert "rows that this task does not see" in verdict.reason


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM invoice WHERE total > 5",
        "UPDATE invoice SET total = 1 WHERE invoice_id = 1",
        "INSERT INTO invoice (total) VALUES (1) RETURNING *",
        "WITH x AS (DELETE FROM invoice RETURNING total) TABLE x",
    ],
)
def test_refuses_reading_back_what_may_only_be_written(sql: str) -> None:
    verdict = check(sql, masked_scope(actions=WRITE - {Action.SELECT}))

    assert isinstance(verdict, Refused)
    assert verdict.code == "guard.action"
    assert "select" in verdict.reason


def test_allows_writing_alone_without_reading() -> None:
    assert isinstance(
        check("INSERT INTO invoice (total) VALUES (1)", masked_scope(actions=WRITE - {Action.SELECT})), Allowed
    )


@pytest.mark.parametrize("kind", DetectorKind)
def test_parameters_may_not_hold_a_detectors_marker(kind: DetectorKind) -> None:
    objection = objection_to_values(["x", f"reach me at {marker(kind)}"], SCOPE)

    assert objection is not None
    assert objection.code == "guard.write_back"
    assert objection.reason.startswith("parameter $2: ")


@pytest.mark.parametrize("text", ["[redacted]", TOKEN, "a***@e***.com", "***", "Jo***", f'["{TOKEN}"]'])
def test_parameters_may_not_hold_a_mask(text: str) -> None:
    assert objection_to_values([None, text], SCOPE) is not None


@pytest.mark.parametrize(
    "text", ["", "a@example.com", "tok_", "*", "****", "a very long text " * 9 + "***", "redacted"]
)
def test_ordinary_parameters_pass(text: str) -> None:
    assert objection_to_values([text, None], SCOPE) is None


LOOK_LIKE_MASKS = ["Hotel *** Central", "***", "[redacted]", "a***@e***.com", " ***"]


@pytest.mark.parametrize("text", LOOK_LIKE_MASKS)
def test_a_task_without_masks_may_write_what_looks_like_one(text: str) -> None:
    for value in (f"'{text}'", f"note || '{text}'"):
        assert isinstance(check(f"UPDATE orders SET note = {value}", UNMASKED), Allowed)
        assert isinstance(check(f"INSERT INTO orders (note) SELECT {value} FROM orders", UNMASKED), Allowed)
    assert objection_to_values([text], UNMASKED) is None


@pytest.mark.parametrize("text", [TOKEN, f"*** {TOKEN}", "[detected:phone]", "[redacted] [detected:email]"])
def test_it_may_not_write_a_token_or_what_a_detector_left(text: str) -> None:
    verdict = check(f"UPDATE orders SET note = '***' || '{text}'", UNMASKED)

    assert isinstance(verdict, Refused)
    assert verdict.code == "guard.write_back"
    assert objection_to_values([text], UNMASKED) is not None


def test_one_mask_of_another_table_is_enough() -> None:
    assert isinstance(check("UPDATE region SET name = '***'", SCOPE), Refused)


def test_the_refusal_repeats_no_value() -> None:
    verdict = check(f"UPDATE invoice SET billing_country = 'secret {TOKEN}'", SCOPE)

    assert isinstance(verdict, Refused)
    assert "secret" not in verdict.reason and TOKEN not in verdict.reason
