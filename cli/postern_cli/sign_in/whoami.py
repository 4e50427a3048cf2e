"""`postern whoami`: who the gate takes the caller for, and what they may decide."""

from __future__ import annotations

import json
import time
from dataclasses import asdict

import typer

from postern_cli.gate.client import ApiClient
from postern_cli.gate.options import JsonOption, ProfileOption, TokenOption, UrlOption
from postern_cli.sign_in.principal import PrincipalAnswer, fetch_principal
from postern_cli.terminal import printable

app = typer.Typer()


@app.command()
def whoami(
    *,
    url: UrlOption = None,
    token_file: TokenOption = None,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show who the gate takes you for, by which token, and where you may approve, revoke and audit.

    The token is the first of: --token-file, POSTERN_TOKEN, POSTERN_ID_TOKEN, POSTERN_TOKEN_FILE, your login, the job's
    own in GitHub Actions.

    Exit code: 0 the gate takes it; 1 it does not; 2 usage; 3 it cannot be told.
    """
    client = ApiClient.of(url, token_file, profile)
    who = fetch_principal(client)
    if as_json:
        print(json.dumps({**asdict(who), "token_from": client.credential.origin}))
        return
    for name, text in _lines(who, client.credential.origin):
        print(f"{name:<14}{printable(text)}")


def _lines(who: PrincipalAnswer, origin: str) -> list[tuple[str, str]]:
    lines = [("principal", who.principal)]
    if who.on_behalf_of is not None:
        lines.append(("on behalf of", who.on_behalf_of))
    lines.append(("groups", ", ".join(who.groups) or "none"))
    ends = who.token_expires_at_s
    until = "" if ends is None else f", until {time.strftime('%Y-%m-%d %H:%M:%SZ', time.gmtime(ends))}"
    lines.append(("token", f"from {origin}{until}"))
    lines += [(f"may {right}", ", ".join(names) or "nowhere") for right, names in asdict(who.may).items()]
    return lines
