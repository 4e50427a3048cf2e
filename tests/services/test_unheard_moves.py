"""A move that was made, though its answer was lost and the second try found it made: the task is as it should be."""

from __future__ import annotations

from typing import Any

import pytest

from postern.errors import Conflict, PosternError, UpstreamError
from postern.task_states import Move
from postern.types import TaskId, TaskState
from tests.support.race_site import RaceSite
from tests.support.race_tasks import TracedTasks
from tests.support.schedule import Choices, Process, run_together

SAYS_ANOTHER_DID = Conflict("task.state", "task: expected another state")
SAYS_NOTHING = UpstreamError("state.unavailable", "state table: expected an answer")


class Unheard(TracedTasks):
    """Makes every move and does not say so. `silent_reads` of the task after it fail too."""

    def __init__(self, answer: PosternError = SAYS_ANOTHER_DID, *, silent_reads: int = 0) -> None:
        super().__init__()
        self.answer, self.silent_reads, self.moved = answer, silent_reads, False

    def move(self, task_id: TaskId, move: Move, **changed: Any) -> Any:
        super().move(task_id, move, **changed)
        self.moved = True
        raise self.answer

    def get(self, task_id: TaskId) -> Any:
        if self.moved and self.silent_reads:
            self.silent_reads -= 1
            raise SAYS_NOTHING
        return super().get(task_id)


@pytest.mark.parametrize("answer", [SAYS_ANOTHER_DID, SAYS_NOTHING], ids=["as-another's", "lost"])
def test_a_task_that_became_active_unheard_keeps_its_world(answer):
    site = RaceSite(tasks=Unheard(answer)).begin(TaskState.PROVISIONING)
    process = Process("provision", site.provision)
    story = run_together(Choices(), process)
    assert site.task.state is TaskState.ACTIVE, story
    assert site.worlds.standing, story
    assert process.result == site.task


def test_a_task_that_was_ended_unheard_is_torn_down():
    site = RaceSite(tasks=Unheard()).begin(TaskState.ACTIVE)
    run_together(Choices(), Process("end", site.end))
    assert (site.task.state, site.worlds.standing) == (TaskState.ENDED, set())


def test_a_table_that_says_nothing_at_all_is_told_as_such_and_leaves_no_active_task_without_a_world():
    site = RaceSite(tasks=Unheard(SAYS_NOTHING, silent_reads=1)).begin(TaskState.PROVISIONING)
    process = Process("provision", site.provision)
    run_together(Choices(), process)
    assert process.result is SAYS_NOTHING
    assert (site.task.state is TaskState.ACTIVE) == bool(site.worlds.standing)
