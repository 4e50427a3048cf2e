"""What a task's role can do when nothing stands between it and the server: the guard is off, as in invariant 2."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from pg8000.exceptions import DatabaseError
from pg8000.native import Connection

from postern.types import MaskKind, RowFilter, TaskId
from postern.world.names import role_name
from postern_local.postgres import PostgresServer
from tests.support.servers import fresh_database
from tests.support.world import PreparedDatabase, granted, masked, prepared
from tests.world.attacks import ERRORS, LEAKY, ONLY_THE_GUARD, PREDICATES, REFUSED
from tests.world.conftest import CATALOGUED, SHOP

RAW = ("alice@", "bob@", "Alice", "Bob", "1980-05-06", "1990-07-08", "raw-secret", "raw-person", "4242")

EXTRA = """
CREATE TABLE parent (id integer, raw text);
CREATE TABLE child () INHERITS (parent);
INSERT INTO child VALUES (1, 'raw-secret-child');
CREATE VIEW plain_view AS SELECT secret FROM customers;
CREATE MATERIALIZED VIEW stored_view AS SELECT secret FROM customers;
CREATE SEQUENCE counter;
ANALYZE parent, child, stored_view;
"""


@dataclass(frozen=True)
class Standing:
    """Two tasks that stand: one sees masks in European rows, the other sees open columns."""

    shop: PreparedDatabase
    task: TaskId
    other: TaskId

    def attack(self, *statements: str) -> list[list[object]]:
        """What the last statement gives to a new session of the first task's role, which may write if it can."""
        with self.shop.session(self.task) as session:
            return self.attack_over(session, *statements)

    def attack_over(self, session: Connection, *statements: str) -> list[list[object]]:
        session.run("SET default_transaction_read_only = off")
        for statement in statements:
            sql = statement.format(role=role_name(self.task), other=role_name(self.other))
            rows = session.execute_simple(sql).rows
        return [list(row) for row in rows or []]

    def outcomes(self, attacks: dict[str, list[str]]) -> dict[str, dict[str, str] | list[list[object]]]:
        """What each attack gives, the fields of an error or rows, by its name.

        They share a session that is made as good as new after each: for attacks that change nothing outside of it.
        """
        found: dict[str, dict[str, str] | list[list[object]]] = {}
        with self.shop.session(self.task) as session:
            for name, statements in attacks.items():
                try:
                    found[name] = self.attack_over(session, *statements)
                except DatabaseError as error:
                    found[name] = error.args[0]
                session.run("ROLLBACK")
                session.run("DISCARD ALL")
        return found


@pytest.fixture(scope="module", params=["postgres", "postgres16"], ids=["18", "16"])
def standing(request: pytest.FixtureRequest) -> Iterator[Standing]:
    server: PostgresServer = request.getfixturevalue(request.param)
    with fresh_database(server) as database, prepared(database, SHOP + EXTRA, CATALOGUED) as shop:
        masks = {
            "id": None,
            "region": None,
            "email": masked(MaskKind.EMAIL),
            "full_name": masked(MaskKind.TOKEN),
            "born": masked(MaskKind.YEAR),
        }
        # Dear enough that the planner would try an agent's predicate first, were it free to.
        europe = RowFilter("upper(lower(region)) = upper(lower(:region))", {"region": "EU"})
        orders = {"id": None, "customer_id": None, "email": masked(MaskKind.REDACT), "total": None}
        task, _ = shop.build(granted("customers", masks, row_filter=europe), granted("orders", orders))
        other, _ = shop.build(granted("customers", {"id": None, "email": None}))
        yield Standing(shop, task, other)


def test_the_role_sees_masks_and_only_the_filters_rows(standing: Standing) -> None:
    with standing.shop.session(standing.task) as session:
        rows = session.execute_simple("SELECT id, email, full_name IS NULL, born::text FROM customers ORDER BY id").rows
    assert rows == [[1, "a***@e***.com", False, "1980-01-01"], [3, None, True, None]]


def shows_raw(outcome: object) -> bool:
    return any(raw in str(outcome) for raw in RAW)


def test_the_server_refuses(standing: Standing) -> None:
    found = standing.outcomes(
        {
            name: sql.split("; ") if sql.startswith(("BEGIN;", "PREPARE", "SET ")) else [sql]
            for name, sql in REFUSED.items()
        }
    )
    # insufficient_privilege, undefined_column or undefined_function; a view is not there where a table must be; no
    # rule, table or row type of that kind; the build knows no such access method.
    refusals = {"42501", "42703", "42883", "42809", "42846", "0A000"}
    assert {
        name: outcome
        for name, outcome in found.items()
        if not isinstance(outcome, dict) or outcome["C"] not in refusals or shows_raw(outcome)
    } == {}


def test_an_error_speaks_of_the_mask(standing: Standing) -> None:
    found = standing.outcomes({name: [sql] for name, sql in ERRORS.items()})
    assert {
        name: outcome
        for name, outcome in found.items()
        if not isinstance(outcome, dict) or outcome["C"] == "42501" or shows_raw(outcome)
    } == {}


def test_a_predicate_sees_the_mask_and_only_the_filters_rows(standing: Standing) -> None:
    found = standing.outcomes(_selections(PREDICATES))
    assert found == {name: [] for name in PREDICATES}


def test_a_predicate_that_would_fail_on_a_hidden_row_does_not_meet_it(standing: Standing) -> None:
    found = standing.outcomes(_selections(LEAKY))
    assert found == {name: [] for name in LEAKY}


def _selections(predicates: dict[str, str]) -> dict[str, list[str]]:
    return {name: [f"SELECT id FROM customers WHERE {predicate}"] for name, predicate in predicates.items()}


def test_statistics_show_nothing_of_the_tables(standing: Standing) -> None:
    assert standing.attack("SELECT * FROM pg_stats WHERE schemaname NOT IN ('pg_catalog', 'information_schema')") == []
    assert standing.attack("SELECT * FROM pg_stats_ext") == []
    assert standing.attack("SELECT * FROM pg_stats_ext_exprs") == []


def test_another_sessions_statement_is_not_shown(standing: Standing) -> None:
    admin = standing.shop.database.connect()
    admin.run("SELECT 'raw-secret-of-the-application'")
    try:
        shown = standing.attack("SELECT query FROM pg_stat_activity WHERE usename <> current_user")
        assert shown
        assert not any("raw-secret" in str(row) for row in shown)
    finally:
        admin.close()


def test_tokens_join_inside_a_task_and_differ_between_tasks(
    bare_tokens: tuple[PreparedDatabase, TaskId, TaskId],
) -> None:
    shop, one, other = bare_tokens
    tokens = []
    for task in (one, other):
        with shop.session(task) as session:
            assert session.run("SELECT c.id, o.id FROM customers c JOIN orders o ON o.email = c.email ORDER BY 2") == [
                [1, 10],
                [2, 11],
            ]
            tokens.append(session.run("SELECT email FROM customers WHERE id = 1"))
            assert tokens[-1] == session.run("SELECT email FROM orders WHERE id = 10")
            assert session.run("SELECT email FROM customers WHERE id = 3") == [[None]]
            for setting in ("DateStyle = 'German'", "bytea_output = 'escape'", "search_path = public"):
                session.run(f"SET {setting}")
                assert tokens[-1] == session.run(f"SELECT email FROM {role_name(task)}.customers WHERE id = 1")
    assert tokens[0] != tokens[1]


@pytest.fixture
def bare_tokens(shop: PreparedDatabase) -> tuple[PreparedDatabase, TaskId, TaskId]:
    """Two tasks with the same grant over columns of different text types."""
    tables = [granted(name, {"id": None, "email": masked(MaskKind.TOKEN)}) for name in ("customers", "orders")]
    return shop, shop.build(*tables)[0], shop.build(*tables)[0]


def test_only_the_guard_closes(standing: Standing) -> None:
    """Each in a session of its own: some of these change the role."""
    found = {name: standing.outcomes({name: [sql]})[name] for name, sql in ONLY_THE_GUARD.items()}
    assert {
        name: rows
        for name, rows in found.items()
        if (rows not in ([], [[""]], [[True]]) and "Rows Removed by Filter: 1" not in str(rows)) or shows_raw(rows)
    } == {}


def test_a_task_cannot_lift_the_bound_of_its_temporary_files(shop18: PreparedDatabase) -> None:
    task_id, _ = shop18.build(granted("customers", {"id": None}))
    with shop18.session(task_id) as session:
        assert session.run("SHOW temp_file_limit") == [["1GB"]]
        with pytest.raises(DatabaseError) as refused:
            session.run("SET temp_file_limit TO '-1'")
    assert refused.value.args[0]["C"] == "42501"
