"""Revoking: who may, what is on record before what happens, which tasks it finds, and what it leaves to the reaper."""

from __future__ import annotations

from dataclasses import replace

import pytest

from postern.denials import DenialKey, DenialKind
from postern.errors import (
    BadRequest,
    DatabaseUnavailable,
    EvidenceUnavailable,
    NotFound,
    RefusedByPolicy,
    StateUnavailable,
)
from postern.services.told_events import REDATED_AFTER_US
from postern.task_states import END
from postern.types import TaskId, TaskState
from tests.support.denials import DENIAL
from tests.support.domain import AGENT, GRANT, NOW_S, OTHER, TASK_ID
from tests.support.revoking import HOLD, OLGA, PRINCIPAL, SAM, Bench, ids

AWAY = DatabaseUnavailable("database.unavailable", "away")
ISSUER = DenialKey(DenialKind.ISSUER, "ci")
DATABASE = DenialKey(DenialKind.DATABASE, "shop")
LIVE = [one for one in TaskState if not one.is_final and one is not TaskState.ENDING]


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.mark.parametrize("state", LIVE)
def test_a_task_is_recorded_marked_torn_down_and_proved(bench, state):
    bench.task(state=state)
    revoked = bench.revoke(TASK_ID, reason="ask ann@example.com")
    assert bench.state(TASK_ID) is TaskState.REVOKED
    [(task_id, torn)] = revoked.ended.done
    assert (task_id, torn.state, torn.proof.is_clean) == (TASK_ID, TaskState.REVOKED, True)
    event, intent, outcome = bench.records.bodies()
    assert (event["kind"], event["id"], event["principal"]["subject"]) == ("revocation", revoked.id, "olga")
    assert event["revocation"]["reason"] == "ask [detected:email]"
    assert event["revocation"]["of"] == {"kind": "task", "name": TASK_ID}
    assert event["decision"]["reasons"] == ["operators-revoke"]
    assert (intent["kind"], intent["by"], outcome["status"]) == ("teardown", "revocation", "ok")


def test_a_task_that_ends_already_is_helped_to_its_end(bench):
    bench.task()
    bench.tasks.move(TASK_ID, END)
    assert [torn.state for _, torn in bench.revoke(TASK_ID).ended.done] == [TaskState.ENDED]


def test_revoking_twice_changes_nothing_and_says_how_it_ended(bench):
    bench.task()
    bench.revoke(TASK_ID)
    again = bench.revoke(TASK_ID)
    assert [(torn.state, torn.proof) for _, torn in again.ended.done] == [(TaskState.REVOKED, None)]
    assert len(bench.torn_down) == 1


@pytest.mark.parametrize(
    ("who", "of"),
    [
        pytest.param(replace(OLGA, groups=()), TASK_ID, id="nobody"),
        pytest.param(SAM, PRINCIPAL, id="one database's for a principal"),
        pytest.param(SAM, ISSUER, id="one database's for an issuer"),
        pytest.param(SAM, DenialKey(DenialKind.DATABASE, "stock"), id="one database's for another"),
        pytest.param(SAM, DenialKey(DenialKind.HOLD, "stock"), id="one database's for holding another"),
        pytest.param(replace(OLGA, on_behalf_of="ann"), TASK_ID, id="an operator's agent"),
        pytest.param(replace(OLGA, groups=()), TaskId("0" * 32), id="nobody for a task that is not there"),
    ],
)
def test_who_may_not_revoke_takes_nothing_away(bench, who, of):
    bench.task()
    with pytest.raises(RefusedByPolicy):
        bench.revoke(of, who=who)
    assert (bench.state(TASK_ID), bench.denials.kept, bench.events()) == (TaskState.ACTIVE, {}, [])


@pytest.mark.parametrize("of", [TASK_ID, DATABASE, HOLD], ids=["task", "database", "hold"])
def test_who_may_revoke_in_one_database_does(bench, of):
    bench.task()
    assert bench.revoke(of, who=SAM).ended.done


def test_a_task_of_a_database_that_the_policy_lost_is_for_who_may_revoke_everywhere(bench):
    bench.task(grant=replace(GRANT, database="gone"), state=TaskState.PENDING_APPROVAL)
    with pytest.raises(RefusedByPolicy):
        bench.revoke(TASK_ID, who=SAM)
    bench.worlds.standing.clear()
    assert bench.revoke(TASK_ID).is_recorded


@pytest.mark.parametrize(
    "key",
    [DenialKey(DenialKind.PRINCIPAL, OLGA.id), DenialKey(DenialKind.ISSUER, OLGA.issuer)],
    ids=["herself", "her issuer"],
)
def test_an_operator_who_is_denied_revokes_and_lifts_nothing(bench, key):
    bench.denials.put(replace(DENIAL, key=key))
    bench.task()
    with pytest.raises(RefusedByPolicy):
        bench.revoke(TASK_ID)
    with pytest.raises(RefusedByPolicy):
        bench.release(DENIAL.id)


def test_no_task_is_told_of_and_no_database_that_is_not_there(bench):
    with pytest.raises(NotFound):
        bench.revoke(TASK_ID)
    for kind in (DenialKind.DATABASE, DenialKind.HOLD):
        with pytest.raises(BadRequest, match="expected one of the policy layer"):
            bench.revoke(DenialKey(kind, "shopp"))
    assert bench.denials.kept == {}


@pytest.mark.parametrize(
    ("of", "gone"),
    [
        pytest.param(PRINCIPAL, {0, 1}, id="principal"),
        pytest.param(DenialKey(DenialKind.PRINCIPAL, "ci|ann"), {2}, id="person"),
        pytest.param(ISSUER, {0, 1, 2, 3, 4}, id="issuer"),
        pytest.param(DATABASE, {0, 2, 3, 4}, id="database"),
    ],
)
def test_a_denial_ends_exactly_the_live_tasks_that_it_is_about(bench, of, gone):
    stock = replace(GRANT, database="stock")
    for task_id, changes in zip(
        ids(6),
        [
            {},
            {"grant": stock, "state": TaskState.PENDING_APPROVAL},
            {"principal": replace(OTHER, on_behalf_of="ann")},
            {"principal": OTHER},
            {"principal": OTHER, "statements": ("VACUUM",)},
            {"principal": replace(AGENT, issuer="other"), "grant": stock},
        ],
        strict=True,
    ):
        bench.task(task_id, **changes)
    bench.worlds.standing.clear()  # the fake policy has one address
    marked = bench.revoke(of)
    assert marked.is_whole
    ended = {n for n, task_id in enumerate(ids(6)) if bench.tasks.tasks[task_id].ends_as is TaskState.REVOKED}
    assert ended == gone


def test_tasks_that_open_while_others_are_marked_are_found_by_the_next_pass(bench):
    first, second = ids(2)
    bench.task(first)
    original = bench.open.move

    def move(task_id, move):
        if second not in bench.tasks.tasks:
            bench.task(second)
        return original(task_id, move)

    bench.open.move = move
    revoked = bench.revoke(PRINCIPAL)
    assert {bench.state(one) for one in (first, second)} == {TaskState.REVOKED}
    assert (revoked.is_whole, bench.open.looks) == (True, 3)


@pytest.mark.parametrize(
    ("failing", "whole"),
    [({1}, True), ({2}, True), ({1, 2, 3}, False)],
    ids=["the first time", "the second", "for long"],
)
def test_where_open_tasks_cannot_be_listed_the_denial_stands_and_the_answer_says_what_was_done(bench, failing, whole):
    bench.task()
    listed = bench.open.all

    def all_open():
        if bench.open.looks + 1 in failing:
            bench.open.looks += 1
            raise StateUnavailable("state.unavailable", "throttled")
        return listed()

    bench.open.all = all_open
    revoked = bench.revoke(PRINCIPAL)
    assert (revoked.is_whole, len(revoked.ended.done)) == (whole, int(whole))
    assert bench.denials.standing([PRINCIPAL]) == PRINCIPAL
    bench.reap()
    assert bench.state(TASK_ID) in (TaskState.ENDING, TaskState.REVOKED)


def test_what_is_not_marked_when_the_denial_is_lifted_stays(bench):
    bench.task()
    original = bench.open.all

    def lifted_meanwhile():
        found = original()
        [denial] = bench.denials.all()
        bench.denials.lift(denial, now_s=NOW_S)
        bench.open.hidden.clear()
        return found

    bench.open.hidden, bench.open.all = {TASK_ID}, lifted_meanwhile
    bench.task(ids(1)[0])
    revoked = bench.revoke(PRINCIPAL)
    assert not revoked.is_whole
    assert bench.state(TASK_ID) is TaskState.ACTIVE


@pytest.mark.parametrize("when", ["before", "after"])
def test_access_ends_where_the_record_cannot_be_written_and_the_reaper_writes_it(bench, when):
    bench.task()
    bench.records.fail_next(when)
    revoked = bench.revoke(TASK_ID)
    assert (revoked.is_recorded, bench.state(TASK_ID)) == (False, TaskState.REVOKED)
    assert bench.reap().events_owed == 0
    [event] = bench.events()
    assert (event["id"], event["revocation"]["id"]) == (revoked.id, revoked.id)
    assert bench.denials.owed() == []


def test_an_event_that_was_owed_for_long_is_dated_when_it_is_written(bench):
    bench.task()
    bench.records.fail_next("before")
    revoked = bench.revoke(TASK_ID)
    bench.clock.at_us += REDATED_AFTER_US
    bench.reap()
    [event] = bench.events()
    assert event["id"] != revoked.id
    assert event["revocation"]["id"] == revoked.id
    assert event["revocation"]["time"] < event["time"]


def test_what_is_still_owed_is_counted(bench):
    bench.task()
    bench.records.fail_next("before")
    bench.revoke(TASK_ID)
    bench.records.fail_next("before")
    assert bench.reap().events_owed == 1


def test_nothing_is_taken_away_where_neither_bucket_nor_table_answers(bench):
    bench.task()
    bench.records.fail_next("before")
    original = bench.denials.owe

    def owe(owed):
        bench.denials.away = True
        return original(owed)

    bench.denials.owe = owe
    with pytest.raises(StateUnavailable):
        bench.revoke(PRINCIPAL)
    assert bench.state(TASK_ID) is TaskState.ACTIVE


def test_what_a_database_that_is_away_keeps_remains_and_is_said_so(bench):
    bench.task()
    bench.worlds.tear_down_fails = AWAY
    revoked = bench.revoke(TASK_ID)
    assert revoked.ended.left == ((TASK_ID, "database.unavailable"),)
    assert bench.tasks.tasks[TASK_ID].ends_as is TaskState.REVOKED
    assert len(bench.torn_down) == 3


def test_a_teardown_that_fails_once_is_tried_again_in_the_same_call(bench):
    bench.task()
    bench.worlds.tear_down_fails = AWAY
    original = bench.clock.now_us

    def mended():
        if bench.torn_down:
            bench.worlds.tear_down_fails = None
        return original()

    bench.clock.now_us = mended
    assert not bench.revoke(TASK_ID).ended.left


def test_without_time_everything_is_marked_and_what_remains_is_told(bench):
    for task_id in ids(3):
        bench.task(task_id)
    revoked = bench.revoke(PRINCIPAL, budget_s=5)
    assert revoked.is_whole
    assert revoked.ended.left == tuple((task_id, "time") for task_id in ids(3))
    assert {bench.state(task_id) for task_id in ids(3)} == {TaskState.ENDING}


def test_a_second_denial_of_the_same_keeps_the_firsts_id_on_record_too(bench):
    first = bench.revoke(PRINCIPAL, expires_s=60)
    second = bench.revoke(PRINCIPAL, reason="again")
    assert (second.id, second.expires_at_s) == (first.id, None)
    assert [one["revocation"]["id"] for one in bench.events()] == [first.id, first.id]


def test_lifting_is_recorded_first_and_lets_open_again(bench):
    denied = bench.revoke(PRINCIPAL)
    bench.records.fail_next("before")
    with pytest.raises(EvidenceUnavailable):
        bench.release(denied.id)
    assert bench.denials.standing([PRINCIPAL]) == PRINCIPAL
    bench.release(denied.id)
    assert bench.denials.standing([PRINCIPAL]) is None
    assert bench.events()[-1]["kind"] == "release"
    with pytest.raises(NotFound):
        bench.release(denied.id)


def test_who_may_not_revoke_it_may_not_lift_it(bench):
    denied = bench.revoke(PRINCIPAL)
    with pytest.raises(RefusedByPolicy):
        bench.release(denied.id, who=SAM)
    assert bench.denials.standing([PRINCIPAL]) == PRINCIPAL


def test_a_denial_whose_time_is_up_is_lifted_by_the_reaper(bench):
    bench.revoke(PRINCIPAL, expires_s=60)
    bench.wait(59)
    assert bench.reap().lifted == 0
    bench.wait(1)
    assert bench.reap().lifted == 1
    assert bench.denials.standing([PRINCIPAL]) is None
    assert (bench.events()[-1]["kind"], bench.events()[-1]["by"]) == ("release", "timer")


def test_a_denial_that_is_made_longer_while_its_end_is_recorded_stands(bench):
    bench.revoke(PRINCIPAL, expires_s=600)
    bench.wait(600)
    put = bench.records.put

    def put_late(record):
        bench.denials.put(replace(DENIAL, key=PRINCIPAL, expires_at_s=NOW_S + 7200))
        return put(record)

    bench.records.put = put_late
    assert bench.reap().lifted == 0
    assert bench.denials.standing([PRINCIPAL]) == PRINCIPAL


def test_a_task_that_the_index_did_not_show_is_found_by_the_reaper_for_ten_minutes(bench):
    bench.task()
    bench.open.hidden.add(TASK_ID)
    assert bench.revoke(PRINCIPAL).ended.done == ()
    bench.wait(599)
    assert bench.reap().marked == 0
    bench.open.hidden.clear()
    assert bench.reap().marked == 1
    assert bench.tasks.tasks[TASK_ID].ends_as is TaskState.REVOKED
    bench.wait(1)
    bench.reap()
    looks = bench.open.looks
    bench.reap()
    assert bench.open.looks == looks
