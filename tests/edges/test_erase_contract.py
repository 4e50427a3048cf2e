"""What an operator says to erase a task's sealed statements, and what that answers."""

from __future__ import annotations

import pytest

from postern.edges.erase_contract import answer, format_request
from postern.errors import Conflict
from postern.types import CommandId, Erasure, TaskId
from tests.support.domain import TASK_ID

REQUEST = format_request(TASK_ID, by="ann", reason="Art. 17")
DONE = Erasure(1_790_000_000_000_000, "ann", "Art. 17", ("ab" * 16, "cd" * 16), CommandId("e"))


def done(task_id: TaskId, *, by: str, reason: str) -> Erasure:
    assert (task_id, by, reason) == (TASK_ID, "ann", "Art. 17")
    return DONE


def test_passes_on_who_asks_and_why_and_answers_what_was_erased():
    assert answer(REQUEST, done) == {
        "status": "ok",
        "task_id": TASK_ID,
        "erased_at": "2026-09-21T14:13:20.000000Z",
        "keys": 2,
        "event_id": "e",
    }


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"task_id": TASK_ID.upper()}, id="upper-case"),
        pytest.param({"task_id": TASK_ID[:-1]}, id="short"),
        pytest.param({"task_id": f"{TASK_ID}\n"}, id="line-end"),
        pytest.param({"task_id": 7}, id="number"),
        pytest.param({"reason": None}, id="no-reason"),
        pytest.param({"force": "yes"}, id="unknown-member"),
    ],
)
def test_refuses_a_request_of_another_form(change):
    refused = answer({**REQUEST, **change}, done)
    assert (refused["status"], refused["code"]) == ("refused", "request.invalid")


def test_refuses_a_request_without_a_member():
    assert answer({"action": "erase", "task_id": TASK_ID}, done)["code"] == "request.invalid"


def test_says_why_nothing_was_erased():
    def running(*_: object, **__: object) -> Erasure:
        raise Conflict("task.state", "end it first")

    refused = answer(REQUEST, running)
    assert (refused["status"], refused["code"], refused["detail"]) == ("refused", "task.state", "end it first")
