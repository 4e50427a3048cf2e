"""One contract of claims, on the fake that service tests use and on DynamoDB."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import pytest

from postern.edges.run_store import DynamoRuns
from postern.edges.task_store import DynamoTaskStore
from postern.errors import Conflict, NotFound, StateUnavailable
from postern.run_ports import DRY_RUNS, DryRun, Lock, Run, Runs, RunState, StatementRun, Status, TaskRuns
from postern.task_states import APPROVE, END
from postern.types import CommandId, DatabaseName, TaskId, TaskState
from tests.support.domain import NOW_S, TASK_ID, a_task
from tests.support.fake_task_store import FakeTaskStore
from tests.support.places import Place, places
from tests.support.runs import FakeRuns

STATEMENTS = ("SELECT 1", "SELECT 2")
RUN = Run(
    CommandId("run-1"),
    NOW_S,
    RunState.RUNNING,
    (StatementRun(Status.OK, 3, None, None, 12, CommandId("c1"), (Lock("public.a", "ShareLock"),)), StatementRun()),
)


@dataclass
class Site:
    tasks: Any
    runs: Runs

    def opened(self, state: TaskState, **changes: object) -> None:
        self.tasks.create(a_task(state=state, **{"statements": STATEMENTS, **changes}))


@pytest.fixture(params=["fake", *places("dynamodb")])
def site(request: pytest.FixtureRequest) -> Site:
    if request.param == "fake":
        tasks = FakeTaskStore()
        return Site(tasks, FakeRuns(tasks))
    place: Place = request.getfixturevalue(request.param)
    where = (place.client("dynamodb"), place.state_table())
    return Site(DynamoTaskStore(*where), DynamoRuns(*where))


def dry(number: int, *, at_s: int = NOW_S) -> DryRun:
    return DryRun(
        TaskId(f"{number:032x}"), at_s, at_s + 300, "ci|ann", DatabaseName("shop"), RunState.RUNNING, (StatementRun(),)
    )


def claim(site: Site, run_id: str = "run-1", *, now_s: int = NOW_S) -> None:
    site.runs.claim(TASK_ID, CommandId(run_id), now_s=now_s)


def test_a_task_is_claimed_once_for_ever(site):
    site.opened(TaskState.ACTIVE)
    claim(site)
    claim(site)  # the same claim, whose answer was lost
    with pytest.raises(Conflict):
        claim(site, "run-2")
    site.tasks.move(TASK_ID, END)
    with pytest.raises(Conflict):
        claim(site, "run-2")


def test_of_many_claims_at_once_one_holds(site):
    site.opened(TaskState.ACTIVE)

    def held(number: int) -> bool:
        try:
            claim(site, f"run-{number}")
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(held, range(16))) == 1


@pytest.mark.parametrize(
    ("state", "changes", "now_s"),
    [
        pytest.param(TaskState.PENDING_APPROVAL, {}, NOW_S, id="before-approval"),
        pytest.param(TaskState.PROVISIONING, {}, NOW_S, id="before-its-role-stands"),
        pytest.param(TaskState.ENDING, {}, NOW_S, id="ending"),
        pytest.param(TaskState.ACTIVE, {"statements": ()}, NOW_S, id="with-tables"),
        pytest.param(TaskState.ACTIVE, {}, NOW_S + 3600, id="past-its-deadline"),
    ],
)
def test_no_other_task_is_claimed(site, state, changes, now_s):
    site.opened(state, **changes)
    with pytest.raises(Conflict):
        claim(site, now_s=now_s)


def test_a_task_that_is_not_there_is_not_claimed(site):
    with pytest.raises(NotFound):
        claim(site)
    with pytest.raises(NotFound):
        site.runs.claim_dry_run(TASK_ID, dry(1), now_s=NOW_S)
    assert (site.runs.of(TASK_ID), site.runs.standing_dry_runs(TASK_ID)) == (TaskRuns(), frozenset())


def test_what_is_kept_of_runs_is_shown_in_order(site):
    site.opened(TaskState.PENDING_APPROVAL)
    site.runs.claim_dry_run(TASK_ID, dry(2), now_s=NOW_S)
    site.runs.end_dry_run(TASK_ID, dry(2).id)
    site.runs.claim_dry_run(TASK_ID, dry(1, at_s=NOW_S + 1), now_s=NOW_S + 1)
    finished = replace(dry(2), state=RunState.DONE, finished_at_s=NOW_S + 1)
    site.runs.keep_dry_run(TASK_ID, finished)
    site.runs.keep(TASK_ID, RUN)
    assert site.runs.of(TASK_ID) == TaskRuns(RUN, (finished, dry(1, at_s=NOW_S + 1)))


def test_one_dry_run_at_a_time_until_it_ends_or_its_time_is_over(site):
    site.opened(TaskState.PENDING_APPROVAL)
    site.runs.claim_dry_run(TASK_ID, dry(1), now_s=NOW_S)
    with pytest.raises(Conflict) as running:
        site.runs.claim_dry_run(TASK_ID, dry(2), now_s=NOW_S)
    assert running.value.code == "run_once.dry_run"
    site.runs.claim_dry_run(TASK_ID, dry(3, at_s=NOW_S + 300), now_s=NOW_S + 300)
    assert site.runs.standing_dry_runs(TASK_ID) == {dry(1).id, dry(3).id}
    for number in (1, 3, 3):
        site.runs.end_dry_run(TASK_ID, dry(number).id)
    assert site.runs.standing_dry_runs(TASK_ID) == frozenset()


def test_the_end_of_one_whose_time_was_over_leaves_the_task_to_the_one_that_began_since(site):
    site.opened(TaskState.PENDING_APPROVAL)
    site.runs.claim_dry_run(TASK_ID, dry(1), now_s=NOW_S)
    site.runs.claim_dry_run(TASK_ID, dry(2, at_s=NOW_S + 300), now_s=NOW_S + 300)
    for _ in range(2):
        site.runs.end_dry_run(TASK_ID, dry(1).id)
        assert site.runs.standing_dry_runs(TASK_ID) == {dry(2).id}
        with pytest.raises(Conflict) as running:
            site.runs.claim_dry_run(TASK_ID, dry(3), now_s=NOW_S + 301)
        assert running.value.code == "run_once.dry_run"
    site.runs.end_dry_run(TASK_ID, dry(2).id)
    site.runs.claim_dry_run(TASK_ID, dry(3), now_s=NOW_S + 301)


def test_a_task_has_as_many_dry_runs_as_it_may(site):
    site.opened(TaskState.PENDING_APPROVAL)
    for number in range(DRY_RUNS):
        site.runs.claim_dry_run(TASK_ID, dry(number), now_s=NOW_S)
        site.runs.end_dry_run(TASK_ID, dry(number).id)
    with pytest.raises(Conflict) as over:
        site.runs.claim_dry_run(TASK_ID, dry(9), now_s=NOW_S)
    assert over.value.code == "run_once.dry_run"


def test_only_a_task_that_waits_is_tried(site):
    site.opened(TaskState.PENDING_APPROVAL)
    with pytest.raises(Conflict):
        site.runs.claim_dry_run(TASK_ID, dry(1), now_s=NOW_S + 3600)
    site.tasks.move(TASK_ID, APPROVE)
    with pytest.raises(Conflict) as moved:
        site.runs.claim_dry_run(TASK_ID, dry(1), now_s=NOW_S)
    assert moved.value.code == "task.state"


def test_says_so_when_there_is_no_table(local):
    runs = DynamoRuns(local.client("dynamodb"), "absent")
    calls = (
        lambda: runs.claim(TASK_ID, CommandId("r"), now_s=NOW_S),
        lambda: runs.keep(TASK_ID, RUN),
        lambda: runs.claim_dry_run(TASK_ID, dry(1), now_s=NOW_S),
        lambda: runs.end_dry_run(TASK_ID, dry(1).id),
        lambda: runs.standing_dry_runs(TASK_ID),
        lambda: runs.of(TASK_ID),
    )
    for call in calls:
        with pytest.raises(StateUnavailable):
            call()
