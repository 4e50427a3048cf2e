"""A lookup parameter is compared with a token column of its class, and used in no other way."""

from __future__ import annotations

import pytest

from postern.guard.check import check
from postern.guard.verdict import Allowed, LookupUse, Refused
from tests.support.guard import masked_scope

SCOPE = masked_scope()
EMAIL = {1: "pii.email"}

CUSTOMER, EMPLOYEE, SALES = "public.customer.email", "public.employee.email", "sales.customer.email"

ALLOWED = {
    "equal": ("SELECT * FROM customer WHERE email = $1", [CUSTOMER]),
    "the other way round": ("SELECT * FROM customer c WHERE $1 = c.email", [CUSTOMER]),
    "in": ("SELECT * FROM customer WHERE email IN ('tok_0', $1)", [CUSTOMER]),
    "on": ("SELECT * FROM customer c JOIN employee e ON e.email = $1", [EMPLOYEE]),
    "qualified": ("SELECT * FROM sales.customer WHERE sales.customer.email = $1", [SALES]),
    "beside another of the name": (
        "SELECT * FROM public.customer JOIN sales.customer USING (customer_id) WHERE sales.customer.email = $1",
        [SALES],
    ),
    "bare name of two tables": (
        "SELECT * FROM customer JOIN employee USING (email) WHERE email = $1",
        [CUSTOMER, EMPLOYEE],
    ),
    "natural join": ("SELECT 1 FROM customer NATURAL JOIN employee WHERE email = $1", [CUSTOMER, EMPLOYEE]),
    "alias of the columns": ("SELECT 1 FROM customer AS c (a, b, d, e) WHERE e = $1", [CUSTOMER]),
    "alias of a join": (
        "SELECT 1 FROM (customer c JOIN invoice i USING (customer_id)) AS j WHERE j.email = $1",
        [CUSTOMER],
    ),
    "subquery": ("SELECT 1 FROM (SELECT customer_id, email FROM customer) s WHERE s.email = $1", [CUSTOMER]),
    "renamed in a subquery": ("SELECT 1 FROM (SELECT email AS e FROM customer) s WHERE e = $1", [CUSTOMER]),
    "star of a subquery": ("SELECT 1 FROM (SELECT c.* FROM customer c, invoice) s WHERE s.email = $1", [CUSTOMER]),
    "with": ("WITH c AS (SELECT * FROM customer) SELECT * FROM c WHERE email = $1", [CUSTOMER]),
    "with and column names": (
        "WITH c (i, e) AS (SELECT customer_id, email FROM customer) SELECT 1 FROM c WHERE e = $1",
        [CUSTOMER],
    ),
    "recursive": (
        "WITH RECURSIVE c AS (SELECT email, 1 AS n FROM customer UNION ALL SELECT email, n + 1 FROM c WHERE n < 3) "
        "SELECT * FROM c WHERE c.email = $1",
        [CUSTOMER],
    ),
    "union": (
        "SELECT 1 FROM (SELECT email FROM customer UNION SELECT email FROM employee) s WHERE email = $1",
        [CUSTOMER, EMPLOYEE],
    ),
    "lateral": ("SELECT 1 FROM customer c, LATERAL (SELECT 1 FROM invoice WHERE c.email = $1) x", [CUSTOMER]),
    "correlated": ("SELECT (SELECT count(*) FROM invoice WHERE c.email = $1) FROM customer c", [CUSTOMER]),
    "filter": ("SELECT count(*) FILTER (WHERE email = $1) FROM customer", [CUSTOMER]),
    "case": ("SELECT CASE WHEN email = $1 THEN 'it' ELSE 'other' END FROM customer", [CUSTOMER]),
    "group by": ("SELECT count(*) FROM customer GROUP BY email = $1 HAVING true", [CUSTOMER]),
    "order by": ("SELECT customer_id FROM customer ORDER BY email = $1 DESC LIMIT 5", [CUSTOMER]),
    "window": ("SELECT row_number() OVER (PARTITION BY email = $1) FROM customer", [CUSTOMER]),
    "function in from": ("SELECT 1 FROM customer, generate_series(1, 2) AS g WHERE email = $1", [CUSTOMER]),
    "delete": ("DELETE FROM customer WHERE email = $1 RETURNING customer_id", [CUSTOMER]),
    "update": ("UPDATE invoice SET total = 0 FROM customer c WHERE c.email = $1", [CUSTOMER]),
    "insert": ("INSERT INTO invoice (customer_id) SELECT customer_id FROM customer WHERE email = $1", [CUSTOMER]),
    "row's field": ("SELECT 1 FROM customer c WHERE NOT (c.email = $1)", [CUSTOMER]),
}  # fmt: skip


@pytest.mark.parametrize(("sql", "columns"), ALLOWED.values(), ids=ALLOWED)
def test_allows_comparison_with_token_columns_of_the_class(sql: str, columns: list[str]) -> None:
    verdict = check(sql, SCOPE, EMAIL)

    assert isinstance(verdict, Allowed), verdict
    assert verdict.lookups == tuple(LookupUse(1, *column.split(".")) for column in columns)


REFUSED = {
    "echo": "SELECT $1",
    "echo beside a comparison": "SELECT $1 FROM customer WHERE email = $1",
    "echo by case": "SELECT CASE WHEN true THEN $1 END FROM customer WHERE email = $1",
    "echo by coalesce": "SELECT coalesce($1, email) FROM customer WHERE email = $1",
    "echo by nullif": "SELECT nullif($1, email) FROM customer",
    "echo by values": "SELECT * FROM (VALUES ($1)) v (email)",
    "echo by values that are compared": "SELECT * FROM (VALUES ($1)) v (email) WHERE email = $1",
    "echo by with": "WITH v AS (SELECT $1 AS email) SELECT * FROM v",
    "echo by array": "SELECT ARRAY[$1]",
    "echo by row": "SELECT ROW($1)",
    "echo by function": "SELECT upper($1)",
    "echo by union": "SELECT email FROM customer UNION SELECT $1",
    "echo by returning": "DELETE FROM invoice WHERE total = 1 RETURNING $1",
    "echo by insert": "INSERT INTO invoice (billing_country) VALUES ($1)",
    "echo by update": "UPDATE invoice SET billing_country = $1",
    "echo by json": "SELECT json_build_object('x', $1)",
    "echo by error": "SELECT 1 FROM customer WHERE email = $1 AND $1::int = 1",
    "echo by aggregate": "SELECT string_agg(email, $1) FROM customer",
    "echo by function in from": "SELECT * FROM unnest(ARRAY[$1]) AS email",
    "echo by order": "SELECT 1 FROM customer ORDER BY $1",
    "limit": "SELECT 1 FROM customer WHERE email = $1 LIMIT $1",
    "alias of a join that hides one of its sides": (
        "SELECT 1 FROM (customer c JOIN (SELECT 1 AS n, ssn FROM employee) e ON true) AS c (email) WHERE c.email = $1"
    ),
    "cast": "SELECT 1 FROM customer WHERE email = $1::text",
    "cast column": "SELECT 1 FROM customer WHERE email::text = $1",
    "concatenation": "SELECT 1 FROM customer WHERE email = $1 || ''",
    "function of the column": "SELECT 1 FROM customer WHERE lower(email) = $1",
    "prefix": "SELECT 1 FROM customer WHERE left(email, 5) = $1",
    "unequal": "SELECT 1 FROM customer WHERE email <> $1",
    "less": "SELECT 1 FROM customer WHERE email < $1",
    "greatest": "SELECT greatest(email, $1) FROM customer",
    "between": "SELECT 1 FROM customer WHERE email BETWEEN $1 AND 'tok_z'",
    "like": "SELECT 1 FROM customer WHERE email LIKE $1",
    "like the other way": "SELECT 1 FROM customer WHERE $1 LIKE email",
    "regular expression": "SELECT 1 FROM customer WHERE $1 ~ email",
    "similar": "SELECT 1 FROM customer WHERE email SIMILAR TO $1",
    "not in": "SELECT 1 FROM customer WHERE email NOT IN ($1)",
    "in the other way": "SELECT 1 FROM customer WHERE $1 IN (email)",
    "in with arithmetic": "SELECT 1 FROM customer WHERE email IN ($1 || '')",
    "in subquery": "SELECT 1 FROM customer WHERE email IN (SELECT $1)",
    "any of an array": "SELECT 1 FROM customer WHERE email = ANY (ARRAY[$1])",
    "any of itself": "SELECT 1 FROM customer WHERE email = ANY ($1)",
    "row": "SELECT 1 FROM customer WHERE (email, customer_id) = ($1, 1)",
    "case of": "SELECT CASE email WHEN $1 THEN 1 END FROM customer",
    "distinct from": "SELECT 1 FROM customer WHERE email IS DISTINCT FROM $1",
    "operator of a schema's": "SELECT 1 FROM customer WHERE email OPERATOR(public.=) $1",
    "constant": "SELECT 1 FROM customer WHERE 'tok_0123456789abcdef' = $1",
    "another parameter": "SELECT 1 FROM customer WHERE $2 = $1",
    "open column": "SELECT 1 FROM customer WHERE country = $1",
    "column of another class": "SELECT 1 FROM employee WHERE ssn = $1",
    "class under another mask": "SELECT 1 FROM supplier WHERE email = $1",
    "partial mask": "SELECT 1 FROM customer WHERE phone = $1",
    "one of two tables": "SELECT 1 FROM customer, supplier WHERE email = $1",
    "another column under the name": "SELECT 1 FROM (SELECT ssn AS email FROM employee) s WHERE email = $1",
    "another column under the name by alias": (
        "SELECT 1 FROM employee AS customer (i, l, s, email) WHERE customer.email = $1"
    ),
    "another column under the name by with": (
        "WITH customer (email) AS (SELECT ssn FROM employee) SELECT 1 FROM customer WHERE email = $1"
    ),
    "another class by union": (
        "SELECT 1 FROM (SELECT email FROM customer UNION ALL SELECT ssn FROM employee) s WHERE email = $1"
    ),
    "another class by union in with": (
        "WITH RECURSIVE c AS (SELECT email FROM customer UNION ALL SELECT ssn FROM employee) "
        "SELECT 1 FROM c WHERE email = $1"
    ),
    "constant by union": "SELECT 1 FROM (SELECT email FROM customer UNION SELECT 'tok_0') s WHERE email = $1",
    "constant under the name": "SELECT 1 FROM (SELECT 'tok_0' AS email) s WHERE email = $1",
    "computed under the name": "SELECT 1 FROM (SELECT lower(email) AS email FROM customer) s WHERE email = $1",
    "aggregate under the name": "SELECT 1 FROM (SELECT max(email) AS email FROM customer) s WHERE email = $1",
    "computed without a name": "SELECT 1 FROM (SELECT lower(email) FROM customer) s WHERE lower = $1",
    "function's column": "SELECT 1 FROM json_to_recordset('[]') AS t (email text) WHERE email = $1",
    "whole row": "SELECT 1 FROM customer c WHERE c = $1",
    "swapped in a recursion": (
        "WITH RECURSIVE r (a, b) AS (SELECT email, ssn FROM employee UNION ALL SELECT b, a FROM r) "
        "SELECT 1 FROM r WHERE a = $1"
    ),
    "unknown column": "SELECT 1 FROM customer WHERE absent = $1",
    "absent": "SELECT 1 FROM customer",
    "another number": "SELECT 1 FROM customer WHERE email = $2",
    "offset": "SELECT 1 FROM customer OFFSET $1",
    "window frame": "SELECT sum(1) OVER (ORDER BY email ROWS $1 PRECEDING) FROM customer",
    "generated rows": "SELECT 1 FROM customer, generate_series(1, $1)",
    "subscript of a write": "UPDATE invoice SET billing_country[(SELECT 1 FROM customer WHERE email = $1 || '')] = 'x'",
}  # fmt: skip


@pytest.mark.parametrize("sql", REFUSED.values(), ids=REFUSED)
def test_refuses_any_other_use(sql: str) -> None:
    verdict = check(sql, SCOPE, EMAIL)

    assert isinstance(verdict, Refused), verdict
    assert verdict.code in {"guard.lookup", "guard.operator"}


def test_refuses_a_class_that_was_not_granted() -> None:
    verdict = check("SELECT 1 FROM employee WHERE ssn = $1", SCOPE, {1: "pii.ssn"})

    assert isinstance(verdict, Refused)
    assert verdict.code == "guard.lookup"
    assert "pii.ssn: lookup was not granted" in verdict.reason


def test_several_parameters_stand_each_for_itself() -> None:
    sql = "SELECT 1 FROM customer WHERE email IN ($1, $3) AND country = $2"

    verdict = check(sql, SCOPE, {1: "pii.email", 3: "pii.email"})

    assert isinstance(verdict, Allowed)
    assert [use.parameter for use in verdict.lookups] == [1, 3]


def test_an_ordinary_parameter_is_bound_to_nothing() -> None:
    verdict = check("SELECT $1 || email FROM customer WHERE email > $2", SCOPE)

    assert isinstance(verdict, Allowed)
    assert verdict.lookups == ()


def test_says_which_column_does_not_fit_and_where() -> None:
    verdict = check("SELECT 1 FROM employee WHERE ssn = $1", SCOPE, EMAIL)

    assert isinstance(verdict, Refused)
    assert verdict.reason == (
        "lookup parameter $1: expected a token column of class pii.email, got public.employee.ssn (class pii.ssn)"
    )
    assert verdict.position == 36


def test_refuses_what_nests_too_deeply_to_follow() -> None:
    sql = "SELECT 1 FROM customer WHERE email = $1"
    for level in range(60):
        sql = f"SELECT 1 FROM ({sql}) AS s{level}"

    verdict = check(sql, SCOPE, EMAIL)

    assert isinstance(verdict, Refused)
    assert verdict.code == "guard.depth"


def test_follows_a_long_chain_of_unions() -> None:
    union = " UNION ALL ".join(["SELECT email FROM customer"] * 300)

    verdict = check(f"SELECT 1 FROM ({union}) s WHERE email = $1", SCOPE, EMAIL)

    assert isinstance(verdict, Allowed)
