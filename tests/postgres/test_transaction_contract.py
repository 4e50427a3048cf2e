"""What `ports.Transaction` promises, on the real edge and on the fake that services are tested with."""

from __future__ import annotations

import pytest

from postern.errors import PosternError, StatementFailed
from postern.ports import Session
from postern.types import CommandId
from tests.support.fake_database import FakeDatabase
from tests.support.session import LIMITS, NAME, TaskSession, open_plain

FAILED = StatementFailed("sql.failed", "unique violation", sqlstate="23505")
WRITE = "insert into target values (1) on conflict do nothing returning a"


@pytest.fixture(params=["postgres", "fake"])
def made(request):
    """A session, and what makes its next statement fail."""
    if request.param == "fake":
        fake = FakeDatabase()
        yield fake, lambda: fake.results.append(FAILED)
    else:
        connection = open_plain(request.getfixturevalue("shop"))
        yield TaskSession(connection), lambda: None
        connection.close()


def begun(session: Session):
    return session.begin(LIMITS, command_id=CommandId(NAME), read_only=False)


def run(transaction, sql: str = WRITE):
    return transaction.run(sql, [], LIMITS, read_only=False, command_id=CommandId(NAME))


def test_the_way_of_a_write(made):
    transaction = begun(made[0])
    assert run(transaction).row_count >= 0
    mark = transaction.mark()
    assert mark.xid.isdigit()
    assert mark.backend_pid > 0
    assert mark.backend_start.endswith("Z")
    assert mark.rows_written >= 0
    transaction.rollback()


@pytest.mark.parametrize("call", ["run", "mark", "commit"])
@pytest.mark.parametrize("end", ["failure", "rollback", "commit"])
def test_after_its_end_a_transaction_can_only_be_rolled_back(made, end, call):
    session, fail_next = made
    transaction = begun(session)
    if end == "failure":
        fail_next()
        with pytest.raises(StatementFailed):
            run(transaction, "select 1 / 0")
    else:
        getattr(transaction, end)()
    with pytest.raises((PosternError, AssertionError)):
        run(transaction) if call == "run" else getattr(transaction, call)()
    transaction.rollback()
    transaction.rollback()


def test_a_session_goes_on_after_a_clean_error(made):
    session, fail_next = made
    transaction = begun(session)
    fail_next()
    with pytest.raises(StatementFailed):
        run(transaction, "select 1 / 0")
    assert session.run("select 1", [], LIMITS, command_id=CommandId(NAME)).row_count == 1
