"""How a command ends: one line for a person, one exit code for a machine."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any


class Exit(IntEnum):
    """The exit codes of every command."""

    DONE = 0  # it holds, or it is done
    REFUSED = 1  # checked and does not hold, or refused
    USAGE = 2
    UNKNOWN = 3  # cannot tell: missing, unreachable


class Stop(Exception):
    """Raised by a command to end with one line on standard error and the given code; `main.run` prints it.

    `problem` is the gate's own body, where it is a gate that refused: for machines, who read it with --json.
    """

    def __init__(self, code: Exit, line: str, *, problem: Mapping[str, Any] | None = None) -> None:
        super().__init__(line)
        self.code = code
        self.line = line
        self.problem = problem or {}
