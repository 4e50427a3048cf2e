"""What a token endpoint gives (RFC 6749, section 5): a token of the kind that the gate takes, and what renews it."""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote_plus

from postern_cli.settings.private_files import locked
from postern_cli.sign_in.discovery import Endpoints, fetch_endpoints, post_form, refusal
from postern_cli.sign_in.kept_login import KeptLogin, TokenKind, login_path, read_login, write_login
from postern_cli.sign_in.metadata import SignIn
from postern_cli.sign_in.tokens import clean_token, unverified_expiry_s
from postern_cli.stop import Exit, Stop

LEEWAY_S = 30  # a token that ends sooner is renewed, or taken as ended: a request takes that long


def login_of(gate: str, asked: SignIn, said: Mapping[str, Any]) -> KeptLogin:
    """The login that a token endpoint's answer makes. Raises `Stop` where it holds no token of the kind."""
    token = clean_token(str(said.get(asked.token, "")))
    if token is None:
        raise Stop(
            Exit.REFUSED, f"{asked.issuer}: expected {_article(asked.token)}, got none; tell the gate's operator"
        )
    expires_in, refresh = said.get("expires_in"), said.get("refresh_token")
    expires_at_s = unverified_expiry_s(token)
    if expires_at_s is None and isinstance(expires_in, int | float) and 0 < expires_in < 2**31:
        expires_at_s = int(time.time() + expires_in)
    return KeptLogin(
        gate=gate,
        issuer=asked.issuer,
        client_id=asked.client_id,
        scopes=list(asked.scopes),
        kind=asked.token,
        token=token,
        expires_at_s=expires_at_s,
        refresh_token=refresh if isinstance(refresh, str) and refresh else None,
        origins=list(asked.origins),
    )


def client_credentials(endpoints: Endpoints, client_id: str, secret: str, scopes: list[str]) -> dict[str, Any]:
    """The answer to a client that shows its secret (RFC 6749, section 4.4). Raises `Stop` where it is refused."""
    form = {"grant_type": "client_credentials", **({"scope": " ".join(scopes)} if scopes else {})}
    headers = {}
    if endpoints.takes_basic:
        # Section 2.3.1: each part is form-encoded first.
        pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
        headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    else:
        form |= {"client_id": client_id, "client_secret": secret}
    status, said = post_form(endpoints.issuer, endpoints.token, form, headers)
    if status != 200:
        raise Stop(Exit.REFUSED, refusal(endpoints.issuer, said))
    return said


def renewed(login: KeptLogin) -> KeptLogin:
    """The login with a token that holds for a while, kept; the same one where it still does.

    Raises `Stop` where it has ended and nothing renews it. Of several processes one asks: an issuer may take a refresh
    token that comes twice for a stolen one, and end the login.
    """
    if _holds(login):
        return login
    if login.refresh_token is None:
        raise _ended(login)
    with locked(login_path(login.gate).with_suffix(".lock")):
        latest = read_login(login.gate)
        if latest is None or latest.refresh_token is None:
            raise _ended(login)
        if _holds(latest):
            return latest
        fresh = _refreshed(latest, latest.refresh_token)
        write_login(fresh)
        return fresh


def _refreshed(login: KeptLogin, refresh_token: str) -> KeptLogin:
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token, "client_id": login.client_id}
    endpoints = fetch_endpoints(login.issuer, login.origins)
    status, said = post_form(login.issuer, endpoints.token, form)
    if status != 200:
        raise Stop(Exit.REFUSED, f"{refusal(login.issuer, said)}; run `postern login`")
    asked = SignIn(login.issuer, login.issuer, login.client_id, login.scopes, login.kind, origins=login.origins)
    fresh = login_of(login.gate, asked, said)
    return fresh if fresh.refresh_token else replace(fresh, refresh_token=refresh_token)


def _holds(login: KeptLogin) -> bool:
    return login.expires_at_s is None or login.expires_at_s > time.time() + LEEWAY_S


def _ended(login: KeptLogin) -> Stop:
    return Stop(
        Exit.REFUSED, f"login for {login.gate}: expected one that holds, got one that has expired; run `postern login`"
    )


def _article(kind: TokenKind) -> str:
    return "an access token" if kind == "access_token" else "an ID token"
