"""A task as the commands use it: the members of the contract's answer that they show or decide by."""

from __future__ import annotations

from postern.edges.contract import TaskAnswer, TasksAnswer
from postern_cli.gate.shapes import convert_answer


def parse_task(body: object) -> TaskAnswer:
    """Raises `Stop` for what is no task."""
    return convert_answer(body, TaskAnswer)


def parse_tasks(body: object) -> list[TaskAnswer]:
    """Raises `Stop` for what is no list of tasks."""
    return convert_answer(body, TasksAnswer).tasks
