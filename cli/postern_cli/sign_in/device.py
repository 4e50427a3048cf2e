"""The device authorization grant (RFC 8628): a person opens a page anywhere, and we wait."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from postern_cli.gate.address import is_loopback, parse_address
from postern_cli.sign_in.discovery import Endpoints, post_form, refusal
from postern_cli.sign_in.metadata import SignIn
from postern_cli.stop import Exit, Stop

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_LONGEST_CODE = 64
_LONGEST_PAGE = 2000
_INTERVAL_S = 5.0  # section 3.2: where the issuer names none
_SLOWER_S = 5.0  # section 3.5
_LONGEST_INTERVAL_S = 60.0
_LONGEST_WAIT_S = 3600.0


@dataclass(frozen=True, slots=True, repr=False)
class Started:
    """What a person is shown, and what we ask with."""

    page: str
    page_with_code: str | None
    user_code: str
    device_code: str
    interval_s: float
    expires_in_s: float


def start(endpoints: Endpoints, client_id: str, asked: SignIn) -> Started:
    """Begins a sign-in. Raises `Stop` where the issuer has no such grant, or shows what no person should open."""
    if endpoints.device is None:
        raise Stop(
            Exit.REFUSED,
            f"{endpoints.issuer}: expected an issuer with device sign-in, got one without; set POSTERN_TOKEN instead",
        )
    form = {**asked.parameters, "client_id": client_id}
    if asked.scopes:
        form["scope"] = " ".join(asked.scopes)
    status, said = post_form(endpoints.issuer, endpoints.device, form)
    if status != 200:
        raise Stop(Exit.REFUSED, refusal(endpoints.issuer, said))
    code, secret = said.get("user_code"), said.get("device_code")
    if not (isinstance(code, str) and 0 < len(code) <= _LONGEST_CODE and code.isascii() and code.isprintable()):
        raise Stop(Exit.REFUSED, f"{endpoints.issuer}: expected a code that a person can type, got another")
    if not isinstance(secret, str) or not secret:
        raise Stop(Exit.REFUSED, f"{endpoints.issuer}: expected a device code, got none")
    page = _page(said.get("verification_uri"), endpoints)
    if page is None:
        raise Stop(Exit.REFUSED, f"{endpoints.issuer}: expected an https page to sign in at, got another address")
    complete = _page(said.get("verification_uri_complete"), endpoints)
    if complete is not None and urlsplit(complete).netloc != urlsplit(page).netloc:
        complete = None
    interval_s = min(_seconds(said, "interval", _INTERVAL_S), _LONGEST_INTERVAL_S)
    return Started(page, complete, code, secret, interval_s, min(_seconds(said, "expires_in", 600.0), _LONGEST_WAIT_S))


def wait(
    endpoints: Endpoints, client_id: str, started: Started, *, sleep: Callable[[float], None] = time.sleep
) -> dict[str, Any]:
    """The token endpoint's answer once the person has consented. Raises `Stop` where they refuse or take too long."""
    form = {"grant_type": GRANT, "device_code": started.device_code, "client_id": client_id}
    interval_s, waited_s = started.interval_s, 0.0
    while waited_s < started.expires_in_s:
        sleep(interval_s)
        waited_s += interval_s
        try:
            status, said = post_form(endpoints.issuer, endpoints.token, form)
        except Stop as stop:
            if stop.code is not Exit.UNKNOWN:
                raise
            interval_s = min(interval_s * 2, _LONGEST_INTERVAL_S)  # section 3.5: back off where no answer came
            continue
        if status == 200:
            return said
        match said.get("error"):
            case "authorization_pending":
                pass
            case "slow_down":
                interval_s += _SLOWER_S
            case "access_denied":
                raise Stop(Exit.REFUSED, f"{endpoints.issuer}: the sign-in was refused on its page")
            case "expired_token":
                break
            case _:
                raise Stop(Exit.REFUSED, refusal(endpoints.issuer, said))
    raise Stop(Exit.REFUSED, f"{endpoints.issuer}: nobody signed in in time; run `postern login` again")


def _page(given: object, endpoints: Endpoints) -> str | None:
    """The address of a page that a person may be sent to: https, or http where the issuer is on this machine."""
    if not isinstance(given, str) or len(given) > _LONGEST_PAGE or not given.isascii() or not given.isprintable():
        return None
    parts = parse_address(given.partition("#")[0].partition("?")[0])
    if parts is None or (is_loopback(parts) and not is_loopback(endpoints.token)):
        return None
    return given


def _seconds(said: Mapping[str, Any], name: str, default: float) -> float:
    given = said.get(name)
    return float(given) if isinstance(given, int | float) and not isinstance(given, bool) and given > 0 else default
