"""A database under the doctor's eyes: what it finds there, and the mending of what it found."""

from __future__ import annotations

from collections.abc import Iterable

from pg8000.core import CoreConnection

from postern.edges.operator_database import open_session
from postern.world.bootstrap import plan_bootstrap
from postern.world.doctor.checks import Examination, checks, examine
from postern.world.doctor.findings import Finding, Subject
from postern.world.doctor.roles import BOOTSTRAP
from postern_cli.dsn import parse_address
from tests.support.servers import Database
from tests.support.world import run_all

CATALOGUED = {("public", "customers"): ("id", "email"), ("public", "orders"): ("id",)}
SUBJECT = Subject(CATALOGUED)
SCHEMA = """
CREATE TABLE customers (id int PRIMARY KEY, email text);
CREATE TABLE orders (id int PRIMARY KEY);
CREATE TABLE plain (id serial PRIMARY KEY, secret text);
INSERT INTO customers VALUES (1, 'alice@example.org');
"""


def prepare(database: Database) -> None:
    """Makes the tables that a test speaks of, and runs the bootstrap for the catalogued ones."""
    database.run(SCHEMA)
    run_all(database, plan_bootstrap(CATALOGUED, rds=False))


def examined(database: Database, subject: Subject = SUBJECT, *, user: str = "postgres") -> Examination:
    address = parse_address(database.dsn.replace("user=postgres", f"user={user}"), {})
    with open_session(address) as session:
        return examine(session.rows, subject)


def ask(connection: CoreConnection, sql: str) -> list[list[str | None]]:
    """A query's rows, inside whatever transaction the connection is in, as a session of the doctor's sees them."""
    connection.execute_simple("SET LOCAL search_path TO pg_catalog, pg_temp")
    rows = [list(row) for row in connection.execute_simple(sql).rows or []]
    connection.execute_simple("SET LOCAL search_path TO DEFAULT")
    return rows


def found(connection: CoreConnection, name: str) -> list[Finding]:
    """What the check of that name finds; no other is asked."""
    (check,) = [one for one in checks(SUBJECT) if one.name == name]
    sql = check.sql(SUBJECT)
    return list(check.read(check, ask(connection, sql))) if sql is not None else []


def mend(connection: CoreConnection, findings: Iterable[Finding]) -> None:
    """Runs each finding's statements one by one, as an operator would."""
    for finding in findings:
        assert finding.mend or BOOTSTRAP in finding.advice, f"{finding}: nothing mends it"
        for statement in finding.mend or plan_bootstrap(CATALOGUED, rds=False):
            connection.execute_simple(statement)
