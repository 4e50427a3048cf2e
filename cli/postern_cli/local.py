"""`postern local`: the local stack in the foreground, and tokens of its issuer."""

from __future__ import annotations

import contextlib
import json
import shlex
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from postern.types import StatementText
from postern_cli.stop import Exit, Stop
from postern_local.failure import StackFailure

if TYPE_CHECKING:
    from postern_local.stack import Stack

app = typer.Typer(no_args_is_help=True, help="Run everything on this machine, without Docker and without AWS.")

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Major(StrEnum):
    """The versions of PostgreSQL that come with the stack."""

    SIXTEEN = "16"
    EIGHTEEN = "18"


@app.command()
def up(
    load: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE.sql", help="SQL to load; NAME=FILE.sql for one of several databases."),
    ] = None,
    policy: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Policy layer: issuers, catalog, Cedar. The demo's without it.")
    ] = None,
    ready: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Written when everything answers, removed at the end.")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port of the API; 0 takes a free one.")] = 0,
    aws_port: Annotated[int, typer.Option(min=0, max=65_535, help="Port of AWS; 4566 is LocalStack's.")] = 0,
    state: Annotated[Path | None, typer.Option(metavar="DIR", help="State folder; below .postern without it.")] = None,
    postgres: Annotated[Major, typer.Option(help="Version of PostgreSQL.")] = Major.EIGHTEEN,
    statement_text: Annotated[
        StatementText, typer.Option(help="What records show of statements: all, no literals, or literals sealed.")
    ] = StatementText.FULL,
) -> None:
    """Run the local stack until it is interrupted: PostgreSQL, AWS, an OIDC issuer, the API.

    Exit code: 0 it was interrupted; 1 it could not start; 2 usage.
    """
    with _one_line(), _interruptible():
        from postern_local.surroundings import forget_surroundings

        forget_surroundings()
        from postern_local.stack import Options, run_stack

        options = Options(
            policy=policy,
            loads=load or (),
            ready=ready,
            port=port,
            aws_port=aws_port,
            state=state,
            postgres=int(postgres),
            statement_text=statement_text,
        )
        with run_stack(options, say=_say) as stack:
            with contextlib.suppress(KeyboardInterrupt):
                _say(_how_to_use(stack, ready))
                _wait_for_signal()
            _say("stopping")


@app.command()
def token(
    ready: Annotated[Path, typer.Option(metavar="FILE", help="Ready file of a running stack.")],
    sub: Annotated[str, typer.Option(help="The token's subject.")],
    claim: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="A further claim. VALUE is JSON where it parses.")
    ] = None,
    ttl: Annotated[int, typer.Option(min=1, max=86_400, help="Seconds until the token expires.")] = 3600,
) -> None:
    """Print a token of the local stack's issuer.

    Exit code: 0 printed; 2 usage; 3 there is no such stack.
    """
    claims = dict(_parse_claim(text) for text in claim or ())
    with _one_line(Exit.UNKNOWN):
        from postern_local.issuer import mint
        from postern_local.ready import read_ready

        stack = read_ready(ready)
        key = Path(stack.state) / "issuer" / "issuer.key"
        signed = mint(
            key, stack.issuer, sub=sub, audience=stack.audience, claims=claims, ttl_s=ttl, now=int(time.time())
        )
    print(signed)


def _parse_claim(text: str) -> tuple[str, object]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise Stop(Exit.USAGE, f"--claim {text}: expected NAME=VALUE")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


@contextmanager
def _one_line(code: Exit = Exit.REFUSED) -> Iterator[None]:
    """What the stack cannot do is one line for a person."""
    try:
        yield
    except StackFailure as failure:
        raise Stop(code, str(failure)) from failure


@contextmanager
def _interruptible() -> Iterator[None]:
    """Lets a signal end the start at any point, and the wait after it, as Ctrl-C does.

    The first one is the last one heard: what stops the parts takes a second, and must not be cut short.
    """
    kept = {number: signal.getsignal(number) for number in _SIGNALS}
    interrupted = threading.Event()

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        interrupted.set()
        raise KeyboardInterrupt

    for number in _SIGNALS:
        signal.signal(number, interrupt)
    try:
        yield
    except Exception as error:
        if interrupted.is_set():  # cut short in the middle of a call, which then says what it makes of that
            raise KeyboardInterrupt from error
        raise
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def _wait_for_signal() -> None:
    """Waits until a signal's handler raises.

    In slices: a signal that comes just before a wait begins does not end it, and its handler runs after it only.
    """
    while True:
        time.sleep(0.2)


def _how_to_use(stack: Stack, ready: Path | None) -> str:
    """Lines to paste into another terminal: with the ready file that was asked for, else the state folder's."""
    catalog = stack.layer.bundle.catalogs[stack.layer.databases[0]]
    table = str(next(iter(catalog.tables)))
    sql, database = shlex.quote(f"SELECT * FROM {table} LIMIT 5"), shlex.quote(catalog.database)
    file = shlex.quote(str(ready or Path(stack.ready.state) / "ready.json"))
    return "\n".join(
        (
            f"ready; Ctrl-C ends it. In another terminal{', in this folder' if ready else ''}:",
            *_how_to_find_postern(),
            f"  export POSTERN_URL={stack.ready.api}",
            f"  export POSTERN_TOKEN=$(postern local token --ready {file} {stack.token_options})",
            f"  postern query {sql} --database {database} --table {shlex.quote(table)} --purpose 'look around'",
            f"  postern audit pull --ready {file} --dir evidence",
            f"  postern audit verify --dir evidence --vkey {stack.ready.vkey}",
            *_how_to_sign_in(stack),
        )
    )


def _how_to_find_postern() -> Iterator[str]:
    """A virtual environment is one terminal's: the other does not know `postern` yet."""
    activate = Path(sys.prefix) / "bin" / "activate"
    if sys.prefix != sys.base_prefix and activate.is_file():
        yield f"  . {shlex.quote(str(activate))}"


def _how_to_sign_in(stack: Stack) -> Iterator[str]:
    """Where people go on, and who they can be there."""
    if any(rules.is_local and rules.sign_in is not None for rules in stack.layer.bundle.issuers):
        yield f"{stack.ready.api}/console in a browser. You can sign in as:"
        yield from (f"  {person.sub}  {person.about}" for person in stack.people)
        yield f"  anybody{' else' if stack.people else ''}: name a subject and its claims"
    else:
        yield "nobody can sign in at the console: the layer's issuer `local` has no sign_in"


def _say(line: str) -> None:
    print(line, flush=True)
