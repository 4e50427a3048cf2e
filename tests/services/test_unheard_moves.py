"""A move that was made, though its answer was lost and the second try found it made: the task is as it should be."""

from __future__ import annotations

from typing import Any

from postern.errors import Conflict
from postern.task_states import Move
from postern.types import TaskId, TaskState
from tests.support.race_site import RaceSite
from tests.support.race_tasks import TracedTasks
from tests.support.schedule import Choices, Process, run_together


class Unheard(TracedTasks):
    """Says of every move that another made it."""

    def move(self, task_id: TaskId, move: Move, **changed: Any) -> Any:
        super().move(task_id, move, **changed)
        raise Conflict("task.state", "task: expected another state")


def test_a_task_that_became_active_unheard_keeps_its_world():
    site = RaceSite(tasks=Unheard()).begin(TaskState.PROVISIONING)
    process = Process("provision", site.provision)
    story = run_together(Choices(), process)
    assert site.task.state is TaskState.ACTIVE, story
    assert site.worlds.standing, story
    assert process.result == site.task


def test_a_task_that_was_ended_unheard_is_torn_down():
    site = RaceSite(tasks=Unheard()).begin(TaskState.ACTIVE)
    run_together(Choices(), Process("end", site.end))
    assert (site.task.state, site.worlds.standing) == (TaskState.ENDED, set())
