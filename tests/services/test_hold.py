"""Holding a database: whose worlds go, what may open meanwhile, and how the tasks get theirs back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from postern.denials import keys_against
from postern.errors import DatabaseHeld, DatabaseUnavailable, RefusedByPolicy
from postern.ports import Clock
from postern.services.expire_tasks import ExpireTasks
from postern.services.rebuild_tasks import BUILDING_S
from postern.services.stopwatch import Stopwatch
from postern.task_states import END, REVOKE
from postern.types import TaskState
from tests.support.domain import ADDRESS, AGENT, GRANT, NOW_S, TASK_ID
from tests.support.reap_site import Inline
from tests.support.revoking import HOLD, Bench, ids

AWAY = DatabaseUnavailable("database.unavailable", "away")


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def held(bench: Bench) -> Bench:
    bench.task()
    bench.hold = bench.revoke(HOLD)  # type: ignore[attr-defined]
    return bench


def expire(bench: Bench, clock: Clock | None = None) -> None:
    timer = ExpireTasks(bench.tasks, bench.provisioner("timer"), clock or bench.clock, Inline)
    timer.run(Stopwatch(bench.clock, budget_s=58))


def test_worlds_go_with_proof_and_the_tasks_stay(held):
    assert (held.state(TASK_ID), held.worlds.standing) == (TaskState.SUSPENDED, set())
    [(_, torn)] = held.hold.ended.done
    assert (torn.state, torn.proof.is_clean) == (TaskState.SUSPENDED, True)
    event, intent, outcome = held.records.bodies()
    assert (event["kind"], intent["by"], outcome["status"]) == ("hold", "hold", "ok")


def test_a_suspended_task_runs_nothing_and_says_when_to_come_again(held):
    with pytest.raises(DatabaseHeld) as caught:
        held.tasks.reserve(
            TASK_ID,
            AGENT,
            now_s=NOW_S,
            wanted=replace(held.tasks.tasks[TASK_ID].budgets, rows=1, bytes=1),
            command_id="c",
            idempotency=None,
        )
    assert (caught.value.code, caught.value.retry_after_s) == ("database.held", 30)


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        pytest.param({"statements": ("VACUUM",)}, TaskState.ACTIVE, id="runs once: that is the migration"),
        pytest.param({"grant": replace(GRANT, database="stock")}, TaskState.ACTIVE, id="another database's"),
        pytest.param({"state": TaskState.PENDING_APPROVAL}, TaskState.PENDING_APPROVAL, id="waits for approval"),
        pytest.param({"state": TaskState.PROVISIONING, "worlds": 0}, TaskState.FAILED, id="being built"),
        pytest.param({"state": TaskState.PROVISIONING, "worlds": 1}, TaskState.SUSPENDED, id="being built again"),
        pytest.param({"state": TaskState.ENDING, "ends_as": TaskState.ENDED}, TaskState.ENDED, id="ending"),
    ],
)
def test_other_tasks_are_left_or_cannot_stay(bench, changes, state):
    bench.task(**changes)
    bench.revoke(HOLD)
    assert bench.state(TASK_ID) is state


def test_nothing_is_activated_while_it_is_held_but_what_runs_once(held):
    assert HOLD in keys_against(AGENT, "shop", runs_once=False)
    assert HOLD not in keys_against(AGENT, "shop", runs_once=True)


def test_released_tasks_have_a_world_again_and_their_old_deadline(held):
    deadline_s = held.tasks.tasks[TASK_ID].expires_at_s
    held.wait(100)
    released = held.release(held.hold.id)
    assert released.rebuilt.done == (TASK_ID,)
    task = held.tasks.tasks[TASK_ID]
    assert (task.state, task.worlds, task.expires_at_s) == (TaskState.ACTIVE, 2, deadline_s)
    assert held.worlds.standing == {TASK_ID}


def test_what_the_rate_does_not_allow_is_built_by_the_reaper(bench):
    for task_id in ids(3):
        bench.task(task_id)
    hold = bench.revoke(HOLD)
    bench.rates.provisions = 2
    released = bench.release(hold.id)
    assert (len(released.rebuilt.done), released.rebuilt.waiting) == (2, 1)
    bench.rates.provisions = 5
    assert bench.reap().rebuilt == 1
    assert {bench.state(task_id) for task_id in ids(3)} == {TaskState.ACTIVE}


def test_a_rebuild_that_fails_for_now_leaves_the_task_suspended_and_is_tried_again(held):
    held.worlds.build_fails = AWAY
    assert held.release(held.hold.id).rebuilt.waiting == 1
    assert held.state(TASK_ID) is TaskState.SUSPENDING
    held.worlds.build_fails = None
    expire(held)
    assert held.state(TASK_ID) is TaskState.SUSPENDED
    assert held.reap().rebuilt == 1
    assert held.state(TASK_ID) is TaskState.ACTIVE


def test_a_rebuild_that_a_migration_made_impossible_fails_the_task(held):
    held.worlds.build_fails = RefusedByPolicy("policy.refused", "public.customers: expected column email, got none")
    held.release(held.hold.id)
    expire(held)
    assert held.state(TASK_ID) is TaskState.FAILED


def test_a_database_that_is_held_again_has_no_rebuild_begun(held):
    original = held.rates.take

    def held_meanwhile(*arguments, **named):
        held.denials.put(replace(held.denials.kept[HOLD], lifted_at_s=None))
        original(*arguments, **named)

    held.rates.take = held_meanwhile
    assert held.release(held.hold.id).rebuilt.waiting == 1
    assert held.state(TASK_ID) is TaskState.SUSPENDED


def test_a_rebuild_that_died_is_sent_back_by_the_timer(held):
    original = held.worlds.build

    def die(*_, **__):
        raise RuntimeError("the process died")

    held.worlds.build = die
    with pytest.raises(RuntimeError):
        held.release(held.hold.id)
    held.worlds.build = original
    held.wait(BUILDING_S - 1)
    expire(held)
    assert held.state(TASK_ID) is TaskState.PROVISIONING
    held.wait(1)
    expire(held)
    assert held.state(TASK_ID) is TaskState.SUSPENDED
    assert held.reap().rebuilt == 1


def test_a_database_held_again_while_a_task_is_built_again_keeps_it_suspended(held):
    original = held.worlds.build

    def build(*arguments, **named):
        held.denials.put(replace(held.denials.kept[HOLD], lifted_at_s=None))
        return original(*arguments, **named)

    held.worlds.build = build
    held.release(held.hold.id)
    assert held.worlds.standing == set()
    assert held.state(TASK_ID) is TaskState.SUSPENDING
    expire(held)
    assert held.state(TASK_ID) is TaskState.SUSPENDED


@pytest.mark.parametrize(
    ("move", "state"), [(END, TaskState.ENDED), (REVOKE, TaskState.REVOKED)], ids=["end", "revoke"]
)
def test_a_suspended_task_can_end(held, move, state):
    held.tasks.move(TASK_ID, move)
    expire(held)
    assert held.state(TASK_ID) is state


def test_a_suspended_task_expires_at_its_deadline(held):
    held.wait(3600)
    expire(held)
    assert held.state(TASK_ID) is TaskState.EXPIRED


def test_a_task_whose_world_goes_for_maintenance_is_not_taken_for_expired(bench):
    bench.task(state=TaskState.SUSPENDING)
    expire(bench)
    assert bench.state(TASK_ID) is TaskState.SUSPENDED


def test_a_second_teardown_that_comes_late_does_not_touch_the_next_world(held):
    slow = held.provisioner("timer")
    held.tasks.tasks[TASK_ID] = replace(held.tasks.tasks[TASK_ID], state=TaskState.SUSPENDING)
    original = held.worlds.tear_down

    def late(task_id, address, still_goes):
        held.tasks.tasks[TASK_ID] = replace(held.tasks.tasks[TASK_ID], state=TaskState.ACTIVE)
        held.worlds.standing.add(TASK_ID)
        return original(task_id, address, still_goes)

    held.worlds.tear_down = late
    with pytest.raises(Exception, match="expected its world to go, got active"):
        slow.tear_down(TASK_ID)
    assert held.worlds.standing == {TASK_ID}


def test_the_reaper_looks_after_a_release_until_no_task_waits(held):
    held.rates.provisions = 0
    held.release(held.hold.id)
    held.wait(1_000)
    assert held.reap().suspended == 1
    held.rates.provisions = 1
    assert held.reap().rebuilt == 1
    held.reap()
    looks = held.open.looks
    held.reap()
    assert held.open.looks == looks


def test_a_world_of_a_database_that_the_policy_lost_is_dropped_where_it_stood(bench):
    elsewhere = replace(ADDRESS, name="gone", host="old.example")
    bench.task(grant=replace(GRANT, database="gone"), address=elsewhere)
    bench.revoke(TASK_ID)
    assert bench.state(TASK_ID) is TaskState.REVOKED
    assert bench.worlds.torn_down_at == [elsewhere]


def test_the_policys_address_counts_before_what_the_task_keeps(bench):
    """The function that runs statements can write the task's items: it must not choose where a proof is sought."""
    bench.task(address=replace(ADDRESS, host="attacker.example"))
    bench.revoke(TASK_ID)
    assert bench.worlds.torn_down_at == [ADDRESS]
