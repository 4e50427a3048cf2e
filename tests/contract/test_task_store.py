"""One contract, run on the fake that service tests use and on DynamoDB; then what DynamoDB alone shows."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from postern.edges.failed_conditions import is_conflict
from postern.edges.holds import DynamoHolds
from postern.edges.task_items import format_scope, format_task, idempotency_key
from postern.edges.task_store import DynamoTaskStore
from postern.errors import (
    BudgetExceeded,
    Conflict,
    DatabaseHeld,
    IntegrityError,
    NotFound,
    OutcomeUnknown,
    StateUnavailable,
    TooLarge,
    Unprocessable,
)
from postern.ports import Finished, IdempotencyKey, Reservation, TaskStore
from postern.reap_ports import Hold
from postern.task_states import DROP, END, EXPIRE, REBUILD, REVOKE, STAND, SUSPEND, close_as
from postern.types import (
    Action,
    Budgets,
    CommandId,
    GrantedColumn,
    GrantedTable,
    Sha256Hex,
    Task,
    TaskId,
    TaskState,
    View,
    ViewColumn,
)
from tests.support.domain import ADDRESS, AGENT, BUDGETS, GRANT, NOW_S, OTHER, TASK_ID, VIEWS, WORLD, a_task
from tests.support.fake_task_store import FakeTaskStore
from tests.support.places import Place, places

DONE: dict[str, object] = {"status": "ok"}
KEY = IdempotencyKey("once", Sha256Hex("a" * 64))


class Store(DynamoTaskStore):
    """The task store and the holds of its table as one, as the fake has them."""

    def held(self, task_id: TaskId) -> Mapping[CommandId, Hold]:
        return DynamoHolds(self.client, self.table).held(task_id)

    def all_held(self) -> Mapping[TaskId, Mapping[CommandId, Hold]]:
        return DynamoHolds(self.client, self.table).all_held()

    def give_back(self, *arguments, **named) -> bool:
        return DynamoHolds(self.client, self.table).give_back(*arguments, **named)


def store_at(place: Place) -> Store:
    return Store(place.client("dynamodb"), place.state_table())


@pytest.fixture(params=places("dynamodb"))
def dynamodb(request: pytest.FixtureRequest) -> Store:
    return store_at(request.getfixturevalue(request.param))


@pytest.fixture(params=["fake", *places("dynamodb")])
def store(request: pytest.FixtureRequest) -> Store | FakeTaskStore:
    return FakeTaskStore() if request.param == "fake" else store_at(request.getfixturevalue(request.param))


def reserve(
    store: TaskStore,
    *,
    rows: int = 10,
    command: str = "c1",
    key: IdempotencyKey | None = None,
    wanted: Budgets | None = None,
    **changes,
):
    call = {"task_id": TASK_ID, "principal": AGENT, "now_s": NOW_S + 1} | changes
    return store.reserve(
        call["task_id"],
        call["principal"],
        now_s=call["now_s"],
        wanted=wanted or Budgets(1, rows),
        command_id=CommandId(command),
        idempotency=key,
    )


def settle(
    store: TaskStore,
    held: Reservation,
    used: int,
    *,
    command: str = "c1",
    key: IdempotencyKey | None = None,
    answer: dict[str, object] | None = DONE,
):
    used_up = Budgets(held.taken.statements, used)
    return store.settle(held, used=used_up, command_id=CommandId(command), idempotency=key, answer=answer).left


def left(statements: int, rows: int) -> Budgets:
    """What is left of the task that every test starts from, where only these two were used."""
    return replace(BUDGETS, statements=statements, rows=rows)


def parts(columns: int) -> list[list[str]]:
    """Tables of twenty columns each, whose names have nothing in common."""
    names = [hashlib.sha256(str(number).encode()).hexdigest()[:16] for number in range(columns)]
    return [names[at : at + 20] for at in range(0, columns, 20)]


def granted(names: list[str]) -> GrantedTable:
    columns = tuple(GrantedColumn(name, None, None, "bigint") for name in names)
    return GrantedTable("public", names[0], names[0], (Action.SELECT,), columns)


def view(names: list[str]) -> View:
    return View("public", names[0], names[0], tuple(ViewColumn(name, "bigint", None, None) for name in names), oid=1)


def provisioning(columns: int) -> Task:
    grant = replace(GRANT, tables=tuple(granted(names) for names in parts(columns)))
    return a_task(grant=grant, views=(), state=TaskState.PROVISIONING)


def test_holds_a_task_of_thousands_of_columns(dynamodb):
    dynamodb.create(provisioning(columns=6000))
    views = tuple(view(names) for names in parts(6000))
    assert dynamodb.move(TASK_ID, STAND, world=replace(WORLD, views=views)).views == views


def test_says_what_it_has_no_room_for(dynamodb):
    with pytest.raises(TooLarge) as caught:
        dynamodb.create(provisioning(columns=30_000))
    assert caught.value.code == "task.too_large"
    assert dynamodb.get(TASK_ID) is None


def test_gives_back_what_was_created(store):
    task = a_task(ticket="OPS-1")
    store.create(task)
    assert store.get(TASK_ID) == task


def test_refuses_to_create_a_task_twice(store):
    store.create(a_task())
    with pytest.raises(IntegrityError):
        store.create(a_task(purpose="another"))
    assert store.get(TASK_ID) == a_task()


def test_knows_nothing_of_a_task_that_was_never_created(store):
    assert store.get(TASK_ID) is None


def test_reserves_one_statement_the_rows_asked_and_the_next_number(store):
    store.create(a_task())
    held = reserve(store, rows=30)
    assert (held.sequence, held.taken, held.task.budgets) == (1, Budgets(1, 30), left(4, 70))
    assert held.task.views == VIEWS
    assert reserve(store, rows=30, command="c2").sequence == 2


def test_reserves_no_more_rows_than_are_left(store):
    store.create(a_task(budgets=left(5, 7)))
    held = reserve(store, rows=1000)
    assert (held.taken.rows, held.task.budgets) == (7, left(4, 0))


def test_gives_back_the_rows_that_were_not_used(store):
    store.create(a_task())
    held = reserve(store, rows=30)
    assert settle(store, held, 12) == left(4, 88)
    assert store.get(TASK_ID).budgets == left(4, 88)


@pytest.mark.parametrize(
    ("task", "call", "error", "code"),
    [
        pytest.param(a_task(), {"principal": OTHER}, NotFound, "task.unknown", id="another-principals"),
        pytest.param(
            a_task(),
            {"principal": replace(AGENT, on_behalf_of="eve")},
            NotFound,
            "task.unknown",
            id="the-same-agent-for-another-person",
        ),
        pytest.param(a_task(), {"task_id": TaskId("0" * 32)}, NotFound, "task.unknown", id="absent"),
        pytest.param(a_task(), {"now_s": NOW_S + 3600}, Conflict, "task.expired", id="at-its-deadline"),
        pytest.param(a_task(state=TaskState.ENDING), {}, Conflict, "task.state", id="ending"),
        pytest.param(a_task(state=TaskState.PENDING_APPROVAL), {}, Conflict, "task.state", id="pending"),
        pytest.param(a_task(state=TaskState.EXPIRED), {}, Conflict, None, id="expired"),
        pytest.param(a_task(budgets=left(0, 9)), {}, BudgetExceeded, "budget.statements", id="no-statements"),
        pytest.param(a_task(budgets=left(9, 0)), {}, BudgetExceeded, "budget.rows", id="no-rows"),
    ],
)
@pytest.mark.parametrize("key", [None, KEY], ids=["plain", "keyed"])
def test_refuses_a_reservation_and_takes_nothing(store, task, call, error, code, key):
    store.create(task)
    with pytest.raises(error) as caught:
        reserve(store, key=key, **call)
    assert code is None or caught.value.code == code
    assert store.get(TASK_ID) == task


def test_hides_another_principals_task_even_behind_its_idempotency_key(store):
    store.create(a_task())
    reserve(store, key=KEY)
    with pytest.raises(NotFound):
        reserve(store, key=KEY, principal=OTHER)


def test_refuses_a_key_whose_first_call_still_runs(store):
    store.create(a_task())
    reserve(store, key=KEY)
    with pytest.raises(Conflict) as caught:
        reserve(store, command="c2", key=KEY)
    assert (caught.value.code, caught.value.command_id) == ("idempotency.running", "c1")
    assert store.get(TASK_ID).budgets.statements == 4


def test_refuses_a_key_with_another_body(store):
    store.create(a_task())
    reserve(store, key=KEY)
    with pytest.raises(Unprocessable) as caught:
        reserve(store, command="c2", key=replace(KEY, body_hmac=Sha256Hex("b" * 64)))
    assert caught.value.code == "idempotency.reused"


def test_answers_a_finished_key_with_its_first_command(store):
    store.create(a_task())
    held = reserve(store, key=KEY)
    settle(store, held, 3, key=KEY)
    assert reserve(store, command="c2", key=KEY) == Finished(CommandId("c1"), {"status": "ok"})
    assert store.get(TASK_ID).budgets == left(4, 97)


def test_answers_a_finished_key_of_a_task_that_has_ended_since(store):
    store.create(a_task())
    settle(store, reserve(store, key=KEY), 3, key=KEY)
    store.move(TASK_ID, END)
    assert isinstance(reserve(store, command="c2", key=KEY), Finished)


def test_moves_a_task_and_keeps_what_it_was_given(store):
    store.create(a_task(state=TaskState.PROVISIONING, views=()))
    moved = store.move(TASK_ID, STAND, world=WORLD)
    assert (moved.state, moved.views) == (TaskState.ACTIVE, VIEWS)
    assert store.get(TASK_ID) == moved


def test_a_statement_after_a_rebuilt_world_sees_the_new_views(store):
    store.create(a_task())
    reserve(store)
    rebuilt = replace(WORLD, views=(replace(VIEWS[0], oid=99),))
    for move in (SUSPEND, DROP, REBUILD):
        store.move(TASK_ID, move)
    store.move(TASK_ID, STAND, world=rebuilt)
    assert reserve(store, command="c2").task.views == rebuilt.views


def test_refuses_a_move_from_another_state(store):
    store.create(a_task())
    with pytest.raises(Conflict):
        store.move(TASK_ID, STAND)
    assert store.get(TASK_ID).state is TaskState.ACTIVE


def test_refuses_to_move_a_task_that_is_not_there(store):
    with pytest.raises(NotFound):
        store.move(TASK_ID, END)


def test_lists_a_principals_tasks_newest_first(store):
    first, second = a_task(), a_task(id=TaskId("0199a0b0c0d17000800000000000000b"))
    store.create(first)
    store.create(second)
    store.create(a_task(id=TaskId("0199a0b0c0d27000800000000000000c"), principal=OTHER))
    assert [task.id for task in store.list_of(AGENT.owner, limit=10)] == [second.id, first.id]
    assert len(store.list_of(AGENT.owner, limit=1)) == 1


def test_finds_what_is_due_and_nothing_else(store):
    store.create(a_task())
    late = a_task(id=TaskId("0199a0b0c0d17000800000000000000b"), expires_at_s=NOW_S + 5)
    ending = a_task(id=TaskId("0199a0b0c0d27000800000000000000c"))
    ended = a_task(id=TaskId("0199a0b0c0d37000800000000000000d"), expires_at_s=NOW_S + 5)
    for task in (late, ending, ended):
        store.create(task)
    for task in (ending, ended):
        store.move(task.id, END)
    store.move(ended.id, close_as(TaskState.ENDED))
    assert {task.id for task in store.due(NOW_S + 5, limit=10)} == {late.id, ending.id}


def ending(store: TaskStore, number: int, **changes: object) -> TaskId:
    task = a_task(id=TaskId(f"0199a0b0c0d170008000{number:012x}"), **changes)
    store.create(task)
    store.move(task.id, END)
    return task.id


def test_the_longest_due_comes_first_wherever_the_index_has_it(store):
    late = {number: TaskId(f"0199a0b0c0d170008000{number:012x}") for number in range(40)}
    for number, task_id in late.items():
        store.create(a_task(id=task_id, expires_at_s=NOW_S - number))
    assert [task.id for task in store.due(NOW_S, limit=5)] == [late[number] for number in (39, 38, 37, 36, 35)]


@dataclass
class Sparing:
    """A table that answers for so many keys of a request, and leaves the rest to the next."""

    client: Any
    keys: int
    sizes: list[int] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> Any:  # noqa: N803 - the SDK's name
        [(table, wanted)] = RequestItems.items()
        self.sizes.append(len(wanted["Keys"]))
        now, later = wanted["Keys"][: self.keys], wanted["Keys"][self.keys :]
        found = self.client.batch_get_item(RequestItems={table: wanted | {"Keys": now}}) if now else {"Responses": {}}
        return found | {"UnprocessedKeys": {table: wanted | {"Keys": later}} if later else {}}


@pytest.mark.parametrize("answered", [100, 40], ids=["whole", "in parts"])
def test_many_due_tasks_are_read_together(dynamodb, monkeypatch, answered):
    monkeypatch.setattr(time, "sleep", lambda _: None)
    sparing = Sparing(dynamodb.client, answered)
    late = [TaskId(f"0199a0b0c0d170008000{number:012x}") for number in range(60)]
    for number, task_id in enumerate(late):
        task = a_task(id=task_id, expires_at_s=NOW_S - number)
        for item in (format_task(task), format_scope(task, 0)):
            dynamodb.client.put_item(TableName=dynamodb.table, Item=item)
    assert [task.id for task in Store(sparing, dynamodb.table).due(NOW_S, limit=100)] == late[::-1]
    assert sparing.sizes == ([100, 20] if answered == 100 else [100, 60, 20, 20])


def test_a_table_that_gives_nothing_is_away(dynamodb, monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda _: None)
    ending(dynamodb, 1)
    with pytest.raises(StateUnavailable):
        Store(Sparing(dynamodb.client, 0), dynamodb.table).due(NOW_S, limit=100)


def test_what_was_put_off_is_due_later_and_behind_what_was_due_before(store):
    first, second = ending(store, 1), ending(store, 2)
    store.put_off(first, until_s=NOW_S + 50)
    assert [task.id for task in store.due(NOW_S + 49, limit=10)] == [second]
    store.put_off(second, until_s=NOW_S + 60)
    found = store.due(NOW_S + 60, limit=10)
    assert [(task.id, task.teardowns, task.state) for task in found] == [
        (first, 1, TaskState.ENDING),
        (second, 1, TaskState.ENDING),
    ]


@pytest.mark.parametrize(
    "state", [state for state in TaskState if state not in (TaskState.ENDING, TaskState.SUSPENDING)]
)
def test_only_what_ends_can_be_put_off(store, state):
    store.create(a_task(state=state, expires_at_s=NOW_S + 5))
    with pytest.raises(Conflict) as caught:
        store.put_off(TASK_ID, until_s=NOW_S + 50)
    assert caught.value.code == "task.state"
    assert store.get(TASK_ID).teardowns == 0


def test_a_move_may_ask_that_no_teardown_has_begun_since_its_task_was_read(store):
    store.create(a_task(state=TaskState.PROVISIONING))
    for begun in (0, 1):
        with pytest.raises(Conflict) as overtaken:
            store.move(TASK_ID, STAND, teardowns=begun + 1)
        assert overtaken.value.code == "task.state"
        store.move(TASK_ID, STAND, teardowns=begun)
        store.move(TASK_ID, SUSPEND)
        store.put_off(TASK_ID, until_s=NOW_S + 50)
        for move in (DROP, REBUILD):
            store.move(TASK_ID, move)
        with pytest.raises(Conflict):
            store.move(TASK_ID, STAND, teardowns=begun)


def test_a_task_that_is_not_there_cannot_be_put_off(store):
    with pytest.raises(NotFound):
        store.put_off(TASK_ID, until_s=NOW_S + 50)


def forgotten_at(store: Store) -> set[str | None]:
    found = store.client.scan(TableName=store.table)["Items"]
    # What was decided about a task is asked for before its world is built, and not after.
    tasks = (item for item in found if item["pk"]["S"].startswith("task#"))
    return {item["ttl_s"]["N"] if "ttl_s" in item else None for item in tasks}


def test_the_table_forgets_a_closed_task_and_never_one_that_still_ends(dynamodb):
    """Its items are all that says that a role may stand."""
    task_id = ending(dynamodb, 1)
    dynamodb.put_off(task_id, until_s=NOW_S + 50)
    assert forgotten_at(dynamodb) == {None}
    dynamodb.move(task_id, close_as(TaskState.ENDED))
    assert forgotten_at(dynamodb) == {str(NOW_S + 3600 + 30 * 86_400)}


def test_tells_what_all_open_tasks_hold(store):
    closed, idle = ending(store, 1), ending(store, 2)
    store.create(a_task())
    reserve(store, command="c1")
    reserve(store, command="c2", key=KEY)
    store.move(closed, close_as(TaskState.ENDED))
    held = store.all_held()
    assert idle not in held
    assert {task_id: sorted(holds) for task_id, holds in held.items()} == {TASK_ID: ["c1", "c2"]}
    assert held[TASK_ID] == store.held(TASK_ID)


def test_tells_what_is_held_in_more_tasks_than_one_request_can_name(dynamodb):
    for number in range(130):  # all in the index's first partition
        dynamodb.create(a_task(id=TaskId(f"0199a0b0c0d170008000{number:011x}0")))
    dynamodb.create(a_task())
    reserve(dynamodb)
    assert list(dynamodb.all_held()) == [TASK_ID]


def test_never_overshoots_the_rows_when_statements_run_at_once():
    store = FakeTaskStore()
    store.create(a_task(budgets=left(100, 50)))

    def take(number: int) -> int:
        try:
            return reserve(store, rows=7, command=f"c{number}").taken.rows
        except BudgetExceeded:
            return 0

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(take, range(40))) == 50


def test_says_so_when_the_table_cannot_be_reached():
    client = boto3.client(
        "dynamodb",
        region_name="us-east-1",
        endpoint_url="http://127.0.0.1:1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=boto3.session.Config(retries={"total_max_attempts": 1}),
    )
    store = DynamoTaskStore(client, "state")
    calls = (
        lambda: store.get(TASK_ID),
        lambda: store.create(a_task()),
        lambda: reserve(store),
        lambda: reserve(store, key=KEY),
        lambda: store.list_of(AGENT.owner, limit=1),
        lambda: store.due(NOW_S, limit=1),
        lambda: store.put_off(TASK_ID, until_s=NOW_S),
        lambda: DynamoHolds(client, "state").all_held(),
        lambda: store.move(TASK_ID, END),
        lambda: settle(store, Reservation(a_task(), 1, Budgets(1, 1), CommandId("c1")), 0),
    )
    for call in calls:
        with pytest.raises(StateUnavailable):
            call()


def test_takes_a_number_for_each_statement_of_a_call(store):
    store.create(a_task())
    held = reserve(store, wanted=Budgets(statements=3, rows=10))
    assert (held.sequence, held.task.budgets.statements) == (3, 2)


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        pytest.param(Budgets(statements=6, rows=1), "budget.statements", id="one-statement-too-many"),
        pytest.param(Budgets(statements=1, rows=1, lookups=4), "budget.lookups", id="one-lookup-too-many"),
        pytest.param(Budgets(statements=1, rows=1, bytes=5_000_000), "budget.bytes", id="no-bytes"),
    ],
)
def test_refuses_what_is_not_left_and_takes_nothing(store, wanted, code):
    task = a_task(budgets=replace(BUDGETS, bytes=0))
    store.create(task)
    with pytest.raises(BudgetExceeded) as caught:
        reserve(store, wanted=wanted)
    assert caught.value.code == code
    assert store.get(TASK_ID) == task


def test_reserves_no_more_bytes_than_are_left(store):
    store.create(a_task(budgets=replace(BUDGETS, bytes=70)))
    held = reserve(store, wanted=Budgets(statements=1, rows=1, bytes=5_000_000))
    assert (held.taken.bytes, held.task.budgets.bytes) == (70, 0)


def test_a_call_takes_what_it_turns_out_to_use(store):
    store.create(a_task())
    held = store.reserve_more(reserve(store, rows=10), Budgets(affected=7))
    held = store.reserve_more(held, Budgets(values=30))
    assert held.taken == Budgets(statements=1, rows=10, affected=7, values=30)
    assert held.task.budgets == store.get(TASK_ID).budgets == replace(left(4, 90), affected=13, values=20)
    used = replace(held.taken, rows=4)
    settled = store.settle(held, used=used, command_id=CommandId("c1"), idempotency=None, answer=DONE).left
    assert settled == replace(left(4, 96), affected=13, values=20)


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        pytest.param(Budgets(affected=21), "budget.affected", id="rows-to-write"),
        pytest.param(Budgets(values=51), "budget.values", id="sensitive-values"),
    ],
)
def test_takes_nothing_more_where_less_is_left(store, wanted, code):
    store.create(a_task())
    held = reserve(store)
    with pytest.raises(BudgetExceeded) as caught:
        store.reserve_more(held, wanted)
    assert caught.value.code == code
    assert store.get(TASK_ID).budgets == left(4, 90)


def test_never_overshoots_what_is_written_at_once(store):
    store.create(a_task(budgets=replace(BUDGETS, statements=20)))
    taken = 0
    for number in range(10):
        held = reserve(store, rows=1, command=f"c{number}")
        try:
            taken += store.reserve_more(held, Budgets(affected=3)).taken.affected
        except BudgetExceeded:
            continue
    assert (taken, store.get(TASK_ID).budgets.affected) == (18, 2)


def test_a_key_that_was_let_go_of_is_taken_by_the_next_call(store):
    store.create(a_task())
    settle(store, reserve(store, key=KEY), 0, key=KEY, answer=None)
    held = reserve(store, command="c2", key=KEY)
    assert isinstance(held, Reservation)
    with pytest.raises(Conflict) as caught:
        reserve(store, command="c3", key=KEY)
    assert (caught.value.code, caught.value.command_id) == ("idempotency.running", "c2")


def test_a_key_that_was_let_go_of_stands_for_whatever_takes_it_next(store):
    store.create(a_task())
    settle(store, reserve(store, key=KEY), 0, key=KEY, answer=None)
    other = replace(KEY, body_hmac=Sha256Hex("b" * 64))
    settle(store, reserve(store, command="c2", key=other), 0, command="c2", key=other)
    assert reserve(store, command="c3", key=other) == Finished(CommandId("c2"), DONE)


def test_only_the_command_that_took_a_key_can_let_go_of_it(store):
    store.create(a_task())
    held = reserve(store, key=KEY)
    assert settle(store, held, 0, command="c2", key=KEY, answer=None) == left(4, 90)
    with pytest.raises(Conflict):
        reserve(store, command="c3", key=KEY)


def test_gives_back_once_however_often_it_is_told(store):
    store.create(a_task())
    held = reserve(store, rows=30)
    assert settle(store, held, 12) == left(4, 88)
    assert settle(store, held, 12) == left(4, 88)
    assert store.held(TASK_ID) == {}


def test_a_reservation_that_is_sent_twice_is_taken_once(store):
    """As the SDK does where the first answer was lost."""
    store.create(a_task())
    first, second = reserve(store, rows=30), reserve(store, rows=30)
    assert (second.sequence, second.taken, second.task.budgets) == (1, first.taken, left(4, 70))


@pytest.mark.parametrize("key", [None, KEY], ids=["plain", "keyed"])
def test_tells_what_a_running_call_holds(store, key):
    store.create(a_task())
    held = store.reserve_more(reserve(store, rows=30, key=key), Budgets(affected=7))
    reserve(store, rows=5, command="c2")
    assert store.held(TASK_ID) == {
        CommandId("c1"): Hold(held.taken, None if key is None else key.value),
        CommandId("c2"): Hold(Budgets(1, 5), None),
    }
    settle(store, held, 30, key=key)
    assert list(store.held(TASK_ID)) == ["c2"]


def test_nothing_is_held_of_a_task_that_is_not_there(store):
    assert store.held(TASK_ID) == {}


@pytest.mark.parametrize(
    ("answer", "then"),
    [pytest.param(DONE, Finished, id="closes-the-key"), pytest.param(None, Reservation, id="lets-go-of-the-key")],
)
def test_what_a_dead_call_held_is_given_back_once_by_whoever_comes_first(store, answer, then):
    store.create(a_task())
    held = reserve(store, rows=30, key=KEY)
    hold = store.held(TASK_ID)[CommandId("c1")]
    assert store.give_back(TASK_ID, CommandId("c1"), hold, used=Budgets(1), answer=answer)
    assert not store.give_back(TASK_ID, CommandId("c1"), hold, used=Budgets(1), answer=answer)
    assert settle(store, held, 0, key=KEY) == left(4, 100)
    assert isinstance(reserve(store, command="c2", key=KEY), then)


def test_a_call_that_was_given_up_for_dead_takes_nothing_more(store):
    store.create(a_task())
    held = reserve(store, rows=30)
    store.give_back(TASK_ID, CommandId("c1"), store.held(TASK_ID)[CommandId("c1")], used=Budgets(1), answer=None)
    with pytest.raises(Conflict) as caught:
        store.reserve_more(held, Budgets(values=1))
    assert caught.value.code == "command.abandoned"
    assert store.get(TASK_ID).budgets == left(4, 100)


def test_a_key_whose_write_stays_unknown_is_answered_with_that(store):
    store.create(a_task())
    settle(store, reserve(store, key=KEY), 0, key=KEY, answer={"status": "unknown", "writes": True})
    with pytest.raises(OutcomeUnknown) as caught:
        reserve(store, command="c2", key=KEY)
    assert caught.value.command_id == "c1"


def test_gives_back_though_the_keys_item_is_gone(dynamodb):
    dynamodb.create(a_task())
    reserve(dynamodb, rows=30, key=KEY)
    dynamodb.client.delete_item(TableName=dynamodb.table, Key=idempotency_key(TASK_ID, KEY.value))
    hold = dynamodb.held(TASK_ID)[CommandId("c1")]
    assert dynamodb.give_back(TASK_ID, CommandId("c1"), hold, used=Budgets(1), answer=None)
    assert dynamodb.get(TASK_ID).budgets == left(4, 100)


@pytest.mark.parametrize(
    ("codes", "is_other"),
    [
        pytest.param(["TransactionConflict", "None"], True, id="conflict"),
        pytest.param(["TransactionConflict", "ConditionalCheckFailed"], False, id="a-condition-too"),
        pytest.param(["ThrottlingError"], False, id="throttled"),
    ],
)
def test_knows_a_transaction_that_was_given_up_for_another(codes, is_other):
    reasons = [{"Code": code} for code in codes]
    response = {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons}
    assert is_conflict(ClientError(response, "TransactWriteItems")) is is_other


@pytest.mark.parametrize(
    ("move", "code"),
    [(REVOKE, "task.revoked"), (EXPIRE, "task.expired"), (END, "task.state"), (SUSPEND, "database.held")],
    ids=["revoked", "expired", "ended", "held"],
)
def test_a_task_that_is_not_active_any_more_gives_nothing_and_says_why(store, move, code):
    """So what was written since is not committed, and what would be delivered is not."""
    store.create(a_task())
    held = reserve(store)
    store.move(TASK_ID, move)
    for refused in (lambda: store.reserve_more(held, Budgets(affected=1)), lambda: reserve(store, command="c2")):
        with pytest.raises((Conflict, DatabaseHeld)) as caught:
            refused()
        assert caught.value.code == code
    settled = store.settle(held, used=Budgets(1, 0), command_id=CommandId("c1"), idempotency=None, answer=None)
    assert (settled.left, settled.state, settled.ends_as) == (left(4, 100), move.to, move.ends_as)
    assert settled.is_revoked is (move is REVOKE)


def test_a_task_that_is_built_again_says_that_it_will_go_on(store):
    store.create(a_task(state=TaskState.PROVISIONING))
    with pytest.raises(Conflict):
        reserve(store)
    store.move(TASK_ID, STAND, world=WORLD)
    for move in (SUSPEND, DROP, REBUILD):
        store.move(TASK_ID, move)
        with pytest.raises(DatabaseHeld) as caught:
            reserve(store)
        assert caught.value.retry_after_s == (5 if move is REBUILD else 30)


def test_a_move_may_make_a_task_due_before_its_deadline(store):
    store.create(a_task(state=TaskState.SUSPENDED))
    store.move(TASK_ID, REBUILD, due_s=NOW_S + 120)
    assert store.due(NOW_S + 119, limit=9) == []
    assert [task.id for task in store.due(NOW_S + 120, limit=9)] == [TASK_ID]
    store.move(TASK_ID, STAND, world=WORLD)
    assert store.due(NOW_S + 3599, limit=9) == []


def test_a_task_keeps_where_its_world_is(store):
    store.create(a_task(state=TaskState.PROVISIONING))
    task = store.move(TASK_ID, STAND, world=replace(WORLD, address=ADDRESS))
    assert (task.address, task.worlds) == (ADDRESS, 1)
    store.move(TASK_ID, END)
    assert store.get(TASK_ID).address == ADDRESS
