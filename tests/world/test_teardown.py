"""Ending a world on real servers: nothing is left, whatever was there and wherever an earlier attempt died."""

from __future__ import annotations

import os
import signal
from typing import Any

import pg8000.core
import pg8000.native
import pytest
from pg8000.exceptions import DatabaseError, InterfaceError

from postern.edges import world_teardown
from postern.edges.world_database import PostgresWorlds
from postern.errors import Conflict, DatabaseUnavailable
from postern.ports import TeardownProof, TeardownSteps
from postern.types import TaskId
from postern.world.names import role_name
from tests.support.connections import Tampered, TamperedBefore, at_once, end_session
from tests.support.world import DEPLOYMENT, KEY, PreparedDatabase, grant_of, granted, new_task_id

CUSTOMERS = granted("customers", {"id": None})
CLEAN = TeardownProof(sessions=0, schemas=0, roles=0, keys=0, terminated=0)


def _tear_down(shop: PreparedDatabase, task_id: TaskId) -> TeardownProof:
    return shop.worlds().tear_down(task_id, shop.address)


def test_nothing_is_left(shop: PreparedDatabase) -> None:
    task_id, _ = shop.build(CUSTOMERS)
    proof = _tear_down(shop, task_id)
    assert proof == CLEAN
    assert proof.is_clean
    assert shop.remains(task_id) == (0, 0, 0)


def test_other_worlds_stand(shop: PreparedDatabase) -> None:
    (ended, _), (standing, _) = shop.build(CUSTOMERS), shop.build(CUSTOMERS)
    with shop.session(standing) as session:
        _tear_down(shop, ended)
        assert session.run("SELECT count(*) FROM customers") == [[3]]
    assert shop.remains(standing) == (1, 1, 1)


def test_live_sessions_are_ended(shop: PreparedDatabase) -> None:
    task_id, _ = shop.build(CUSTOMERS)
    with shop.session(task_id) as idle, shop.session(task_id) as busy:
        busy.run("BEGIN")
        busy.run("SELECT * FROM customers")
        assert _tear_down(shop, task_id).terminated == 2
        for session in (idle, busy):
            with pytest.raises((DatabaseError, InterfaceError)):
                session.run("SELECT 1")


def test_a_session_in_the_middle_of_a_statement_is_ended(shop: PreparedDatabase) -> None:
    task_id, _ = shop.build(CUSTOMERS)

    def sleep() -> object:
        with shop.session(task_id) as session:
            return session.run("SELECT pg_sleep(60)")

    def end() -> object:
        _wait_until_asleep(shop, task_id)
        return _tear_down(shop, task_id)

    proof = next(result for result in at_once(sleep, end) if isinstance(result, TeardownProof))
    assert (proof.terminated, proof.is_clean) == (1, True)


def _wait_until_asleep(shop: PreparedDatabase, task_id: TaskId) -> None:
    admin = shop.database.connect()
    asleep = f"SELECT FROM pg_stat_activity WHERE usename = '{role_name(task_id)}' AND wait_event = 'PgSleep'"
    for _ in range(10_000):
        if admin.run(asleep):
            break
    else:
        pytest.fail("the session never slept")
    admin.close()


def test_what_the_role_came_to_own_or_hold_goes_with_it(shop: PreparedDatabase) -> None:
    task_id, _ = shop.build(CUSTOMERS)
    role = role_name(task_id)
    with shop.session(task_id) as session:
        session.run("SET default_transaction_read_only = off")
        session.run("SELECT lo_from_bytea(0, 'x')")
        session.run(f"ALTER ROLE {role} SET work_mem = '1GB'")
        session.run("ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC")
    shop.database.run(f"CREATE TABLE owned (i int); ALTER TABLE owned OWNER TO {role}")
    assert _tear_down(shop, task_id).is_clean
    assert shop.database.run("SELECT count(*) FROM pg_largeobject_metadata") == [[0]]


def test_a_task_that_never_had_a_world_is_torn_down(shop: PreparedDatabase) -> None:
    assert _tear_down(shop, new_task_id()) == CLEAN


def test_tearing_down_again_finds_nothing(shop: PreparedDatabase) -> None:
    task_id, _ = shop.build(CUSTOMERS)
    assert [_tear_down(shop, task_id), _tear_down(shop, task_id)] == [CLEAN, CLEAN]


@pytest.mark.parametrize(
    "half_done",
    [
        "ALTER ROLE {role} NOLOGIN",
        "DROP SCHEMA {role} CASCADE",
        "DROP SCHEMA {role} CASCADE; DELETE FROM postern.task_key",
        "DELETE FROM postern.task_key",
        "DROP OWNED BY {role}; DROP ROLE {role}",
        "DROP OWNED BY {role}; DROP ROLE {role}; DELETE FROM postern.task_key",
        "DROP OWNED BY {role}; DROP ROLE {role}; DROP SCHEMA {role} CASCADE",
        "DROP VIEW {role}.customers",
    ],
)
def test_a_half_done_teardown_is_finished(shop: PreparedDatabase, half_done: str) -> None:
    task_id, _ = shop.build(CUSTOMERS)
    shop.database.run(half_done.format(role=role_name(task_id)))
    assert _tear_down(shop, task_id).is_clean
    assert shop.remains(task_id) == (0, 0, 0)


def test_a_session_that_breaks_before_any_statement_is_made_up_for(shop18: PreparedDatabase) -> None:
    task_id, _ = shop18.build(CUSTOMERS)
    counted = Tampered(shop18.connect_core())
    shop18.worlds(lambda _connection: counted).tear_down(task_id, shop18.address)
    assert counted.count > 15
    admin = shop18.database.connect()
    for broken in range(1, counted.count + 1):
        task_id, _ = shop18.build(CUSTOMERS)

        def break_off(connection: pg8000.core.CoreConnection, at: int = broken) -> Any:
            return Tampered(connection, {at: lambda: end_session(admin, connection)})

        with pytest.raises(DatabaseUnavailable):
            shop18.worlds(break_off).tear_down(task_id, shop18.address)
        assert _tear_down(shop18, task_id).is_clean, broken
    admin.close()


def _expect_a_role_without_login(shop: PreparedDatabase, task_id: TaskId) -> None:
    with pytest.raises(DatabaseUnavailable, match="must run DROP OWNED BY it there"):
        _tear_down(shop, task_id)
    assert shop.database.run(f"SELECT rolcanlogin FROM pg_roles WHERE rolname = '{role_name(task_id)}'") == [[False]]
    assert shop.remains(task_id)[:2] == (1, 0)


def test_what_the_role_owns_in_another_database_keeps_it_but_not_its_access(shop18: PreparedDatabase) -> None:
    task_id, _ = shop18.build(CUSTOMERS)
    elsewhere = shop18.database.server.connect("postgres", user=role_name(task_id))
    elsewhere.run("SET default_transaction_read_only = off")
    elsewhere.run("SELECT lo_create(4711)")
    _expect_a_role_without_login(shop18, task_id)
    with pytest.raises((DatabaseError, InterfaceError)):
        elsewhere.run("SELECT 1")
    admin = shop18.database.server.connect()
    admin.run("SELECT lo_unlink(4711)")
    admin.close()
    assert _tear_down(shop18, task_id).is_clean


def test_what_an_administrator_granted_keeps_the_role_but_not_its_access(shop18: PreparedDatabase) -> None:
    task_id, _ = shop18.build(CUSTOMERS)
    shop18.database.run(f"GRANT SELECT ON salaries TO {role_name(task_id)}")
    _expect_a_role_without_login(shop18, task_id)
    shop18.database.run(f"DROP OWNED BY {role_name(task_id)}")
    assert _tear_down(shop18, task_id).is_clean


def test_a_build_under_way_is_waited_for(shop18: PreparedDatabase) -> None:
    """A teardown that looked past an uncommitted world would prove it gone, and then it would stand."""
    task_id = new_task_id()
    torn_down: list[object] = []

    def end_meanwhile() -> None:
        with pytest.raises(DatabaseUnavailable, match="SQLSTATE 55P03"):
            _tear_down(shop18, task_id)
        torn_down.append(task_id)

    # Half-way: the key is in its place, nothing is committed.
    halfway = Tampered(shop18.connect_core(), {15: end_meanwhile})
    shop18.worlds(lambda _connection: halfway).build(task_id, grant_of(CUSTOMERS), shop18.address, key=KEY)
    assert torn_down
    assert shop18.remains(task_id) == (1, 1, 1)
    assert _tear_down(shop18, task_id).is_clean


def test_a_build_that_begins_during_a_teardown_is_a_conflict(shop18: PreparedDatabase) -> None:
    refused: list[int] = []
    task_id, _ = shop18.build(CUSTOMERS)

    def build_meanwhile() -> None:
        with pytest.raises(Conflict):
            shop18.worlds().build(task_id, grant_of(CUSTOMERS), shop18.address, key=KEY)
        refused.append(1)

    counted = Tampered(shop18.connect_core())
    shop18.worlds(lambda _connection: counted).tear_down(task_id, shop18.address)
    for at in range(10, counted.count - 8):  # from the claim to the drop of the role
        shop18.build(CUSTOMERS, task_id=task_id)
        disturbed = Tampered(shop18.connect_core(), {at: build_meanwhile})
        assert shop18.worlds(lambda _connection, one=disturbed: one).tear_down(task_id, shop18.address).is_clean  # type: ignore[misc]
    assert len(refused) == counted.count - 18 > 3


def test_two_teardowns_at_once_leave_nothing(shop: PreparedDatabase) -> None:
    task_id, _ = shop.build(CUSTOMERS)
    results = at_once(*[lambda: _tear_down(shop, task_id)] * 2)
    # One may meet the other's locks or find its work half done; it says so and is asked again.
    assert any(isinstance(result, TeardownProof) and result.is_clean for result in results), results
    assert all(isinstance(result, TeardownProof | DatabaseUnavailable) for result in results), results
    assert shop.remains(task_id) == (0, 0, 0)


@pytest.mark.parametrize("step", [1, 2, 3], ids=["no-login", "schema", "role"])
@pytest.mark.parametrize("before", ["BEGIN", "INSERT INTO postern.task_key", "SELECT role::text FROM postern.task_key"])
def test_a_teardown_that_another_and_a_build_overtook_does_not_touch_the_new_world(
    shop18: PreparedDatabase, step: int, before: str
) -> None:
    task_id, _ = shop18.build(CUSTOMERS)
    goes = [True]

    def another_world_is_made() -> None:
        assert _tear_down(shop18, task_id).is_clean
        shop18.build(CUSTOMERS, task_id=task_id)
        goes[0] = False

    def still_goes() -> None:
        if not goes[0]:
            raise Conflict("task.state", "it has a world again")

    slow = TamperedBefore(shop18.connect_core(), before, step, another_world_is_made)
    with pytest.raises(Conflict):
        shop18.worlds(lambda _connection: slow).tear_down(task_id, shop18.address, still_goes)
    with shop18.session(task_id) as session:
        assert session.run("SELECT count(*) FROM customers") == [[3]]
    assert shop18.remains(task_id) == (1, 1, 1)


def test_a_teardown_does_not_take_the_role_of_a_later_world_for_that_which_it_shut(shop18: PreparedDatabase) -> None:
    """Held, released and held again while it stood still: it may drop that world, but has not ended its sessions."""
    task_id, _ = shop18.build(CUSTOMERS)

    def another_world_is_made() -> None:
        assert _tear_down(shop18, task_id).is_clean
        shop18.build(CUSTOMERS, task_id=task_id)

    slow = TamperedBefore(shop18.connect_core(), "BEGIN", 2, another_world_is_made)
    with pytest.raises(DatabaseUnavailable, match="another teardown"):
        shop18.worlds(lambda _connection: slow).tear_down(task_id, shop18.address)
    assert shop18.remains(task_id) == (1, 1, 1)
    assert _tear_down(shop18, task_id).is_clean


def test_an_agents_advisory_locks_do_not_hold_a_teardown_up(shop: PreparedDatabase) -> None:
    task_id, _ = shop.build(CUSTOMERS)
    other, _ = shop.build(CUSTOMERS)
    with shop.session(other) as session:
        session.run("BEGIN")
        session.run("SELECT count(*) FROM customers")
        session.run("LOCK TABLE pg_class, pg_namespace, pg_roles IN ACCESS SHARE MODE")
        session.run("SELECT pg_advisory_lock(n) FROM generate_series(1, 1000) n")
        assert _tear_down(shop, task_id).is_clean


def test_a_role_that_logs_in_again_and_again_is_shut_out(shop18: PreparedDatabase) -> None:
    task_id, _ = shop18.build(CUSTOMERS)
    logins: list[int] = []

    def log_in_until_refused() -> int:
        while True:
            try:
                with shop18.session(task_id) as session:
                    session.run("SELECT count(*) FROM customers")
                    logins.append(1)
            except (DatabaseError, InterfaceError) as refused:
                if "not permitted to log in" in str(refused) or "does not exist" in str(refused):
                    return len(logins)

    def end() -> object:
        while not logins:
            pass
        return _tear_down(shop18, task_id)

    *_, proof = at_once(log_in_until_refused, log_in_until_refused, end)
    assert isinstance(proof, TeardownProof), proof
    assert proof.is_clean


def test_a_backend_that_does_not_end_keeps_the_role_shut_until_it_does(
    shop18: PreparedDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one does in the midst of something that looks at no signal: here it is stopped."""
    monkeypatch.setattr(world_teardown, "_TERMINATE_ROUNDS", 2)
    task_id, _ = shop18.build(CUSTOMERS)
    with shop18.session(task_id) as session:
        ((pid,),) = session.run("SELECT pg_backend_pid()")
        os.kill(pid, signal.SIGSTOP)
        try:
            with pytest.raises(DatabaseUnavailable, match="do not end"):
                _tear_down(shop18, task_id)
            assert shop18.database.run("SELECT rolcanlogin FROM pg_roles WHERE rolname LIKE 'task\\_%'") == [[False]]
        finally:
            os.kill(pid, signal.SIGCONT)
    proof = _tear_down(shop18, task_id)
    assert proof.is_clean


def test_each_step_is_timed_from_the_first_request(shop18: PreparedDatabase) -> None:
    task_id, _ = shop18.build(CUSTOMERS)
    ticks = iter(range(100))
    with shop18.session(task_id):
        worlds = PostgresWorlds(lambda _address: shop18.connect_core(), DEPLOYMENT, lambda: next(ticks) / 1000)
        assert worlds.tear_down(task_id, shop18.address).steps == TeardownSteps(1, 2, 3, 4)


def test_nothing_is_touched_where_the_world_is_to_stay_after_all(shop18: PreparedDatabase) -> None:
    task_id, _ = shop18.build(CUSTOMERS)

    def stay() -> None:
        raise Conflict("task.state", "it has a world again")

    with shop18.session(task_id) as session:
        with pytest.raises(Conflict):
            shop18.worlds().tear_down(task_id, shop18.address, stay)
        assert session.run("SELECT count(*) FROM customers") == [[3]]
    assert shop18.remains(task_id) == (1, 1, 1)
