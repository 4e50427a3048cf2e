"""One teardown over one session, step by step; `world/teardown.py` says which, and why they come in this order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from postern.edges.postgres.own_sql import run_own
from postern.errors import DatabaseUnavailable
from postern.ports import TeardownProof, TeardownSteps
from postern.types import TaskId
from postern.world.names import OWNER_ROLE
from postern.world.teardown import TeardownPlan, await_end_sql, plan_teardown, proof_sql, terminate_sql

if TYPE_CHECKING:
    from pg8000.core import CoreConnection

_Backend = tuple[str, str]  # pid and when it began

_TERMINATE_ROUNDS = 10


def tear_down_world(
    connection: CoreConnection, task_id: TaskId, still_goes: Callable[[], None], monotonic_s: Callable[[], float]
) -> TeardownProof:
    """Ends the role's sessions, drops everything of the task, and proves it. See `WorldDatabase.tear_down`."""
    plan = plan_teardown(task_id)
    steps = _Steps(monotonic_s)
    ended: set[_Backend] = set()
    oid = _shut(connection, plan, ended, steps, still_goes)
    _drop(connection, plan, plan.drop_key if oid is None else plan.drop_role, oid, still_goes)
    steps.done("dropped_ms")
    return _prove(connection, task_id, oid, len(ended), steps)


def shut_world(
    connection: CoreConnection, task_id: TaskId, still_goes: Callable[[], None], monotonic_s: Callable[[], float]
) -> None:
    """Everything up to the drop of the role itself. See `WorldDatabase.shut`."""
    _shut(connection, plan_teardown(task_id), set(), _Steps(monotonic_s), still_goes)


def _shut(
    connection: CoreConnection, plan: TeardownPlan, ended: set[_Backend], steps: _Steps, still_goes: Callable[[], None]
) -> str | None:
    """Ends all access. Gives the role's oid, or None where there is none, and adds the sessions that it ended."""
    with _claimed(connection, plan, still_goes):
        oid = _find_role(connection, plan)
        if oid is not None:
            run_own(connection, plan.close_login)
    if oid is not None:
        steps.done("nologin_ms")
        _terminate_all(connection, oid, ended)
        steps.done("terminated_ms")
    _drop(connection, plan, plan.drop_schema, oid, still_goes)
    if oid is not None and _terminate_all(connection, oid, ended):
        steps.done("terminated_ms")
    return oid


@contextmanager
def _claimed(connection: CoreConnection, plan: TeardownPlan, still_goes: Callable[[], None]) -> Iterator[None]:
    """A transaction that no build of the task, and no other teardown, gets past; committed where nothing is raised.

    Nobody makes another world of the task meanwhile. So what `still_goes` finds here holds until the commit.
    """
    run_own(connection, "BEGIN")
    run_own(connection, f"SET LOCAL ROLE {OWNER_ROLE}")
    run_own(connection, plan.claim)
    if not run_own(connection, plan.hold_key):
        raise _overtaken()
    run_own(connection, "RESET ROLE")
    still_goes()
    yield
    run_own(connection, "COMMIT")


def _drop(
    connection: CoreConnection,
    plan: TeardownPlan,
    statements: Sequence[str],
    role_oid: str | None,
    still_goes: Callable[[], None],
) -> None:
    """Drops what is left of the world that the role is of; raises DatabaseUnavailable where another has its name."""
    with _claimed(connection, plan, still_goes):
        if _find_role(connection, plan) != role_oid:
            raise _overtaken()
        for statement in statements:
            run_own(connection, statement)


def _overtaken() -> DatabaseUnavailable:
    return DatabaseUnavailable("database.unavailable", "another teardown of the same task was faster; try again")


def _find_role(connection: CoreConnection, plan: TeardownPlan) -> str | None:
    rows = run_own(connection, plan.find_role)
    return rows[0][0] if rows else None


def _terminate_all(connection: CoreConnection, role_oid: str, ended: set[_Backend]) -> bool:
    """Ends the role's sessions until a look finds none, adding each; False where the first look finds none.

    Raises DatabaseUnavailable where some stay.
    """
    for attempt in range(_TERMINATE_ROUNDS):
        found = run_own(connection, terminate_sql(role_oid))
        ended.update((row[0], row[1]) for row in found)
        if not found:
            return attempt > 0
        run_own(connection, await_end_sql(role_oid))
    raise DatabaseUnavailable("database.unavailable", "sessions of the task's role do not end; try again")


class _Steps:
    """When each step of a teardown was done."""

    def __init__(self, monotonic_s: Callable[[], float]) -> None:
        self._monotonic_s = monotonic_s
        self._began_s = monotonic_s()
        self.done_ms: dict[str, int] = {}

    def done(self, step: str) -> None:
        self.done_ms[step] = round((self._monotonic_s() - self._began_s) * 1000)


def _prove(
    connection: CoreConnection, task_id: TaskId, role_oid: str | None, terminated: int, steps: _Steps
) -> TeardownProof:
    run_own(connection, f"SET ROLE {OWNER_ROLE}")
    (row,) = run_own(connection, proof_sql(task_id, role_oid))
    steps.done("verified_ms")
    sessions, schemas, roles, keys = (int(count) for count in row)
    return TeardownProof(sessions, schemas, roles, keys, terminated, TeardownSteps(**steps.done_ms))
