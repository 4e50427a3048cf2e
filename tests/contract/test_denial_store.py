"""One contract of denials and of open tasks, run on the fakes that service tests use and on DynamoDB."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import pytest

from postern.audit.records import Record, RecordType
from postern.denial_ports import Denials, OpenTasks, Owed
from postern.denials import DenialKey, DenialKind, keys_against
from postern.edges.denial_store import DynamoDenials
from postern.edges.open_tasks import DynamoOpenTasks
from postern.edges.task_store import DynamoTaskStore
from postern.errors import Conflict, DatabaseHeld, PosternError
from postern.ports import TaskStore
from postern.task_states import END, REVOKE, STAND, SUSPEND, close_as
from postern.types import CommandId, TaskId, TaskState
from tests.support.denials import DENIAL, FakeDenials, FakeOpenTasks, open_task
from tests.support.domain import AGENT, NOW_S, TASK_ID, WORLD, a_task
from tests.support.fake_task_store import FakeTaskStore
from tests.support.places import Place, places

HOLD = replace(DENIAL, key=DenialKey(DenialKind.HOLD, "shop"), id=CommandId("0199a0b0-c0d0-7000-8000-0000000000d2"))
AGAIN = replace(DENIAL, id=CommandId("0199a0b0-c0d0-7000-8000-0000000000d3"), reason="again")
EVENT = Record(RecordType.EVENT, "revocation", DENIAL.id, NOW_S * 1_000_000, {"revocation": {"id": DENIAL.id}})


@dataclass
class Table:
    """A state table by the three ports that revoking goes through."""

    tasks: TaskStore
    denials: Denials
    open: OpenTasks


@pytest.fixture(params=["fake", *places("dynamodb")])
def table(request: pytest.FixtureRequest) -> Table:
    if request.param == "fake":
        tasks = FakeTaskStore()
        return Table(tasks, FakeDenials(tasks), FakeOpenTasks(tasks))
    place: Place = request.getfixturevalue(request.param)
    where = (place.client("dynamodb"), place.state_table())
    return Table(DynamoTaskStore(*where), DynamoDenials(*where), DynamoOpenTasks(*where))


def test_a_denial_stands_from_its_put_to_its_lifting(table):
    assert table.denials.standing([HOLD.key, DENIAL.key]) is None
    assert table.denials.put(DENIAL) == DENIAL
    assert table.denials.standing([HOLD.key, DENIAL.key]) == DENIAL.key
    assert table.denials.all() == [DENIAL]
    assert table.denials.lift(DENIAL, now_s=NOW_S + 9)
    assert table.denials.standing([HOLD.key, DENIAL.key]) is None
    assert table.denials.all() == [replace(DENIAL, lifted_at_s=NOW_S + 9)]


def test_tells_the_first_that_stands_in_the_order_of_who_asks(table):
    for denial in (DENIAL, HOLD):
        table.denials.put(denial)
    assert table.denials.standing([HOLD.key, DENIAL.key]) == HOLD.key
    assert table.denials.standing([DENIAL.key, HOLD.key]) == DENIAL.key


@pytest.mark.parametrize(
    ("first", "second", "lasts"),
    [
        pytest.param(None, NOW_S + 60, None, id="for ever stays"),
        pytest.param(NOW_S + 60, None, None, id="for ever counts"),
        pytest.param(NOW_S + 60, NOW_S + 30, NOW_S + 60, id="not sooner"),
        pytest.param(NOW_S + 60, NOW_S + 90, NOW_S + 90, id="later"),
    ],
)
def test_one_put_twice_keeps_its_id_and_lasts_as_long_as_the_longer(table, first, second, lasts):
    table.denials.put(replace(DENIAL, expires_at_s=first))
    stands = table.denials.put(replace(AGAIN, expires_at_s=second))
    assert stands == replace(DENIAL, expires_at_s=lasts)
    assert table.denials.all() == [stands]


def test_one_that_was_lifted_is_put_anew(table):
    table.denials.put(DENIAL)
    table.denials.lift(DENIAL, now_s=NOW_S + 9)
    assert table.denials.put(AGAIN) == AGAIN
    assert table.denials.standing([DENIAL.key]) == DENIAL.key


def test_only_the_one_that_stands_is_lifted_and_once(table):
    assert not table.denials.lift(DENIAL, now_s=NOW_S)
    table.denials.put(DENIAL)
    assert not table.denials.lift(AGAIN, now_s=NOW_S)
    assert table.denials.lift(DENIAL, now_s=NOW_S)
    assert not table.denials.lift(DENIAL, now_s=NOW_S)


@pytest.mark.parametrize(
    ("expires_at_s", "is_lifted"), [(NOW_S, True), (NOW_S + 1, False), (None, False)], ids=["over", "longer", "never"]
)
def test_one_that_is_over_is_lifted_only_if_it_is_over_still(table, expires_at_s, is_lifted):
    stands = table.denials.put(replace(DENIAL, expires_at_s=expires_at_s))
    assert table.denials.lift(replace(stands, expires_at_s=NOW_S), now_s=NOW_S, if_over=True) is is_lifted
    assert (table.denials.standing([stands.key]) is None) is is_lifted


def test_what_is_settled_stands_and_once_lifted_is_forgotten(table):
    table.denials.put(DENIAL)
    table.denials.settle(DENIAL)
    assert [(one.stands, one.settled) for one in table.denials.all()] == [(True, True)]
    table.denials.lift(DENIAL, now_s=NOW_S + 9)
    (lifted,) = table.denials.all()
    assert not lifted.settled
    table.denials.settle(lifted)
    assert table.denials.all() == []


def test_what_changed_since_it_was_read_is_not_settled(table):
    table.denials.put(DENIAL)
    table.denials.lift(DENIAL, now_s=NOW_S + 9)
    table.denials.settle(DENIAL)
    assert [one.settled for one in table.denials.all()] == [False]


def test_a_name_longer_than_a_key_is_a_name_all_the_same(table):
    long = replace(DENIAL, key=DenialKey(DenialKind.PRINCIPAL, "ci|" + "\U0001f511" * 255))
    table.denials.put(long)
    assert table.denials.standing([long.key]) == long.key
    assert table.denials.all() == [long]


def test_an_event_is_owed_until_it_is_written_off(table):
    owed = Owed(EVENT.id, EVENT)
    table.denials.owe(owed)
    assert table.denials.owed() == [owed]
    assert table.denials.all() == []
    later = replace(EVENT, id=AGAIN.id, time_us=EVENT.time_us + 1)
    assert table.denials.redate(owed, later)
    assert not table.denials.redate(owed, later)
    assert table.denials.owed() == [Owed(EVENT.id, later)]
    table.denials.write_off(Owed(EVENT.id, later))
    table.denials.write_off(owed)
    assert table.denials.owed() == []


def test_open_tasks_are_those_in_no_final_state_as_they_are(table):
    other, closed = TaskId("0199a0b0c0d17000800000000000000b"), TaskId("0199a0b0c0d27000800000000000000c")
    tasks = [
        a_task(principal=replace(AGENT, on_behalf_of="ann")),
        a_task(id=other, state=TaskState.PENDING_APPROVAL, statements=("VACUUM",)),
        a_task(id=closed),
    ]
    for task in tasks:
        table.tasks.create(task)
    table.tasks.move(closed, END)
    table.tasks.move(closed, close_as(TaskState.ENDED))
    assert sorted(table.open.all(), key=lambda task: task.id) == [open_task(task) for task in tasks[:2]]


def test_open_tasks_tell_how_many_worlds_stood(table):
    table.tasks.create(a_task(state=TaskState.PROVISIONING))
    table.tasks.move(TASK_ID, STAND, world=WORLD)
    assert [task.worlds for task in table.open.all()] == [1]


def test_a_mark_is_one_move_and_makes_a_task_due(table):
    table.tasks.create(a_task())
    assert table.open.move(TASK_ID, REVOKE)
    marked = table.tasks.get(TASK_ID)
    assert (marked.state, marked.ends_as) == (TaskState.ENDING, TaskState.REVOKED)
    assert [task.id for task in table.tasks.due(0, limit=9)] == [TASK_ID]
    assert not table.open.move(TASK_ID, SUSPEND)
    assert not table.open.move(TaskId("0199a0b0c0d27000800000000000000c"), REVOKE)


@pytest.mark.parametrize("denial", [DENIAL, HOLD], ids=lambda one: one.key.kind)
def test_no_task_stands_against_a_denial_until_it_is_lifted(table, denial):
    table.tasks.create(a_task(state=TaskState.PROVISIONING))
    keys = keys_against(AGENT, "shop", runs_once=False)
    table.denials.put(denial)
    with pytest.raises(DatabaseHeld if denial is HOLD else Conflict) as caught:
        table.tasks.move(TASK_ID, STAND, world=WORLD, unless=keys)
    assert caught.value.code == ("database.held" if denial is HOLD else "task.revoked")
    assert table.tasks.get(TASK_ID).state is TaskState.PROVISIONING
    table.denials.lift(denial, now_s=NOW_S)
    assert table.tasks.move(TASK_ID, STAND, world=WORLD, unless=keys).state is TaskState.ACTIVE


def test_who_acts_for_itself_is_denied_once():
    """A transaction that names one item twice is refused by DynamoDB."""
    keys = keys_against(replace(AGENT, on_behalf_of=AGENT.subject), "shop", runs_once=False)
    assert len(keys) == len(set(keys)) == 4


@pytest.mark.parametrize("turn", range(2))
def test_activation_and_denial_at_once_leave_no_task_active_and_unmarked(table, turn):
    """Whichever comes first: either the task does not stand, or the pass after the denial finds it."""
    table.tasks.create(a_task(state=TaskState.PROVISIONING))
    keys = keys_against(AGENT, "shop", runs_once=False)

    def activate() -> None:
        try:
            table.tasks.move(TASK_ID, STAND, world=WORLD, unless=keys)
        except PosternError as refused:
            assert refused.code in {"task.revoked", "task.state"}

    def deny() -> None:
        table.denials.put(DENIAL)
        for task in table.open.all():
            table.open.move(task.id, REVOKE)

    with ThreadPoolExecutor(2) as threads:
        order = (activate, deny) if turn % 2 else (deny, activate)
        for future in [threads.submit(call) for call in order]:
            future.result()
    assert table.tasks.get(TASK_ID).state is TaskState.ENDING


def test_many_denials_of_one_thing_at_once_are_one(table):
    with ThreadPoolExecutor(4) as threads:
        ids = [CommandId(f"0199a0b0-c0d0-7000-8000-0000000000e{n}") for n in range(4)]
        stood = list(threads.map(lambda one: table.denials.put(replace(DENIAL, id=one)), ids))
    assert len({one.id for one in stood}) == 1
    assert table.denials.all() == [stood[0]]
