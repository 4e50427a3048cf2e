"""Renders the texts: each command's help, and each thing that a person can do wrong, by the name of its file."""

from __future__ import annotations

import contextlib
import io
import os
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from unittest.mock import patch

from typer import rich_utils
from typer.core import TyperGroup

from postern_cli.groups import GROUPS, load
from postern_cli.main import main

FOLDER = Path(__file__).parent
WIDTH = 100


def all_texts() -> dict[str, str]:
    """Every file's name and text."""
    from tests.cli.golden.mistakes import mistake_texts

    return {**help_texts(), **mistake_texts()}


def help_texts() -> dict[str, str]:
    """The help of the application, of each group and of each command."""
    return {f"help/{'-'.join(path) or 'postern'}.txt": said([*path, "--help"], {}) for path in ([], *_paths())}


def _paths() -> Iterator[list[str]]:
    for name in GROUPS:
        yield from _below([name], load(name))


def _below(path: list[str], command: object) -> Iterator[list[str]]:
    yield path
    if isinstance(command, TyperGroup):
        for name, one in command.commands.items():
            yield from _below([*path, name], one)


def said(arguments: Sequence[str], environment: Mapping[str, str], stdin: bytes = b"") -> str:
    """What a person gets to read who runs this where no terminal is, and with which code it ends."""
    output = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "SSL_CERT_FILE") if name in os.environ}
    with (
        patch.dict(os.environ, {**kept, "COLUMNS": str(WIDTH), **environment}, clear=True),
        patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin))),
        patch.object(rich_utils, "FORCE_TERMINAL", False),  # set in CI, where the variables are other ones
        patch.object(rich_utils, "MAX_WIDTH", None),
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(output),
    ):
        code = main(arguments)
    output.seek(0)
    lines = [line.rstrip() for line in output.read().splitlines()]
    return "\n".join([f"$ postern {shlex.join(arguments)}", *lines, f"exit {code}"]) + "\n"
