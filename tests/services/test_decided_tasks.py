"""What provisioning believes of a task: nothing that the function which runs statements could have written."""

from __future__ import annotations

from dataclasses import replace

import pytest

from postern.approvals import Approval
from postern.errors import IntegrityError
from postern.policy.decided import BUILDING_S
from postern.policy.persons import names_of
from postern.policy.scope_digest import scope_digest
from postern.services.build_world import BuildWorld
from postern.types import CommandId, GrantedColumn, Principal, TaskState
from tests.support.approvals import FakeApprovalStore
from tests.support.approving import ANN, BEN, redigested
from tests.support.audit import MemoryRecordStore, source
from tests.support.domain import AGENT, BUDGETS, GRANT, NOW_S, TASK_ID, VIEWS, a_task
from tests.support.fake_clock import FakeClock, FakeIdentifiers
from tests.support.fake_policy import FakePolicy
from tests.support.fake_task_store import FakeTaskStore
from tests.support.fake_worlds import FakeWorlds

RAW = replace(GRANT, tables=(replace(GRANT.tables[0], columns=(GrantedColumn("email", "pii.email", None),)),))


def approval(who: Principal, number: int = 1) -> Approval:
    return Approval(who.id, names_of(who), who.token_sha256, NOW_S, "fine", CommandId(f"e{number}"))


class Site:
    """A task that is provisioning, and what was decided about it."""

    def __init__(self, *, needed: int = 0, given: tuple[Approval, ...] = (), **changes: object) -> None:
        self.tasks, self.worlds, self.now_s = FakeTaskStore(), FakeWorlds(), NOW_S
        self.records = MemoryRecordStore(source("provision"))
        self.tasks.create(
            a_task(
                **{"state": TaskState.PROVISIONING, "views": (), "approvals_needed": needed, "ttl_s": 3600, **changes}
            )
        )
        self.decide(given=given)

    def decide(self, **changes: object) -> None:
        self.tasks.approvals[TASK_ID] = replace(self.tasks.approvals[TASK_ID], **changes)  # type: ignore[arg-type]

    def rewrite(self, *, redigest: bool = True, **changes: object) -> None:
        changed = replace(self.tasks.tasks[TASK_ID], **changes)  # type: ignore[arg-type]
        self.tasks.tasks[TASK_ID] = redigested(changed) if redigest else changed

    def build(self) -> TaskState:
        approvals = FakeApprovalStore(self.tasks)
        service = BuildWorld(
            FakePolicy(),  # type: ignore[arg-type]
            self.tasks,
            self.records,
            self.worlds,
            FakeIdentifiers(),
            FakeClock(self.now_s * 1_000_000),
            approvals,
        )
        return service.run(TASK_ID).state

    def refused(self) -> None:
        with pytest.raises(IntegrityError) as caught:
            self.build()
        assert caught.value.code == "approval.mismatch"
        assert self.worlds.standing == set()
        assert (self.tasks.tasks[TASK_ID].state, self.tasks.tasks[TASK_ID].ends_as) == (
            TaskState.ENDING,
            TaskState.FAILED,
        )
        outcome = self.records.bodies()[-1]
        assert (outcome["status"], outcome["error"]) == ("failed", "approval.mismatch")


@pytest.mark.parametrize("needed", [0, 2], ids=["approved by policy", "approved by people"])
@pytest.mark.parametrize("redigest", [False, True], ids=["scope rewritten", "and its digest with it"])
@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"grant": RAW}, id="raw-values"),
        pytest.param({"approvals_needed": 1}, id="fewer-needed"),
        pytest.param({"statements": ("DROP TABLE customers",)}, id="statements"),
        pytest.param({"ttl_s": 28_800}, id="longer"),
        pytest.param({"principal": replace(AGENT, subject="repo:acme/eve:main")}, id="somebody-elses"),
    ],
)
def test_builds_nothing_but_what_was_decided(needed, redigest, changes):
    site = Site(needed=needed, given=(approval(ANN, 1), approval(BEN, 2))[:needed])
    site.rewrite(redigest=redigest, **changes)
    site.refused()


@pytest.mark.parametrize(
    "given",
    [
        pytest.param((), id="none"),
        pytest.param((approval(ANN),), id="one of two"),
        pytest.param((approval(ANN), approval(ANN, 2)), id="the same twice"),
        pytest.param((approval(ANN), approval(replace(ANN, issuer="okta", subject="00u1"), 2)), id="one person twice"),
    ],
)
def test_builds_nothing_that_too_few_people_approved(given):
    Site(needed=2, given=given).refused()


def test_builds_nothing_that_somebody_denied():
    site = Site(needed=1, given=(approval(ANN),))
    site.decide(denied=approval(BEN, 2))
    site.refused()


def test_builds_nothing_that_was_never_decided_about():
    site = Site()
    del site.tasks.approvals[TASK_ID]
    site.refused()


def test_builds_nothing_with_more_budget_than_was_asked_for():
    site = Site()
    site.rewrite(redigest=False, budgets=replace(BUDGETS, rows=BUDGETS.rows + 1))
    site.refused()


@pytest.mark.parametrize("needed", [0, 1], ids=["approved by policy", "approved by people"])
def test_a_task_whose_time_is_over_gets_no_world_whatever_its_own_items_say(needed):
    late = Site(needed=needed, given=(approval(ANN),)[:needed])
    late.rewrite(redigest=False, expires_at_s=NOW_S + 10**6, worlds=0)
    late.now_s += BUILDING_S + 3600
    late.refused()


@pytest.mark.parametrize("worlds", [0, 1])
def test_a_task_ends_when_it_was_decided_that_it_does_whatever_its_own_items_say(worlds):
    site = Site(needed=1, given=(approval(ANN),))
    site.rewrite(redigest=False, expires_at_s=NOW_S + 10**6, worlds=worlds)
    site.now_s += 3000
    assert site.build() is TaskState.ACTIVE
    assert site.tasks.tasks[TASK_ID].expires_at_s == NOW_S + BUILDING_S + 3600


def test_the_approvals_of_one_task_build_no_other():
    other = Site(needed=1, given=(approval(ANN),), grant=RAW)
    site = Site(needed=1)
    site.tasks.approvals[TASK_ID] = replace(
        other.tasks.approvals[TASK_ID], digest=scope_digest(a_task(id=TASK_ID[:-1] + "b", grant=RAW))
    )
    site.rewrite(redigest=True, grant=RAW)
    site.refused()


def test_builds_what_was_approved_and_names_the_approvals_in_the_record():
    site = Site(needed=2, given=(approval(ANN, 1), approval(BEN, 2)))
    assert site.build() is TaskState.ACTIVE
    assert site.tasks.tasks[TASK_ID].expires_at_s == NOW_S + 3600
    decided = site.records.bodies()[0]["approval"]
    assert decided == {"scope_digest": site.tasks.tasks[TASK_ID].scope_digest, "needed": 2, "given": ["e1", "e2"]}


def test_a_world_is_built_again_with_what_is_left_and_for_no_longer():
    site = Site(views=VIEWS)
    site.rewrite(redigest=False, budgets=replace(BUDGETS, rows=1), sequence=4)
    assert site.build() is TaskState.ACTIVE
