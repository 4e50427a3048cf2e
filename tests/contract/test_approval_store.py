"""One contract of the approvals, run on the fake that service tests use and on DynamoDB."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from threading import Barrier

import boto3
import pytest

from postern.approval_ports import ApprovalStore
from postern.approvals import Approval
from postern.denials import DenialKey, DenialKind
from postern.edges.approval_store import DynamoApprovalStore
from postern.edges.task_items import denial_key
from postern.edges.task_store import DynamoTaskStore
from postern.errors import Conflict, NotFound, PosternError, RefusedByPolicy, StateUnavailable
from postern.ports import TaskStore
from postern.task_states import END, EXPIRE, REVOKE, STAND
from postern.types import CommandId, Sha256Hex, Task, TaskState
from tests.support.approvals import FakeApprovalStore
from tests.support.domain import GRANT, NOW_S, TASK_ID, a_task
from tests.support.fake_task_store import FakeTaskStore
from tests.support.places import Place, places

PENDING, PROVISIONING = TaskState.PENDING_APPROVAL, TaskState.PROVISIONING


# As the function that runs statements could write it.
FORGED = {"pk": "task#0", "sk": "task", "gsi1pk": "pending#shop", "gsi1sk": "0"}


@dataclass
class Both:
    """A table as its two stores see it."""

    tasks: TaskStore
    approvals: ApprovalStore

    def waiting(self, **changes: object) -> Task:
        task = a_task(**{"state": PENDING, "approvals_needed": 2, "ttl_s": 3600, "views": (), **changes})
        self.tasks.create(task)
        return task

    def approve(self, task: Task, name: str, *, at_s: int = NOW_S, unless: tuple[DenialKey, ...] = ()):
        return self.approvals.approve(task, word(name), now_s=at_s, expires_at_s=at_s + 120, unless=unless)

    def state(self) -> TaskState:
        task = self.tasks.get(TASK_ID)
        assert task is not None
        return task.state


def word(name: str) -> Approval:
    return Approval(
        f"ci|{name}", (f"ci|{name}", name), Sha256Hex("a" * 64), NOW_S, f"{name} says", CommandId(f"e-{name}")
    )


def stores_at(place: Place) -> Both:
    client, table = place.client("dynamodb"), place.state_table()
    tasks = DynamoTaskStore(client, table)
    return Both(tasks, DynamoApprovalStore(client, table, tasks))


@pytest.fixture(params=places("dynamodb"))
def dynamodb(request: pytest.FixtureRequest) -> Both:
    return stores_at(request.getfixturevalue(request.param))


@pytest.fixture(params=["fake", *places("dynamodb")])
def both(request: pytest.FixtureRequest) -> Both:
    if request.param != "fake":
        return stores_at(request.getfixturevalue(request.param))
    tasks = FakeTaskStore()
    return Both(tasks, FakeApprovalStore(tasks))


def test_a_task_begins_with_what_was_decided_about_it(both):
    task = both.waiting()
    begun = both.approvals.get(TASK_ID)
    assert (begun.needed, begun.digest, begun.budgets, begun.given) == (2, task.scope_digest, task.budgets, ())
    assert (begun.denied, begun.estimates, begun.missing, begun.opened_at_s) == (None, None, 2, task.created_at_s)


def test_knows_nothing_of_a_task_that_was_never_created(both):
    assert both.approvals.get(TASK_ID) is None
    with pytest.raises(NotFound):
        both.approve(a_task(state=PENDING), "ann")


def test_the_last_approval_moves_the_task_and_sets_its_deadline(both):
    task = both.waiting()
    first, last = both.approve(task, "ann"), both.approve(task, "ben", at_s=NOW_S + 5)
    assert (first.task, first.approvals.given) == (task, (word("ann"),))
    assert (last.task.state, last.task.expires_at_s) == (PROVISIONING, NOW_S + 125)
    assert both.approvals.get(TASK_ID).given == (word("ann"), word("ben"))
    assert both.tasks.due(NOW_S + 125, limit=5) == [both.tasks.get(TASK_ID)]


def test_an_approver_counts_once(both):
    task = both.waiting()
    both.approve(task, "ann")
    assert both.approve(task, "ann").approvals.given == (word("ann"),)
    assert both.state() is PENDING


def test_one_person_by_two_names_counts_once_however_close_they_come(both):
    task = both.waiting()
    both.approve(task, "ann")
    other = replace(word("00u1"), names=("00u1", "ann@acme.example", "okta|00u1"))
    with pytest.raises(RefusedByPolicy) as caught:
        both.approvals.approve(task, other, now_s=NOW_S, expires_at_s=NOW_S + 120, unless=())
    assert caught.value.code == "approval.same_person"
    assert (both.state(), both.approvals.get(TASK_ID).given) == (PENDING, (word("ann"),))


@pytest.mark.parametrize("needed", [1, 2], ids=["the last", "one of two"])
@pytest.mark.parametrize(
    ("spoil", "at_s", "code"),
    [
        pytest.param(lambda both, task: both.tasks.move(TASK_ID, END), NOW_S, "task.state", id="withdrawn"),
        pytest.param(lambda both, task: both.tasks.move(TASK_ID, REVOKE), NOW_S, "task.state", id="revoked"),
        pytest.param(lambda both, task: both.tasks.move(TASK_ID, EXPIRE), NOW_S, "task.state", id="expired"),
        pytest.param(
            lambda both, task: both.approvals.deny(task, word("eve"), now_s=NOW_S, unless=()),
            NOW_S,
            "task.state",
            id="denied",
        ),
        pytest.param(lambda both, task: None, NOW_S + 3600, "task.expired", id="late"),
        pytest.param(
            lambda both, task: replace(task, scope_digest=Sha256Hex("0" * 64)), NOW_S, "approval.changed", id="changed"
        ),
    ],
)
def test_counts_nothing_where_the_task_does_not_wait_for_this(both, needed, spoil, at_s, code):
    task = both.waiting(approvals_needed=needed)
    changed = spoil(both, task)
    with pytest.raises(Conflict) as caught:
        both.approve(changed if isinstance(changed, Task) else task, "ann", at_s=at_s)
    assert caught.value.code == code
    assert both.approvals.get(TASK_ID).given == ()
    assert both.state() is not PROVISIONING


def test_a_denial_ends_the_wait_once(both):
    task = both.waiting()
    both.approve(task, "ann")
    denied = both.approvals.deny(task, word("ben"), now_s=NOW_S, unless=())
    assert (denied.task.state, denied.task.ends_as) == (TaskState.ENDING, TaskState.DENIED)
    assert (denied.approvals.denied, denied.approvals.given) == (word("ben"), (word("ann"),))
    for again in (
        lambda: both.approvals.deny(task, word("eve"), now_s=NOW_S, unless=()),
        lambda: both.approve(task, "eve"),
    ):
        with pytest.raises(Conflict):
            again()
    assert both.approvals.get(TASK_ID) == denied.approvals


def test_lists_what_waits_in_these_databases_the_oldest_first(both):
    older = both.waiting()
    newer = both.waiting(id=TASK_ID[:-1] + "b")
    both.waiting(id=TASK_ID[:-1] + "c", state=PROVISIONING, approvals_needed=0)
    assert list(both.approvals.pending(["shop", "other"], limit=5)) == [older.id, newer.id]
    assert list(both.approvals.pending(["shop"], limit=1)) == [older.id]
    assert list(both.approvals.pending(["other"], limit=5)) == []
    both.approve(older, "ann")
    both.approve(older, "ben")
    both.approvals.deny(newer, word("ann"), now_s=NOW_S, unless=())
    assert list(both.approvals.pending(["shop"], limit=5)) == []


def test_what_waits_in_one_database_hides_nothing_of_another(both):
    grant = replace(GRANT, database="other")
    both.waiting()
    other = both.waiting(id=TASK_ID[:-1] + "b", grant=grant)
    both.waiting(id=TASK_ID[:-1] + "c", grant=grant)
    assert list(both.approvals.pending(["other", "shop"], limit=1)) == [TASK_ID, other.id]


def test_lists_nothing_that_other_writers_put_into_the_index(dynamodb):
    task = dynamodb.waiting()
    dynamodb.tasks.client.put_item(
        TableName=dynamodb.tasks.table,
        Item={name: {"S": text} for name, text in FORGED.items()},
    )
    assert list(dynamodb.approvals.pending(["shop"], limit=5)) == [task.id]


def test_forgets_what_ended_otherwise(both):
    task = both.waiting()
    both.tasks.move(TASK_ID, END)
    both.approvals.forget(task.id)
    both.approvals.forget(task.id)
    assert list(both.approvals.pending(["shop"], limit=5)) == []
    assert both.approvals.get(TASK_ID).needed == 2


def test_keeps_estimates_beside_what_binds(both):
    both.waiting()
    before = both.approvals.get(TASK_ID)
    both.approvals.keep_estimates(TASK_ID, {"public.customers": 12})
    assert both.approvals.get(TASK_ID) == replace(before, estimates={"public.customers": 12})


def test_one_denial_in_the_table_keeps_an_approval_from_counting(dynamodb):
    task = dynamodb.waiting(approvals_needed=1)
    keys = (DenialKey(DenialKind.ISSUER, "ci"), DenialKey(DenialKind.PRINCIPAL, task.principal.id))
    item = {**denial_key(keys[1]), "reason": {"S": "stolen"}}
    dynamodb.tasks.client.put_item(TableName=dynamodb.tasks.table, Item=item)
    with pytest.raises(PosternError) as caught:
        dynamodb.approve(task, "ann", unless=keys)
    assert caught.value.code == "task.revoked"
    assert (dynamodb.state(), dynamodb.approvals.get(TASK_ID).given) == (PENDING, ())


@pytest.mark.parametrize("against", ["approve", "deny", "withdraw", "revoke", "expire"])
def test_of_two_at_once_there_is_exactly_one_legal_end(dynamodb, against):
    task = dynamodb.waiting(approvals_needed=2 if against == "approve" else 1)
    together = Barrier(2)
    others = {
        "approve": lambda: dynamodb.approve(task, "ben"),
        "deny": lambda: dynamodb.approvals.deny(task, word("ben"), now_s=NOW_S, unless=()),
        "withdraw": lambda: dynamodb.tasks.move(TASK_ID, END),
        "revoke": lambda: dynamodb.tasks.move(TASK_ID, REVOKE),
        "expire": lambda: dynamodb.tasks.move(TASK_ID, EXPIRE),
    }

    def run(call):
        together.wait(10)
        try:
            call()
        except Conflict as lost:
            return lost.code
        return "won"

    with ThreadPoolExecutor(2) as pool:
        ends = list(pool.map(run, [lambda: dynamodb.approve(task, "ann"), others[against]]))
    counted = dynamodb.approvals.get(TASK_ID)
    if against == "approve":
        assert (ends, len(counted.given), dynamodb.state()) == (["won", "won"], 2, PROVISIONING)
    elif dynamodb.state() is PROVISIONING:
        # Only a denial may not follow; who ends, revokes or expires may do so to a task that is being built.
        assert (ends, len(counted.given), counted.denied) == (["won", "task.state"], 1, None)
    elif against == "deny":
        assert (ends, counted.given, counted.denied) == (["task.state", "won"], (), word("ben"))
    else:
        assert dynamodb.state() is TaskState.ENDING
        assert ends[1] == "won"
        assert len(counted.given) == (ends[0] == "won")


def test_ten_approvers_at_once_are_counted_each_once_and_move_the_task_once(dynamodb):
    task = dynamodb.waiting(approvals_needed=4)

    def approve(number: int) -> str:
        try:
            dynamodb.approve(task, f"a{number % 5}")
        except Conflict as late:
            return late.code
        except StateUnavailable as crowded:
            return crowded.code
        return "counted"

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(approve, range(10)))
    counted = [one.approver for one in dynamodb.approvals.get(TASK_ID).given]
    assert len(counted) == len(set(counted)) == 4
    assert dynamodb.state() is PROVISIONING
    assert dynamodb.tasks.move(TASK_ID, STAND, expires_at_s=NOW_S + 9).state is TaskState.ACTIVE


def test_says_so_when_the_table_cannot_be_reached():
    client = boto3.client(
        "dynamodb",
        region_name="us-east-1",
        endpoint_url="http://127.0.0.1:1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=boto3.session.Config(retries={"total_max_attempts": 1}),
    )
    store = DynamoApprovalStore(client, "state", DynamoTaskStore(client, "state"))
    calls = (
        lambda: store.get(TASK_ID),
        lambda: store.approve(a_task(), word("ann"), now_s=1, expires_at_s=2, unless=()),
        lambda: store.deny(a_task(), word("ann"), now_s=1, unless=()),
        lambda: store.pending(["shop"], limit=1),
        lambda: store.forget(TASK_ID),
        lambda: store.keep_estimates(TASK_ID, {}),
    )
    for call in calls:
        with pytest.raises(StateUnavailable):
            call()
