"""A statement and its parameters: from the command line, a file, or what is piped in."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from postern_cli.stop import Exit, Stop

MAX_BYTES = 1_000_000  # as the gate takes


def read_statement(sql: str | None, file: Path | None) -> str | None:
    """The statement; None where a person at a terminal named none. Raises `Stop` (usage) for two, or for no text."""
    if sql is not None and file is not None:
        raise Stop(Exit.USAGE, "query: expected a statement or --file, got both")
    if sql is None and file is None and sys.stdin.isatty():
        return None
    where = "SQL" if sql is not None else str(file) if file is not None else "standard input"
    if sql is not None and sql != "-":
        text = sql
    elif file is not None:
        with file.open("rb") as stream:
            text = _decoded(stream.read(MAX_BYTES + 1), where)
    else:
        text = _decoded(sys.stdin.buffer.read(MAX_BYTES + 1), where)
    if not text.strip():
        raise Stop(Exit.USAGE, f"{where}: expected one statement, got nothing; give it, or --file, or pipe it in")
    return text


def read_parameters(texts: Sequence[str], file: str | None) -> list[Any]:
    """The parameters: texts, or a JSON array in a file (`-` is standard input). Raises `Stop` (usage)."""
    if texts and file is not None:
        raise Stop(Exit.USAGE, "query: expected --param or --params, got both")
    if file is None:
        return list(texts)
    if file == "-":
        content = sys.stdin.buffer.read(MAX_BYTES + 1)
    else:
        with Path(file).open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    try:
        values = json.loads(_decoded(content, "--params"))
    except (ValueError, RecursionError) as error:
        raise Stop(Exit.USAGE, "--params: expected a JSON array, got something that is no JSON") from error
    if not isinstance(values, list):
        raise Stop(Exit.USAGE, "--params: expected a JSON array, got another value")
    return values


def _decoded(content: bytes, where: str) -> str:
    if len(content) > MAX_BYTES:
        raise Stop(Exit.USAGE, f"{where}: expected at most {MAX_BYTES:,} bytes, got more")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Stop(Exit.USAGE, f"{where}: expected UTF-8 text, got something else") from error
