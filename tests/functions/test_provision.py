"""The provisioning function: what it takes from those who invoke it, and what it no longer does."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from functions.provision import handler as function

from postern.errors import DatabaseUnavailable, PosternError
from postern.types import Task, TaskId
from tests.support.domain import TASK_ID, a_task


@dataclass
class Removes:
    """Notes for whom it was asked to remove a world."""

    fails: PosternError | None = None
    asked: list[tuple[TaskId, str]] = field(default_factory=list)

    def run(self, task_id: TaskId, *, by: str = "") -> Task:
        self.asked.append((task_id, by))
        if self.fails is not None:
            raise self.fails
        return a_task()


def respond(removes: Removes, **event: str) -> dict[str, object]:
    return function.respond(event, function.Services(removes, removes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("event", "by"),
    [
        pytest.param({}, "principal", id="its-principal"),
        pytest.param({"by": "timer"}, "timer", id="the-timer"),
    ],
)
def test_a_teardown_is_on_record_with_who_asked_for_it(event, by):
    removes = Removes()
    assert respond(removes, action="tear_down", task_id=TASK_ID, **event)["status"] == "ok"
    assert removes.asked == [(TASK_ID, by)]


def test_what_stops_it_is_answered_by_its_code():
    removes = Removes(DatabaseUnavailable("database.unavailable", "away"))
    answer = respond(removes, action="tear_down", task_id=TASK_ID)
    assert (answer["status"], answer["code"]) == ("refused", "database.unavailable")


@pytest.mark.parametrize("action", ["expire", "erase", ""])
def test_refuses_any_other_action(action):
    with pytest.raises(ValueError, match="expected provision or tear_down"):
        respond(Removes(), action=action)
