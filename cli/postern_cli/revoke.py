"""`postern revoke`: takes access away from a task, a principal, an issuer or a whole database, and shows the proof."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from postern_cli.api_client import ApiClient
from postern_cli.revocation_view import show_revocation
from postern_cli.stop import Exit, Stop
from postern_cli.waiting import waiting

app = typer.Typer()

UrlOption = Annotated[str | None, typer.Option("--url", help="The gate's address; POSTERN_URL without it.")]
TokenOption = Annotated[
    Path | None, typer.Option("--token-file", help="A file with your token; POSTERN_TOKEN without it.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]
ReasonOption = Annotated[str, typer.Option(help="Why. It is recorded, and stays.")]
ExpiresOption = Annotated[int | None, typer.Option(help="Seconds after which it is lifted by itself.")]


@app.callback(invoke_without_command=True)
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
    send_revocation({**body, "reason": reason}, expires_s, url, token_file, as_json=as_json)


def send_revocation(
    body: dict[str, object], expires_s: int | None, url: str | None, token_file: Path | None, *, as_json: bool
) -> None:
    """Sends it and shows what came of it; ends with 3 where something remains."""
    client = ApiClient.of(url, token_file)
    if expires_s is not None:
        body["expires_s"] = expires_s
    with waiting("ending what it is about"):
        answer = client.call("POST", "/v1/revocations", body)
    show_revocation(answer.body, as_json=as_json)
    if answer.status != 200:
        raise Stop(Exit.UNKNOWN, "it runs nothing any more; what remains is torn down by the reaper, within minutes")
