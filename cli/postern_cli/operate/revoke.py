"""`postern revoke`: takes access away from a task, a principal, an issuer or a whole database, and shows the proof."""

from __future__ import annotations

from typing import Annotated

import typer

from postern_cli.gate.client import ApiClient
from postern_cli.gate.options import JsonOption, ProfileOption, TokenOption, UrlOption
from postern_cli.operate.revocation_view import show_revocation
from postern_cli.stop import Exit, Stop
from postern_cli.waiting import waiting

app = typer.Typer()

ReasonOption = Annotated[str, typer.Option(help="Why. It is recorded, and stays.")]
ExpiresOption = Annotated[int | None, typer.Option(help="Seconds after which it is lifted by itself.")]


@app.command()
def revoke(
    *,
    reason: ReasonOption,
    task: Annotated[str | None, typer.Option(help="A task's id.")] = None,
    principal: Annotated[str | None, typer.Option(help="`<issuer name>|<sub>`: who acts, or for whom.")] = None,
    issuer: Annotated[str | None, typer.Option(help="An issuer's name in issuers.yaml.")] = None,
    database: Annotated[str | None, typer.Option(help="A database's name: every task in it ends.")] = None,
    expires_s: ExpiresOption = None,
    url: UrlOption = None,
    token_file: TokenOption = None,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take access away, now: statements in flight die, roles and schemas are dropped, and that is proved.

    Exit code: 0 everything is gone; 1 refused; 2 usage; 3 it is shut, but something still waits for its teardown, or it
    cannot be told: ask again.
    """
    named = {"task": task, "principal": principal, "issuer": issuer, "database": database}
    body = {name: value for name, value in named.items() if value is not None}
    if len(body) != 1:
        raise Stop(Exit.USAGE, "revoke: expected exactly one of --task, --principal, --issuer, --database")
    client = ApiClient.of(url, token_file, profile)
    send_revocation(client, {**body, "reason": reason}, expires_s, as_json=as_json)


def send_revocation(client: ApiClient, body: dict[str, object], expires_s: int | None, *, as_json: bool) -> None:
    """Sends it and shows what came of it; ends with 3 where something remains."""
    if expires_s is not None:
        body["expires_s"] = expires_s
    with waiting("ending what it is about"):
        answer = client.call("POST", "/v1/revocations", body)
    show_revocation(answer.body, as_json=as_json)
    if answer.status != 200:
        raise Stop(Exit.UNKNOWN, "it runs nothing any more; what remains is torn down by the reaper, within minutes")
