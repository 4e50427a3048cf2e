"""The sweep drops what no live task owns, and never what lives, what is another's, or what it cannot tell."""

from __future__ import annotations

from dataclasses import replace

import pytest

from postern.audit.findings import Bounds
from postern.audit.verify import verify
from postern.errors import Conflict
from postern.policy.decided import BUILDING_S, LONGEST_TTL_S, TIMER_S
from postern.ports import Maker
from postern.run_ports import DryRun, RunState
from postern.services.dry_run_start import DEAD_AFTER_S
from postern.services.sweep_roles import BUDGET_S, FORGOTTEN_AFTER_S
from postern.sweep_ports import Swept
from postern.types import DatabaseName, TaskId, TaskState
from tests.support.audit import copy_of
from tests.support.domain import NOW_S, TASK_ID
from tests.support.sweeping import AWAY, OLD_S, STRANGER, SweepSite

S = TaskState
WITH_ROLE = (S.PROVISIONING, S.ACTIVE, S.SUSPENDING, S.ENDING)
WITHOUT_ROLE = tuple(state for state in S if state not in WITH_ROLE)
DRY = TaskId("d" * 32)


@pytest.fixture
def site() -> SweepSite:
    return SweepSite()


def ids(state: TaskState) -> str:
    return state.value


@pytest.mark.parametrize("maker", [Maker.OURS, Maker.UNKNOWN], ids=lambda maker: maker.value)
@pytest.mark.parametrize("state", WITHOUT_ROLE, ids=ids)
def test_drops_the_role_of_a_task_that_has_none_in_its_state(site, state, maker):
    site.worlds.add(TASK_ID, maker)
    site.become(state)
    assert site.sweep() == Swept(looked=1, dropped=(TASK_ID,))
    assert (site.worlds.standing, site.task.state) == ({}, state)


@pytest.mark.parametrize("maker", [Maker.OURS, Maker.UNKNOWN], ids=lambda maker: maker.value)
@pytest.mark.parametrize("state", WITH_ROLE, ids=ids)
def test_leaves_the_role_of_a_task_that_is_built_lives_or_is_torn_down_by_another(site, state, maker):
    site.worlds.add(TASK_ID, maker, age_s=LONGEST_TTL_S)
    site.become(state)
    assert site.sweep() == Swept(looked=1)
    assert (list(site.worlds.standing), site.records.bodies()) == ([TASK_ID], [])


@pytest.mark.parametrize(
    ("maker", "age_s", "swept"),
    [
        pytest.param(Maker.OURS, FORGOTTEN_AFTER_S, Swept(looked=1, dropped=(STRANGER,)), id="ours-and-forgotten"),
        pytest.param(Maker.OURS, FORGOTTEN_AFTER_S - 1, Swept(looked=1, unknown=1), id="too-young-to-be-forgotten"),
        pytest.param(Maker.OURS, None, Swept(looked=1, unknown=1), id="ours-of-no-age"),
        pytest.param(Maker.UNKNOWN, OLD_S, Swept(looked=1, unknown=1), id="without-a-mark"),
        pytest.param(Maker.ANOTHER, OLD_S, Swept(looked=1, another=1), id="another-deployments"),
    ],
)
def test_of_a_task_that_it_does_not_know_it_drops_only_what_it_made_long_ago(site, maker, age_s, swept):
    site.worlds.add(STRANGER, maker, age_s=age_s)
    assert site.sweep() == swept
    assert set(site.worlds.standing) == set() if swept.dropped else {STRANGER}


def test_another_deployments_role_stays_whatever_an_item_of_ours_says_of_it(site):
    """Who writes tasks' items could put one there for any id."""
    site.become(S.ENDED)
    site.worlds.add(TASK_ID, Maker.ANOTHER)
    assert site.sweep() == Swept(looked=1, another=1)
    assert TASK_ID in site.worlds.standing


def test_a_drop_is_on_record_like_any_teardown(site):
    site.worlds.add(TASK_ID)
    site.become(S.ENDED)
    site.sweep()
    intent, outcome = site.teardowns()
    assert (intent["by"], intent["task"]["id"], intent["target"]["role"]) == ("sweep", TASK_ID, f"task_{TASK_ID}")
    assert intent["principal"]["issuer"] == "ci"
    assert (outcome["status"], outcome["terminated"]) == ("ok", 1)
    assert outcome["left"] == {"sessions": 0, "schemas": 0, "roles": 0, "keys": 0}


def test_the_record_of_a_forgotten_task_has_its_id_and_holds_in_the_log(site):
    site.worlds.add(STRANGER)
    site.sweep()
    intent, outcome = site.teardowns()
    assert (intent["task"], intent["decision"], outcome["status"]) == ({"id": STRANGER}, {"result": "allow"}, "ok")
    report = verify(copy_of(dict(site.records.objects)), Bounds(), now_us=site.clock.at_us)
    assert [str(finding) for finding in report.findings] == []


def test_without_evidence_access_ends_all_the_same_and_the_role_is_found_again(site):
    site.worlds.add(TASK_ID)
    site.become(S.ENDED)
    site.records.fail_next("before")
    assert site.sweep() == Swept(looked=1, left=((TASK_ID, "evidence.unavailable"),))
    assert (site.worlds.shut_down, list(site.worlds.standing)) == ([TASK_ID], [TASK_ID])
    assert site.sweep().dropped == (TASK_ID,)
    assert [body["type"] for body in site.teardowns()] == ["intent", "outcome"]


def test_what_cannot_be_dropped_is_left_on_record_and_the_others_go(site):
    first = site.worlds.add(TaskId("a" * 32), age_s=OLD_S + 99)
    site.worlds.add(STRANGER, age_s=OLD_S + 5)
    site.worlds.fails[first] = AWAY
    assert site.sweep() == Swept(looked=2, dropped=(STRANGER,), left=((first, "database.unavailable"),))
    failed = [body for body in site.teardowns() if body.get("status") == "failed"]
    assert [body["error"] for body in failed] == ["database.unavailable"]


def test_what_a_query_still_finds_after_a_drop_is_no_success(site):
    site.worlds.add(STRANGER)
    site.worlds.left = 1
    assert site.sweep().left == ((STRANGER, "database.unavailable"),)
    assert site.teardowns()[-1]["status"] == "failed"


def test_a_state_that_cannot_be_read_drops_nothing(site):
    site.worlds.add(STRANGER)
    site.worlds.on["roles"] = lambda: setattr(site.tasks, "away", True)
    assert site.sweep().left == ((STRANGER, "state.unavailable"),)
    assert (list(site.worlds.standing), site.worlds.shut_down) == ([STRANGER], [])


@pytest.mark.parametrize("recorded", [True, False], ids=["on-record", "without-evidence"])
def test_a_task_that_is_built_again_while_it_is_looked_at_keeps_its_role(site, recorded):
    site.worlds.add(TASK_ID)
    site.become(S.SUSPENDED)
    site.worlds.on["tear_down" if recorded else "shut"] = lambda: site.become(S.PROVISIONING)
    if not recorded:
        site.records.fail_next("before")
    assert site.sweep() == Swept(looked=1)
    assert (list(site.worlds.standing), site.worlds.shut_down) == ([TASK_ID], [])


def test_the_state_is_read_after_the_roles_were_listed(site):
    """A task that was ended, and one that came to life, between the two."""
    site.worlds.add(TASK_ID)
    site.become(S.SUSPENDED)
    site.worlds.on["roles"] = lambda: site.become(S.ACTIVE)
    assert site.sweep() == Swept(looked=1)


# ---- past all consent ---------------------------------------------------------------------------

OVER_S = BUILDING_S + 3600 + TIMER_S  # the task's own time to live is an hour


@pytest.mark.parametrize("state", WITH_ROLE, ids=ids)
@pytest.mark.parametrize(("after_s", "goes"), [(OVER_S - 1, False), (OVER_S, True)], ids=["before", "after"])
def test_a_world_past_all_that_was_consented_to_goes_whatever_its_items_say(site, state, after_s, goes):
    site.tasks.tasks[TASK_ID] = replace(site.task, state=state, expires_at_s=NOW_S + 10**9)
    site.worlds.add(TASK_ID)
    site.clock.at_us += after_s * 1_000_000
    assert site.sweep() == (Swept(looked=1, dropped=(TASK_ID,), overdue=1) if goes else Swept(looked=1))
    assert (TASK_ID in site.worlds.standing) is not goes
    assert (site.task.state is S.ENDING) is (goes or state is S.ENDING)


def test_no_time_to_live_of_its_items_is_longer_than_any_may_be(site):
    site.tasks.tasks[TASK_ID] = replace(site.task, state=S.ACTIVE, ttl_s=10**9, expires_at_s=NOW_S + 10**9)
    site.worlds.add(TASK_ID)
    site.clock.at_us += (BUILDING_S + LONGEST_TTL_S + TIMER_S) * 1_000_000
    assert site.sweep().overdue == 1


def test_a_task_of_which_nothing_was_decided_keeps_its_role(site):
    site.become(S.ACTIVE)
    del site.tasks.approvals[TASK_ID]
    site.worlds.add(TASK_ID)
    site.clock.at_us += 10**12
    assert site.sweep() == Swept(looked=1)


# ---- dry runs -----------------------------------------------------------------------------------


def asked(site: SweepSite, id_: TaskId = DRY) -> TaskId:
    now_s = site.clock.now_us() // 1_000_000
    dry_run = DryRun(id_, now_s, now_s + DEAD_AFTER_S, "ci|ann", DatabaseName("shop"), RunState.RUNNING, ())
    site.runs.claim_dry_run(TASK_ID, dry_run, now_s=now_s)
    return id_


@pytest.mark.parametrize("state", [S.PENDING_APPROVAL, S.PROVISIONING, S.ACTIVE, S.ENDING], ids=ids)
def test_a_dry_run_under_way_keeps_its_role(site, state):
    site.worlds.add(asked(site), dry_run_of=TASK_ID, age_s=DEAD_AFTER_S - 1)
    site.become(state)
    assert site.sweep() == Swept(looked=1)


def test_one_whose_function_died_is_dropped_once_its_time_is_over_and_forgotten(site):
    site.worlds.add(asked(site), dry_run_of=TASK_ID, age_s=DEAD_AFTER_S)
    assert site.sweep() == Swept(looked=1, dropped=(DRY,))
    assert site.runs.standing_dry_runs(TASK_ID) == frozenset()
    intent, outcome = site.teardowns()
    assert (intent["target"]["role"], intent["task"]["id"], outcome["task"]["id"]) == (f"task_{DRY}", TASK_ID, TASK_ID)


def test_dropping_a_dead_one_leaves_the_task_to_the_one_that_began_since(site):
    site.worlds.add(asked(site), dry_run_of=TASK_ID, age_s=DEAD_AFTER_S)
    site.clock.at_us += DEAD_AFTER_S * 1_000_000
    second = asked(site, TaskId("e" * 32))
    assert site.sweep().dropped == (DRY,)
    assert site.runs.standing_dry_runs(TASK_ID) == {second}
    with pytest.raises(Conflict, match="one runs"):
        asked(site, TaskId("c" * 32))


@pytest.mark.parametrize("why", ["ended", "task-final", "no-key"])
def test_the_role_of_a_dry_run_that_is_over_is_dropped_at_once(site, why):
    asked(site)
    site.worlds.add(DRY, dry_run_of=TASK_ID, age_s=None if why == "no-key" else 1)
    if why == "ended":
        site.runs.end_dry_run(TASK_ID, DRY)
    if why == "task-final":
        site.become(S.EXPIRED)
    assert site.sweep() == Swept(looked=1, dropped=(DRY,))


@pytest.mark.parametrize(
    ("age_s", "swept"),
    [
        pytest.param(DEAD_AFTER_S - 1, Swept(looked=1, unknown=1), id="young"),
        pytest.param(DEAD_AFTER_S, Swept(looked=1, dropped=(DRY,)), id="over"),
    ],
)
def test_that_of_a_task_which_is_not_known_is_dropped_once_no_dry_run_lasts_so_long(site, age_s, swept):
    site.worlds.add(DRY, dry_run_of=STRANGER, age_s=age_s)
    assert site.sweep() == swept


def test_a_role_that_comes_late_to_a_dry_run_that_was_swept_is_not_made(site):
    asked(site)
    site.worlds.on["build"] = lambda: site.runs.end_dry_run(TASK_ID, DRY)
    with pytest.raises(Conflict):
        site.dry_roles.build(TASK_ID, DRY)
    assert (site.worlds.standing, site.worlds.torn_down) == ({}, [])


# ---- time ---------------------------------------------------------------------------------------


def test_when_time_is_over_the_youngest_wait_for_the_next_look(site):
    first = site.worlds.add(TaskId("a" * 32), age_s=OLD_S + 99)
    site.worlds.add(STRANGER, age_s=OLD_S + 5)

    def slow() -> None:
        site.clock.at_s += BUDGET_S

    site.worlds.on["tear_down"] = slow
    assert site.sweep() == Swept(looked=1, dropped=(first,), unlooked=1)
    assert site.sweep().dropped == (STRANGER,)


def test_a_drop_whose_outcome_cannot_be_written_is_told_and_its_intent_stands(site):
    site.worlds.add(STRANGER)
    site.worlds.on["tear_down"] = lambda: site.records.fail_next("before")
    assert site.sweep().left == ((STRANGER, "evidence.unavailable"),)
    assert (site.worlds.standing, [body["type"] for body in site.teardowns()]) == ({}, ["intent"])
