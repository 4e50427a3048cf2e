"""What an agent is told about each code: something that helps, something that does not, and whether to wait."""

from __future__ import annotations

import pytest

from postern.edges.mcp.guidance import PENDING, POLL_S, guidance
from postern.errors import CODES
from tests.support.mcp import Site, problem

UNKNOWN = guidance("of.nobody", "")


def test_there_is_advice_for_every_code_that_an_agent_can_meet() -> None:
    """What only approvers and operators meet, and a fault of ours, has the general one."""
    others = {"approval", "receipt", "revocation", "run_once"}
    general = {code for code in CODES if code == "internal" or code.partition(".")[0] in others}
    assert {code for code in CODES if guidance(code, "") is UNKNOWN} == general


@pytest.mark.parametrize(
    ("state", "wait_s"),
    [("pending_approval", POLL_S), ("provisioning", 5), ("suspended", POLL_S), ("suspending", POLL_S), ("ended", None)],
)
def test_a_task_in_another_state_is_waited_for_only_where_it_will_change(state: str, wait_s: int | None) -> None:
    advice = guidance("task.state", f"task: expected it to be active, got {state}: open a new one")
    assert advice.wait_s == wait_s


def test_what_waits_for_people_is_told_as_that_wherever_it_shows() -> None:
    assert guidance("rate.pending", "") is PENDING
    assert guidance("task.state", "got pending_approval") is PENDING


@pytest.mark.parametrize(("told", "wait_s"), [(7, 7), (None, 5)], ids=["the answer's own", "ours"])
def test_the_answers_own_time_goes_first(told: int | None, wait_s: int) -> None:
    result = Site.answering(problem("rate.statements", 429, retry_after_s=told)).call("task_status")
    assert result["structuredContent"]["retry_after_s"] == wait_s
    assert f"Wait at least {wait_s} s" in result["content"][0]["text"]


@pytest.mark.parametrize("code", ["policy.refused", "guard.relation", "budget.rows"])
def test_nobody_is_told_to_wait_for_what_will_not_change(code: str) -> None:
    result = Site.answering(problem(code)).call("task_status")
    assert result["structuredContent"]["retry_after_s"] is None
    assert "Wait" not in result["content"][0]["text"]
