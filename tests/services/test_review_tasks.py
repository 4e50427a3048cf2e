"""What an approver is shown, what the requester is told, and what nobody else learns."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from postern.approvals import Mine, Review
from postern.edges.presenters import MAX_LISTED_BYTES, seen_answer, seen_answers
from postern.edges.review_presenter import review_body
from postern.errors import IntegrityError, NotFound
from postern.services.review_tasks import LISTED
from postern.task_states import END
from postern.types import Action, GrantedColumn, GrantedTable, Mask, MaskKind, RowFilter, TaskState
from tests.support.approving import AGENT, ANN, BEN, EVE, NOW_S, TASK_ID, Bench, approving_policy
from tests.support.domain import GRANT


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_an_approver_sees_all_that_an_approval_binds_with_the_gravest_in_front(bench):
    table = GrantedTable(
        "public",
        "customers",
        "customers",
        (Action.SELECT, Action.UPDATE),
        (
            GrantedColumn("id", None, None),
            GrantedColumn("email", "pii.email", None),
            GrantedColumn("phone", "pii.phone", Mask(MaskKind.PARTIAL, keep_last=2)),
        ),
        RowFilter("region = :region", {"region": "eu"}),
        triggers=("stamp",),
    )
    grant = replace(GRANT, tables=(table,), lookups=("ref.person",), policy_digest=bench.policy.digest)
    task = bench.waiting(grant=grant, principal=replace(AGENT, on_behalf_of="zoe"), approvals_needed=2, ticket="OPS-1")
    bench.estimator.rows = {"public.customers": 1200}
    bench.say(BEN, comment="columns are fine")
    review = bench.review.one(ANN, TASK_ID)
    answer = seen_answer(review, ANN)
    body = answer.review
    assert body.attention == [
        "shows raw values of pii.email",
        "writes public.customers: update",
        "compares given values with those of ref.person",
    ]
    assert (body.requester.id, body.requester.on_behalf_of) == (AGENT.id, "zoe")
    [shown] = body.tables
    assert [(one.name, one.class_name, one.mask) for one in shown.columns] == [
        ("id", None, None),
        ("email", "pii.email", None),
        ("phone", "pii.phone", {"kind": "partial", "keep_last": 2}),
    ]
    assert (shown.row_filter, shown.row_filter_values, shown.triggers) == (
        "region = :region",
        {"region": "eu"},
        ["stamp"],
    )
    assert shown.estimated_rows == 1200
    assert (body.scope_digest, body.ttl_s, body.approved_by_you) == (task.scope_digest, 3600, False)
    assert [(one.approver, one.comment) for one in body.given] == [(BEN.id, "columns are fine")]
    assert (answer.approvals.needed, answer.approvals.given, answer.purpose, answer.ticket) == (
        2,
        1,
        task.purpose,
        "OPS-1",
    )


def test_statements_stand_first(bench):
    bench.waiting(statements=("DROP TABLE a", "DROP TABLE b"), grant=replace(GRANT, tables=(), owner_role="o"))
    body = review_body(bench.review.one(ANN, TASK_ID), ANN)
    assert body.attention[0].startswith("runs 2 statements once")
    assert body.statements == ["DROP TABLE a", "DROP TABLE b"]


def test_estimates_are_asked_for_once_and_never_needed(bench):
    bench.waiting()
    assert bench.review.one(ANN, TASK_ID).estimates == {}
    bench.estimator.rows = {"public.customers": 7}
    assert (
        bench.review.one(ANN, TASK_ID).estimates == bench.review.one(BEN, TASK_ID).estimates == {"public.customers": 7}
    )
    assert len(bench.estimator.asked) == 2


def test_the_requester_is_told_how_many_approved_and_not_who(bench):
    bench.waiting(approvals_needed=2)
    bench.say(ANN)
    seen = bench.review.look(AGENT, TASK_ID)
    assert isinstance(seen, Mine)
    answer = seen_answer(seen, AGENT)
    assert (answer.approvals.needed, answer.approvals.given, answer.review) == (2, 1, None)
    assert "ann" not in str(answer)
    assert bench.estimator.asked == []


@pytest.mark.parametrize(
    "who",
    [
        pytest.param(EVE, id="neither owner nor approver"),
        pytest.param(replace(AGENT, on_behalf_of="ann"), id="the agent for somebody"),
        pytest.param(replace(ANN, on_behalf_of="eve"), id="an agent for a person, who approves nothing"),
        pytest.param(replace(ANN, attributes={"login": AGENT.subject}), id="who may be the requester"),
    ],
)
def test_nobody_else_can_tell_it_from_a_task_that_is_not_there(bench, who):
    bench.waiting()
    told = []
    for _ in range(2):
        with pytest.raises(NotFound) as caught:
            bench.review.look(who, TASK_ID)
        told.append(str(caught.value))
        bench.tasks.tasks.pop(TASK_ID, None)
    assert told[0] == told[1]


def test_lists_what_waits_and_may_be_approved_by_the_caller(bench):
    task = bench.waiting()
    other = bench.waiting(id=TASK_ID[:-1] + "b", principal=replace(ANN, issuer="okta"))
    bench.waiting(id=TASK_ID[:-1] + "c", expires_at_s=NOW_S)
    assert [one.task for one in bench.review.all(BEN, waiting=True)] == [task, other]
    assert [one.task for one in bench.review.all(ANN, waiting=True)] == [task]
    assert list(bench.review.all(AGENT, waiting=True)) == []
    assert [one.task.id for one in bench.review.all(AGENT, waiting=False)] == [TASK_ID[:-1] + "c", TASK_ID]


def test_what_others_must_decide_hides_nothing(bench):
    anns = replace(ANN, issuer="okta")
    for number in range(LISTED):
        bench.waiting(id=f"{TASK_ID[:-3]}{number:03x}", principal=anns)
    bench.waiting(id=f"{TASK_ID[:-3]}fff")
    assert [one.task.id for one in bench.review.pending(ANN)] == [f"{TASK_ID[:-3]}fff"]
    assert len(bench.review.pending(BEN)) == LISTED


def test_a_list_of_wide_tasks_is_cut_to_what_an_answer_can_hold(bench):
    columns = tuple(GrantedColumn(f"column_{number}", None, None) for number in range(5000))
    wide = replace(bench.waiting().grant, tables=(GrantedTable("public", "wide", "wide", (Action.SELECT,), columns),))
    for number in range(20):
        bench.waiting(id=f"{TASK_ID[:-2]}{number + 32:02x}", grant=wide)
    reviews = bench.review.pending(BEN)
    listed = seen_answers(reviews, BEN).tasks
    assert [one.task_id for one in listed] == [one.task.id for one in reviews][: len(listed)]
    assert 1 < len(listed) < len(reviews)
    assert len(msgspec.json.encode(listed)) <= MAX_LISTED_BYTES + len(listed) + 1


def test_an_agent_for_a_person_is_shown_no_list_and_costs_no_search(bench):
    bench.waiting()
    bench.approvals.tasks.away = True
    assert list(bench.review.all(replace(ANN, on_behalf_of="eve"), waiting=True)) == []


def test_what_no_longer_waits_is_taken_from_the_list(bench):
    bench.waiting()
    store, forgotten = bench.approvals, []

    class Stale(type(store)):
        def pending(self, databases, *, limit):
            return [TASK_ID]

        def forget(self, task_id):
            forgotten.append(task_id)

    bench.tasks.move(TASK_ID, END)
    review = replace(bench.review, approvals=Stale(bench.tasks))
    assert list(review.pending(ANN)) == []
    assert forgotten == [TASK_ID]


def test_an_approver_still_sees_what_came_of_it(bench):
    bench.waiting()
    bench.say(ANN)
    seen = bench.review.look(BEN, TASK_ID)
    assert isinstance(seen, Review)
    assert (seen.task.state, bench.estimator.asked) == (TaskState.ACTIVE, [])


def test_policy_decides_by_what_is_asked_for(bench):
    extra = """
    @id("raw-needs-a-lead-of-privacy")
    forbid (principal, action == Postern::Action::"approve", resource)
    when { context.raw && !(principal in Postern::Group::"privacy") };
    @id("not-ours")
    forbid (principal, action == Postern::Action::"approve", resource)
    when { context.requester like "okta|*" || (context has on_behalf_of && context.on_behalf_of == "zoe") };
    """
    bench.policy = approving_policy(extra)
    raw = replace(GRANT, tables=(replace(GRANT.tables[0], columns=(GrantedColumn("email", "pii.email", None),)),))
    bench.waiting(grant=replace(raw, policy_digest=bench.policy.digest))
    bench.waiting(id=TASK_ID[:-1] + "b", principal=replace(AGENT, issuer="okta"))
    bench.waiting(id=TASK_ID[:-1] + "c", principal=replace(AGENT, on_behalf_of="zoe"))
    plain = bench.waiting(id=TASK_ID[:-1] + "d")
    assert [one.task for one in bench.review.pending(ANN)] == [plain]
    both = replace(ANN, groups=("leads", "privacy"))
    assert [one.task.id for one in bench.review.pending(both)] == [TASK_ID, plain.id]


def test_what_was_rewritten_since_it_was_opened_is_shown_to_nobody(bench):
    """Else it could be shown harmless and approved as it was: whoever can write a task could do so for a moment."""
    bench.waiting()
    bench.rewrite(purpose="harmless")
    with pytest.raises(IntegrityError) as caught:
        bench.review.one(ANN, TASK_ID)
    assert caught.value.code == "approval.mismatch"
    assert list(bench.review.pending(ANN)) == []
