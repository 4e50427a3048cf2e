"""The live tasks that operators and auditors see."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace

import pytest

from postern.denials import Denial, DenialKey, DenialKind
from postern.edges.live_contract import MAX_TABLES, live_answer
from postern.errors import StateUnavailable
from postern.services.live_tasks import LISTED, LiveTasks
from postern.types import Budgets, CommandId, Principal, Task, TaskId, TaskState
from tests.support.approvals import FakeApprovalStore
from tests.support.denials import FakeDenials, FakeOpenTasks
from tests.support.domain import AGENT, GRANT, NOW_S, a_task
from tests.support.fake_clock import FakeClock
from tests.support.fake_task_store import FakeTaskStore
from tests.support.records import ALMA, LAB_TASK, LARS, PEOPLE, RITA, SHOP_TASK, SVEN, Layer

LIVE = {
    TaskState.PROVISIONING,
    TaskState.ACTIVE,
    TaskState.SUSPENDING,
    TaskState.SUSPENDED,
    TaskState.ENDING,
}


@dataclass
class Bench:
    """The use case over stores in memory."""

    store: FakeTaskStore = field(default_factory=FakeTaskStore)
    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        self.denials = FakeDenials(self.store)
        self.open_tasks = FakeOpenTasks(self.store)
        self.approvals = FakeApprovalStore(self.store)
        self.live = LiveTasks(Layer(), self.denials, self.open_tasks, self.store, self.approvals, self.clock)

    def open(self, task: Task, number: int = 0, **changes: object) -> TaskId:
        id_ = TaskId(f"{number:012x}{task.id[12:]}") if number else task.id
        self.store.create(replace(task, id=id_, **changes))  # type: ignore[arg-type]
        return id_

    def seen(self, who: Principal) -> list[TaskId]:
        return [one.task.id for one in self.live.page(who, None).tasks]


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.open(SHOP_TASK)
    bench.open(LAB_TASK)
    return bench


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        pytest.param(PEOPLE, {SHOP_TASK.id: True, LAB_TASK.id: True}, id="who may revoke everywhere"),
        pytest.param(RITA, {LAB_TASK.id: True}, id="who may revoke in the lab"),
        pytest.param(ALMA, {SHOP_TASK.id: False, LAB_TASK.id: False}, id="who audits all"),
        pytest.param(SVEN, {SHOP_TASK.id: False}, id="who audits the shop"),
        pytest.param(LARS, {LAB_TASK.id: False}, id="who audits the lab"),
        pytest.param(AGENT, {}, id="the agent itself"),
        pytest.param(replace(PEOPLE, on_behalf_of="olga"), {}, id="what acts for an operator"),
        pytest.param(replace(PEOPLE, issuer="ci"), {}, id="an operator's name at another issuer"),
    ],
)
def test_the_tasks_of_a_database_are_shown_to_who_may_revoke_or_audit_there(
    bench: Bench, who: Principal, expected: dict[TaskId, bool]
):
    assert {one.task.id: one.may_revoke for one in bench.live.page(who, None).tasks} == expected


@pytest.mark.parametrize("state", list(TaskState))
def test_live_is_what_has_a_world_or_gets_one(bench: Bench, state: TaskState):
    bench.open(SHOP_TASK, 5, state=state)
    assert (len(bench.seen(SVEN)) == 2) is (state in LIVE)


def test_who_is_denied_sees_none(bench: Bench):
    key = DenialKey(DenialKind.PRINCIPAL, SVEN.id)
    bench.denials.put(Denial(key, CommandId("d"), NOW_S, PEOPLE.id, "stolen"))
    assert bench.seen(SVEN) == []
    assert bench.open_tasks.looks == 0


def test_tells_what_a_task_was_opened_with_and_what_is_left(bench: Bench):
    left = Budgets(statements=1, rows=2, bytes=3, affected=4, values=5, lookups=6)
    bench.store.tasks[SHOP_TASK.id] = replace(bench.store.tasks[SHOP_TASK.id], budgets=left, sequence=4)
    (one,) = bench.live.page(SVEN, None).tasks
    assert (one.granted, one.task.budgets, one.task.sequence) == (SHOP_TASK.budgets, left, 4)
    del bench.store.approvals[SHOP_TASK.id]
    assert bench.live.page(SVEN, None).tasks[0].granted is None


def test_lists_the_youngest_first_and_goes_on_after_the_last(bench: Bench):
    for number in range(1, 2 * LISTED + 20):
        bench.open(SHOP_TASK, number)
        bench.open(LAB_TASK, number)  # which sven does not see, and which take no place of those he does
    expected = sorted((id_ for id_, task in bench.store.tasks.items() if task.grant.database == "shop"), reverse=True)
    found, after, pages = [], None, 0
    while True:
        page = bench.live.page(SVEN, after)
        assert len(page.tasks) <= LISTED
        found += [one.task.id for one in page.tasks]
        pages += 1
        if page.next is None:
            break
        assert page.next == page.tasks[-1].task.id  # none that he may not see
        after = page.next
    assert (found, pages) == (expected, 3)


def test_exactly_as_many_as_a_page_has_are_one_page(bench: Bench):
    for number in range(1, LISTED):
        bench.open(SHOP_TASK, number)
    page = bench.live.page(SVEN, None)
    assert (len(page.tasks), page.next) == (LISTED, None)


def test_a_task_that_ended_meanwhile_is_left_out(bench: Bench):
    found = bench.open_tasks.all()
    bench.open_tasks.all = lambda: found  # type: ignore[method-assign]
    bench.store.tasks[SHOP_TASK.id] = replace(bench.store.tasks[SHOP_TASK.id], state=TaskState.ENDED)
    assert bench.seen(SVEN) == []
    del bench.store.tasks[SHOP_TASK.id]
    assert bench.seen(SVEN) == []


def test_a_task_whose_items_name_two_databases_is_shown_to_neither(bench: Bench):
    """The function that runs statements can write the small one."""
    listed = [replace(one, database=SHOP_TASK.grant.database) for one in bench.open_tasks.all()]
    bench.open_tasks.all = lambda: listed  # type: ignore[method-assign]
    assert bench.seen(SVEN) == [SHOP_TASK.id]
    assert bench.seen(LARS) == []


def test_shows_nothing_where_denials_cannot_be_looked_up(bench: Bench):
    bench.store.away = True
    bench.denials.away = True
    with pytest.raises(StateUnavailable):
        bench.live.page(SVEN, None)


def test_the_answer_has_what_an_operator_needs(bench: Bench):
    (body,) = live_answer(bench.live.page(RITA, None)).tasks
    task = bench.store.tasks[LAB_TASK.id]
    assert (body.task_id, body.state, body.database, body.principal) == (
        *(task.id, "active", "lab"),
        "ci|repo:acme/lab:main",
    )
    assert (body.purpose, body.on_behalf_of, body.may_revoke) == ("count the samples", None, True)
    assert (body.created_at, body.expires_at) == ("2026-09-21T14:13:20Z", "2026-09-21T15:13:20Z")
    assert body.budgets.granted is not None
    assert body.budgets.left.rows == asdict(task.budgets)["rows"]
    (table,) = body.scope
    assert (table.table, table.actions, table.columns, table.raw) == ("public.customers", ["select"], 2, 0)


def test_a_wide_task_is_shown_by_its_first_tables():
    table = GRANT.tables[0]
    tables = tuple(replace(table, name=f"t{number}") for number in range(MAX_TABLES + 3))
    bench = Bench()
    bench.open(a_task(grant=replace(GRANT, tables=tables)))
    (body,) = live_answer(bench.live.page(SVEN, None)).tasks
    assert (body.tables, len(body.scope)) == (MAX_TABLES + 3, MAX_TABLES)
