"""Many tasks due at once, of which some fail: every other one ends, and those that fail wait longer each time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from threading import Barrier, Event

import pytest

from postern.errors import Conflict, DatabaseUnavailable, EvidenceUnavailable, PosternError, StateUnavailable
from postern.services.expire_tasks import AT_ONCE, WORKERS, Expired, ExpireTasks, pause_s
from postern.services.stopwatch import Stopwatch
from postern.task_states import END, REVOKE, close_as
from postern.types import DatabaseName, Task, TaskId, TaskState
from tests.support.domain import GRANT, NOW_S, a_task
from tests.support.fake_clock import FakeClock
from tests.support.fake_task_store import FakeTaskStore
from tests.support.reap_site import Inline

AWAY = DatabaseUnavailable("database.unavailable", "away")
UNRECORDED = EvidenceUnavailable("evidence.unavailable", "away")
DEAD = DatabaseName("dead")


@dataclass
class Timer:
    """The reaper's minutes over a table; each teardown takes `takes_s`, and fails where `fails` names an error."""

    fails: Callable[[Task], PosternError | None]
    takes_s: float = 0.3
    threads: Callable[[], Executor] = Inline
    tasks: FakeTaskStore = field(default_factory=FakeTaskStore)
    clock: FakeClock = field(default_factory=FakeClock)
    tried: list[TaskId] = field(default_factory=list)
    removed: set[TaskId] = field(default_factory=set)

    def add(self, numbers: range, database: str = GRANT.database) -> None:
        for number in numbers:
            grant = replace(GRANT, database=DatabaseName(database))
            self.tasks.create(a_task(id=TaskId(f"{number:032x}"), grant=grant, expires_at_s=NOW_S - 1000 + number))

    def provision(self, task_id: TaskId) -> None:
        raise AssertionError("the timer builds nothing")

    def tear_down(self, task_id: TaskId) -> None:
        self.clock.at_s += self.takes_s
        self.tried.append(task_id)
        error = self.fails(self.tasks.tasks[task_id])
        if not isinstance(error, DatabaseUnavailable):
            self.removed.add(task_id)  # removing access waits for no evidence
        if error is not None:
            raise error
        self.tasks.move(task_id, close_as(TaskState.EXPIRED))

    def minute(self) -> Expired:
        self.clock.at_us += 60_000_000
        return ExpireTasks(self.tasks, self, self.clock, self.threads).run(Stopwatch(self.clock, budget_s=48))


def test_while_nothing_can_be_recorded_all_access_is_removed():
    timer = Timer(fails=lambda _: UNRECORDED, takes_s=7)
    timer.add(range(60))
    for _ in range(30):
        timer.minute()
    assert len(timer.removed) == 60


def test_a_database_that_is_gone_keeps_no_other_waiting():
    timer = Timer(fails=lambda task: AWAY if task.grant.database == DEAD else None, takes_s=6)
    timer.add(range(300), DEAD)
    timer.add(range(300, 310))
    for _ in range(100):
        timer.minute()
    assert len(timer.removed) == 10


def test_within_a_pass_a_database_that_did_not_answer_comes_last():
    timer = Timer(fails=lambda task: AWAY if task.grant.database == DEAD else None, takes_s=6)
    timer.add(range(10), DEAD)
    timer.add(range(10, 12))
    passed = timer.minute()
    assert [int(task_id, 16) for task_id in timer.tried] == [0, 10, 11, 1, 2, 3, 4, 5]
    assert (len(passed.done), len(passed.left), passed.waiting) == (2, 6, 4)


def test_another_failure_says_nothing_of_the_database():
    timer = Timer(fails=lambda _: UNRECORDED)
    timer.add(range(3))
    timer.add(range(3, 5), "crm")
    timer.minute()
    assert [int(task_id, 16) for task_id in timer.tried] == [0, 1, 2, 3, 4]


def test_a_task_that_fails_is_tried_less_and_less_often_but_for_ever():
    timer = Timer(fails=lambda _: AWAY)
    timer.add(range(1))
    minutes = [minute for minute in range(60) if timer.minute().left]
    assert minutes == [0, 1, 3, 7, 14, 24, 34, 44, 54]


def test_however_often_a_task_failed_its_pause_is_bounded():
    assert [pause_s(teardowns) for teardowns in (0, 1, 3, 4, 10_000)] == [50, 100, 400, 600, 600]


def test_a_pass_that_dies_in_a_teardown_begins_with_another_next_time():
    def die(_: Task) -> PosternError | None:
        raise KeyboardInterrupt

    timer = Timer(fails=die)
    timer.add(range(2))
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            timer.minute()
    assert [int(task_id, 16) for task_id in timer.tried] == [0, 1]


def test_several_are_torn_down_at_once():
    together = Barrier(WORKERS, timeout=20)

    def meet(_: Task) -> None:
        together.wait()

    timer = Timer(fails=meet, takes_s=0, threads=lambda: ThreadPoolExecutor(WORKERS))
    timer.add(range(WORKERS * 3))
    assert len(timer.minute().done) == WORKERS * 3


def test_a_teardown_that_outlasts_the_pass_is_not_waited_for_and_counts_as_one_that_waits():
    is_late, answered = Event(), Event()

    def hang(_: Task) -> None:
        timer.clock.at_s += 47
        is_late.set()
        answered.wait(20)

    class Late(ThreadPoolExecutor):
        def submit(self, function, /, *arguments, **named):  # type: ignore[no-untyped-def]
            future = super().submit(function, *arguments, **named)
            is_late.wait(20)
            return future

    threads = Late(WORKERS)
    timer = Timer(fails=hang, takes_s=0, threads=lambda: threads)
    timer.add(range(1))
    timer.tasks.move(TaskId(f"{0:032x}"), REVOKE)
    passed = timer.minute()
    answered.set()
    threads.shutdown()
    assert (passed.done, passed.left, passed.waiting, passed.revoked_left) == ((), (), 1, 1)
    assert timer.removed == {TaskId(f"{0:032x}")}


@pytest.mark.parametrize(
    ("state", "worlds"),
    [(TaskState.ACTIVE, 1), (TaskState.PROVISIONING, 0)],
    ids=["it stands again by now", "it was approved just now"],
)
def test_a_task_that_the_index_shows_as_it_was_a_moment_ago_is_left_alone(state, worlds):
    timer = Timer(fails=lambda _: None)
    task = a_task(state=state, worlds=worlds, expires_at_s=NOW_S + 3600)
    timer.tasks.create(task)
    timer.tasks.due = lambda now_s, *, limit: [task]
    assert timer.minute() == Expired((), ())
    assert timer.tasks.tasks[task.id].state is state


def test_a_fault_in_one_teardown_stops_no_other_one_and_is_told_when_all_have_ended():
    never = Event()

    def fault(task: Task) -> PosternError | None:
        if int(task.id, 16) == 0:
            raise ValueError("a fault of our own")
        never.wait(0.1)  # longer than a fault that waited for nobody would take to be told
        return None

    timer = Timer(fails=fault, takes_s=0, threads=lambda: ThreadPoolExecutor(WORKERS))
    timer.add(range(6))
    with pytest.raises(ValueError, match="of our own"):
        timer.minute()
    assert len(timer.removed) == 5


def test_a_task_that_was_ended_meanwhile_is_neither_done_nor_left():
    timer = Timer(fails=lambda _: None)
    timer.add(range(1))
    original = timer.tasks.due

    def due(now_s: int, *, limit: int) -> list[Task]:
        listed = list(original(now_s, limit=limit))
        timer.tasks.move(listed[0].id, END)
        timer.tasks.move(listed[0].id, close_as(TaskState.ENDED))
        return listed

    timer.tasks.due = due
    assert timer.minute() == Expired((), ())


@pytest.mark.parametrize("step", ["move", "put_off"])
def test_a_task_whose_state_cannot_be_written_is_left(step):
    timer = Timer(fails=lambda _: None)
    timer.add(range(1))

    def away(*_: object, **__: object) -> None:
        raise StateUnavailable("state.unavailable", "away")

    setattr(timer.tasks, step, away)
    assert timer.minute().left == ((TaskId(f"{0:032x}"), "state.unavailable"),)
    assert timer.tried == []


def test_a_teardown_that_finds_a_conflict_is_left():
    timer = Timer(fails=lambda _: Conflict("task.state", "expected it to be ending"))
    timer.add(range(1))
    assert timer.minute().left == ((TaskId(f"{0:032x}"), "task.state"),)


def test_looks_at_a_bounded_number_of_tasks_in_a_pass():
    timer = Timer(fails=lambda _: None, takes_s=0.01)
    timer.add(range(AT_ONCE + 10))
    assert len(timer.minute().done) == AT_ONCE
    assert len(timer.minute().done) == 10
