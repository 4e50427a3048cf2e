"""A folder that a command fills: its own, so nothing in it is anything else's."""

from __future__ import annotations

from pathlib import Path

from postern_cli.stop import Exit, Stop


def make_empty(out: Path) -> None:
    """Makes the folder where there is none. Raises `Stop` where it cannot, or where it holds anything already."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        if any(out.iterdir()):
            raise Stop(Exit.USAGE, f"--out: expected an empty folder or none, got {out} with files in it")
    except OSError as error:
        raise Stop(Exit.USAGE, f"--out: expected a folder that can be made, got {out}: {error.strerror}") from error
