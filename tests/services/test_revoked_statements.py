"""Statements whose task is revoked, held, ended or out of time while they run: what they are told, what is kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from postern.errors import Conflict, DatabaseHeld, DatabaseLost, DatabaseUnavailable, PosternError
from postern.ports import IdempotencyKey
from postern.services.calls import StatementCall
from postern.task_states import END, EXPIRE, REVOKE, SUSPEND, Move
from postern.types import Sha256Hex, TaskState
from tests.services.test_run_statements import SQL, Bench
from tests.services.test_transact import READ, UPDATE, WRITABLE, WROTE
from tests.support.domain import BUDGETS, TASK_ID, a_task
from tests.support.fake_database import ONE_ROW

LOST = DatabaseLost("database.lost", "the session broke")
KEY = IdempotencyKey("k", Sha256Hex("a" * 64))


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    bench.tasks.create(a_task(grant=WRITABLE, server_major=18))
    yield bench
    bench.threads.shutdown()


def stopped(bench: Bench, *sql: str, key: IdempotencyKey | None = None) -> PosternError:
    with pytest.raises(PosternError) as caught:
        bench.call(*(StatementCall(one, (), 10) for one in sql or (SQL,)), key=key)
    return caught.value


def during(bench: Bench, move: Move, result: object = LOST) -> None:
    """The task is moved while the statement runs, which then comes to this."""
    bench.database.before_run = lambda: bench.tasks.move(TASK_ID, move)
    bench.database.result = result  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("move", "code", "kind"),
    [
        (REVOKE, "task.revoked", Conflict),
        (EXPIRE, "task.expired", Conflict),
        (END, "task.state", Conflict),
        (SUSPEND, "database.held", DatabaseHeld),
    ],
    ids=["revoked", "expired", "ended", "held"],
)
@pytest.mark.parametrize("sql", [(SQL,), (UPDATE,), (READ, READ)], ids=["read", "write", "transaction"])
def test_a_statement_whose_session_was_ended_is_told_why(bench, move, code, kind, sql):
    during(bench, move)
    error = stopped(bench, *sql)
    assert (type(error), error.code) == (kind, code)
    assert error.command_id is not None
    outcomes = [one for one in bench.written() if one["type"] == "outcome"]
    assert (outcomes[0]["status"], outcomes[0]["error"], outcomes[0]["rows"]) == ("stopped", code, 0)
    assert all(one["status"] == "not_run" for one in outcomes[1:])


def test_a_session_that_broke_by_itself_is_lost(bench):
    bench.database.result = LOST
    assert stopped(bench).code == "database.lost"
    assert bench.written()[-1]["status"] == "lost"


def test_a_role_that_may_not_log_in_any_more_is_told_why(bench):
    bench.database.reachable = False
    original = bench.database.session

    def session(task, address):
        bench.tasks.move(TASK_ID, REVOKE)
        return original(task, address)

    bench.database.session = session
    assert stopped(bench).code == "task.revoked"


def test_where_the_table_is_away_what_came_is_told(bench):
    def away() -> None:
        bench.tasks.away = True

    bench.database.before_run, bench.database.result = away, LOST
    assert stopped(bench).code == "database.lost"


def test_rows_of_a_statement_that_ended_just_before_are_withheld(bench):
    during(bench, REVOKE, ONE_ROW)
    error = stopped(bench, key=KEY)
    assert (error.code, "rows are withheld" in error.detail) == ("task.revoked", True)
    assert bench.written()[-1]["status"] == "ok"
    assert bench.budgets() == replace(
        BUDGETS, statements=4, rows=99, bytes=BUDGETS.bytes - ONE_ROW.received_bytes, values=BUDGETS.values
    )


@pytest.mark.parametrize("move", [END, SUSPEND], ids=["its own end", "a hold"])
def test_rows_are_delivered_where_nobody_took_access_away(bench, move):
    during(bench, move, ONE_ROW)
    [answered] = bench.call(StatementCall(SQL, (), 10)).statements
    assert answered.delivery.row_count == 1


@pytest.mark.parametrize("move", [REVOKE, SUSPEND, EXPIRE], ids=["revoked", "held", "expired"])
def test_what_a_task_wrote_that_is_not_active_any_more_is_not_committed(bench, move):
    during(bench, move, WROTE)
    assert stopped(bench, UPDATE).code in {"task.revoked", "database.held", "task.expired"}
    assert "commit" not in bench.database.events
    assert bench.tasks.tasks[TASK_ID].state is not TaskState.ACTIVE


def test_of_what_was_committed_the_rows_are_withheld_and_the_caller_is_told(bench):
    """Between the last look and COMMIT nothing but the end of the session can stop it."""
    bench.database.before_commit = lambda: bench.tasks.move(TASK_ID, REVOKE)
    bench.database.result = WROTE
    error = stopped(bench, UPDATE, key=KEY)
    assert (error.code, "is committed" in error.detail) == ("task.revoked", True)
    assert [one.get("status") for one in bench.written()] == [None, "pending", "committed"]
    assert bench.tasks.keys[TASK_ID, KEY.value]["answer"]["writes"] is True


def test_a_commit_that_was_cut_off_is_told_by_the_task(bench):
    """Where the server said for certain that nothing was written."""
    bench.database.before_commit = lambda: bench.tasks.move(TASK_ID, REVOKE)
    bench.database.result = WROTE
    bench.database.commit_fails = DatabaseUnavailable("database.unavailable", "gone")
    assert stopped(bench, UPDATE).code == "task.revoked"
    assert bench.written()[-1]["status"] == "rolled_back"
