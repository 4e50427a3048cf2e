"""A minute of the reaper: each part fails by itself, time is kept, and what is left is done by the next pass."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Event

import pytest

from postern.errors import DatabaseUnavailable, StateUnavailable
from postern.services.stopwatch import Stopwatch
from postern.types import TaskId, TaskState
from tests.support.audit import Story
from tests.support.domain import NOW_S, TASK_ID, a_task
from tests.support.reap_fakes import LOG
from tests.support.reap_site import Site

AWAY = DatabaseUnavailable("database.unavailable", "away")


@pytest.fixture
def site() -> Site:
    """A log that has begun, a task past its deadline, a command that died, and an object that was lost."""
    site = Site()
    for _ in range(2):
        site.minute()
    site.tasks.create(a_task(expires_at_s=NOW_S + 130))
    story = Story(objects=site.objects, second=site.clock.at_us // 1_000_000 - 1_795_341_600)
    story.act(site.records(), status=None)
    site.sequence()
    site.wait(200)
    site.put(f"wal/v1/{LOG}/5/20260921/14/lost")
    site.lose_events()
    site.wait(200)
    return site


def done(site: Site, **options) -> dict[str, object]:
    report = site.reap(**options)
    counts = report.counts()
    expired = None if report.expired is None else report.expired.done
    return {
        "expired": expired,
        "abandoned": counts["Abandoned"],
        "requeued": counts["Requeued"],
        "age": counts.get("WatermarkAge"),
        "faults": sorted({fault.code for fault in report.all_faults()}),
    }


ALL: dict[str, object] = {"expired": (TASK_ID,), "abandoned": 1, "requeued": 1, "age": 320, "faults": []}


def test_a_pass_does_everything_that_is_due(site):
    assert done(site) == ALL


@pytest.mark.parametrize(
    ("dark", "changes"),
    [
        pytest.param({"send"}, {"requeued": 0, "faults": ["evidence.unavailable"]}, id="queue"),
        pytest.param({"put record"}, {"abandoned": 0, "faults": ["evidence.unavailable"]}, id="bucket-writes"),
        pytest.param({"positions"}, {"requeued": 0, "age": 520, "faults": ["state.unavailable"]}, id="index"),
        pytest.param({"watermark"}, {"age": 520, "faults": ["state.unavailable"]}, id="watermark-writes"),
        pytest.param(
            {"read watermark"},
            {"abandoned": 0, "requeued": 0, "age": None, "faults": ["state.unavailable"]},
            id="watermark-reads",
        ),
        pytest.param({"epoch", "latest", "keys"}, {"faults": ["state.unavailable"]}, id="epochs"),
        pytest.param(
            {"list wal"}, {"abandoned": 0, "requeued": 0, "age": 520, "faults": ["evidence.unavailable"]}, id="listing"
        ),
        pytest.param({"get checkpoint"}, {"requeued": 0, "age": 520, "faults": ["evidence.unavailable"]}, id="log"),
    ],
)
def test_what_fails_stops_nothing_else_and_is_told(site, dark, changes):
    site.wire.dark = dark
    assert done(site) == {**ALL, **changes}
    site.wire.dark = set()
    assert done(site)["faults"] == []


def test_a_bucket_that_is_away_is_not_waited_for_command_by_command(site):
    story = Story(objects=site.objects, second=site.clock.at_us // 1_000_000 - 1_795_341_600)
    for _ in range(5):
        story.act(site.records(), status=None)
    site.wait(400)
    tried: list[str] = []
    site.wire.hook, site.wire.dark = tried.append, {"put record"}
    site.reap()
    assert tried.count("put record") == 1


def test_a_teardown_that_fails_is_told_and_tried_again(site):
    site.provisioner.fails = AWAY
    report = site.reap()
    assert report.expired.left == ((TASK_ID, "database.unavailable"),)
    assert report.counts()["TeardownsLeft"] == 1
    site.provisioner.fails = None
    site.wait(60)
    report = site.reap()
    assert report.expired.done == (TASK_ID,)
    assert (report.counts()["Expired"], report.counts()["TeardownsLeft"]) == (1, 0)


def test_a_fault_of_our_own_waits_for_the_teardowns_before_it_goes_on(site):
    """Once the function has answered, its threads stand still."""
    begun, ends = Event(), Event()
    original = site.provisioner.tear_down

    def slow(task_id: TaskId) -> None:
        begun.set()
        ends.wait(20)
        original(task_id)

    def fault(_: str) -> None:
        begun.wait(20)
        ends.set()
        raise ValueError("a fault of our own")

    site.provisioner.tear_down = slow
    with ThreadPoolExecutor(1) as expiring:
        reaper = site.reaper()
        reaper.threads, reaper.make_pass = expiring, fault
        with pytest.raises(ValueError, match="of our own"):
            site.reap(reaper)
        assert site.provisioner.torn_down == [TASK_ID]


def test_what_time_does_not_suffice_for_is_counted_as_left(site):
    site.tasks.create(a_task(id=TaskId(f"{1:032x}"), expires_at_s=NOW_S))
    assert site.reap(budget_s=3).counts()["TeardownsLeft"] == 2


def test_removing_access_waits_for_no_evidence(site):
    site.wire.dark = {"put record", "list wal", "get wal", "get checkpoint", "positions", "read watermark", "epoch"}
    assert done(site)["expired"] == (TASK_ID,)
    assert site.provisioner.torn_down == [TASK_ID]


def test_a_state_table_that_is_away_stops_no_watermark(site):
    site.tasks.away = True
    before = site.mark().at_us
    report = site.reap()
    assert report.expired is None
    assert isinstance(report.all_faults()[-1], StateUnavailable)
    assert site.mark().at_us > before


def test_a_pass_without_time_does_nothing_and_says_nothing_wrong(site):
    assert done(site, budget_s=3) == {"expired": (), "abandoned": 0, "requeued": 0, "age": 520, "faults": []}
    assert done(site) == ALL


def test_tasks_are_torn_down_as_long_as_one_more_fits_into_the_pass(site):
    for number in range(3):
        task = a_task(id=TaskId(f"{number:032x}"), expires_at_s=NOW_S + 1)
        site.tasks.create(task)
    original = site.provisioner.tear_down

    def slow(task_id: TaskId) -> None:
        site.clock.at_s += 15
        original(task_id)

    site.provisioner.tear_down = slow
    assert len(site.reap(budget_s=48).expired.done) == 3
    assert len(site.reap(budget_s=48).expired.done) == 1 or site.tasks.tasks[TASK_ID].state is TaskState.ENDING


def test_a_task_that_its_principal_ends_meanwhile_is_left_to_that(site):
    site.tasks.tasks[TASK_ID] = replace(site.tasks.tasks[TASK_ID], state=TaskState.ENDED)
    assert site.reaper().expire.run(Stopwatch(site.clock, budget_s=58)).done == ()


def test_two_reapers_at_once_do_everything_once(site):
    for at in range(12):
        first, second = site.reaper(), site.reaper()
        site.wait(60)
        writes = len(site.wire.writes)

        def other(_: str, at=at, second=second, writes=writes) -> None:
            if len(site.wire.writes) == writes + at:
                site.wire.hook = None
                site.reap(second)

        site.wire.hook = other
        site.reap(first)
        site.wire.hook = None
    assert len(site.written(status="abandoned")) == 1
    assert len(site.written(kind="epoch_start")) == 1
