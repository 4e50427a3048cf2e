"""`postern revocations`: what stands, and how it is lifted."""

from __future__ import annotations

from typing import Annotated

import typer

from postern_cli.gate.client import ApiClient
from postern_cli.gate.options import JsonOption, ProfileOption, TokenOption, UrlOption
from postern_cli.operate.revocation_view import lifting_path, show_release, show_standing
from postern_cli.waiting import waiting

app = typer.Typer(no_args_is_help=True)


@app.command("list")
def list_standing(
    *,
    url: UrlOption = None,
    token_file: TokenOption = None,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the denials and holds that stand and that you may lift.

    Exit code: 0 listed; 1 refused; 2 usage; 3 it cannot be told.
    """
    show_standing(ApiClient.of(url, token_file, profile).call("GET", "/v1/revocations").body, as_json=as_json)


@app.command()
def lift(
    id_: Annotated[str, typer.Argument(metavar="ID", help="As `list` shows it.")],
    *,
    url: UrlOption = None,
    token_file: TokenOption = None,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Lift a denial, or release a held database. Tasks that a denial ended stay ended.

    Exit code: 0 lifted; 1 refused, or it does not stand; 2 usage; 3 it cannot be told.
    """
    with waiting("lifting it"):
        answer = ApiClient.of(url, token_file, profile).call("DELETE", lifting_path(id_))
    show_release(answer.body, as_json=as_json)
