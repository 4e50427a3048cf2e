"""Opening a task: what is on record, what is stored and what the caller sees, whatever fails between."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace

import pytest

from postern.audit.bodies import scope_member
from postern.denials import DenialKey, DenialKind
from postern.errors import (
    Conflict,
    DatabaseHeld,
    DatabaseUnavailable,
    EvidenceUnavailable,
    RefusedByPolicy,
    StateUnavailable,
)
from postern.policy.bundle import PolicyBundle
from postern.policy.scope_digest import scope_digest
from postern.services.admit_task import AdmitTask
from postern.services.open_task import OpenTask
from postern.task_states import STAND
from postern.types import Task, TaskId, TaskState
from tests.support.audit import MemoryRecordStore, source
from tests.support.denials import FakeDenials
from tests.support.domain import GRANT, VIEWS, WORLD
from tests.support.fake_clock import FakeClock, FakeIdentifiers
from tests.support.fake_task_store import FakeTaskStore
from tests.support.policy import access, bundle, principal, request
from tests.support.rates import FakeRates


@dataclass
class Bench:
    """The service on fakes and a real policy; the provisioner makes the task active, or fails as told."""

    tasks: FakeTaskStore = field(default_factory=FakeTaskStore)
    records: MemoryRecordStore = field(default_factory=lambda: MemoryRecordStore(source("tasks")))
    policy: PolicyBundle = field(default_factory=bundle)
    rates: FakeRates = field(default_factory=FakeRates)
    identifiers: FakeIdentifiers = field(default_factory=FakeIdentifiers)
    failure: Exception | None = None
    asked: list[TaskId] = field(default_factory=list)

    def load(self) -> PolicyBundle:
        return self.policy

    def provision(self, task_id: TaskId) -> None:
        self.asked.append(task_id)
        if self.failure is not None:
            raise self.failure
        self.tasks.move(task_id, STAND, world=WORLD)

    def tear_down(self, task_id: TaskId) -> None:
        raise AssertionError("opening tears nothing down")

    def open(self, **changes: object) -> Task:
        service = OpenTask(
            self,
            self.tasks,
            AdmitTask(self.rates, FakeDenials(self.tasks)),
            self.records,
            self,
            self.identifiers,
            FakeClock(),
        )
        return service.run(principal(), replace(request(access("customers")), **changes))  # type: ignore[arg-type]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_records_the_grant_before_the_world_is_asked_for(bench):
    seen = []
    original = bench.provision
    bench.provision = lambda task_id: (seen.extend(one["kind"] for one in bench.records.bodies()), original(task_id))
    task = bench.open()
    assert seen == ["grant"]
    assert task.state is TaskState.ACTIVE
    assert task.views == VIEWS


def test_the_grants_record_holds_scope_masks_budgets_and_the_policies_that_permitted(bench):
    task = bench.open()
    [grant] = bench.records.bodies()
    assert grant["type"] == "event"
    assert grant["task"]["id"] == task.id
    assert grant["budgets"] == asdict(task.budgets)
    columns = {column["name"]: column["mask"] for table in grant["scope"] for column in table["columns"]}
    assert columns["email"] == "email"
    assert grant["decision"]["result"] == "allow"
    assert grant["decision"]["reasons"]


def test_records_a_refusal_with_every_part_and_opens_nothing(bench):
    with pytest.raises(RefusedByPolicy) as caught:
        bench.open(access=(access("customers"), access("nothing_here"), access("sales.leads", actions=("delete",))))
    [event] = bench.records.bodies()
    assert event["kind"] == "refusal"
    assert len(event["decision"]["refusals"]) == len(caught.value.refusals) >= 2
    assert caught.value.command_id == event["id"]
    assert bench.tasks.tasks == {}


def test_a_refusal_that_cannot_be_recorded_is_no_answer(bench):
    bench.records.fail_next("before")
    with pytest.raises(EvidenceUnavailable):
        bench.open(access=(access("nothing_here"),))


@pytest.mark.parametrize("when", ["before", "after"])
def test_opens_nothing_without_a_durable_grant(bench, when):
    bench.records.fail_next(when)
    with pytest.raises(EvidenceUnavailable):
        bench.open()
    assert (bench.tasks.tasks, bench.asked) == ({}, [])


def test_asks_for_no_world_when_the_task_cannot_be_stored(bench):
    bench.tasks.away = True
    with pytest.raises(StateUnavailable):
        bench.open()
    assert bench.asked == []


def test_tells_what_kept_the_world_from_standing(bench):
    bench.failure = DatabaseUnavailable("database.unavailable", "away")
    with pytest.raises(DatabaseUnavailable):
        bench.open()
    assert [task.state for task in bench.tasks.tasks.values()] == [TaskState.PROVISIONING]


def test_does_not_hand_out_a_task_whose_world_does_not_stand(bench):
    bench.provision = lambda task_id: None
    with pytest.raises(DatabaseUnavailable):
        bench.open()


def test_a_task_that_needs_a_person_waits_without_a_world(bench):
    task = bench.open(ttl_s=28_000)
    assert task.state is TaskState.PENDING_APPROVAL
    assert bench.asked == []
    assert bench.records.bodies()[0]["decision"]["needs_approval"] is True


def test_purpose_and_ticket_pass_the_detectors_before_they_are_recorded_or_stored(bench):
    task = bench.open(purpose="late parcel of ada@example.com", ticket="AKIAIOSFODNN7EXAMPLE")
    assert "ada@example.com" not in f"{bench.records.bodies()} {task}"
    assert "AKIAIOSFODNN7EXAMPLE" not in f"{bench.records.bodies()} {task}"
    assert "[detected:email]" in task.purpose


def test_the_grants_record_names_the_triggers_and_cascades_that_a_review_let_through():
    table = replace(GRANT.tables[0], triggers=("stamp",), cascades=("public.orders",))
    [plain], [reviewed] = (scope_member(replace(GRANT, tables=(one,))) for one in (GRANT.tables[0], table))
    assert (reviewed["triggers"], reviewed["cascades"]) == (["stamp"], ["public.orders"])
    assert not plain.keys() & {"triggers", "cascades"}


def test_what_was_decided_is_bound_by_a_digest_that_no_record_lets_anyone_guess(bench):
    task = bench.open(ttl_s=28_000)
    [grant] = bench.records.bodies()
    assert (grant["scope_digest"], grant["decision"]["approvals_needed"]) == (task.scope_digest, 1)
    assert (task.approvals_needed, len(task.scope_salt)) == (1, 64)
    assert task.scope_salt not in str(grant)
    assert scope_digest(replace(task, scope_salt="")) != scope_digest(task) == task.scope_digest


def test_a_task_that_policy_approves_needs_nobody(bench):
    assert bench.open().approvals_needed == 0


@pytest.mark.parametrize(
    ("kind", "name", "code"),
    [
        pytest.param(DenialKind.PRINCIPAL, "ci|repo:acme/shop", "task.revoked", id="principal"),
        pytest.param(DenialKind.ISSUER, "ci", "task.revoked", id="issuer"),
        pytest.param(DenialKind.DATABASE, "shop", "task.revoked", id="database"),
        pytest.param(DenialKind.HOLD, "shop", "database.held", id="hold"),
    ],
)
def test_nothing_opens_and_nothing_is_recorded_where_a_denial_stands(bench, kind, name, code):
    bench.tasks.denials.add(DenialKey(kind, name))
    with pytest.raises((Conflict, DatabaseHeld)) as caught:
        bench.open()
    assert caught.value.code == code
    assert (bench.tasks.tasks, bench.records.bodies(), bench.asked) == ({}, [], [])


def test_a_task_keeps_where_its_database_was_when_it_opened(bench):
    assert bench.open().address.host == "shop.example"
