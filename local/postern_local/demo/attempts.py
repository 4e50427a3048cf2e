"""What an agent may try to get at a raw value or at a table out of its scope, and what must come of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Attempt:
    """A statement, and the status and code that it must get; a status of 200 must deliver masks only."""

    by: str
    sql: str
    status: int
    code: str | None = None


ATTEMPTS = (
    Attempt("another name", "SELECT c.email AS harmless FROM customers c LIMIT 3", 200),
    Attempt("a function", "SELECT reverse(upper(email)), md5(full_name) FROM customers LIMIT 3", 200),
    Attempt("an error message", "SELECT email::integer FROM customers", 422, "sql.failed"),
    Attempt("the whole row", "SELECT c FROM customers c LIMIT 3", 200),
    Attempt("JSON", "SELECT json_agg(c) FROM (SELECT * FROM customers LIMIT 3) c", 200),
    Attempt("a guess", "SELECT count(*) FROM customers WHERE email = 'emil.ivanov.1@example.net'", 200),
    Attempt("a second statement", "SELECT 1; SELECT * FROM staff", 403, "guard.statements"),
    Attempt("another table", "SELECT * FROM staff", 403, "guard.relation"),
    Attempt("a table that is not there", "SELECT * FROM no_such_table", 403, "guard.relation"),
    Attempt("the base table by its schema", "SELECT email FROM pg_catalog.pg_class, customers", 403, "guard.relation"),
    Attempt("SQL as text", "SELECT query_to_xml('SELECT * FROM staff', true, true, '')", 403, "guard.function"),
    Attempt("a file", "SELECT pg_read_file('/etc/passwd')", 403, "guard.function"),
    Attempt("a write", "DELETE FROM orders", 403, "guard.action"),
    Attempt("another role", "SET ROLE postgres", 403, "guard.kind"),
)
