"""The program `openssl`, for what this machine's own copy of it checks: time stamps of RFC 3161."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from postern_cli.stop import Exit, Stop

_TIMEOUT_S = 30


@dataclass(frozen=True, slots=True)
class Answer:
    """What it said; `succeeded` by its exit code."""

    succeeded: bool
    output: str
    complaint: str


def run_openssl(arguments: Sequence[str]) -> Answer:
    """Runs it. Raises `Stop` (unknown) where it is not installed or does not end."""
    program = shutil.which("openssl")
    if program is None:
        raise Stop(Exit.UNKNOWN, "openssl: expected the program in the PATH, got none; install it (package openssl)")
    try:
        run = subprocess.run(  # noqa: S603 - no shell, and the arguments are this module's callers' own
            [program, *arguments], stdin=subprocess.DEVNULL, capture_output=True, timeout=_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Stop(Exit.UNKNOWN, f"openssl: expected it to run and end, got {type(error).__name__}") from error
    complaint = run.stderr.decode(errors="replace").strip()
    return Answer(run.returncode == 0, run.stdout.decode(errors="replace"), complaint)
