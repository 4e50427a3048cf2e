"""Cross-talk is found wherever in an answer it stands; what is an agent's own is not taken for it."""

from __future__ import annotations

import json

import pytest

from tests.soak.load.strangers import Strangers

TASK, OTHER_TASK = "0" * 31 + "1", "0" * 31 + "2"
COMMAND, OTHER_COMMAND = "01998a52-0000-7000-8000-000000000001", "01998a52-0000-7000-8000-000000000002"
TOKEN, OTHER_TOKEN = "tok_" + "1" * 16, "tok_" + "2" * 16


@pytest.fixture
def strangers() -> Strangers:
    """Both agents were shown what is theirs."""
    strangers = Strangers()
    mine = f"{TASK} {COMMAND} {TOKEN} agent-01"
    others = f"{OTHER_TASK} {OTHER_COMMAND} {OTHER_TOKEN} agent-02"
    assert not list(strangers.wrong(mine, agent="agent-01", task=TASK))
    assert not list(strangers.wrong(others, agent="agent-02", task=OTHER_TASK))
    return strangers


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(OTHER_TASK, id="another's task"),
        pytest.param(OTHER_COMMAND, id="another's command"),
        pytest.param(OTHER_TOKEN, id="another task's token"),
        pytest.param("agent-02", id="another's row"),
        pytest.param("agent-02.7@example.com", id="another's row, in a value"),
        pytest.param(f"task_{OTHER_TASK}", id="another's role"),
    ],
)
def test_what_is_somebody_elses_is_found(strangers: Strangers, found: str) -> None:
    text = json.dumps({"rows": [[1, {"deep": [found]}]], "command_id": COMMAND})
    assert len(list(strangers.wrong(text, agent="agent-01", task=TASK))) == 1


def test_what_is_its_own_is_right_however_often(strangers: Strangers) -> None:
    text = json.dumps({"rows": [["agent-01", TOKEN]], "task_id": TASK, "receipt": "a" * 64})
    for _ in range(2):
        assert not list(strangers.wrong(text, agent="agent-01", task=TASK))


def test_a_token_in_another_task_of_the_same_agent_is_found(strangers: Strangers) -> None:
    assert list(strangers.wrong(TOKEN, agent="agent-01", task="f" * 32))
