"""The reaping function: which actions it takes, what its answer and its metrics say, and that a fault stops no pass."""

from __future__ import annotations

import json
from typing import Any

import pytest
from functions.reap import handler as function

from postern.edges.erase_contract import format_request
from postern.services.stopwatch import Stopwatch
from postern.types import CommandId, Erasure, TaskId
from tests.support.domain import TASK_ID, a_task
from tests.support.reap_fakes import LOG
from tests.support.reap_site import Site
from tests.support.telling import Telling, sent_metrics

PASS = {"action": "reap"}


class Erases:
    """Notes what it was asked to erase."""

    asked: tuple[TaskId, str, str] | None = None

    def run(self, task_id: TaskId, *, by: str, reason: str) -> Erasure:
        self.asked = (task_id, by, reason)
        return Erasure(1_790_000_000_000_000, by, reason, key_ids=("k",), event_id=CommandId("e"))


class Invoked:
    """The function over a site; `sent` is the metrics of the last invocation."""

    def __init__(self, site: Site, capsys: Any) -> None:
        self.site, self.erases, self._capsys = site, Erases(), capsys
        self.sent: dict[str, float] = {}

    def __call__(self, event: dict[str, Any]) -> dict[str, Any]:
        made = function.Services(self.site.reaper(), self.erases)  # type: ignore[arg-type]
        told = Telling("reap").invocation()
        answer = function.respond(event, made, Stopwatch(self.site.clock, budget_s=48), told)
        told.meter.flush()
        self.sent = sent_metrics(self._capsys.readouterr().out)
        return json.loads(json.dumps(answer))


@pytest.fixture
def invoked(capsys: Any) -> Invoked:
    site = Site()
    for _ in range(2):
        site.minute()
    return Invoked(site, capsys)


def test_a_pass_answers_what_it_did(invoked):
    invoked.site.tasks.create(a_task(expires_at_s=1))
    invoked.site.wait(60)
    answer = invoked(PASS)
    assert (answer["status"], answer["done"], answer["left"], answer["faults"]) == ("ok", [TASK_ID], [], [])
    assert answer["WatermarkAge"] == 120


def test_the_age_of_the_watermark_is_a_metric_even_where_it_is_nothing(invoked):
    invoked(PASS)
    assert invoked.sent == {"WatermarkAge": 120, "EpochDaysLeft": 9, "Listed": 1, "SweepAge": 60}


@pytest.mark.parametrize(("days", "left"), [(5, 4), (9, 0), (20, 0)])
def test_the_days_that_are_left_of_the_epoch_are_a_metric(invoked, days, left):
    invoked.site.wait(days * 86_400)
    invoked(PASS)
    assert invoked.sent["EpochDaysLeft"] == left


def test_without_a_watermark_there_is_no_metric_so_that_the_alarm_sees_it_missing(invoked):
    invoked.site.wire.dark = {"read watermark"}
    invoked(PASS)
    assert "WatermarkAge" not in invoked.sent


def test_a_fault_is_in_answer_and_metrics_and_the_pass_goes_on(invoked):
    invoked.site.put(f"wal/v1/{LOG}/lost")
    invoked.site.lose_events()
    invoked.site.wire.dark = {"positions"}
    answer = invoked(PASS)
    assert answer["faults"] == ["state.unavailable"] * len(answer["faults"]) != []
    assert invoked.sent["UpstreamFaults"] == len(answer["faults"])


def test_an_operator_may_erase_by_it(invoked):
    answer = invoked(format_request(TASK_ID, by="dpo", reason="asked for"))
    assert answer["status"] == "ok"
    assert invoked.erases.asked == (TASK_ID, "dpo", "asked for")


@pytest.mark.parametrize("event", [{}, {"action": "expire"}, {"action": None}, {"action": "REAP"}])
def test_refuses_any_other_action(invoked, event):
    with pytest.raises(ValueError, match="expected reap or erase"):
        invoked(event)
