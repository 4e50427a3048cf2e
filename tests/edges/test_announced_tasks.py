"""A task store that announces: every change of state once, after it is durable, and nothing else."""

from __future__ import annotations

import inspect

import pytest

from postern.edges.announced_tasks import AnnouncedTasks
from postern.errors import Conflict, StateUnavailable
from postern.ports import TaskStore
from postern.task_states import APPROVE, DENY, END, REVOKE, STAND, close_as
from postern.types import Budgets, CommandId, TaskState
from tests.support.approving import Announced
from tests.support.domain import AGENT, NOW_S, TASK_ID, WORLD, a_task
from tests.support.fake_task_store import FakeTaskStore


@pytest.fixture
def told() -> Announced:
    return Announced()


@pytest.fixture
def store(told: Announced) -> AnnouncedTasks:
    return AnnouncedTasks(FakeTaskStore(), told)


def test_tells_of_a_new_task_and_of_each_move(store, told):
    store.create(a_task(state=TaskState.PENDING_APPROVAL, approvals_needed=2))
    store.move(TASK_ID, APPROVE, expires_at_s=NOW_S + 9)
    store.move(TASK_ID, STAND, world=WORLD)
    store.move(TASK_ID, END)
    store.move(TASK_ID, close_as(TaskState.ENDED))
    pending, building = TaskState.PENDING_APPROVAL, TaskState.PROVISIONING
    assert [(one.task.state, one.before, one.approvals_given) for one in told.told] == [
        (pending, None, 0),
        (building, pending, 2),
        (TaskState.ACTIVE, building, 2),
        (TaskState.ENDING, None, None),
        (TaskState.ENDED, TaskState.ENDING, None),
    ]


def test_tells_nothing_of_a_move_that_was_not_made(store, told):
    store.create(a_task())
    told.told.clear()
    with pytest.raises(Conflict):
        store.move(TASK_ID, DENY)
    store.store.away = True
    for call in (lambda: store.move(TASK_ID, REVOKE), lambda: store.create(a_task(id=TASK_ID[:-1] + "b"))):
        with pytest.raises(StateUnavailable):
            call()
    assert told.told == []


def test_a_statement_tells_nobody(store, told):
    store.create(a_task())
    told.told.clear()
    held = store.reserve(
        TASK_ID, AGENT, now_s=NOW_S, wanted=Budgets(1, 1), command_id=CommandId("c1"), idempotency=None
    )
    store.settle(held, used=Budgets(1), command_id=CommandId("c1"), idempotency=None, answer=None)
    assert told.told == []


def test_hands_on_every_call_as_it_came():
    """A method or an argument that the port gains must reach the store behind."""
    for name, method in inspect.getmembers(TaskStore, inspect.isfunction):
        if not name.startswith("_"):
            assert inspect.signature(getattr(AnnouncedTasks, name)) == inspect.signature(method), name
