"""`postern worlds`: drops every world of a database for maintenance, and gives them back."""

from __future__ import annotations

from typing import Annotated

import typer

from postern_cli.gate.client import ApiClient
from postern_cli.gate.options import JsonOption, ProfileOption, TokenOption, UrlOption
from postern_cli.operate.revocation_view import lifting_path, show_release, standing_of
from postern_cli.operate.revoke import ExpiresOption, ReasonOption, send_revocation
from postern_cli.stop import Exit, Stop
from postern_cli.waiting import waiting

app = typer.Typer(no_args_is_help=True)
DatabaseArgument = Annotated[str, typer.Argument(help="The database's name in the catalog.")]


@app.command()
def suspend(
    database: DatabaseArgument,
    *,
    reason: ReasonOption,
    expires_s: ExpiresOption = None,
    url: UrlOption = None,
    token_file: TokenOption = None,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Hold a database: its worlds are dropped and its tasks wait, so that no view blocks a migration.

    Exit code: 0 no world is left; 1 refused; 2 usage; 3 some wait for their teardown, or it cannot be told: ask again.
    """
    body: dict[str, object] = {"database": database, "hold": True, "reason": reason}
    send_revocation(ApiClient.of(url, token_file, profile), body, expires_s, as_json=as_json)


@app.command()
def resume(
    database: DatabaseArgument,
    *,
    url: UrlOption = None,
    token_file: TokenOption = None,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Release a held database: its tasks get their worlds back, each with a new key.

    Exit code: 0 released; 1 it is not held, or refused; 2 usage; 3 it cannot be told.
    """
    client = ApiClient.of(url, token_file, profile)
    standing = standing_of(client.call("GET", "/v1/revocations").body)
    held = next((one for one in standing if (one["kind"], one["name"]) == ("hold", database)), None)
    if held is None:
        raise Stop(
            Exit.REFUSED, f"{database}: expected it to be held, got no hold of it among `postern revocations list`"
        )
    with waiting("building worlds again"):
        answer = client.call("DELETE", lifting_path(held["id"]))
    show_release(answer.body, as_json=as_json)
