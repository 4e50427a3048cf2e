"""Waiting for people: looks at a task now and then until it is decided, or its wait ends."""

from __future__ import annotations

import time
from collections.abc import Callable
from urllib.parse import quote

from postern_cli.gate.client import ApiClient
from postern_cli.stop import Exit, Stop
from postern_cli.tasks.shapes import parse_task

_UNDECIDED = frozenset({"pending_approval", "provisioning"})
_EVERY_S = 5.0
_LONGEST_S = 60.0
_MOST_FAILURES = 10  # in a row: some minutes without an answer


def task_path(task_id: str) -> str:
    """Where the task is, whatever was given as its id."""
    return f"/v1/tasks/{quote(task_id, safe='')}"


def is_undecided(state: str) -> bool:
    """Whether a task of this state may still become active by itself or by people."""
    return state in _UNDECIDED


def await_decision(client: ApiClient, task_id: str, *, sleep: Callable[[float], None] = time.sleep) -> object:
    """The task's answer once it is active, or has ended.

    A gate that is away for a while is asked again; one that refuses is not.
    """
    failures, pause_s = 0, _EVERY_S
    while True:
        sleep(pause_s)
        try:
            answer = client.call("GET", task_path(task_id))
        except Stop as stop:
            failures += 1
            if stop.code is not Exit.UNKNOWN or failures >= _MOST_FAILURES:
                raise
            pause_s = min(pause_s * 2, _LONGEST_S)
            continue
        failures, pause_s = 0, _EVERY_S
        if not is_undecided(parse_task(answer.body).state):
            return answer.body
