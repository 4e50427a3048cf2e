"""Commands whose writer died: closed once, by whoever comes first."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest

from postern.audit.records import Record, RecordType
from postern.errors import (
    Conflict,
    OutcomeUnknown,
    PolicyUnavailable,
    StatementFailed,
)
from postern.ports import Finished
from postern.reap_ports import Fate
from postern.services.calls import Answers
from tests.services.test_run_statements import Bench
from tests.services.test_transact import INSERT, REFUSED, UPDATE, WRITABLE, WROTE
from tests.support.dead_calls import (
    call,
    killed,
    killed_before_commit,
    killed_while_it_runs,
    story,
    used,
)
from tests.support.domain import BUDGETS, NOW_S, TASK_ID, a_task
from tests.support.fake_clock import FakeClock, FakeIdentifiers
from tests.support.fake_policy import FakePolicy
from tests.support.reap_fakes import Died
from tests.support.reap_site import Site


def test_a_statement_without_an_outcome_is_abandoned_after_five_minutes_and_not_before(site, query):
    killed_while_it_runs(query)
    site.wait(299)
    assert site.reap().counts()["Abandoned"] == 0
    site.wait(1)
    assert site.reap().counts()["Abandoned"] == 1
    assert story(site) == ["intent", "outcome abandoned"]


def test_the_abandoned_outcome_names_its_intent_and_its_task(site, query):
    killed_while_it_runs(query)
    site.wait(300)
    site.reap()
    [outcome] = site.written(status="abandoned")
    [intent] = site.written(type="intent", kind="statement")
    assert outcome["id"] == intent["id"]
    assert outcome["task"] == {"id": TASK_ID}
    assert outcome["code"]["function"] == "reap"


def test_a_statement_that_is_merely_slow_keeps_its_outcome(site, query):
    def be_slow() -> None:
        site.wait(20)
        site.reap()

    query.database.before_run = be_slow
    assert isinstance(call(query, UPDATE), Answers)
    assert story(site) == ["intent", "outcome pending", "settled committed"]


def test_of_a_slow_writer_and_the_reaper_one_wins_and_the_loser_writes_nothing(site, query):
    """The writer's clock stood still for five minutes: by then it counts as dead."""

    def stand_still() -> None:
        site.wait(301)
        assert site.reap().counts()["Abandoned"] == 1

    query.database.before_run = stand_still
    with pytest.raises(Conflict) as caught:
        call(query, UPDATE)
    assert caught.value.code == "command.abandoned"
    assert "commit" not in query.database.events
    assert story(site) == ["intent", "outcome abandoned"]
    assert used(site) == {"statements": 1}


def test_a_writer_that_comes_first_leaves_the_reaper_nothing(site, query):
    killed_while_it_runs(query)
    site.wait(300)
    reaper = site.reaper()
    [intent] = site.written(type="intent", kind="statement")

    def finish(name: str) -> None:
        if name == "put record":
            site.wire.hook = None
            other = Bench(tasks=site.tasks, records=site.records(), clock=site.clock)
            other.threads.shutdown()
            body = {"task": {"id": TASK_ID}, "intent": "f" * 64, "status": "ok", "rows": 1, "bytes": 2}
            other.records.put(_outcome(intent, body))

    site.wire.hook = finish
    assert site.reap(reaper).counts()["Abandoned"] == 0
    assert story(site) == ["intent", "outcome ok"]


def _outcome(intent, body):
    return Record(RecordType.OUTCOME, "statement", intent["id"], NOW_S * 1_000_000 + 400_000_000, body)


def test_two_reapers_at_once_close_a_statement_once(site, query):
    killed_while_it_runs(query)
    site.wait(300)
    first, second = site.reaper(), site.reaper()
    done = []

    def other(name: str) -> None:
        if name == "put record":
            site.wire.hook = None
            done.append(site.reap(second).counts()["Abandoned"])

    site.wire.hook = other
    done.append(site.reap(first).counts()["Abandoned"])
    assert sorted(done) == [0, 1]
    assert story(site) == ["intent", "outcome abandoned"]
    assert used(site) == {"statements": 1}


@pytest.mark.parametrize("ahead_s", [-110, 110], ids=["behind", "ahead"])
def test_a_reaper_whose_clock_differs_abandons_no_statement_that_lives(site, query, ahead_s):
    clock = FakeClock(site.clock.at_us + ahead_s * 1_000_000)
    query.database.before_run = lambda: site.reap(site.reaper(clock)) and None
    assert isinstance(call(query, UPDATE), Answers)


FATES = [
    pytest.param(Fate.COMMITTED, "committed", {"statements": 1, "affected": 1}, id="committed"),
    pytest.param(Fate.ROLLED_BACK, "rolled_back", {"statements": 1}, id="rolled-back"),
]


@pytest.mark.parametrize(("fate", "status", "spent"), FATES)
def test_a_pending_write_is_settled_by_what_the_database_says(site, query, fate, status, spent):
    killed_before_commit(query)
    site.fates.answer = fate
    site.wait(59)
    assert site.reap().counts()["Settled"] == 0
    site.wait(1)
    counts = site.reap().counts()
    assert (counts["Settled"], counts["GivenBack"]) == (1, 1)
    assert story(site) == ["intent", "outcome pending", f"settled {status}"]
    assert used(site) == spent


def test_what_no_server_can_tell_any_more_is_unknown_at_once(site, query):
    killed_before_commit(query)
    site.fates.answer = Fate.LOST
    site.wait(60)
    site.reap()
    assert story(site)[-1] == "settled unknown"


@pytest.mark.parametrize("answer", [pytest.param(Fate.UNKNOWN, id="cannot-tell"), pytest.param(None, id="away")])
def test_what_the_database_cannot_tell_within_an_hour_is_unknown_for_ever(site, query, answer):
    killed_before_commit(query)
    site.fates.answer = answer
    site.wait(3_599)
    site.reap()
    assert story(site) == ["intent", "outcome pending"]
    site.wait(1)
    site.reap()
    assert story(site)[-1] == "settled unknown"
    assert used(site) == {"statements": 1, "affected": 1}
    with pytest.raises(OutcomeUnknown):
        call(query, UPDATE)


def test_a_database_that_the_policy_no_longer_knows_is_not_asked(site, query, monkeypatch):
    def gone(*_: object) -> None:
        raise PolicyUnavailable("policy.unavailable", "no such database")

    killed_before_commit(query)
    monkeypatch.setattr(FakePolicy, "address", gone)
    site.wait(3_600)
    site.reap()
    assert (story(site)[-1], site.fates.asked) == ("settled unknown", [])


def test_a_write_whose_backend_lives_is_not_settled(site, query):
    killed_before_commit(query)
    site.fates.answer = Fate.RUNNING
    site.wait(7_200)
    site.reap()
    assert story(site) == ["intent", "outcome pending"]
    site.fates.answer = Fate.COMMITTED
    site.minute()
    assert story(site)[-1] == "settled committed"


def test_not_even_a_backend_that_never_ends_is_waited_for_for_ever(site, query):
    killed_before_commit(query)
    site.fates.answer = Fate.RUNNING
    site.wait(21_600)
    site.reap()
    assert story(site)[-1] == "settled unknown"


def test_a_writer_that_is_told_late_that_it_was_rolled_back_still_says_why(site, query):
    """The reaper has settled it meanwhile: that is no contradiction."""

    def be_late() -> None:
        site.wait(61)
        assert site.reap().counts()["Settled"] == 1

    site.fates.answer = Fate.ROLLED_BACK
    query.database.before_commit, query.database.commit_fails = be_late, REFUSED
    with pytest.raises(StatementFailed):
        call(query, UPDATE)
    assert story(site) == ["intent", "outcome pending", "settled rolled_back"]
    assert used(site) == {"statements": 1}


def test_the_database_is_asked_of_the_transaction_that_the_outcome_names(site, query):
    killed_before_commit(query)
    site.wait(60)
    site.reap()
    [mark] = site.fates.asked
    assert (mark.xid, mark.backend_pid, mark.system_identifier) == ("7711", 4242, "7400000000000000001")


def test_the_statements_of_one_transaction_are_settled_by_one_answer(site, query):
    killed_before_commit(query, UPDATE, INSERT, UPDATE)
    site.wait(60)
    assert site.reap().counts()["Settled"] == 3
    assert len(site.fates.asked) == 1
    answer = call(query, UPDATE, INSERT, UPDATE)
    assert isinstance(answer, Finished)
    ids = [one["id"] for one in site.written(type="intent", kind="statement")]
    assert [one["command_id"] for one in answer.answer["statements"]] == ids
    assert used(site) == {"statements": 3, "affected": 3}


def test_a_transaction_that_died_between_its_outcomes_is_undone(site, query):
    """One pending, two never written: it cannot have been committed."""
    original = query.records.put

    def put(record):
        if record.body.get("status") == "pending" and len(site.written(status="pending")) == 1:
            raise Died
        return original(record)

    query.records.put = put
    killed(query, UPDATE, INSERT, UPDATE)
    site.fates.answer = Fate.ROLLED_BACK
    site.wait(300)
    counts = site.reap().counts()
    assert (counts["Abandoned"], counts["Settled"], counts["GivenBack"]) == (2, 1, 1)
    assert used(site) == {"statements": 3}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("dies", [True, False], ids=["killed", "unanswered"])
@pytest.mark.parametrize("death", [killed_while_it_runs, killed_before_commit], ids=["abandon", "settle"])
def test_each_write_of_the_reaper_may_fail_and_the_next_pass_completes_it(death, dies, when):
    """Every write of the pass in turn, before and after it persisted, then fresh reapers until all is done."""
    for at in range(_writes_of_a_pass(death)):
        site, query = _dead(death)
        site.wire.at, site.wire.when, site.wire.dies = len(site.wire.writes) + at, when, dies
        with suppress(Died):
            site.reap()
        for _ in range(3):
            site.minute()
        assert len(story(site)) == (2 if death is killed_while_it_runs else 3), at
        assert used(site) == ({"statements": 1} if death is killed_while_it_runs else {"statements": 1, "affected": 1})
        assert site.tasks.holds == {}
        query.threads.shutdown()


def _dead(death: Callable[[Bench], None]) -> tuple[Site, Bench]:
    site = Site()
    site.tasks.create(a_task(grant=WRITABLE, expires_at_s=NOW_S + 86_400))
    site.minute()
    query = Bench(tasks=site.tasks, records=site.records(), clock=site.clock)
    query.watermarks.mark = site.mark()
    query.database.result = WROTE
    death(query)
    site.sequence()
    site.wait(300)
    return site, query


def _writes_of_a_pass(death: Callable[[Bench], None]) -> int:
    site, query = _dead(death)
    before = len(site.wire.writes)
    site.reap()
    query.threads.shutdown()
    return len(site.wire.writes) - before


def test_however_many_refused_intents_there_are_none_is_read_twice(site, query):
    query.tasks.tasks[TASK_ID] = replace(site.tasks.tasks[TASK_ID], budgets=replace(BUDGETS, statements=10_000))
    for _ in range(300):
        with pytest.raises(Exception, match=r"guard\."):
            call(query, "DROP TABLE customers", key=None)
    site.sequence()
    site.wait(300)
    reaper = site.reaper()
    before = site.store.requests["get wal"]
    site.minute(reaper)
    assert site.store.requests["get wal"] - before == 300
    for _ in range(3):
        site.minute(reaper)
    assert site.store.requests["get wal"] - before <= 300 + 3  # the epoch's own event is no command
    fresh = site.reaper()
    before = site.store.requests["get wal"]
    site.minute(fresh)
    assert site.store.requests["get wal"] - before == 0


def test_an_open_write_keeps_nothing_else_from_being_remembered(site, query):
    killed_before_commit(query)
    site.fates.answer = Fate.UNKNOWN
    site.tasks.tasks[TASK_ID] = replace(
        site.tasks.tasks[TASK_ID], budgets=replace(BUDGETS, affected=100, statements=100)
    )
    for _ in range(20):
        call(query, UPDATE, key=None)
    site.sequence()
    reaper = site.reaper()
    for _ in range(2):
        site.minute(reaper)
    before = site.store.requests["get wal"]
    site.minute(reaper)
    # Intent and outcome of the one that is open: to settle it, and to see whether what it holds may be given back.
    assert site.store.requests["get wal"] - before == 4


def test_bytes_that_are_no_record_close_nothing_and_stop_nothing(site, query):
    killed_while_it_runs(query)
    [intent] = site.written(type="intent", kind="statement")
    site.put(site.key(query_id(2), RecordType.INTENT), b"{}")
    site.put(site.key(query_id(3), RecordType.INTENT), site.objects[site.key(intent["id"])])
    site.wait(300)
    report = site.reap()
    assert (report.counts()["Abandoned"], report.counts()["Malformed"], report.all_faults()) == (1, 2, [])


def query_id(number: int):
    return FakeIdentifiers(number * 100).command_id(NOW_S * 1_000_000)
