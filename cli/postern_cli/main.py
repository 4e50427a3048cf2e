"""The command `postern`: one Typer application, and what its exit codes mean.

A group's module is imported only when the command line names the group, so that help is quick and a
missing extra (the local stack's packages) stops only who needs it.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from postern.errors import CallerError, PosternError, UpstreamError
from postern_cli.stop import Exit, Stop
from postern_cli.terminal import printable

_INTERRUPTED = 130  # 128 and SIGINT's number, as shells count
_GROUPS = {
    "audit": ("postern_cli.audit", "Pull the evidence and check it, offline."),
    "catalog": ("postern_cli.catalog", "Propose a catalog, and compare one with a live database."),
    "db": ("postern_cli.db", "Prepare a database, and look for what weakens the wall."),
    "policy": ("postern_cli.policy", "Validate, test and explain a policy layer."),
    "local": ("postern_cli.local", "Run everything on this machine, without Docker and without AWS."),
    "revocations": ("postern_cli.revocations", "Look at the denials and holds that stand, and lift them."),
    "revoke": ("postern_cli.revoke", "Take access away from a task, a principal, an issuer or a database."),
    "smoke": ("postern_cli.smoke", "Open a task, run a query and prove its record, after a deploy."),
    "worlds": ("postern_cli.worlds", "Hold a database for maintenance, and release it."),
}


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
    """Runs the command line and returns its exit code."""
    try:
        ended = _application(arguments)(list(arguments) or ["--help"], prog_name="postern", standalone_mode=False)
    except Stop as stop:
        return _say(stop.line, stop.code)
    except typer.TyperException as error:
        return _say(error.format_message(), error.exit_code)
    except PosternError as error:
        return _say(error.detail, _exit_of(error))
    except (typer.Abort, KeyboardInterrupt):
        return _INTERRUPTED
    except BrokenPipeError:
        return Exit.DONE
    except OSError as error:
        return _say(f"{error.filename or 'system'}: expected to use it, got {_reason(error)}", Exit.UNKNOWN)
    except RecursionError:
        return _say("input: expected members within a few levels, got them too deep to read", Exit.UNKNOWN)
    return ended if isinstance(ended, int) else Exit.DONE


def _application(arguments: Sequence[str]) -> typer.Typer:
    """The application with the named group's commands; the other groups stand there for the help only."""
    application = typer.Typer(callback=_postern, add_completion=False)
    named = next((argument for argument in arguments if not argument.startswith("-")), None)
    for name, (module, about) in _GROUPS.items():
        group = importlib.import_module(module).app if name == named else typer.Typer()
        # A group that is a command itself says more of itself than the list of groups does.
        if group.registered_callback is None:
            group.info.help = about
        application.add_typer(group, name=name, short_help=about)
    return application


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


def _exit_of(error: PosternError) -> Exit:
    if isinstance(error, UpstreamError):
        return Exit.UNKNOWN
    return Exit.USAGE if isinstance(error, CallerError) else Exit.REFUSED


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__


def _say(line: str, code: int) -> int:
    """Nothing is said where the line is empty: Typer has shown the help then.

    What others wrote is in many lines (a server's answer, a record): none of it moves a terminal's cursor.
    """
    if line:
        with contextlib.suppress(BrokenPipeError):
            print(f"postern: {printable(' '.join(line.splitlines()))}", file=sys.stderr)
    return code
