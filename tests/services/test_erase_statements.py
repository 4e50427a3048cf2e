"""Erasing: what is gone, what is on record, and what stands when it stops in between."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from postern.errors import BadRequest, Conflict, EvidenceUnavailable, NotFound, StateUnavailable
from postern.services.erase_statements import MAX_WORDS, EraseStatements
from postern.types import Erasure, TaskId, TaskState
from tests.support.audit import MemoryRecordStore
from tests.support.domain import NOW_S, TASK_ID, a_task
from tests.support.fake_clock import FakeClock, FakeIdentifiers
from tests.support.fake_task_store import FakeTaskStore
from tests.support.seals import FakeSeals

BY = "arn:aws:sts::123456789012:assumed-role/auditor/ann"
OTHER = TaskId("0199a0b0c0d07000800000000000000b")


@dataclass
class Bench:
    """A task that has ended, with two sealed keys of its own, and another task's key."""

    tasks: FakeTaskStore = field(default_factory=FakeTaskStore)
    seals: FakeSeals = field(default_factory=FakeSeals)
    records: MemoryRecordStore = field(default_factory=MemoryRecordStore)
    identifiers: FakeIdentifiers = field(default_factory=FakeIdentifiers)
    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        self.tasks.tasks[TASK_ID] = a_task(state=TaskState.ENDED)
        for task in (TASK_ID, TASK_ID, OTHER):
            self.seals.key_of(task)
            self.seals.forget()

    def erase(self, *, by: str = BY, reason: str = "Art. 17, ticket 12", task: TaskId = TASK_ID) -> Erasure:
        service = EraseStatements(self.tasks, self.seals, self.records, self.identifiers, self.clock)
        return service.run(task, by=by, reason=reason)

    def events(self) -> list[dict]:
        return self.records.bodies()


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_destroys_every_key_of_the_task_and_no_others(bench):
    keys = tuple(sorted(bench.seals.kept[TASK_ID]))
    erased = bench.erase()
    assert erased.key_ids == keys
    assert len(keys) == 2
    assert bench.seals.kept[TASK_ID] == {}
    assert len(bench.seals.kept[OTHER]) == 1


def test_the_event_says_who_asked_how_many_keys_and_why(bench):
    erased = bench.erase()
    [event] = bench.events()
    assert (event["type"], event["kind"], event["id"]) == ("event", "erasure", erased.event_id)
    assert event["task"] == {"id": TASK_ID}
    assert event["erasure"] == {
        "time": "2026-09-21T14:13:20.000000Z",
        "by": BY,
        "reason": "Art. 17, ticket 12",
        "keys": list(erased.key_ids),
        "count": 2,
    }


def test_no_key_of_the_task_can_be_added_afterwards(bench):
    bench.erase()
    with pytest.raises(EvidenceUnavailable):
        bench.seals.key_of(TASK_ID)


def test_asked_again_it_says_what_was_done_and_records_nothing_more(bench):
    first = bench.erase()
    bench.clock.at_us += 60_000_000
    assert bench.erase(by="somebody else", reason="again") == first
    assert len(bench.events()) == 1


def test_what_a_detector_finds_in_the_reason_is_not_recorded(bench):
    bench.erase(reason="asked by ann.smith@example.com")
    assert bench.events()[0]["erasure"]["reason"] == "asked by [detected:email]"


@pytest.mark.parametrize("state", [state for state in TaskState if not state.is_final])
def test_refuses_a_task_that_still_runs(bench, state):
    bench.tasks.tasks[TASK_ID] = a_task(state=state)
    with pytest.raises(Conflict):
        bench.erase()
    assert len(bench.seals.kept[TASK_ID]) == 2
    assert bench.events() == []


def test_erases_a_task_of_which_the_state_table_knows_nothing_any_more(bench):
    bench.tasks.tasks.clear()
    assert len(bench.erase().key_ids) == 2


def test_refuses_a_task_of_which_nothing_is_sealed(bench):
    with pytest.raises(NotFound):
        bench.erase(task=TaskId("f" * 32))
    assert bench.seals.marks == {}
    assert bench.events() == []


@pytest.mark.parametrize(
    ("by", "reason"), [("", "why"), (BY, ""), (BY, "x" * (MAX_WORDS + 1)), ("x" * (MAX_WORDS + 1), "why")]
)
def test_refuses_to_erase_without_a_reason_or_a_name(bench, by, reason):
    with pytest.raises(BadRequest):
        bench.erase(by=by, reason=reason)
    assert len(bench.seals.kept[TASK_ID]) == 2


@pytest.mark.parametrize("when", ["before", "after"])
def test_the_keys_are_gone_although_the_record_cannot_be_written(bench, when):
    bench.records.fail_next(when)
    with pytest.raises(EvidenceUnavailable):
        bench.erase()
    assert bench.seals.kept[TASK_ID] == {}
    bench.clock.at_us += 3_600_000_000
    erased = bench.erase(reason="another")
    event = bench.events()[-1]
    assert (event["id"], event["erasure"]["count"]) == (erased.event_id, 2)
    # The event is of the time when it was written, and says since when the keys are gone.
    assert event["time"] == "2026-09-21T15:13:20.000000Z"
    assert event["erasure"]["time"] == "2026-09-21T14:13:20.000000Z"
    assert event["erasure"]["reason"] == "Art. 17, ticket 12"


@pytest.mark.parametrize("step", range(1, 6), ids=["looked", "looked for keys", "marked", "deleted", "closed"])
def test_sent_again_after_any_step_it_comes_to_the_same(bench, step):
    bench.seals.fail_after(step)
    with pytest.raises(StateUnavailable):
        bench.erase()
    assert bench.clock.at_us == NOW_S * 1_000_000
    erased = bench.erase()
    assert len(erased.key_ids) == 2
    assert bench.seals.kept[TASK_ID] == {}
    assert len(bench.events()) == 1
    assert bench.seals.marks[TASK_ID] == erased
