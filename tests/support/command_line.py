"""A group of the command line, called in this process, and what it ended with."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache
from typing import Any

import typer
from typer.main import get_command
from typer.testing import CliRunner

from postern_cli.stop import Stop

_command = cache(get_command)  # typer reads every command's signature to make it, which takes longer than most commands


@dataclass(frozen=True)
class Ended:
    """How a command ended. `line` is the one line that a person is told where it stopped, or else standard error."""

    code: int
    out: str
    err: str
    stop: str | None = None

    @property
    def line(self) -> str:
        return self.err if self.stop is None else self.stop

    @property
    def said(self) -> str:
        """All that a person gets to read."""
        return self.out + self.err + (self.stop or "")


def run(app: typer.Typer, *arguments: object) -> Ended:
    """Runs a command of the group. Whatever it raises that a person would not be told in a line is raised here."""
    code, stop = 0, None
    with CliRunner().isolation() as (out, err, _):
        try:
            _command(app).main(args=[str(one) for one in arguments], prog_name="postern")
        except Stop as stopped:
            code, stop = int(stopped.code), stopped.line
        except SystemExit as ended:
            code = _exit_code(ended)
        sys.stdout.flush()
        sys.stderr.flush()
        printed, said = out.getvalue().decode(), err.getvalue().decode()
    return Ended(code, printed, said, stop)


def _exit_code(ended: SystemExit) -> int:
    code: Any = ended.code
    return int(code or 0)
