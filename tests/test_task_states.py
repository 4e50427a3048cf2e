"""The table of moves: every state can be reached and left, and every ending goes through a teardown."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from postern import task_states
from postern.task_states import MOVES, Move
from postern.types import TaskState

PACKAGE = Path(task_states.__file__).parent
NAMED = {name for name, value in vars(task_states).items() if isinstance(value, Move)} | {"close_as"}

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


def modules() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        if path != Path(task_states.__file__):
            yield path, ast.parse(path.read_text())


def test_every_move_is_made_by_somebody():
    imported = {
        alias.name
        for _, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "postern.task_states"
        for alias in node.names
    }
    assert imported - {"Move", "MOVES"} == NAMED


def test_nobody_else_makes_a_move_of_their_own():
    for path, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                assert called != "Move", f"{path}:{node.lineno}"


def test_a_state_is_written_at_one_place_which_takes_a_move():
    writes = re.compile(r"(?:SET|[,\"]) ?#state = |\"state\": \{")
    places = [
        path.name
        for path in sorted((PACKAGE / "edges").glob("*.py"))
        for line in path.read_text().splitlines()
        if writes.search(line) and "ConditionExpression" not in line and "AND #state" not in line
    ]
    # `format_task` writes the state that a new task begins in.
    assert places == ["task_items.py", "task_writes.py"]
