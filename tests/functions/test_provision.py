"""The provisioning function: what it takes from those who invoke it, and what it no longer does."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import pytest
from functions.provision import handler as function

from postern.edges.provision_contract import format_swept, parse_swept, parse_torn_down
from postern.errors import DatabaseUnavailable, PosternError
from postern.ports import TeardownProof, TeardownSteps, TornDown
from postern.sweep_ports import Swept
from postern.types import TaskId, TaskState
from tests.support.domain import TASK_ID

SWEPT = Swept(3, (TASK_ID,), ((TaskId("f" * 32), "database.unavailable"),), 1, 2, 3, 4)
PROOF = TeardownProof(0, 0, 0, 0, 1, TeardownSteps(nologin_ms=3, terminated_ms=9, dropped_ms=20, verified_ms=22))


@dataclass
class Removes:
    """Notes for whom it was asked to remove a world."""

    fails: PosternError | None = None
    asked: list[tuple[TaskId, str]] = field(default_factory=list)

    def run(self, task_id: TaskId, *, by: str = "") -> TornDown:
        self.asked.append((task_id, by))
        if self.fails is not None:
            raise self.fails
        return TornDown(TaskState.ENDED, PROOF)


def respond(removes: Removes, **event: str) -> dict[str, object]:
    return function.respond(event, function.Services(removes, removes, removes, removes, removes))  # type: ignore[arg-type]


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


def test_a_teardown_answers_with_its_proof_and_the_time_of_each_step():
    answer = json.loads(json.dumps(respond(Removes(), action="tear_down", task_id=TASK_ID)))
    torn = parse_torn_down(answer)
    assert torn == TornDown(TaskState.ENDED, PROOF)
    assert torn.proof.steps == PROOF.steps


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param({"status": "ok"}, id="no-state"),
        pytest.param({"status": "ok", "state": "gone"}, id="no-such-state"),
        pytest.param({"status": "ok", "state": "ended", "proof": {"sessions": 0}}, id="half-a-proof"),
    ],
)
def test_an_answer_that_is_not_understood_is_no_proof(answer):
    with pytest.raises(DatabaseUnavailable):
        parse_torn_down(answer)


def test_what_stops_it_is_answered_by_its_code():
    removes = Removes(DatabaseUnavailable("database.unavailable", "away"))
    answer = respond(removes, action="tear_down", task_id=TASK_ID)
    assert (answer["status"], answer["code"]) == ("refused", "database.unavailable")


@pytest.mark.parametrize("action", ["expire", "erase", ""])
def test_refuses_any_other_action(action):
    with pytest.raises(ValueError, match="expected one that provision knows"):
        respond(Removes(), action=action)


def test_a_sweep_is_asked_for_by_database_and_answers_what_it_came_to():
    @dataclass
    class Sweeps:
        asked: list[str] = field(default_factory=list)

        def run(self, database: str) -> Swept:
            self.asked.append(database)
            return SWEPT

    sweeps = Sweeps()
    services = function.Services(sweeps, sweeps, sweeps, sweeps, sweeps)  # type: ignore[arg-type]
    answer = json.loads(json.dumps(function.respond({"action": "sweep", "database": "shop"}, services)))
    assert (answer["status"], sweeps.asked) == ("ok", ["shop"])
    assert parse_swept(answer) == SWEPT


@pytest.mark.parametrize(
    "spoilt",
    [
        pytest.param({"dropped": None}, id="no-list"),
        pytest.param({"left": [["x"]]}, id="no-code"),
        pytest.param({"unknown": "many"}, id="no-count"),
    ],
)
def test_an_answer_to_a_sweep_that_is_not_understood_is_no_sweep(spoilt):
    with pytest.raises(DatabaseUnavailable):
        parse_swept({**format_swept(SWEPT), **spoilt})
