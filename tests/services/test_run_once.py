"""Statements that run once: what stands, what is on record, and what is shown, whatever breaks on the way."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import Any

import pytest

from postern.audit.log_bodies import abandoned_outcome
from postern.audit.records import RecordType
from postern.errors import (
    Conflict,
    DatabaseLost,
    EvidenceUnavailable,
    NotFound,
    OutcomeUnknown,
    StatementFailed,
)
from postern.run_ports import RunState, Status
from postern.services.statement_texts import StatementTexts
from postern.task_states import END, REVOKE
from postern.types import CommandId, Sha256Hex, StatementText, TaskId, TaskState
from tests.support.domain import TASK_ID
from tests.support.runs import MIXED, STATEMENTS, RunSite

DIVISION = StatementFailed("sql.failed", "division by zero", sqlstate="22012")


def statuses(run) -> list[str]:
    return [one.status.value for one in run.statements]


def bodies(site: RunSite, type_: RecordType | None = None) -> list[dict[str, Any]]:
    return [dict(body) for body in site.records.bodies(type_)]


def told(site: RunSite) -> dict[int, list[tuple[Any, Any]]]:
    """What the records tell of each statement by its place: type and status, or decision."""
    by_id: dict[Any, list[tuple[Any, Any]]] = defaultdict(list)
    places: dict[Any, Any] = {}
    for body in bodies(site):
        if body["type"] == "intent":
            places[body["id"]] = body["transaction"]["index"]
            by_id[body["id"]].append(("intent", body["decision"]["result"]))
        else:
            by_id[body["id"]].append((body["type"], body["status"]))
    return {places[id_]: found for id_, found in by_id.items()}


COMMITTED = [("intent", "allow"), ("outcome", "pending"), ("settled", "committed")]


def test_all_of_them_run_in_one_transaction_and_the_task_ends():
    site = RunSite()
    site.session.answers = {STATEMENTS[1]: 3}
    run = site.run()
    assert (run.state, statuses(run)) == (RunState.DONE, ["ok"] * 3)
    assert [one.affected for one in run.statements] == [None, 3, None]
    assert (site.session.stands, site.session.is_open) == ([*STATEMENTS], False)
    assert told(site) == {0: COMMITTED, 1: COMMITTED, 2: COMMITTED}
    assert (site.task.state, site.task.ends_as) == (TaskState.ENDING, TaskState.ENDED)
    assert site.provisioner.torn_down == [TASK_ID]
    assert site.runs.of(TASK_ID).run == run


def test_every_record_says_that_it_ran_once_and_under_whose_consent():
    site = RunSite()
    site.run()
    assert {body["kind"] for body in bodies(site)} == {"run_once"}
    for body in bodies(site, RecordType.INTENT):
        assert body["decision"]["run_once"] is True
        assert body["approval"]["given"] == ["e0", "e1"]
        assert body["approval"]["scope_digest"] == site.task.scope_digest
        assert body["owner_role"] == "shop_owner"
        assert body["target"]["role"] == f"task_{TASK_ID}"


def test_those_outside_a_transaction_run_alone_between():
    site = RunSite(MIXED)
    run = site.run()
    assert statuses(run) == ["ok"] * 4
    assert site.session.stands == [*MIXED]
    assert told(site)[2] == [("intent", "allow"), ("outcome", "ok")]
    assert told(site)[3] == COMMITTED


def test_every_intent_is_durable_before_anything_runs():
    site = RunSite(MIXED)
    seen = []
    site.session.on[MIXED[0]] = lambda: seen.append(len(site.records.bodies(RecordType.INTENT)))
    site.run()
    assert seen == [4]


def test_it_runs_within_the_owners_schema_and_the_lock_timeout():
    site = RunSite()
    site.run()
    [bounds] = site.session.bounds
    assert (bounds.owner_role, bounds.schema_default, bounds.lock_timeout_ms) == ("shop_owner", "public", 5000)
    assert bounds.statement_timeout_ms == 840_000


def test_invoked_twice_it_runs_once():
    site = RunSite()
    site.run()
    records = len(site.records.objects)
    with pytest.raises(Conflict):
        site.run()
    assert (site.session.stands, len(site.records.objects)) == ([*STATEMENTS], records)


@pytest.mark.parametrize("state", sorted(set(TaskState) - {TaskState.ACTIVE}))
def test_invoked_in_any_other_state_nothing_runs(state: TaskState):
    site = RunSite(state=state)
    with pytest.raises(Conflict):
        site.run()
    assert (site.database.opened, site.records.objects, site.task.state) == ([], {}, state)


def test_invoked_past_the_deadline_nothing_runs():
    site = RunSite()
    site.clock.at_us = site.task.expires_at_s * 1_000_000
    with pytest.raises(Conflict):
        site.run()
    assert site.database.opened == []


def test_a_task_with_tables_is_not_run():
    site = RunSite(())
    with pytest.raises(Conflict):
        site.run()
    with pytest.raises(NotFound):
        site.service.run(TaskId("f" * 32), site.watch())
    assert site.database.opened == []


def tampered(site: RunSite, **changes: object) -> None:
    site.tasks.tasks[TASK_ID] = replace(site.task, **changes)


REFUSALS = [
    pytest.param(
        lambda site: tampered(site, statements=(STATEMENTS[0], STATEMENTS[1] + " ", STATEMENTS[2])),
        "approval.mismatch",
        id="one-byte-more",
    ),
    pytest.param(lambda site: tampered(site, statements=STATEMENTS[::-1]), "approval.mismatch", id="another-order"),
    pytest.param(
        lambda site: tampered(site, grant=replace(site.task.grant, owner_role="postgres")),
        "approval.mismatch",
        id="another-owner",
    ),
    pytest.param(lambda site: site.tasks.approvals.clear(), "approval.mismatch", id="nothing-decided"),
    pytest.param(
        lambda site: site.tasks.approvals.update({TASK_ID: site.decided(site.task, people=1)}),
        "approval.mismatch",
        id="one-approval-of-two",
    ),
    pytest.param(
        lambda site: site.tasks.approvals.update({TASK_ID: site.decided(site.task, people=0, needed=0)}),
        "approval.mismatch",
        id="approved-by-policy-alone",
    ),
    pytest.param(lambda site: setattr(site.marks, "mark", None), "evidence.stale", id="evidence-lags"),
]


@pytest.mark.parametrize(("spoil", "code"), REFUSALS)
def test_what_people_did_not_approve_is_refused_recorded_and_ends_the_task(spoil, code: str):
    site = RunSite()
    spoil(site)
    run = site.run()
    assert (run.state, run.error) == (RunState.FAILED, code)
    assert (site.database.opened, site.session.stands) == ([], [])
    assert [found for _, found in sorted(told(site).items())] == [[("intent", "refuse")]] * 3
    assert {body["decision"]["code"] for body in bodies(site)} == {code}
    assert (site.task.ends_as, site.provisioner.torn_down) == (TaskState.FAILED, [TASK_ID])


def test_statements_that_their_check_does_not_know_any_more_are_refused():
    site = RunSite(("CREATE ROLE me",))
    run = site.run()
    assert (run.state, run.statements[0].status) == (RunState.FAILED, Status.NOT_RUN)
    assert told(site) == {0: [("intent", "refuse")]}


def test_one_that_fails_takes_its_transaction_back_and_stops_what_follows():
    site = RunSite(MIXED)
    site.session.answers = {MIXED[1]: DIVISION}
    run = site.run()
    assert (run.state, run.error) == (RunState.FAILED, "sql.failed")
    assert statuses(run) == ["rolled_back", "failed", "not_run", "not_run"]
    assert run.statements[1].sqlstate == "22012"
    assert (site.session.stands, site.task.ends_as) == ([], TaskState.FAILED)
    assert [found[-1] for _, found in sorted(told(site).items())] == [
        ("outcome", status) for status in ("rolled_back", "failed", "not_run", "not_run")
    ]


def test_what_failed_holds_no_lock_while_its_records_are_written():
    site = RunSite()
    site.session.answers = {STATEMENTS[1]: DIVISION}
    put, held = site.records.put, []

    def watched(record):
        if record.type is RecordType.OUTCOME:
            held.append(site.session.in_transaction)
        return put(record)

    site.records.put = watched
    site.run()
    assert held == [False] * 3


def test_steps_before_one_that_fails_stand():
    site = RunSite(MIXED)
    site.session.answers = {MIXED[2]: DIVISION}
    run = site.run()
    assert statuses(run) == ["ok", "ok", "failed", "not_run"]
    assert site.session.stands == [*MIXED[:2]]


def test_one_alone_whose_session_breaks_may_stand_and_is_told_so():
    site = RunSite(MIXED)
    site.session.answers = {MIXED[2]: OutcomeUnknown("outcome.unknown", "gone")}
    run = site.run()
    assert (run.state, statuses(run)) == (RunState.UNKNOWN, ["ok", "ok", "unknown", "not_run"])
    assert told(site)[2][-1] == ("outcome", "unknown")


def test_a_lost_answer_to_commit_is_neither_done_nor_failed():
    site = RunSite()
    site.session.commit_fails = OutcomeUnknown("outcome.unknown", "gone")
    run = site.run()
    assert (run.state, statuses(run)) == (RunState.UNKNOWN, ["unknown"] * 3)
    assert {tuple(found[-1]) for found in told(site).values()} == {("outcome", "pending")}  # the reaper asks for them
    assert site.task.ends_as is TaskState.FAILED


def test_a_commit_that_the_database_refuses_is_settled_as_rolled_back():
    site = RunSite()
    site.session.commit_fails = StatementFailed("sql.failed", "no", sqlstate="40001")
    run = site.run()
    assert statuses(run) == ["rolled_back"] * 3
    assert {found[-1] for found in told(site).values()} == {("settled", "rolled_back")}


def test_revoked_while_it_runs_it_is_lost_and_never_done():
    site = RunSite()

    def revoke() -> None:
        site.tasks.move(TASK_ID, REVOKE)
        raise site.lost()

    site.session.on[STATEMENTS[1]] = revoke
    run = site.run()
    assert (run.state, statuses(run)) == (RunState.FAILED, ["rolled_back", "lost", "not_run"])
    assert site.session.stands == []
    assert (site.task.state, site.task.ends_as) == (TaskState.ENDING, TaskState.REVOKED)


@pytest.mark.parametrize("at", [*STATEMENTS, "mark"])
def test_ended_before_its_commit_it_is_not_committed(at: str):
    site = RunSite()
    site.session.on[at] = lambda: site.tasks.move(TASK_ID, END)
    run = site.run()
    assert (run.state, run.error, site.session.stands) == (RunState.FAILED, "task.state", [])
    assert {found[-1] for found in told(site).values()} == {("settled", "rolled_back")}
    assert site.task.ends_as is TaskState.ENDED


def test_ended_between_two_steps_the_next_does_not_begin():
    site = RunSite(MIXED)
    site.session.on[MIXED[2]] = lambda: site.tasks.move(TASK_ID, END)
    run = site.run()
    assert statuses(run) == ["ok", "ok", "ok", "not_run"]
    assert site.session.stands == [*MIXED[:3]]


def test_after_fourteen_minutes_nothing_is_begun_or_committed():
    site = RunSite()

    def slow() -> None:
        site.clock.at_s += 840

    site.session.on[STATEMENTS[2]] = slow
    run = site.run()
    assert (run.error, site.session.stands) == ("database.timeout", [])


def test_a_database_that_is_away_leaves_them_not_run():
    site = RunSite()
    site.database.away = True
    run = site.run()
    assert (run.error, statuses(run)) == ("database.unavailable", ["not_run"] * 3)
    assert {found[-1] for found in told(site).values()} == {("outcome", "not_run")}
    assert site.task.ends_as is TaskState.FAILED


def test_given_up_for_dead_by_the_reaper_it_is_rolled_back():
    site = RunSite()

    def abandon() -> None:
        [first, *_] = bodies(site, RecordType.INTENT)
        outcome = abandoned_outcome("run_once", CommandId(str(first["id"])), 1, Sha256Hex("0" * 64), None)
        site.records.put(outcome)

    site.session.on["mark"] = abandon
    run = site.run()
    assert (run.state, run.error, site.session.stands) == (RunState.FAILED, "command.abandoned", [])


class Died(BaseException):
    """The process is gone."""


def dying(site: RunSite, at: int, *, after: bool) -> None:
    """Ends the process at the n-th record, before or after that one is durable."""
    put, count = site.records.put, [0]

    def counted(record):
        count[0] += 1
        if count[0] == at and not after:
            raise Died
        sha256 = put(record)
        if count[0] == at:
            raise Died
        return sha256

    site.records.put = counted


def writes_of(statements: tuple[str, ...]) -> int:
    site = RunSite(statements)
    site.run()
    return site.records.puts


def check_sound(site: RunSite, statements: tuple[str, ...]) -> None:
    """What stands is recorded as far as it must be by then: intents of all, a fence of every transaction."""
    records = told(site)
    if site.session.stands:
        assert sorted(records) == list(range(len(statements)))
    for index, sql in enumerate(statements):
        if sql in site.session.stands and "CONCURRENTLY" not in sql:
            assert ("outcome", "pending") in records[index]
        if any(status in {"committed", "ok"} for _, status in records.get(index, [])):
            assert sql in site.session.stands


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, 1 + writes_of(MIXED)))
def test_whenever_the_process_dies_what_stands_is_on_record_and_nothing_runs_again(at: int, *, after: bool):
    site = RunSite(MIXED)
    dying(site, at, after=after)
    with pytest.raises(Died):
        site.run()
    check_sound(site, MIXED)
    stands = list(site.session.stands)
    with pytest.raises(Conflict):
        site.run()
    assert site.session.stands == stands


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("at", range(writes_of(MIXED)))
def test_whichever_record_cannot_be_written_the_run_is_sound_and_the_task_ends(at: int, when: str):
    site = RunSite(MIXED)
    put, count = site.records.put, [0]

    def failing(record):
        count[0] += 1
        if count[0] == at + 1:
            site.records.fail_next(when)
        return put(record)

    site.records.put = failing
    run = site.run()
    check_sound(site, MIXED)
    assert site.task.state is TaskState.ENDING
    assert (run.state is RunState.DONE) == (site.session.stands == [*MIXED])


@pytest.mark.parametrize("at", range(len(MIXED)))
def test_without_all_intents_every_statement_is_shown_as_not_run(at: int):
    site = RunSite(MIXED)
    put, left = site.records.put, [at]

    def failing(record):
        left[0] -= 1
        if left[0] < 0:
            raise EvidenceUnavailable("evidence.unavailable", "away")
        return put(record)

    site.records.put = failing
    run = site.run()
    assert (run.state, run.error) == (RunState.FAILED, "evidence.unavailable")
    assert {(one.status, one.error) for one in run.statements} == {(Status.NOT_RUN, "evidence.unavailable")}


def test_a_state_table_that_goes_away_shows_nothing_and_undoes_what_is_not_committed():
    site = RunSite()
    site.session.on[STATEMENTS[1]] = lambda: setattr(site.tasks, "away", True)
    run = site.run()
    assert (run.state, run.error, site.session.stands) == (RunState.FAILED, "state.unavailable", [])
    assert {found[-1] for found in told(site).values()} == {("settled", "rolled_back")}


def test_a_teardown_that_fails_is_the_timers():
    site = RunSite()
    site.provisioner.fails = DatabaseLost("database.lost", "away")
    assert site.run().state is RunState.DONE
    assert site.task.state is TaskState.ENDING


def test_without_raw_text_no_record_shows_a_literal():
    secret = "CREATE TABLE parcels (id integer DEFAULT 4711471)"
    site = RunSite((secret,), texts=StatementTexts(StatementText.NORMALIZED))
    site.run()
    shown = b"".join(site.records.objects.values())
    assert b"CREATE TABLE parcels" in shown
    assert b"4711471" not in shown
