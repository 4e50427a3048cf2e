"""What dead calls hold: given back once, and their keys closed or let go of, by whoever comes first."""

from __future__ import annotations

import pytest

from postern.errors import Conflict, StateUnavailable
from postern.ports import Finished
from postern.reap_ports import Fate
from postern.services.calls import Answers
from tests.services.test_transact import READ, UPDATE, WROTE
from tests.support.dead_calls import (
    call,
    die,
    killed,
    killed_before_commit,
    killed_while_it_runs,
    story,
    used,
)
from tests.support.fake_database import ONE_ROW
from tests.support.reap_fakes import TimedWal


def test_what_an_abandoned_statement_held_is_given_back_and_its_key_let_go_of(site, query):
    killed_while_it_runs(query)
    assert used(site) == {"statements": 1, "rows": 10}
    site.wait(300)
    assert site.reap().counts()["GivenBack"] == 1
    assert used(site) == {"statements": 1}
    assert isinstance(call(query, UPDATE), Answers)


def test_nothing_is_given_back_twice(site, query):
    killed_while_it_runs(query)
    site.wait(300)
    for _ in range(5):
        site.minute()
    assert used(site) == {"statements": 1}


def test_the_key_of_a_committed_write_tells_what_is_on_record(site, query):
    killed_before_commit(query)
    site.wait(60)
    site.reap()
    found = call(query, UPDATE)
    assert isinstance(found, Finished)
    [intent], [outcome], [settled] = (
        site.written(type=type_, kind="statement") for type_ in ("intent", "outcome", "settled")
    )
    assert (found.answer["status"], found.answer["writes"], found.answer["settled"]) == ("committed", True, True)
    [statement] = found.answer["statements"]
    assert (statement["command_id"], statement["affected"]) == (intent["id"], 1)
    assert statement["receipt"]["intent_sha256"] == outcome["intent"]
    assert statement["receipt"]["outcome_sha256"] == settled["outcome"]
    assert statement["receipt"]["settled_sha256"] is not None
    assert "digest_key" not in statement["receipt"]
    assert query.database.events.count("commit") == 0


def test_the_key_of_a_write_that_was_rolled_back_may_be_used_again(site, query):
    killed_before_commit(query)
    site.fates.answer = Fate.ROLLED_BACK
    site.wait(60)
    site.reap()
    assert isinstance(call(query, UPDATE), Answers)


@pytest.mark.parametrize("writes", [False, True], ids=["read", "write"])
def test_a_call_that_died_before_it_gave_back_is_completed(site, query, writes):
    """Its records are all there; what it held, and its key, are not free yet."""
    query.database.result = WROTE if writes else ONE_ROW
    original, site.tasks.settle = site.tasks.settle, die
    killed(query, UPDATE if writes else READ)
    site.tasks.settle = original
    before = used(site)
    site.wait(60)
    assert site.reap().counts()["GivenBack"] == 1
    assert before["rows"] == 10
    assert used(site) == ({"statements": 1, "affected": 1} if writes else {"statements": 1, "rows": 1})
    assert isinstance(call(query, UPDATE if writes else READ), Finished if writes else Answers)


def test_a_call_that_died_before_its_intent_is_given_back_whole_once_its_task_is_looked_at(site, query):
    original, query.records.put = query.records.put, die
    killed(query, READ)
    query.records.put = original
    assert used(site) == {"statements": 1, "rows": 10}
    site.wait(230)
    call(query, UPDATE, key=None)
    reaper = site.reaper()
    site.wait(69)
    assert site.reap(reaper).counts()["GivenBack"] == 0
    site.wait(2)
    assert site.reap(reaper).counts()["GivenBack"] == 1
    assert used(site) == {"statements": 1, "affected": 1}


def test_a_key_whose_call_died_before_its_intent_is_let_go_of_though_nothing_else_ever_runs(site, query):
    """A retry that is refused leaves no record, so no command names the task."""
    original, query.records.put = query.records.put, die
    killed(query, UPDATE)
    query.records.put = original
    reaper, given = site.reaper(), []
    for _ in range(10):
        with pytest.raises(Conflict) as caught:
            call(query, UPDATE)
        assert caught.value.code == "idempotency.running"
        given.append(site.minute(reaper).counts()["GivenBack"])
        if given[-1]:
            break
    assert sum(given) == 1
    assert isinstance(call(query, UPDATE), Answers)
    assert used(site) == {"statements": 1, "affected": 1}


def test_all_open_tasks_are_looked_at_every_few_minutes_and_not_each(site):
    looks, original = [], site.tasks.all_held
    site.tasks.all_held = lambda: looks.append(site.clock.at_s) or original()
    reaper = site.reaper()
    for _ in range(11):
        site.minute(reaper)
    assert [at_s - looks[0] for at_s in looks] == [0, 300, 600]


def test_a_look_at_all_open_tasks_that_failed_is_tried_again(site):
    def away() -> None:
        raise StateUnavailable("state.unavailable", "away")

    reaper, original, site.tasks.all_held = site.reaper(), site.tasks.all_held, away
    assert [fault.code for fault in site.minute(reaper).faults] == ["state.unavailable"]
    looks = []
    site.tasks.all_held = lambda: looks.append(1) or original()
    site.minute(reaper)
    assert looks == [1]


def test_nothing_is_given_back_while_one_record_of_the_call_cannot_be_read(site, query, monkeypatch):
    """Else what its statement delivered and wrote would be free, and its key would tell half of the call for ever."""
    original, site.tasks.settle = site.tasks.settle, die
    killed(query, UPDATE, UPDATE)
    site.tasks.settle = original
    held = used(site)
    [_, second] = (one["id"] for one in site.written(type="intent", kind="statement"))
    read = TimedWal.read_versions
    monkeypatch.setattr(
        TimedWal,
        "read_versions",
        lambda wal, versions: {key: data for key, data in read(wal, versions).items() if second not in key},
    )
    for _ in range(3):
        site.minute()
    assert used(site) == held
    monkeypatch.undo()
    site.minute()
    assert used(site) == {"statements": 2, "affected": 2}
    found = call(query, UPDATE, UPDATE)
    assert isinstance(found, Finished)
    assert len(found.answer["statements"]) == 2


def test_a_call_that_is_about_to_give_back_by_itself_is_left_to_it(site, query):
    """Another command of its task was closed, so the reaper looks at what the task's calls hold."""
    call(query, UPDATE, key=None)
    original, counts = site.tasks.settle, []

    def settle(*arguments, **named):
        site.wait(59)
        counts.append(site.reap().counts())
        return original(*arguments, **named)

    site.wait(30)
    site.tasks.settle = settle
    call(query, UPDATE)
    assert [one["GivenBack"] for one in counts] == [0]
    assert used(site) == {"statements": 2, "affected": 2}


def test_a_refused_statement_that_died_is_given_back(site, query):
    original, site.tasks.settle = site.tasks.settle, die
    killed(query, "DROP TABLE customers")
    site.tasks.settle = original
    site.wait(300)
    assert site.reap().counts()["GivenBack"] == 1
    assert used(site) == {"statements": 1}
    assert story(site) == ["intent"]


def test_a_call_of_the_log_before_is_found_there(site, query):
    killed_before_commit(query)
    site.log = "prod-2027"
    site.wait(60)
    site.reap()
    assert story(site)[-1] == "settled committed"
    assert isinstance(call(query, UPDATE), Finished)
