"""Approving and denying: who may, what is on record, what counts, and what nobody gets past."""

from __future__ import annotations

from dataclasses import replace

import pytest

from postern.denials import DenialKey, DenialKind
from postern.errors import (
    BudgetExceeded,
    Conflict,
    DatabaseUnavailable,
    EvidenceUnavailable,
    NotFound,
    PosternError,
    RefusedByPolicy,
)
from postern.policy.decided import BUILDING_S
from postern.task_states import END, REVOKE
from postern.types import TaskState
from tests.support.approving import (
    AGENT,
    ANN,
    BEN,
    EVE,
    NOW_S,
    TASK_ID,
    Bench,
    Word,
    approving_policy,
    redigested,
)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def refusal(bench: Bench, *arguments: object, **named: object) -> PosternError:
    with pytest.raises(PosternError) as caught:
        bench.say(*arguments, **named)  # type: ignore[arg-type]
    return caught.value


def test_the_last_approval_builds_the_world_and_the_time_to_live_begins_then(bench):
    bench.waiting()
    seen = []
    bench.before_build = lambda: seen.append((bench.task().state, bench.task().expires_at_s, len(bench.recorded())))
    approved = bench.say(ANN)
    assert seen == [(TaskState.PROVISIONING, NOW_S + BUILDING_S, 1)]
    assert (approved.task.state, approved.task.expires_at_s) == (TaskState.ACTIVE, NOW_S + 3600)
    assert bench.runner.started == []


def test_the_record_says_who_approved_what_and_which_policy_let_them(bench):
    task = bench.waiting(approvals_needed=2)
    first = bench.say(ANN, comment="call me at ann@acme.example, key AKIAIOSFODNN7EXAMPLE").approvals.given[0]
    bench.say(BEN)
    one, two = bench.recorded()
    assert (one["principal"]["subject"], one["task"]["id"], one["scope_digest"]) == ("ann", TASK_ID, task.scope_digest)
    assert one["decision"] == {"result": "approve", "policies": ["leads-approve"]}
    assert one["policy"] == bench.policy.digest
    assert "ann@acme.example" not in one["comment"]
    assert "AKIAIOSFODNN7EXAMPLE" not in f"{one} {bench.tasks.approvals[TASK_ID]}"
    assert [(one["needed"], one["earlier"]), (two["needed"], two["earlier"])] == [(2, []), (2, [first.event_id])]


def test_one_of_two_approvals_changes_nothing_yet(bench):
    bench.waiting(approvals_needed=2)
    approved = bench.say(ANN)
    assert (approved.task.state, approved.approvals.missing, bench.built) == (TaskState.PENDING_APPROVAL, 1, [])
    assert bench.say(BEN).task.state is TaskState.ACTIVE


def test_the_same_approver_counts_once_and_is_recorded_once(bench):
    bench.waiting(approvals_needed=2)
    bench.say(ANN)
    again = bench.say(replace(ANN, token_sha256="9" * 64), comment="once more")
    assert (again.approvals.missing, len(bench.recorded())) == (1, 1)


def test_a_second_click_after_the_last_approval_builds_nothing_twice(bench):
    bench.waiting()
    bench.say(ANN)
    assert bench.say(ANN).task.state is TaskState.ACTIVE
    assert (bench.built, len(bench.recorded())) == ([TASK_ID], 1)


@pytest.mark.parametrize(
    ("requester", "approver"),
    [
        pytest.param(AGENT, replace(AGENT, groups=("leads",)), id="their own"),
        pytest.param(AGENT, replace(AGENT, groups=("leads",), token_sha256="1" * 64), id="by a second token"),
        pytest.param(replace(AGENT, on_behalf_of="ann"), ANN, id="opened on their behalf"),
        pytest.param(replace(AGENT, on_behalf_of="ANN@acme.example"), ANN, id="by another issuer's name for them"),
        pytest.param(replace(ANN, issuer="okta", subject="00u1"), ANN, id="their own, by another issuer"),
    ],
)
def test_nobody_approves_or_denies_what_is_their_own(bench, requester, approver):
    bench.waiting(principal=requester, approvals_needed=2)
    for word in Word:
        assert refusal(bench, approver, word).code == "approval.four_eyes"
    assert (bench.task().state, bench.tasks.approvals[TASK_ID].given) == (TaskState.PENDING_APPROVAL, ())
    assert [one["decision"]["result"] for one in bench.recorded()] == ["refuse", "refuse"]


def test_the_products_own_forbid_stands_among_the_reasons(bench):
    bench.policy = approving_policy('@id("all") permit (principal, action, resource);')
    bench.waiting()
    refusal(bench, AGENT)
    assert bench.recorded()[0]["decision"]["policies"] == ["postern.four-eyes"]


def test_an_agent_that_acts_for_a_person_approves_nothing_and_learns_nothing(bench):
    bench.waiting()
    delegated = replace(ANN, on_behalf_of="somebody")
    told = [refusal(bench, delegated)]
    del bench.tasks.tasks[TASK_ID]
    told.append(refusal(bench, delegated))
    assert [(type(one), one.code) for one in told] == [(RefusedByPolicy, "approval.delegated")] * 2
    assert bench.recorded() == []


def test_who_may_not_approve_is_told_what_is_told_of_a_task_that_is_not_there(bench):
    bench.waiting()
    closed = refusal(bench, EVE)
    del bench.tasks.tasks[TASK_ID]
    absent = refusal(bench, EVE)
    assert isinstance(closed, NotFound)
    assert str(closed) == str(absent)


def test_one_person_by_two_issuers_is_not_two(bench):
    bench.waiting(approvals_needed=2)
    bench.say(ANN)
    assert refusal(bench, replace(ANN, issuer="okta", subject="00u1")).code == "approval.same_person"
    assert bench.task().state is TaskState.PENDING_APPROVAL


def test_a_denial_ends_the_task(bench):
    bench.waiting(approvals_needed=2)
    bench.say(ANN)
    assert bench.say(BEN, Word.DENY, "too wide").task.state is TaskState.DENIED
    assert [one["decision"]["result"] for one in bench.recorded()] == ["approve", "deny"]
    assert bench.tasks.approvals[TASK_ID].denied.comment == "too wide"


def test_who_approved_may_deny_while_others_are_missing(bench):
    bench.waiting(approvals_needed=2)
    bench.say(ANN)
    assert bench.say(ANN, Word.DENY).task.state is TaskState.DENIED
    assert bench.say(ANN, Word.DENY).task.state is TaskState.DENIED
    assert len(bench.recorded()) == 2
    assert refusal(bench, BEN).code == "task.state"


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        pytest.param(lambda bench: bench.tasks.move(TASK_ID, END), "task.state", id="withdrawn"),
        pytest.param(lambda bench: bench.tasks.move(TASK_ID, REVOKE), "task.state", id="revoked"),
        pytest.param(lambda bench: setattr(bench.clock, "at_us", (NOW_S + 600) * 1_000_000), "task.expired", id="late"),
        pytest.param(lambda bench: bench.rewrite(purpose="all of it"), "approval.changed", id="rewritten"),
        pytest.param(
            lambda bench: bench.tasks.tasks.update({TASK_ID: redigested(replace(bench.task(), purpose="all of it"))}),
            "approval.changed",
            id="rewritten-with-its-digest",
        ),
        pytest.param(lambda bench: bench.rewrite(approvals_needed=1), "approval.changed", id="fewer-needed"),
    ],
)
def test_nothing_counts_and_nothing_is_recorded_where_the_task_is_no_longer_the_one_that_waited(bench, spoil, code):
    bench.waiting(approvals_needed=2)
    spoil(bench)
    for word in Word:
        assert refusal(bench, ANN, word).code == code
    assert (bench.recorded(), bench.tasks.approvals[TASK_ID].given) == ([], ())


def test_an_approval_of_what_was_looked_at_counts_for_nothing_else(bench):
    task = bench.waiting()
    assert refusal(bench, ANN, digest="0" * 64).code == "approval.changed"
    assert bench.say(ANN, digest=task.scope_digest).task.state is TaskState.ACTIVE


def test_the_digest_of_one_task_says_nothing_for_another():
    one, other = Bench().waiting(), Bench()
    other.waiting(id=TASK_ID[:-1] + "b")
    other.tasks.tasks[TASK_ID] = other.tasks.tasks.popitem()[1]
    other.tasks.approvals[TASK_ID] = other.tasks.approvals.popitem()[1]
    assert refusal(other, ANN, digest=one.scope_digest).code == "approval.changed"


def test_a_task_that_another_policy_decided_is_ended(bench):
    bench.waiting(approvals_needed=2)
    bench.say(ANN)
    bench.policy = approving_policy("// changed since\n")
    assert refusal(bench, BEN).code == "task.policy_changed"
    assert bench.task().ends_as is TaskState.ENDED
    assert len(bench.recorded()) == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_nothing_takes_effect_without_a_durable_record(bench, when):
    bench.waiting()
    for word in Word:
        bench.records.fail_next(when)
        with pytest.raises(EvidenceUnavailable):
            bench.say(ANN, word)
    assert (bench.task().state, bench.tasks.approvals[TASK_ID].given) == (TaskState.PENDING_APPROVAL, ())


@pytest.mark.parametrize(
    ("denial", "code"),
    [
        pytest.param(DenialKey(DenialKind.PRINCIPAL, AGENT.id), "task.revoked", id="its principal"),
        pytest.param(DenialKey(DenialKind.HOLD, "shop"), "database.held", id="its database is held"),
    ],
)
def test_a_denial_of_access_keeps_the_approval_from_counting(bench, denial, code):
    bench.waiting()
    bench.tasks.denials.add(denial)
    assert refusal(bench, ANN).code == code
    assert (bench.task().state, bench.built, bench.recorded()) == (TaskState.PENDING_APPROVAL, [], [])


def test_refusals_of_one_principal_put_no_more_on_record_in_a_minute_than_it_may_ask_for(bench):
    bench.waiting()
    codes = [refusal(bench, AGENT).code for _ in range(bench.policy.limits.of(AGENT).openings + 1)]
    assert (set(codes[:-1]), codes[-1]) == ({"approval.four_eyes"}, "rate.openings")
    assert len(bench.recorded()) == len(codes) - 1


@pytest.mark.parametrize("when", ["before", "while it is recorded"])
@pytest.mark.parametrize(
    "shut", [DenialKey(DenialKind.PRINCIPAL, "okta|00u1"), DenialKey(DenialKind.ISSUER, "okta")], ids=["who", "issuer"]
)
def test_an_approval_counts_no_more_once_whoever_gave_it_was_shut_out(bench, shut, when):
    bench.waiting(approvals_needed=2)
    bench.say(replace(BEN, issuer="okta", subject="00u1"))
    put = bench.records.put

    def shut_meanwhile(record):
        bench.tasks.denials.add(shut)
        return put(record)

    if when == "before":
        bench.tasks.denials.add(shut)
    else:
        bench.records.put = shut_meanwhile
    assert refusal(bench, ANN).code == "task.revoked"
    assert (bench.task().state, bench.built) == (TaskState.PENDING_APPROVAL, [])


def test_more_worlds_than_a_database_may_have_in_a_minute_are_not_approved(bench):
    bench.waiting()

    def full(*arguments, **named):
        raise BudgetExceeded("rate.provisions", "full", retry_after_s=7)

    bench.rates.take = full
    assert refusal(bench, ANN).code == "rate.provisions"
    assert bench.recorded() == []


def test_a_world_that_could_not_be_built_is_no_success(bench):
    bench.waiting()

    def away():
        raise DatabaseUnavailable("database.unavailable", "away")

    bench.before_build = away
    assert refusal(bench, ANN).code == "database.unavailable"
    assert (bench.task().state, len(bench.tasks.approvals[TASK_ID].given)) == (TaskState.PROVISIONING, 1)


def test_statements_that_run_once_are_started_after_their_role_stands(bench):
    grant = replace(bench.waiting().grant, tables=(), owner_role="shop_owner")
    bench.tasks = type(bench.tasks)()
    bench.waiting(grant=grant, statements=("DROP TABLE orders",))
    assert bench.say(ANN).task.state is TaskState.ACTIVE
    assert (bench.built, bench.runner.started) == ([TASK_ID], [TASK_ID])


def test_the_second_click_starts_what_the_first_could_not(bench):
    grant = replace(bench.waiting().grant, tables=(), owner_role="shop_owner")
    bench.tasks = type(bench.tasks)()
    bench.waiting(grant=grant, statements=("DROP TABLE orders",))
    bench.say(ANN)
    bench.runner.started.clear()  # as if the invocation had been lost
    assert bench.say(ANN).task.state is TaskState.ACTIVE
    assert (bench.built, bench.runner.started) == ([TASK_ID], [TASK_ID])


def test_each_word_is_announced_once_it_is_durable(bench):
    bench.waiting(approvals_needed=2)
    bench.say(ANN)
    bench.say(ANN)
    bench.say(BEN)
    told = [(one.task.state, one.before, one.approvals_given) for one in bench.announced.told]
    pending = TaskState.PENDING_APPROVAL
    assert told == [(pending, pending, 1), (TaskState.PROVISIONING, pending, 2)]


def test_an_approval_that_was_overtaken_by_the_end_of_the_task_does_not_count(bench):
    bench.waiting()
    put = bench.records.put

    def ended_meanwhile(record):
        bench.tasks.move(TASK_ID, END)
        return put(record)

    bench.records.put = ended_meanwhile
    with pytest.raises(Conflict):
        bench.say(ANN)
    assert (bench.task().state, bench.built) == (TaskState.ENDING, [])


@pytest.mark.parametrize(
    "shut",
    [DenialKey(DenialKind.PRINCIPAL, ANN.id), DenialKey(DenialKind.ISSUER, ANN.issuer)],
    ids=["the approver", "the approver's issuer"],
)
@pytest.mark.parametrize("when", ["before", "while it is recorded"])
def test_who_was_shut_out_approves_and_denies_nothing(bench, shut, when):
    bench.waiting(principal=replace(AGENT, issuer="other"), approvals_needed=2)
    put = bench.records.put

    def shut_meanwhile(record):
        bench.tasks.denials.add(shut)
        return put(record)

    if when == "before":
        bench.tasks.denials.add(shut)
    else:
        bench.records.put = shut_meanwhile
    for word in Word:
        assert refusal(bench, ANN, word).code == "task.revoked"
    assert (bench.task().state, bench.tasks.approvals[TASK_ID].given) == (TaskState.PENDING_APPROVAL, ())
    assert len(bench.recorded()) == (0 if when == "before" else 1)
