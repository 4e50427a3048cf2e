"""`postern login`: a token for a gate from one of its issuers, kept for the commands that follow."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated
from urllib.parse import SplitResult

import typer

from postern_cli.gate.address import format_address
from postern_cli.gate.client import ApiClient, gate_address
from postern_cli.gate.options import JsonOption, ProfileOption, UrlOption
from postern_cli.settings.resolve import resolve
from postern_cli.sign_in import device
from postern_cli.sign_in.credentials import LoginToken, given_variable
from postern_cli.sign_in.discovery import fetch_endpoints
from postern_cli.sign_in.grants import client_credentials, login_of
from postern_cli.sign_in.kept_login import KeptLogin, write_login
from postern_cli.sign_in.metadata import Metadata, SignIn, fetch_metadata
from postern_cli.sign_in.principal import fetch_principal
from postern_cli.stop import Exit, Stop
from postern_cli.terminal import printable
from postern_cli.waiting import waiting

app = typer.Typer()

CLIENT_ID = "POSTERN_CLIENT_ID"
CLIENT_SECRET = "POSTERN_CLIENT_SECRET"
_LONGEST_SECRET = 10_000


@app.command()
def login(
    *,
    issuer: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Which issuer, where the gate names several; its address will do."),
    ] = None,
    machine: Annotated[
        bool,
        typer.Option(
            "--client-credentials",
            help="As a program: POSTERN_CLIENT_ID, and POSTERN_CLIENT_SECRET or --secret-file; --issuer is an address.",
        ),
    ] = False,
    secret_file: Annotated[Path | None, typer.Option(metavar="FILE", help="A file with the client's secret.")] = None,
    scope: Annotated[
        list[str] | None, typer.Option(metavar="SCOPE", help="What a program asks for; may be repeated.")
    ] = None,
    url: UrlOption = None,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Sign in: open a page in any browser, type the code that is shown, and the login is kept for this gate.

    A CI job needs no login: see `postern whoami`.

    Exit code: 0 signed in; 1 refused, or nobody signed in in time;
    2 usage; 3 gate or issuer cannot be reached.
    """
    base = gate_address(url or resolve(profile).text("url"))
    found = fetch_metadata(base)
    kept = _as_program(base, found, issuer, secret_file, scope or []) if machine else _as_person(base, found, issuer)
    # What the gate does not take is not worth keeping.
    who = fetch_principal(ApiClient(base, LoginToken(kept))).principal
    write_login(kept)
    if variable := given_variable():
        print(f"postern: {variable} is set, and is used instead of this login until you unset it", file=sys.stderr)
    if as_json:
        print(
            json.dumps({"gate": kept.gate, "principal": who, "issuer": kept.issuer, "expires_at_s": kept.expires_at_s})
        )
        return
    print(f"signed in to {printable(kept.gate)} as {printable(who)}{_until(kept)}")


def _as_person(base: SplitResult, found: Metadata, wanted: str | None) -> KeptLogin:
    asked = _choose(found, wanted)
    endpoints = fetch_endpoints(asked.issuer, asked.origins)
    client_id = asked.device_client_id or asked.client_id
    started = device.start(endpoints, client_id, asked)
    _show(started)
    with waiting("until you have signed in there"):
        said = device.wait(endpoints, client_id, started)
    return login_of(format_address(base), replace(asked, client_id=client_id), said)


def _as_program(
    base: SplitResult, found: Metadata, issuer: str | None, secret_file: Path | None, scopes: list[str]
) -> KeptLogin:
    """A secret goes to the issuer whose address was given, never to one that only the gate names."""
    if issuer is None or issuer not in found.authorization_servers:
        known = ", ".join(found.authorization_servers) or "none"
        raise Stop(
            Exit.USAGE,
            f"--issuer: expected the address of an issuer that the gate believes ({known}); give it as it stands",
        )
    client_id = os.environ.get(CLIENT_ID, "").strip()
    if not client_id:
        raise Stop(Exit.USAGE, f"{CLIENT_ID}: expected the client's id, got none")
    secret = _secret(secret_file)
    # The entry of an issuer for programs names no origins; its own document, got from its own address, does.
    endpoints = fetch_endpoints(issuer, None)
    # A program gets no ID token (those are about people), whatever people's tokens are here.
    asked = SignIn(issuer, issuer, client_id, scopes, "access_token")
    return login_of(format_address(base), asked, client_credentials(endpoints, client_id, secret, scopes))


def _choose(found: Metadata, wanted: str | None) -> SignIn:
    if not found.postern_sign_in:
        raise Stop(
            Exit.REFUSED,
            "gate: expected an issuer that people sign in at, got none; the operator sets `sign_in` in issuers.yaml",
        )
    chosen = [one for one in found.postern_sign_in if wanted in (None, one.name, one.issuer)]
    if len(chosen) != 1:
        known = ", ".join(one.name for one in found.postern_sign_in)
        raise Stop(Exit.USAGE, f"--issuer: expected one of {known}, got {wanted or 'none'}")
    return chosen[0]


def _secret(file: Path | None) -> str:
    where = CLIENT_SECRET if file is None else str(file)
    if file is None:
        text = os.environ.get(CLIENT_SECRET, "")
    else:
        with file.open("rb") as stream:
            text = stream.read(_LONGEST_SECRET + 1).decode(errors="replace")
    secret = text.strip()
    if not secret or len(secret) > _LONGEST_SECRET or not secret.isprintable():
        raise Stop(Exit.USAGE, f"{where}: expected the client's secret (or name a file by --secret-file), got none")
    return secret


def _show(started: device.Started) -> None:
    """To standard error: what comes on standard output is the answer."""
    print(f"Open this page in any browser:  {started.page}", file=sys.stderr)
    print(f"and type the code:              {started.user_code}", file=sys.stderr)
    if started.page_with_code is not None:
        print(f"Or open this, and look that it shows the same code:  {started.page_with_code}", file=sys.stderr)


def _until(login: KeptLogin) -> str:
    if login.refresh_token is not None:
        return ", and renewed by itself"
    if login.expires_at_s is None:
        return ""
    return f", until {time.strftime('%Y-%m-%d %H:%M:%SZ', time.gmtime(login.expires_at_s))}"
