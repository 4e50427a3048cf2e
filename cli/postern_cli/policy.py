"""`postern policy`: validate a policy layer, test it with a table of cases, and explain one decision."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from postern_cli.stop import Exit, Stop

if TYPE_CHECKING:
    from postern.identity.issuers import IssuerRules
    from postern.identity.strict_json import Json
    from postern.policy.bundle import PolicyBundle
    from postern_cli.policy_cases import Case

app = typer.Typer(no_args_is_help=True, help="Validate, test and explain a policy layer.")

_MOST_BYTES = 1_000_000

DirArgument = Annotated[Path, typer.Argument(metavar="DIR", help="Policy layer: issuers.yaml, catalog/, policy/, …")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def check(
    folder: DirArgument,
    local: Annotated[bool, typer.Option("--local", help="The layer is for the local stack: `local` may sign.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Validate every file of the layer and each against the others, as loading it would.

    Exit code: 0 it is valid (notes may be shown); 1 it is not, with file and line; 2 usage; 3 it cannot be read.
    """
    from postern.errors import PolicyFileError
    from postern_cli import policy_print
    from postern_cli.policy_layer import read_policy

    try:
        layer = read_policy(folder, local=local)
    except PolicyFileError as error:
        if as_json:
            print(policy_print.invalid_json(error))
        raise
    print(policy_print.layer_json(layer)) if as_json else policy_print.print_layer(layer)


@app.command()
def test(
    folder: DirArgument,
    tables: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FILE", help="Tables of cases, or folders of them; DIR-tests/ without any."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Run tables of (token's claims, request) → decision against the layer. Nothing is sent anywhere.

    Exit code: 0 every case holds; 1 one does not, or a file is wrong; 2 usage; 3 a file cannot be read.
    """
    from postern_cli import policy_print
    from postern_cli.policy_layer import read_policy
    from postern_cli.policy_results import run_case

    bundle = read_policy(folder, local=True).bundle
    results = [run_case(bundle, case) for case in _cases(folder, tables or [])]
    failed = sum(bool(result.wrong) for result in results)
    print(policy_print.results_json(results)) if as_json else policy_print.print_results(results)
    if failed:
        raise Stop(Exit.REFUSED, f"test: {failed} of {len(results)} cases came out otherwise")


@app.command()
def explain(
    folder: DirArgument,
    claims: Annotated[str, typer.Option(metavar="FILE", help="A token's claims as JSON; - reads standard input.")],
    request: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="A body of POST /v1/tasks as JSON; - reads standard input."),
    ] = None,
    issuer: Annotated[
        str | None, typer.Option(metavar="NAME", help="Entry of issuers.yaml that signed; by `iss` without it.")
    ] = None,
    at: Annotated[str | None, typer.Option(metavar="TIME", help="As 2027-01-15T08:00:00Z; now without it.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Tell whether a request would be granted or refused, part by part, and which policy decided.

    Without --request it tells whom the claims name. It tells an operator more than an agent is told. Exit code: 0 it
    would be granted, or wait for approval; 1 refused, or not admitted; 2 usage; 3 a file cannot be read.
    """
    from postern.policy.requests import Denied
    from postern.types import Principal
    from postern_cli import policy_print
    from postern_cli.policy_hearing import Heard, NotAdmitted, hear, identify, parse_request
    from postern_cli.policy_layer import read_policy

    if claims == request == "-":
        raise Stop(Exit.USAGE, "explain: expected - for one of --claims and --request, got it for both")
    bundle = read_policy(folder, local=True).bundle
    now_us = _now_us() if at is None else _moment(at)
    held = _object(claims, "--claims")
    body = None if request is None else parse_request(_object(request, "--request"))
    who = identify(held, _issuer(bundle, held, issuer), now_s=now_us // 1_000_000)
    outcome: Principal | NotAdmitted | Heard = who
    if isinstance(who, Principal) and body is not None:
        outcome = hear(bundle, who, body, now_us=now_us)
    print(policy_print.explained_json(outcome)) if as_json else policy_print.print_explained(outcome)
    if isinstance(outcome, NotAdmitted) or (isinstance(outcome, Heard) and isinstance(outcome.decision, Denied)):
        raise Stop(Exit.REFUSED, "")


def _cases(folder: Path, tables: list[Path]) -> list[Case]:
    from postern.yaml_lines import MAX_BYTES
    from postern_cli.policy_cases import parse_cases

    beside = folder.resolve().parent / f"{folder.resolve().name}-tests"
    named = tables or ([beside] if beside.is_dir() else [])
    files = [file for path in named for file in (sorted(path.glob("*.yaml")) if path.is_dir() else [path])]
    if not files:
        raise Stop(Exit.USAGE, f"test: expected a table of cases, found none in {beside}; name a FILE")
    now_us = _now_us()
    cases: list[Case] = []
    for file in files:
        with file.open("rb") as stream:
            cases += parse_cases(stream.read(MAX_BYTES + 1), file=str(file), now_us=now_us)
    return cases


def _issuer(bundle: PolicyBundle, claims: dict[str, Json], name: str | None) -> IssuerRules:
    """The entry that is named, or else the one whose tokens say this `iss`."""
    chosen = [one for one in bundle.issuers if (claims.get("iss") == one.issuer if name is None else one.name == name)]
    if not chosen and name is None and "iss" not in claims and len(bundle.issuers) == 1:
        chosen = list(bundle.issuers)
    if not chosen:
        known = ", ".join(one.name for one in bundle.issuers) or "none"
        raise Stop(Exit.USAGE, f"--issuer: expected an entry of issuers.yaml ({known}), or claims with its `iss`")
    return chosen[0]


def _object(source: str, option: str) -> dict[str, Json]:
    from postern.identity.strict_json import NotStrictJsonError, parse_object

    if source == "-":
        text = sys.stdin.buffer.read(_MOST_BYTES + 1)
    else:
        with Path(source).open("rb") as stream:
            text = stream.read(_MOST_BYTES + 1)
    if len(text) > _MOST_BYTES:
        raise Stop(Exit.USAGE, f"{option}: expected at most {_MOST_BYTES} bytes, got more")
    try:
        return parse_object(text)
    except NotStrictJsonError as error:
        raise Stop(Exit.USAGE, f"{option}: {error}") from error


def _moment(text: str) -> int:
    from postern.errors import PolicyFileError
    from postern.yaml_lines import Node
    from postern_cli.policy_cases import parse_time

    try:
        return parse_time(Node(text, 1, "--at", ""))
    except PolicyFileError as error:
        raise Stop(Exit.USAGE, "--at: expected a time such as 2027-01-15T08:00:00Z") from error


def _now_us() -> int:
    return time.time_ns() // 1_000
