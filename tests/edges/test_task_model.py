"""One task's whole life as Hypothesis imagines it: any service at any time, and any of its calls may fail or kill it.

The services and the reaper are the product's own. The store is once DynamoDB as moto answers for it and once the fake
that service tests use: what holds on one holds on the other. Database, bucket and clock are the test's.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from moto import mock_aws

from postern.audit.findings import Bounds
from postern.audit.ids import uuid7
from postern.audit.verify import verify
from postern.edges.approval_store import DynamoApprovalStore
from postern.errors import DatabaseUnavailable, EvidenceUnavailable, PosternError, StateUnavailable
from postern.services.approve_task import Word
from postern.task_states import MOVES
from postern.types import Task, TaskId, TaskState
from tests.support.approvals import FakeApprovalStore
from tests.support.audit import copy_of
from tests.support.domain import BUDGETS, NOW_S
from tests.support.race_site import Provisioning, RaceSite
from tests.support.race_tasks import TracedDynamo, TracedTasks
from tests.support.reap_site import Site
from tests.support.schedule import Died
from tests.support.tables import make_state_table

S = TaskState
LONGER = 20 if os.environ.get("POSTERN_SOAK") else 1
AWAY = {
    "tasks": StateUnavailable("state.unavailable", "away"),
    "approvals": StateUnavailable("state.unavailable", "away"),
    "records": EvidenceUnavailable("evidence.unavailable", "away"),
    "worlds": DatabaseUnavailable("database.unavailable", "away"),
    "denials": StateUnavailable("state.unavailable", "away"),
    "open_tasks": StateUnavailable("state.unavailable", "away"),
    "database": DatabaseUnavailable("database.unavailable", "away"),
}
LAST_CALL = 14  # beyond any service's calls
APPROVERS = ("ada@example.com", "bob@example.com")


@dataclass(frozen=True)
class Fault:
    """At which of a service's calls, counted from 0, something happens to it, and what."""

    call: int
    dies: bool  # else its part answers nothing
    after: bool  # the call had its effect all the same


FAULTS = st.one_of(st.none(), st.builds(Fault, st.integers(0, 9), st.booleans(), st.booleans()))


class Alone:
    """One service's run, in the test's own thread, with a fault at one of its calls."""

    def __init__(self, fault: Fault | None) -> None:
        self.fault = fault
        self.calls = 0
        self.is_dead = False

    def watch(self, port: Any, name: str) -> Any:
        return _Faulty(self, port, name)

    def call(self, port: str, effect: Any) -> Any:
        if self.is_dead:
            raise Died(port)
        self.calls += 1
        fault = self.fault
        if fault is None or self.calls - 1 != fault.call:
            return effect()
        self.is_dead = fault.dies
        if fault.after:
            with suppress(PosternError):
                effect()
        raise Died(port) if fault.dies else AWAY[port]


class _Faulty:
    def __init__(self, alone: Alone, port: Any, name: str) -> None:
        self._alone, self._port, self._name = alone, port, name

    def __getattr__(self, name: str) -> Any:
        known = getattr(self._port, name)
        if not callable(known):
            return known
        return lambda *arguments, **named: self._alone.call(self._name, lambda: known(*arguments, **named))


def reachable() -> set[tuple[TaskState, TaskState]]:
    """From which states which can come to be, in any number of moves."""
    pairs = {(source, move.to) for move in MOVES for source in move.sources} | {(state, state) for state in S}
    while more := {(a, d) for a, b in pairs for c, d in pairs if b == c} - pairs:
        pairs |= more
    return pairs


REACHABLE = reachable()


class TaskModel(RuleBasedStateMachine):
    """`make` is set by each test: it makes the stores of tasks and approvals of a fresh example."""

    make: Any = None
    number = 0

    def __init__(self) -> None:
        super().__init__()
        type(self).number += 1
        task_id = TaskId(uuid7(NOW_S * 1_000_000, type(self).number.to_bytes(10)).replace("-", ""))
        tasks, approvals = type(self).make()
        self.reaping = Site(tasks=tasks)
        self.site = RaceSite(
            tasks=tasks,
            approvals=approvals,
            clock=self.reaping.clock,
            objects=self.reaping.objects,
            watches_records=True,
            task_id=task_id,
        )
        self.reaping.provisioner = Provisioning(self.site, Alone(None), by="timer")  # type: ignore[arg-type]

    @initialize(waits=st.booleans(), needed=st.sampled_from([1, 2]))
    def opens(self, waits: bool, needed: int) -> None:
        if waits:
            self.site.begin(S.PENDING_APPROVAL, expires_at_s=NOW_S + 900, approvals_needed=needed)
        else:
            self.site.begin(S.PROVISIONING, expires_at_s=NOW_S + 120)
        self.needed = needed if waits else 0

    @rule(name=st.sampled_from(APPROVERS), word=st.sampled_from([Word.APPROVE, Word.APPROVE, Word.DENY]), fault=FAULTS)
    @precondition(lambda self: self.is_in(S.PENDING_APPROVAL))
    def is_decided(self, name: str, word: Word, fault: Fault | None) -> None:
        self.act(fault, lambda alone: self.site.approve(alone, name, word))

    @rule(fault=FAULTS)
    @precondition(lambda self: self.is_in(S.PROVISIONING, S.ACTIVE))
    def is_provisioned(self, fault: Fault | None) -> None:
        self.act(fault, self.site.provision)

    @rule(fault=FAULTS)
    def is_queried(self, fault: Fault | None) -> None:
        self.act(fault, self.site.query)

    @rule(fault=FAULTS)
    def is_ended(self, fault: Fault | None) -> None:
        self.act(fault, self.site.end)

    @rule(half_done=st.booleans(), fault=FAULTS)
    @precondition(lambda self: self.is_in(S.ENDING))
    def is_torn_down(self, half_done: bool, fault: Fault | None) -> None:
        self.site.worlds.half_done = int(half_done)
        self.act(fault, self.site.tear_down)
        self.site.worlds.half_done = 0

    @rule(fault=FAULTS)
    def is_expired(self, fault: Fault | None) -> None:
        self.act(fault, self.site.expire)

    @rule(seconds=st.sampled_from([10, 100, 1000]))
    def waits(self, seconds: int) -> None:
        self.reaping.wait(seconds)

    @rule()
    def is_reaped(self) -> None:
        self.check_step(lambda: self.reaping.minute())

    def act(self, fault: Fault | None, run: Any) -> None:
        def one() -> None:
            with suppress(PosternError, Died):
                run(Alone(fault))

        self.check_step(one)

    def check_step(self, step: Any) -> None:
        before = self.site.task
        step()
        self.check(before, self.site.task)

    def check(self, before: Task, after: Task) -> None:
        """What holds between any two steps."""
        assert (before.state, after.state) in REACHABLE
        stands = self.site.task_id in self.site.worlds.standing
        assert stands or after.state is not S.ACTIVE
        assert not stands or not after.state.is_final
        assert all(state is S.ACTIVE and left_s > 0 for state, left_s in self.site.tasks.let_in)
        if after.state is S.ACTIVE and self.needed:
            decided = self.site.approvals.get(self.site.task_id)
            assert len({one.approver for one in decided.given}) >= self.needed
            assert decided.digest == after.scope_digest
        held = self.site.tasks.held(self.site.task_id).values()
        taken = sum(hold.taken.statements for hold in held)
        assert 0 <= after.budgets.statements + taken <= BUDGETS.statements

    def is_in(self, *states: TaskState) -> bool:
        return self.site.task.state in states

    def teardown(self) -> None:
        """The reaper comes until nothing changes: every hold given back, every command closed, nothing left."""
        if not hasattr(self, "needed"):
            return
        self._check_budgets_once_given_back()
        self.reaping.wait(max(0, self.site.task.expires_at_s - self.site.clock.at_us // 1_000_000))
        for _ in range(16):
            self.check_step(lambda: self.reaping.minute())
            if self.site.task.state.is_final and not self.site.open_intents():
                break
            self.reaping.wait(600)
        assert self.site.task.state.is_final
        assert self.site.worlds.standing == set()
        assert self.site.open_intents() == []
        records = {key: data for key, data in self.site.objects.items() if key.startswith(("wal/", "blob/"))}
        report = verify(copy_of(records), Bounds(max_open_us=1), now_us=self.site.clock.at_us + 1)
        assert [str(finding) for finding in report.findings] == []

    def _check_budgets_once_given_back(self) -> None:
        if not self.is_in(S.ACTIVE):
            return
        for _ in range(3):
            self.reaping.wait(240)
            self.check_step(lambda: self.reaping.minute())
        if not self.is_in(S.ACTIVE):
            return
        assert not self.site.tasks.held(self.site.task_id)
        statements = [one for one in self.site.bodies() if one["kind"] == "statement"]
        asked = sum(one["type"] == "intent" for one in statements)
        rows = sum(one["rows"] for one in statements if one["type"] == "outcome" and one["status"] == "ok")
        left = self.site.task.budgets
        assert (left.statements, left.rows) == (BUDGETS.statements - asked, BUDGETS.rows - rows)


ALONE: dict[str, tuple[TaskState, Any]] = {
    "approve": (S.PENDING_APPROVAL, lambda site, alone: site.approve(alone, APPROVERS[0])),
    "deny": (S.PENDING_APPROVAL, lambda site, alone: site.approve(alone, APPROVERS[0], Word.DENY)),
    "provision": (S.PROVISIONING, RaceSite.provision),
    "query": (S.ACTIVE, RaceSite.query),
    "end": (S.ACTIVE, RaceSite.end),
    "revoke": (S.ACTIVE, RaceSite.revoke),
    "tear-down": (S.SUSPENDING, RaceSite.tear_down),
    "rebuild": (S.SUSPENDED, RaceSite.rebuild),
}


@pytest.mark.parametrize(("state", "run"), ALONE.values(), ids=ALONE)
@pytest.mark.parametrize("dies", [pytest.param(True, id="dies"), pytest.param(False, id="answers-nothing")])
@pytest.mark.parametrize("after", [pytest.param(True, id="after"), pytest.param(False, id="before")])
def test_whichever_call_of_a_service_fails_the_timer_leaves_nothing(
    state: TaskState, run: Any, dies: bool, after: bool
):
    for call in range(LAST_CALL):
        site = RaceSite(watches_records=True).begin(state, approvals_needed=1)
        alone = Alone(Fault(call, dies, after))
        with suppress(PosternError, Died):
            run(site, alone)
        stands = bool(site.worlds.standing)
        assert stands or site.task.state is not S.ACTIVE, call
        assert not stands or not site.task.state.is_final, call
        site.quiesce()
        assert site.worlds.standing == set(), call


def run_model(make: Any, *, examples: int, steps: int) -> None:
    model = type("Model", (TaskModel,), {"make": staticmethod(make)})
    run_state_machine_as_test(
        model,
        settings=settings(
            max_examples=examples * LONGER,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize=not os.environ.get("POSTERN_SOAK"),
        ),
    )


def test_no_life_of_a_task_in_memory_ends_otherwise_than_it_may():
    def make() -> tuple[Any, Any]:
        tasks = TracedTasks()
        return tasks, FakeApprovalStore(tasks)

    run_model(make, examples=15, steps=12)


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        yield boto3.client("dynamodb", region_name="us-east-1")


def test_no_life_of_a_task_in_the_table_ends_otherwise_than_it_may(client: Any):
    names = iter(range(1_000_000))

    def make() -> tuple[Any, Any]:
        table = f"state-{next(names)}"
        make_state_table(client, table)
        tasks = TracedDynamo(client, table)
        return tasks, DynamoApprovalStore(client, table, tasks)

    run_model(make, examples=2, steps=7)
