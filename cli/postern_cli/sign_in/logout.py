"""`postern logout`: forgets the login for a gate, here and where the issuer takes that at the issuer."""

from __future__ import annotations

import json

import typer

from postern_cli.gate.address import format_address
from postern_cli.gate.client import gate_address
from postern_cli.gate.options import JsonOption, ProfileOption, UrlOption
from postern_cli.settings.resolve import resolve
from postern_cli.sign_in.discovery import fetch_endpoints, send_form
from postern_cli.sign_in.kept_login import KeptLogin, forget_login, read_login
from postern_cli.stop import Stop

app = typer.Typer()


@app.command()
def logout(*, url: UrlOption = None, profile: ProfileOption = None, as_json: JsonOption = False) -> None:
    """Forget the login for this gate; what renews it is revoked at the issuer, where that offers it.

    A token that was got keeps its validity until it expires: an operator takes access away by `postern revoke`.

    Exit code: 0 no login is kept any more; 2 usage.
    """
    gate = format_address(gate_address(url or resolve(profile).text("url")))
    login = _readable(gate)
    was_there = forget_login(gate)
    revoked = login is not None and _revoke(login)
    if as_json:
        print(json.dumps({"gate": gate, "forgotten": was_there, "revoked": revoked}))
        return
    at_issuer = ", and what renews it is revoked" if revoked else ""
    print(f"{gate}: {f'the login is forgotten{at_issuer}' if was_there else 'there was no login'}")


def _readable(gate: str) -> KeptLogin | None:
    """The login, if its file is one: whatever else is there goes too."""
    try:
        return read_login(gate)
    except Stop:
        return None


def _revoke(login: KeptLogin) -> bool:
    """Whether the issuer took the refresh token back (RFC 7009). The login is forgotten here in any case."""
    if login.refresh_token is None:
        return False
    try:
        endpoints = fetch_endpoints(login.issuer, login.origins)
        if endpoints.revocation is None:
            return False
        form = {"token": login.refresh_token, "token_type_hint": "refresh_token", "client_id": login.client_id}
        return send_form(endpoints.revocation, form).status == 200
    except Stop:
        return False
