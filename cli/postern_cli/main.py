"""The command `postern`: one Typer application, and what its exit codes mean."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Annotated, Any

import typer

from postern.errors import CallerError, PosternError, UpstreamError
from postern_cli.groups import Command, application
from postern_cli.stop import Exit, Stop
from postern_cli.terminal import printable

_INTERRUPTED = 130  # 128 and SIGINT's number, as shells count


def run() -> None:
    """Runs the command line and ends the process. A person's mistake is one line, never a traceback."""
    # A name on disk, or a word of a log, may be none that the terminal's encoding has.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    code = main(sys.argv[1:])
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # who read us has seen enough; the interpreter would complain when it flushes
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise SystemExit(code)


def main(arguments: Sequence[str]) -> int:
    """Runs the command line and returns its exit code. With --json an error is JSON too, on standard error."""
    is_json = "--json" in takewhile("--".__ne__, arguments)
    try:
        ended = _application()(list(arguments) or ["--help"], prog_name="postern", standalone_mode=False)
    except Stop as stop:
        return _say(stop.line, stop.code, stop.problem, is_json=is_json)
    except typer.TyperException as error:
        return _say(_usage(error), error.exit_code, is_json=is_json)
    except PosternError as error:
        return _say(error.detail, _exit_of(error), {"code": error.code}, is_json=is_json)
    except (typer.Abort, KeyboardInterrupt):
        return _INTERRUPTED
    except BrokenPipeError:
        return Exit.DONE
    except OSError as error:
        return _say(f"{error.filename or 'system'}: {_reason(error)}", Exit.UNKNOWN, is_json=is_json)
    except RecursionError:
        line = "input: expected members within a few levels, got them too deep to read"
        return _say(line, Exit.UNKNOWN, is_json=is_json)
    return ended if isinstance(ended, int) else Exit.DONE


def _application() -> Command:
    return application(_postern)


def _postern(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", is_eager=True, callback=lambda asked: _version(asked)),
    ] = False,
) -> None:
    """A gate between AI coding agents and production databases."""


def _version(asked: bool) -> None:
    if asked:
        from postern.version import __version__

        print(__version__)
        raise typer.Exit


def _usage(error: typer.TyperException) -> str:
    """What is wrong with the command line, and which help tells more."""
    context = getattr(error, "ctx", None)
    line = error.format_message().rstrip(".").replace("Value error, ", "")
    if "unexpected extra argument" in line:
        line += "; what has spaces goes in quotes"
    if not line or context is None:
        return line
    return f"{line}{' See' if line.endswith('?') else '; see'} `{context.command_path} --help`"


def _exit_of(error: PosternError) -> Exit:
    if isinstance(error, UpstreamError):
        return Exit.UNKNOWN
    return Exit.USAGE if isinstance(error, CallerError) else Exit.REFUSED


def _reason(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "expected a file, got none"
    if isinstance(error, IsADirectoryError):
        return "expected a file, got a folder"
    return f"expected to use it, got {error.strerror or type(error).__name__}"


def _say(line: str, code: int, problem: Mapping[str, Any] | None = None, *, is_json: bool) -> int:
    """Nothing is said where the line is empty: Typer has shown the help then.

    What others wrote is in many lines (a server's answer, a record): none of it moves a terminal's cursor.
    """
    text = " ".join(line.splitlines())
    if text:
        said = {"error": {"exit_code": int(code), "line": text, **({"problem": problem} if problem else {})}}
        with contextlib.suppress(BrokenPipeError):
            print(json.dumps(said) if is_json else f"postern: {printable(text)}", file=sys.stderr)
    return code
