"""The table of moves: every state can be reached and left, and every ending goes through a teardown."""

from __future__ import annotations

import pytest

from postern.task_states import MOVES
from postern.types import TaskState

BEGINNINGS = {TaskState.PENDING_APPROVAL, TaskState.PROVISIONING}


def test_every_state_but_those_a_task_begins_in_is_reached_by_a_move():
    assert {move.to for move in MOVES} | BEGINNINGS == set(TaskState)


def test_every_state_that_is_not_final_is_left_by_a_move_and_no_other():
    assert {state for move in MOVES for state in move.sources} == {state for state in TaskState if not state.is_final}


@pytest.mark.parametrize("move", MOVES, ids=lambda move: move.name)
def test_nothing_becomes_final_but_what_was_ending(move):
    assert not move.to.is_final or move.sources == {TaskState.ENDING}


@pytest.mark.parametrize("move", MOVES, ids=lambda move: move.name)
def test_a_move_that_ends_a_task_says_what_it_ends_as(move):
    assert (move.to is TaskState.ENDING) == (move.ends_as is not None and move.ends_as.is_final)
